"""The store: entries, versions, commits and ranges, of one process and of several."""

import pickle
import time
import unittest

from support import Background, SpaceTest, wait_until
import syncmgr
from syncmgr import Check, Delete, Put


class StoreTest(SpaceTest):
    """A store as two workstreams have it."""

    def setUp(self):
        super().setUp()
        self.store = self.space.workstream("a").store()
        self.other = self.space.workstream("b").store()


class Entries(StoreTest):
    def test_values_of_all_kinds(self):
        for value in (b"", b"bytes\0", 0, -5, 2**63 - 1, -(2**63), 1.5, float("inf"), "",
                      "t\u00e9xt", None, True, False, [1, "two", None],
                      {"a": {"b": [True, 2**70]}}, b"x" * 100_000):
            with self.subTest(value=str(value)[:20]):
                self.store["key"] = value
                again = self.other["key"]
                self.assertEqual((type(again), again), (type(value), value))
        self.store["key"] = bytearray(b"ab")
        self.assertEqual(self.other["key"], b"ab")
        self.assertRaises(ValueError, self.store.put, "key", 2**63)
        self.assertRaises(ValueError, self.store.put, "key", [float("nan")])
        self.assertRaises(TypeError, self.store.put, "key", object())
        self.assertEqual(self.other["key"], b"ab")

    def test_as_a_mapping(self):
        self.assertNotIn("key", self.store)
        self.assertRaises(KeyError, lambda: self.store["key"])
        self.assertIsNone(self.store.get("key"))
        self.assertEqual(self.store.get("key", 7), 7)
        self.store["key"] = 1
        self.store["another"] = None
        self.assertIn("key", self.other)
        self.assertIn("another", self.other)
        self.assertIsNone(self.other.get("another", 7))
        self.assertEqual((list(self.other), len(self.other)), (["another", "key"], 2))
        del self.store["key"]
        self.assertNotIn("key", self.other)
        with self.assertRaises(KeyError):
            del self.store["key"]
        self.assertFalse(self.store.delete("key"))
        self.assertTrue(self.store.delete("another"))
        self.assertEqual(len(self.store), 0)

    def test_keys(self):
        for key in ("x" * 255, "\u00e9" * 127, "a/b c"):
            self.store[key] = key
            self.assertEqual(self.other[key], key)
        for key in ("", "x" * 256, "a\0b", "\1hidden"):
            with self.subTest(key=key), self.assertRaises(ValueError):
                self.store[key] = 1
        self.assertRaises(TypeError, self.store.put, b"key", 1)

    def test_an_entry_says_who_wrote_it_and_when(self):
        before = time.time()
        version = self.other.put("key", "value")
        entry = self.store.entry("key")
        self.assertEqual((entry.key, entry.value, entry.version, entry.revision, entry.writer),
                         ("key", "value", version, 1, "b"))
        self.assertEqual(entry.writer_id, self.other._owner.id)
        # The clock of the machine is read with its own resolution.
        self.assertTrue(before - 0.1 <= entry.time <= time.time() + 0.1, entry.time - before)
        self.assertFalse(entry.deleted)
        self.assertIsNone(self.store.entry("another"))

    def test_a_put_that_expects_a_version(self):
        first = self.store.put("key", "a", expected=0)
        with self.assertRaises(syncmgr.Changed) as raised:
            self.store.put("key", "b", expected=0)
        self.assertEqual((raised.exception.key, raised.exception.version), ("key", first))
        self.assertMessage(raised, "'key'")
        second = self.other.put("key", "b", expected=first)
        self.assertEqual(second, first + 1)
        self.assertRaises(syncmgr.Changed, self.store.delete, "key", expected=first)
        self.assertTrue(self.store.delete("key", expected=second))
        with self.assertRaises(syncmgr.Changed) as raised:
            self.store.put("key", "c", expected=second)
        self.assertEqual(raised.exception.version, 0)
        self.assertGreater(self.store.put("key", "d"), second, "no version comes twice")
        for version in (-1, 2**64 - 1, "1", True):
            self.assertRaises((ValueError, TypeError), self.store.put, "key", 1, expected=version)

    def test_put_if_absent(self):
        self.assertEqual(self.store.put_if_absent("key", 1), 1)
        self.assertIsNone(self.other.put_if_absent("key", 2))
        self.assertEqual(self.store["key"], 1)

    def test_an_update_loses_nothing_of_others(self):
        def count(store):
            for _ in range(300):
                store.update("n", lambda value: value + 1, 0)

        workers = [Background(count, store) for store in (self.store, self.other)]
        child = self.child("""
            store = syncmgr.open(arguments[0]).store()
            for _ in range(300):
                store.update("n", lambda value: value + 1, 0)
        """, self.url)
        for worker in workers:
            worker.result(30)
        self.assertEqual(child.finish(30), 0)
        self.assertEqual(self.store["n"], 900)
        self.assertEqual(self.store.update("n", lambda value: value * 2), 1800)

    def test_an_update_that_throws_changes_nothing(self):
        self.store["n"] = 1
        self.assertRaises(ZeroDivisionError, self.store.update, "n", lambda value: value / 0)
        self.assertEqual((self.store["n"], self.store.info().revision), (1, 1))


