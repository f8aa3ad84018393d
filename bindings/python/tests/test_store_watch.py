"""Watching a store: each change once, in order, or a gap that is told."""

import asyncio
import signal
import threading
import time
import unittest

from support import Background, cancelled, wait_until
from test_aio import AioTest
from test_store import StoreTest
import syncmgr
from syncmgr import Delete, Put


def shown(change):
    return change.key, change.value, change.state


class Watching(StoreTest):
    def test_each_change_once_in_order(self):
        watch = self.store.watch()
        self.other["a"] = 1
        self.other["a"] = 2
        self.other.commit([Put("b", "x"), Delete("a")])
        self.assertEqual([shown(watch.next(5)) for _ in range(4)], [
            ("a", 1, "present"), ("a", 2, "present"), ("b", "x", "present"),
            ("a", None, "deleted")])
        self.assertIsNone(watch.next(0))
        self.assertIsNone(watch.next(0.01))
        version = self.other.put("c", 1)
        change = watch.next()
        self.assertEqual((change.key, change.writer, change.version, change.revision),
                         ("c", "b", version, 4))

    def test_chosen_by_prefix_and_pattern(self):
        by_prefix = self.store.watch("jobs/")
        by_pattern = self.store.watch(glob="jobs/*/done")
        for key in ("jobs/1", "other", "jobs/1/done", "jobs/2/x/done"):
            self.other[key] = 1
        self.assertEqual([by_prefix.next(5).key for _ in range(3)],
                         ["jobs/1", "jobs/1/done", "jobs/2/x/done"])
        self.assertEqual(by_pattern.next(5).key, "jobs/1/done")
        self.assertIsNone(by_pattern.next(0))
        self.assertIsNone(by_prefix.next(0))
        self.assertRaises(TypeError, self.store.watch, 5)

    def test_since_a_revision(self):
        for number in range(5):
            self.other["key"] = number
        self.assertIsNone(self.store.watch().next(0))
        self.assertEqual([self.store.watch(since=revision).next(5).value
                          for revision in range(5)], [0, 1, 2, 3, 4])
        self.assertIsNone(self.store.watch(since=5).next(0))
        self.assertRaises(ValueError, self.store.watch, since=-1)

    def test_another_watch_goes_on_from_its_revision(self):
        watch = self.store.watch(since=0)
        self.other.commit([Put("a", 1), Put("b", 1)])
        self.other["c"] = 1
        watch.next(5)
        # Of a commit that was not taken as a whole all comes again.
        self.assertEqual(watch.revision, 0)
        watch.next(5)
        self.assertEqual(watch.revision, 1)
        self.assertEqual(self.store.watch(since=watch.revision).next(5).key, "c")

    def test_a_large_value_that_was_replaced_has_none(self):
        watch = self.store.watch()
        self.other["key"] = b"1" * 50_000
        self.other["key"] = b"2" * 50_000
        first, second = watch.next(5), watch.next(5)
        self.assertIn((first.state, first.value), (("replaced", None), ("present", b"1" * 50_000)))
        self.assertEqual((second.state, second.value), ("present", b"2" * 50_000))
        self.assertEqual((first.version, second.version), (1, 2))

    def test_who_fell_behind_is_told_and_goes_on(self):
        with syncmgr.open("local:") as space:
            store = space.store(log_size=1 << 16)
            watch = store.watch("w/", since=0)
            for number in range(3000):
                store[f"w/{number % 7}"] = number
            self.assertRaises(syncmgr.Gap, watch.next)
            with self.assertRaises(syncmgr.Gap):
                for _ in watch:
                    self.fail("there is a gap")
            entries = watch.resynchronize()
            self.assertEqual(sorted(entry.value for entry in entries), list(range(2993, 3000)))
            self.assertEqual(watch.revision, entries.revision)
            self.assertIsNone(watch.next(0))
            store["w/x"] = 1
            self.assertEqual(watch.next(5).key, "w/x")

    def test_a_loop_waits_and_ends_with_the_store(self):
        workstream = self.space.workstream("c")
        watch = workstream.store().watch()

        def loop():
            return [change.value for change in watch]

        looping = Background(loop)
        for number in range(100):
            self.other["key"] = number
        wait_until(lambda: watch.revision == 100, "the loop has all")
        self.assertTrue(looping.running())
        workstream.close()
        self.assertEqual(looping.result(), list(range(100)))

    def test_changes_of_another_process_that_dies(self):
        """What was acknowledged comes; each once, in order; a commit as a whole."""
        watch = self.store.watch("n/")
        acknowledged = expected = 0
        for _ in range(4):
            child = self.child("""
                store = syncmgr.open(arguments[0]).store()
                number = int(arguments[1])
                while True:
                    store.commit([syncmgr.Put("n/a", number), syncmgr.Put("n/b", number)])
                    say(number)
                    number += 1
            """, self.url, expected)
            for _ in range(40):
                acknowledged = int(child.line())
            child.kill()
            while (line := child.line()) is not None:
                acknowledged = int(line or acknowledged)
            while (change := watch.next(0)) is not None:
                self.assertEqual((change.key, change.value), ("n/a", expected))
                change = watch.next(0)
                self.assertEqual((change.key, change.value), ("n/b", expected))
                expected += 1
            self.assertLess(acknowledged, expected)
        self.space.cleanup()
        self.space.check()

    def test_a_signal_ends_a_wait(self):
        watch = self.store.watch()

        def interrupt(*_):
            raise InterruptedError("enough")

        before = signal.signal(signal.SIGUSR1, interrupt)
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        main = threading.main_thread().ident
        timer = threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGUSR1))
        timer.start()
        self.assertRaises(InterruptedError, watch.next)
        timer.join()
        self.other["key"] = 1
        self.assertEqual(watch.next(5).key, "key")


