"""Transactions: all of it or nothing, at each level of isolation."""

import signal
import threading
import time
import unittest

from support import Background, wait_until
from test_store import StoreTest
import syncmgr


class TransactionTest(StoreTest):
    def values(self):
        return {entry.key: entry.value for entry in self.other.range()}

    def undoing(self, log):
        """Functions that note in `log` what they are called for."""
        def execute(operation):
            log.append(f"do {operation.id}")
            return {"did": operation.id}

        def undo(operation):
            log.append(f"undo {operation.id} {operation.result['did']}")

        return {"execute": execute, "undo": undo}


def raising(error):
    """A function that raises."""
    def function(operation):
        raise error

    return function


class WholeOrNot(TransactionTest):
    def test_its_writes_are_seen_at_its_commit(self):
        with self.store.transaction() as tx:
            self.assertEqual(tx.status, "pending")
            tx["a"] = 1
            tx.put("b", {"x": 2}, expected=0)
            self.assertEqual(tx.status, "active")
            self.assertEqual((tx["a"], tx.get("b"), tx.get("c", 7)), (1, {"x": 2}, 7))
            self.assertIn("a", tx)
            self.assertEqual(tx.keys(), ["a", "b"])
            self.assertEqual(self.values(), {})
            del tx["a"]
            self.assertNotIn("a", tx)
            tx["a"] = 3
        self.assertEqual(tx.status, "committed")
        self.assertEqual(self.values(), {"a": 3, "b": {"x": 2}})
        self.assertEqual({entry.revision for entry in self.other.range()}, {tx.info().revision})
        self.assertEqual({entry.writer for entry in self.other.range()}, {"a"})

    def test_one_that_raises_half_way_was_seen_by_nobody(self):
        self.store["a"] = 0
        watch = self.other.watch()
        with self.assertRaises(ZeroDivisionError):
            with self.store.transaction() as tx:
                tx["a"] = tx["b"] = 1
                del tx["a"]
                tx["c"] = 1 / 0
        self.assertEqual(tx.status, "rolled_back")
        self.assertEqual(self.values(), {"a": 0})
        self.assertIsNone(watch.next(0))
        self.store.put("a", 1)

    def test_one_whose_time_passes_was_seen_by_nobody(self):
        with self.assertRaises(syncmgr.Timeout) as raised:
            with self.store.transaction(timeout=0.05) as tx:
                tx["a"] = 1
                self.assertLess(tx.info().remaining, 0.06)
                time.sleep(0.1)
                tx["b"] = 1
        self.assertMessage(raised, "timed out after 50ms")
        self.assertEqual(tx.status, "timed_out")
        self.assertEqual(self.values(), {})
        with self.assertRaises(syncmgr.Timeout):
            with self.store.transaction(timeout=0.05) as tx:
                tx["a"] = 1
                time.sleep(0.1)
        self.assertEqual((tx.status, self.values()), ("timed_out", {}))

    def test_one_that_dies_half_way_was_seen_by_nobody(self):
        child = self.child("""
            store = syncmgr.open(arguments[0]).store()
            tx = store.transaction()
            tx["a"] = tx["b"] = tx["c"] = 1
            say("ready")
            hear()
        """, self.url)
        self.assertEqual(child.line(), "ready")
        waiting = Background(self.store.transact, lambda tx: tx.put("a", 2))
        wait_until(waiting.running, "it waits for the lock")
        child.kill()
        waiting.result()
        self.assertEqual(self.values(), {"a": 2})
        self.assertEqual([one["status"] for one in self.other.transactions()],
                         ["rolled_back", "committed"])
        self.space.cleanup()
        self.space.check()

    def test_whole_whenever_the_process_dies(self):
        code = """
            store = syncmgr.open(arguments[0]).store()
            say("ready")
            number = store.get("a") or 0
            while True:
                number += 1
                with store.transaction(optimistic=arguments[1] == "optimistic") as tx:
                    for key in ("a", "b", "c"):
                        tx[key] = number
                say(number)
        """
        acknowledged = 0
        for way in ("locks", "optimistic") * 3:
            child = self.child(code, self.url, way)
            self.assertEqual(child.line(), "ready")
            end = time.monotonic() + 0.05
            while time.monotonic() < end:
                self.assertWhole()
            child.kill()
            while (line := child.line()) is not None:
                acknowledged = int(line or acknowledged)
            self.assertWhole()
            self.assertGreaterEqual(self.other.get("a", 0), acknowledged)
        self.space.cleanup()
        self.space.check()

    def assertWhole(self):
        entries = self.other.snapshot(["a", "b", "c"])
        self.assertIn(len(entries), (0, 3))
        self.assertLessEqual(len({entry.value for entry in entries.values()}), 1)

    def test_explicit_ends(self):
        tx = self.store.transaction()
        tx["a"] = 1
        revision = tx.commit()
        self.assertEqual(self.store.entry("a").revision, revision)
        for call in (tx.commit, tx.rollback, lambda: tx.put("a", 2), lambda: tx.get("a"),
                     tx.savepoint, tx.add):
            with self.subTest(call=call):
                self.assertRaises((syncmgr.NotActive, syncmgr.InvalidArgument), call)
        tx.close()
        tx.close()
        self.assertRaises(syncmgr.Closed, tx.get, "a")
        with self.store.transaction() as tx:
            tx["a"] = 2
            tx.rollback()
        self.assertEqual((tx.status, self.store["a"]), ("rolled_back", 1))
        with self.store.transaction() as tx:
            tx["a"] = 3
            tx.commit()
        self.assertEqual((tx.status, self.store["a"]), ("committed", 3))

    def test_one_that_nobody_refers_to_is_rolled_back(self):
        tx = self.store.transaction()
        tx["a"] = 1
        del tx
        with self.store.transaction() as tx:
            tx["b"] = 1
        self.assertEqual(self.values(), {"b": 1})

    def test_one_with_locks_in_a_workstream(self):
        with self.store.transaction() as tx:
            tx["a"] = 1
            with self.assertRaises(syncmgr.Busy) as raised:
                with self.store.transaction() as second:
                    second["b"] = 1
            self.assertMessage(raised, "'a'")
            with self.store.transaction(optimistic=True) as second:
                second["b"] = 1
        self.assertEqual(self.values(), {"a": 1, "b": 1})

    def test_an_expected_version(self):
        version = self.store.put("a", 1)
        with self.store.transaction() as tx:
            with self.assertRaises(syncmgr.Changed) as raised:
                tx.put("a", 2, expected=version + 1)
            self.assertEqual((raised.exception.key, raised.exception.version), ("a", version))
            tx.put("a", 3, expected=version)
        self.assertEqual(self.store["a"], 3)

    def test_read_only(self):
        self.store["a"] = 1
        with self.store.transaction(read_only=True) as tx:
            self.assertEqual(tx["a"], 1)
            self.assertRaises(syncmgr.NotPermitted, tx.put, "a", 2)
            self.assertRaises(syncmgr.NotPermitted, tx.delete, "a")
        self.assertEqual(self.store["a"], 1)

    def test_savepoints(self):
        log = []
        with self.store.transaction() as tx:
            tx["a"] = 1
            first = tx.savepoint("first")
            with self.assertRaises(KeyError):
                with tx.savepoint():
                    tx["a"] = 2
                    tx["b"] = 2
                    tx.add(id="x", **self.undoing(log))
                    tx.add(id="y", **self.undoing(log))
                    tx.execute()
                    raise KeyError
            self.assertEqual(log, ["do x", "do y", "undo y y", "undo x x"])
            self.assertEqual((tx["a"], tx.get("b")), (1, None))
            with tx.savepoint():
                tx["c"] = 3
            first.rollback()
            self.assertNotIn("c", tx)
            tx["d"] = 4
            tx.rollback_to("first")
            self.assertRaises(syncmgr.NotFound, tx.rollback_to, "none")
            tx["e"] = 5
        self.assertEqual(self.values(), {"a": 1, "e": 5})

    def test_what_it_is_begun_with(self):
        with self.store.transaction(isolation="repeatable_read", priority=3, timeout=100,
                                    metadata={"for": "x"}) as tx:
            info = tx.info()
            self.assertEqual((info.isolation, info.is_part), ("repeatable_read", False))
            self.assertTrue(90 < info.remaining <= 100)
            record = self.other.transaction_record(tx.id)
            self.assertEqual((record["metadata"], record["priority"], record["workstream"]),
                             ({"for": "x"}, 3, "a"))
        for options in ({"isolation": "none"}, {"priority": 1 << 40}, {"timeout": -5},
                        {"workstreams": ["b"]}, {"workstreams": ["a/b"]},
                        {"metadata": float("nan")}):
            with self.subTest(options=options):
                self.assertRaises(ValueError, self.store.transaction, **options)

    def test_a_signal_ends_a_wait_for_a_lock(self):
        def interrupt(*_):
            raise InterruptedError("enough")

        before = signal.signal(signal.SIGUSR1, interrupt)
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        with self.other.transaction() as holder:
            holder["a"] = 1
            timer = threading.Timer(0.1, signal.pthread_kill,
                                    (threading.main_thread().ident, signal.SIGUSR1))
            timer.start()
            with self.assertRaises(InterruptedError):
                with self.store.transaction() as tx:
                    tx["b"] = 2
                    tx["a"] = 2
            timer.join()
            self.assertEqual(tx.status, "rolled_back")
        self.assertEqual(self.values(), {"a": 1})