class Commits(StoreTest):
    def test_all_changes_or_none(self):
        self.store["b"] = self.store["c"] = "old"
        with self.assertRaises(syncmgr.Changed) as raised:
            self.store.commit([Put("a", 1, 0), Put("b", 2, 1), Delete("c", 2)])
        self.assertEqual((raised.exception.key, raised.exception.version), ("c", 1))
        self.assertEqual({key: self.other[key] for key in self.other}, {"b": "old", "c": "old"})
        done = self.store.commit([Put("a", 1, 0), Put("b", 2, 1), Delete("c", 1), Delete("d")])
        self.assertEqual(done, (3, {"a": 1, "b": 2, "c": 0, "d": 0}))
        self.assertEqual({key: self.other[key] for key in self.other}, {"a": 1, "b": 2})
        self.assertEqual({entry.revision for entry in self.other.range()}, {3})

    def test_a_check(self):
        self.store["flag"] = True
        self.store.commit([Check("flag", 1), Put("key", 1)])
        self.store["flag"] = False
        with self.assertRaises(syncmgr.Changed) as raised:
            self.store.commit([Check("flag", 1), Put("key", 2)])
        self.assertEqual(raised.exception.key, "flag")
        self.assertEqual(self.store["key"], 1)
        self.assertRaises(syncmgr.Changed, self.store.commit, [Check("none", 1)])
        self.assertEqual(self.store.commit([Check("none", 0)]), (3, {}))

    def test_what_a_commit_refuses(self):
        for changes in ([], [Put("a", 1), Put("a", 2)], [Put("", 1)], [Put("a", 1, -1)]):
            with self.subTest(changes=changes):
                self.assertRaises(ValueError, self.store.commit, changes)
        self.assertRaises(TypeError, self.store.commit, [("a", 1)])
        self.assertRaises(ValueError, self.store.commit, [Put("a", 1)], timeout=-2)
        self.assertEqual(self.store.info().revision, 0)

    def test_racers_on_one_version(self):
        """Each version has one winner."""
        child = """
            store = syncmgr.open(arguments[0]).store()
            say("ready")
            hear()
            for version in range(100):
                store.wait("key", version - 1) if version else None
                try:
                    store.put("key", arguments[1], expected=version)
                    say(version)
                except syncmgr.Changed:
                    pass
            say("end")
        """
        racers = [self.child(child, self.url, number) for number in range(4)]
        for racer in racers:
            self.assertEqual(racer.line(), "ready")
        for racer in racers:
            racer.tell()
        won = []
        for racer in racers:
            while (line := racer.line()) != "end":
                won.append(int(line))
        self.assertEqual(sorted(won), list(range(100)))

    def test_commits_are_whole_whenever_the_writer_dies(self):
        code = """
            store = syncmgr.open(arguments[0]).store()
            say("ready")
            number = (store.get("a") or 0)
            while True:
                number += 1
                store.commit([syncmgr.Put(key, number if key != "big" else str(number) * 3000)
                              for key in ("a", "b", "big", "c")])
        """
        for _ in range(8):
            child = self.child(code, self.url)
            self.assertEqual(child.line(), "ready")
            end = time.monotonic() + 0.05
            while time.monotonic() < end:
                self.assertWhole()
            child.kill()
            self.assertWhole()
            self.store.put("another", 1)
        self.space.cleanup()
        self.space.check()

    def assertWhole(self):
        entries = self.other.snapshot(["a", "b", "big", "c"])
        if entries:
            number = entries["a"].value
            self.assertEqual({entry.revision for entry in entries.values()},
                             {entries["a"].revision})
            self.assertEqual([entries[key].value for key in ("b", "big", "c")],
                             [number, str(number) * 3000, number])


class Ranges(StoreTest):
    def test_by_prefix_and_pattern_in_order(self):
        for key in ("b/2", "b/1/x", "a", "b/1", "c", "\u00e9"):
            self.store[key] = key.upper()
        self.assertEqual(self.other.keys(), ["a", "b/1", "b/1/x", "b/2", "c", "\u00e9"])
        self.assertEqual(self.other.keys("b/"), ["b/1", "b/1/x", "b/2"])
        self.assertEqual(self.other.keys(glob="b/*"), ["b/1", "b/2"])
        self.assertEqual(self.other.keys(glob="b/**"), ["b/1", "b/1/x", "b/2"])
        self.assertEqual(self.other.keys("b", glob="**/x"), ["b/1/x"])
        self.assertEqual(self.other.keys(after="b/1/x"), ["b/2", "c", "\u00e9"])
        self.assertEqual(self.other.keys("none"), [])
        self.assertEqual([(entry.key, entry.value) for entry in self.other.range("b/", limit=2)],
                         [("b/1", "B/1"), ("b/1/x", "B/1/X")])
        self.assertRaises(TypeError, self.store.range, 5)
        self.assertRaises(ValueError, self.store.range, limit=0)

    def test_page_by_page(self):
        self.store.commit([Put(f"{number:04}", number) for number in range(1000)])
        found, after = [], None
        while True:
            page = self.other.range(after=after, limit=300)
            found += [entry.value for entry in page]
            if not page.more:
                break
            after = page[-1].key
        self.assertEqual(found, list(range(1000)))

    def test_many_and_large_ones_are_of_one_moment(self):
        sizes = {f"{number:05}": number % 977 for number in range(5000)}
        self.store.commit([Put(key, b"x" * size) for key, size in sizes.items()])
        self.store["large"] = bytes(300_000)
        found = self.other.range()
        self.assertEqual({entry.key: len(entry.value) for entry in found},
                         sizes | {"large": 300_000})
        self.assertEqual((found.revision, found.more), (2, False))
        self.assertEqual(len(self.other.keys()), 5001)

    def test_a_range_is_never_torn(self):
        child = self.child("""
            store = syncmgr.open(arguments[0]).store()
            for number in range(1500):
                store.commit([syncmgr.Put(f"r/{key}", number) for key in range(8)])
                if number == 0: say("ready")
        """, self.url)
        self.assertEqual(child.line(), "ready")
        while child.process.poll() is None:
            found = self.other.range("r/")
            self.assertEqual(len(found), 8)
            self.assertEqual(len({entry.value for entry in found}), 1)
        self.assertEqual(child.finish(), 0)