class Waiting(StoreTest):
    def test_for_a_key(self):
        waiting = Background(self.store.wait, "key")
        version = self.other.put("key", 1)
        self.assertEqual(waiting.result(), version)
        self.assertEqual(self.store.wait("key"), version)
        self.assertRaises(syncmgr.Timeout, self.store.wait, "key", version, 0.01)
        self.assertRaises(syncmgr.Timeout, self.store.wait, "other", 0, 0)
        waiting = Background(self.store.wait, "key", version)
        self.other["another"] = 1
        self.other.delete("key")
        self.assertEqual(waiting.result(), 0)
        for seen in (-1, 2**64, "1"):
            self.assertRaises((ValueError, TypeError), self.store.wait, "key", seen)

    def test_for_any_change(self):
        waiting = Background(self.store.wait, None, 0)
        self.other["key"] = 1
        self.assertEqual(waiting.result(), 1)
        self.assertRaises(syncmgr.Timeout, self.store.wait, None, 1, 0.01)
        waiting = Background(self.store.wait, None, 1)
        self.other["key"] = 1
        self.assertEqual(waiting.result(), 2)

    def test_for_a_change_of_a_process_that_dies_at_once(self):
        waiting = Background(self.store.wait, "key")
        child = self.child("""
            syncmgr.open(arguments[0]).store().put("key", 1)
            os.kill(os.getpid(), signal.SIGKILL)
        """, self.url)
        self.assertEqual(waiting.result(20), 1)
        self.assertEqual(child.finish(), -signal.SIGKILL)
        self.assertEqual(self.store["key"], 1)


class AioStores(AioTest):
    def test_changing_and_reading(self):
        store, other = self.space.store(), self.space.workstream("b").store()

        async def main():
            tasks = store.aio
            self.assertEqual(await tasks.put("key", 1), 1)
            self.assertIsNone(await tasks.put_if_absent("key", 2))
            self.assertEqual(await tasks.put_if_absent("another", 2), 1)
            with self.assertRaises(syncmgr.Changed):
                await tasks.put("key", 2, expected=7)
            self.assertEqual(await tasks.update("key", lambda value: value + 1), 2)

            async def doubled(value):
                await asyncio.sleep(0)
                return value * 2

            self.assertEqual(await tasks.update("key", doubled), 4)
            done = await tasks.commit([Put("a", 1), Put("b", 2)], timeout=5)
            self.assertEqual(done.versions, {"a": 1, "b": 1})
            self.assertEqual((tasks["a"], tasks.get("none", 5), tasks.keys()),
                             (1, 5, ["a", "another", "b", "key"]))
            self.assertIn("a", tasks)
            self.assertTrue(await tasks.delete("a"))
            self.assertFalse(await tasks.delete("a"))
            self.assertEqual(other.keys(), ["another", "b", "key"])
            # Each task is a writer of its own.
            writers = await asyncio.gather(*(self.write(tasks, number) for number in range(3)))
            self.assertEqual(len(set(writers)), 3)

        self.run_in_loop(main())

    @staticmethod
    async def write(store, number):
        await store.put(f"w/{number}", number)
        await asyncio.sleep(0.01)
        return store.entry(f"w/{number}").writer_id

    def test_updates_of_tasks_lose_nothing(self):
        store = self.space.store()

        async def count():
            async def later(value):
                await asyncio.sleep(0)
                return value + 1

            for _ in range(10):
                await store.aio.update("n", later, 0)

        async def main():
            await asyncio.gather(*(count() for _ in range(10)))

        self.run_in_loop(main())
        self.assertEqual(store["n"], 100)

    def test_waiting_and_giving_up(self):
        store, other = self.space.store(), self.space.workstream("b").store()

        async def main():
            waiting = asyncio.create_task(store.aio.wait("key"))
            given_up = asyncio.create_task(store.aio.wait("key"))
            any_change = asyncio.create_task(store.aio.wait())
            await asyncio.sleep(0.01)
            self.assertTrue(await cancelled(given_up))
            other["key"] = 1
            self.assertEqual((await waiting, await any_change), (1, 1))
            with self.assertRaises(syncmgr.Timeout):
                await store.aio.wait("key", 1, 0.01)

        self.run_in_loop(main())

    def test_a_loop_over_changes(self):
        store, other = self.space.store(), self.space.workstream("b").store()

        async def main():
            watch = store.aio.watch("k")
            seen = []

            async def loop():
                async for change in watch:
                    seen.append(change.value)
                    if change.value == 299:
                        return

            looping = asyncio.create_task(loop())
            started = time.monotonic()
            for number in range(150):
                other["key"] = number
                if number % 10 == 0:
                    await asyncio.sleep(0)
            while len(seen) < 150:
                self.assertLess(time.monotonic() - started, 20)
                await asyncio.sleep(0.001)
            # A cancelled wait loses nothing.
            self.assertTrue(await cancelled(looping))
            for number in range(150, 300):
                other["key"] = number
            await loop()
            self.assertEqual(seen, list(range(300)))
            self.assertIsNone(await watch.wait(0.01))

        self.run_in_loop(main())

    def test_a_busy_watch_leaves_others_their_turn(self):
        store = self.space.workstream("b").store()
        for number in range(2000):
            store["key"] = number

        async def main():
            turns = 0

            async def others():
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)

            task = asyncio.create_task(others())
            watch = store.watch(since=0)
            for _ in range(2000):
                await watch.wait()
            self.assertGreater(turns, 10)
            await cancelled(task)

        self.run_in_loop(main())


if __name__ == "__main__":
    unittest.main()
