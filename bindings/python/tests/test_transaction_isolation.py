"""Isolation: the anomalies that each level prevents, deadlocks, and beginning anew."""

import random
import threading
import time
import unittest

from support import Background
from test_transaction import TransactionTest
import syncmgr
from syncmgr import Put


class Isolation(TransactionTest):
    """The anomalies, by locks and optimistic: which level allows them."""

    LEVELS = ("serializable", "repeatable_read", "read_committed")

    def each(self, prevented):
        """All ways, and whether the anomaly is prevented."""
        for level in self.LEVELS:
            for optimistic in (False, True):
                with self.subTest(level=level, optimistic=optimistic):
                    self.store.commit([Put(key, 0) for key in ("x", "y")])
                    for key in self.store.keys("r/"):
                        self.store.delete(key)
                    yield {"isolation": level, "optimistic": optimistic}, level in prevented

    def test_dirty_reads(self):
        for options, _ in self.each(self.LEVELS):
            with self.store.transaction(**options) as tx:
                tx["x"] = 1
                # Read without a lock, which would have to wait.
                with self.other.transaction(isolation="read_committed", optimistic=True) as reader:
                    self.assertEqual(reader["x"], 0)

    def test_non_repeatable_reads(self):
        for options, prevented in self.each(("serializable", "repeatable_read")):
            def read_twice():
                with self.store.transaction(**options) as tx:
                    first = tx["x"]
                    # Plain puts wait for no lock.
                    self.other["x"] = 5
                    return first, tx["x"]

            if prevented:
                self.assertRaises(syncmgr.Changed, read_twice)
            else:
                self.assertEqual(read_twice(), (0, 5))

    def test_phantoms(self):
        for options, prevented in self.each(("serializable",)):
            def look_twice():
                with self.store.transaction(**options) as tx:
                    first = tx.keys("r/")
                    self.other["r/new"] = 1
                    tx["y"] = len(first)

            if prevented:
                self.assertRaises(syncmgr.Changed, look_twice)
                self.assertEqual(self.store["y"], 0)
            else:
                look_twice()

    def test_lost_updates(self):
        for options, prevented in self.each(("serializable", "repeatable_read")):
            def add():
                with self.store.transaction(**options) as tx:
                    value = tx["x"]
                    self.other.update("x", lambda present: present + 10)
                    tx["x"] = value + 1

            if prevented:
                self.assertRaises(syncmgr.Changed, add)
                self.assertEqual(self.store["x"], 10)
            else:
                add()
                self.assertEqual(self.store["x"], 1)

    def test_lost_updates_of_transactions(self):
        for optimistic in (False, True):
            for isolation in ("serializable", "repeatable_read"):
                with self.subTest(optimistic=optimistic, isolation=isolation):
                    self.store["n"] = 0

                    def count(store):
                        for _ in range(50):
                            store.transact(lambda tx: tx.put("n", tx["n"] + 1), retries=1000,
                                           optimistic=optimistic, isolation=isolation)

                    workers = [Background(count, store) for store in (self.store, self.other)]
                    child = self.child("""
                        store = syncmgr.open(arguments[0]).store()
                        for _ in range(50):
                            store.transact(lambda tx: tx.put("n", tx["n"] + 1), retries=1000,
                                           optimistic=arguments[1] == "True",
                                           isolation=arguments[2])
                    """, self.url, optimistic, isolation)
                    for worker in workers:
                        worker.result(30)
                    self.assertEqual(child.finish(30), 0)
                    self.assertEqual(self.store["n"], 150)

    def test_write_skew(self):
        """Two read both keys and write one each: at most one commits."""
        for options, prevented in self.each(("serializable", "repeatable_read")):
            if not options["optimistic"]:
                # With locks both wait for each other: one is the victim.
                continue
            with self.store.transaction(**options) as one:
                one["x"] = one["x"] + one["y"] + 1
                with self.other.transaction(**options) as two:
                    two["y"] = two["x"] + two["y"] + 1
                if prevented:
                    self.assertRaises(syncmgr.Changed, one.commit)
            self.assertEqual(one.status == "rolled_back", prevented)

    def test_write_skew_with_locks(self):
        self.store.commit([Put("x", 0), Put("y", 0)])
        both = threading.Barrier(2)

        def skew(store, mine, tries=[]):
            def body(tx):
                total = tx["x"] + tx["y"]
                if not both.broken:
                    try:
                        both.wait(2)
                    except threading.BrokenBarrierError:
                        pass
                    both.abort()
                if total == 0:
                    tx[mine] = 1

            store.transact(body, retries=20)

        workers = [Background(skew, self.store, "x"), Background(skew, self.other, "y")]
        for worker in workers:
            worker.result(20)
        self.assertEqual(self.store["x"] + self.store["y"], 1)

    def test_a_deadlock_rolls_one_back(self):
        other = Background(self._cross, self.other, "y", "x")
        mine = self._cross(self.store, "x", "y")
        ends = [mine, other.result(20)]
        self.assertEqual(sorted(ends), ["Deadlock", "committed"])
        self.assertEqual(len({self.store["x"], self.store["y"]}), 1)

    def _cross(self, store, first, second):
        self.met = getattr(self, "met", None) or threading.Barrier(2)
        try:
            with store.transaction() as tx:
                tx[first] = first + second
                self.met.wait(10)
                tx[second] = first + second
            return tx.status
        except syncmgr.Deadlock as error:
            self.assertEqual(tx.status, "rolled_back")
            self.assertIn("waits for", str(error))
            return type(error).__name__

    def test_strict_checks_what_was_read_at_any_level(self):
        for strict in (False, True):
            self.store["x"] = 0
            tx = self.store.transaction(isolation="read_committed", strict=strict)
            tx["y"] = tx["x"]
            self.other["x"] = 1
            if strict:
                self.assertRaises(syncmgr.Changed, tx.commit)
            else:
                tx.commit()
            tx.close()