class Together(StoreTest):
    def test_two_processes_with_keys_of_their_own(self):
        children = [self.child("""
            store = syncmgr.open(arguments[0]).store()
            for number in range(1000):
                store.put(f"{arguments[1]}/{number}", number)
        """, self.url, name) for name in ("x", "y")]
        for child in children:
            self.assertEqual(child.finish(40), 0)
        self.assertEqual(len(self.store), 2000)
        for name in ("x", "y"):
            self.assertEqual(sorted(entry.value for entry in self.store.range(f"{name}/")),
                             list(range(1000)))

    def test_options(self):
        self.assertRaises(syncmgr.Mismatch, self.space.workstream().store, capacity=5)
        with syncmgr.open("local:") as space:
            store = space.store(capacity=2, inline_size=16, log_size=1 << 16)
            for number in range(50):
                store[f"key {number}"] = b"x" * number
            self.assertEqual([len(store[f"key {number}"]) for number in range(50)],
                             list(range(50)))
            self.assertEqual(store.info().log_size, 1 << 16)
            self.assertIs(space.store(capacity=2, inline_size=16, log_size=1 << 16), store)
            self.assertRaises(syncmgr.Mismatch, space.store, capacity=3)
            self.assertRaises(ValueError, space.store, log_size=-1)
            self.assertRaises(syncmgr.TooLarge, store.commit,
                              [Put(f"{number}", b"x" * 16) for number in range(1000)])

    def test_threads_are_writers_of_their_own(self):
        store = self.space.store()
        store["mine"] = 1
        Background(store.put, "its", 1).result()
        mine, its = store.entry("mine"), store.entry("its")
        self.assertNotEqual(mine.writer_id, its.writer_id)
        self.assertEqual(mine.writer_id, self.space.this_workstream().id)

    def test_info(self):
        before = self.store.info()
        self.assertEqual((before.entries, before.revision, before.durable, before.log_used),
                         (0, 0, 0, 0))
        self.store.commit([Put("a", 1), Put("b", 1)])
        self.store.delete("a")
        info = self.store.info()
        self.assertEqual((info.entries, info.revision, info.oldest), (1, 2, 0))
        self.assertGreater(info.log_used, 0)

    def test_it_travels(self):
        store = pickle.loads(pickle.dumps(self.space.store()))
        store["key"] = 1
        self.assertEqual(self.other["key"], 1)
        self.assertIn("store", repr(store))

    def test_a_forked_child_opens_its_own(self):
        child = self.child("""
            space = syncmgr.open(arguments[0])
            store = space.store()
            store["key"] = 1
            tx, watch = store.transaction(), store.watch(since=0)
            if os.fork() == 0:
                for call in (lambda: store["key"], lambda: store.put("key", 2), tx.commit,
                             watch.next, store.transaction, store.conflicts.list):
                    try:
                        say("called", call())
                    except syncmgr.Forked:
                        pass
                del tx
                say(syncmgr.open(arguments[0]).store()["key"])
                os._exit(0)
            os.wait()
            tx["key"] = 3
            tx.commit()
            say(watch.next(0).value)
        """, self.url)
        self.assertEqual([child.line(), child.line(), child.finish()], ["1", "1", 0])
        self.assertEqual(self.store["key"], 3)

    def test_the_end(self):
        workstream = self.space.workstream("c")
        store = workstream.store()
        store["key"] = 1
        store.close()
        self.assertRaises(syncmgr.SyncError, store.put, "key", 2)
        self.assertTrue(store.closed)
        again = workstream.store()
        waiting = Background(again.wait, "none")
        wait_until(waiting.running, "it waits")
        workstream.close()
        self.assertRaises(syncmgr.Closed, waiting.result)
        self.assertEqual(self.store["key"], 1, "the entries stay")


if __name__ == "__main__":
    unittest.main()