class Locks(TransactionTest):
    def test_explicit_locks(self):
        with self.store.transaction() as tx:
            self.assertTrue(tx.lock("a name of mine"))
            self.assertTrue(tx.lock("shared", mode="shared"))
            with self.other.transaction() as second:
                self.assertFalse(second.lock("a name of mine", timeout=0))
                self.assertTrue(second.lock("shared", mode="shared", timeout=0))
                self.assertFalse(second.lock("shared", timeout=0))
                tx.unlock("a name of mine")
                self.assertTrue(second.lock("a name of mine", timeout=0))
                self.assertRaises(syncmgr.NotOwner, tx.unlock, "a name of mine")
                tx["key"] = 1
                self.assertRaises(syncmgr.NotPermitted, tx.unlock, "key")
            self.assertRaises(ValueError, tx.lock, "x", mode="none")

    def test_a_timeout_ends_it(self):
        with self.store.transaction() as holder:
            holder["a"] = 1
            for options, lock in (({"operation_timeout": 0.05}, lambda tx: tx.get("a")),
                                  ({}, lambda tx: tx.lock("a", timeout=0.05))):
                log = []
                with self.assertRaises(syncmgr.Timeout):
                    with self.other.transaction(**options) as tx:
                        tx.add(id="x", **self.undoing(log))
                        tx.execute()
                        lock(tx)
                self.assertEqual(log, ["do x", "undo x x"])
                self.assertEqual(tx.status, "rolled_back")
            with self.assertRaises(syncmgr.Timeout):
                with self.other.transaction(timeout=0.05) as tx:
                    tx.get("a")
            self.assertEqual(tx.status, "timed_out")


if __name__ == "__main__":
    unittest.main()