class Again(TransactionTest):
    def test_it_is_begun_anew_when_something_has_changed(self):
        self.store["a"] = 0
        calls = []

        def body(tx):
            calls.append(tx["a"])
            if len(calls) < 3:
                self.other.update("a", lambda value: value + 1)
            tx["b"] = calls[-1]
            return "done"

        self.assertEqual(self.store.transact(body), "done")
        self.assertEqual((calls, self.store["b"]), ([0, 1, 2], 2))

    def test_but_not_more_often_than_said(self):
        self.store["a"] = 0
        calls = []

        def body(tx):
            calls.append(tx["a"])
            self.other.update("a", lambda value: value + 1)
            tx["b"] = 1

        self.assertRaises(syncmgr.Changed, self.store.transact, body, retries=2)
        self.assertEqual(len(calls), 3)
        began = time.monotonic()
        self.assertRaises((syncmgr.Changed, syncmgr.Timeout), self.store.transact, body,
                          retries=1000, timeout=0.2, retry_delay=0.01)
        self.assertLess(time.monotonic() - began, 5)
        self.assertNotIn("b", self.store)

    def test_nor_after_other_errors(self):
        calls = []

        def body(tx):
            calls.append(tx.put("a", 1))
            raise KeyError("mine")

        self.assertRaises(KeyError, self.store.transact, body)
        self.assertEqual((len(calls), self.values()), (1, {}))

    def test_deadlocks_are_resolved(self):
        self.store.commit([Put(f"{number}", 0) for number in range(4)])

        def move(store, seed):
            rng = random.Random(seed)
            for _ in range(40):
                source, target = rng.sample(range(4), 2)

                def body(tx):
                    tx[f"{source}"] = tx[f"{source}"] - 1
                    tx[f"{target}"] = tx[f"{target}"] + 1

                store.transact(body, retries=10_000)

        workers = [Background(move, self.space.workstream().store(), seed) for seed in range(3)]
        for worker in workers:
            worker.result(50)
        self.assertEqual(sum(self.values().values()), 0)


if __name__ == "__main__":
    unittest.main()
