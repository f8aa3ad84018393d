"""Sync point and several locks at once, for asyncio."""

import asyncio
import random
import unittest

from support import wait_until
from test_aio import AioTest
import syncmgr
from syncmgr import aio


class SyncPoints(AioTest):
    def points(self, names, expected=None, **options):
        expected = expected and list(expected)
        return [self.space.workstream(name).sync_point("p", expected, **options).aio
                for name in names]

    def test_tasks_meet(self):
        points = self.points("abc", "abc")

        async def main():
            return await asyncio.gather(*(point.wait() for point in points))

        results = self.run_in_loop(main())
        self.assertEqual(results[0].status, "complete")
        self.assertEqual(results, [results[0]] * 3)
        self.assertEqual(points[0].expected, ("a", "b", "c"))

    def test_the_ways_to_fail(self):
        a, b = self.points("ab", "ab", timeout=100)

        async def main():
            with self.assertRaises(syncmgr.Timeout) as raised:
                await a.wait(0.03)
            self.assertEqual(raised.exception.result.status, "waiting")
            waiting = asyncio.create_task(a.wait())
            await asyncio.sleep(0.02)
            self.assertTrue(b.cancel("enough"))
            with self.assertRaises(syncmgr.SyncPointFailed) as raised:
                await waiting
            self.assertEqual(raised.exception.result.reason, "enough")
            with self.assertRaises(syncmgr.Late) as raised:
                await b.wait()
            self.assertEqual(raised.exception.result.late, ("b",))
            with self.assertRaises(syncmgr.NotExpected):
                await self.space.sync_point("p").aio.wait()

        self.run_in_loop(main())

    def test_the_time_of_the_point(self):
        [a] = self.points("a", "ab", timeout=0.05)

        async def main():
            with self.assertRaises(syncmgr.Timeout) as raised:
                await a.wait()
            self.assertEqual(raised.exception.result.status, "timed_out")

        self.run_in_loop(main())

    def test_a_cancelled_task_is_not_there(self):
        a, b = self.points("ab", "ab")

        async def main():
            for _ in range(5):
                with self.assertRaises(TimeoutError):
                    async with asyncio.timeout(0.01):
                        await a.wait()
                self.assertEqual(b.result.participating, ())
            results = await asyncio.gather(a.wait(), b.wait())
            self.assertEqual(results[0].participating, ("a", "b"))

        self.run_in_loop(main())


class LockMany(AioTest):
    def setUp(self):
        super().setUp()
        self.a, self.b = self.space.mutex("a"), self.space.mutex("b")
        self.s = self.space.semaphore("s", 3)
        self.rw = self.space.rwlock("rw")

    def assertFree(self):
        self.assertFalse(self.a.locked() or self.b.locked(), "a mutex is held")
        self.assertEqual(self.s.available, 3)
        self.assertTrue(self.rw.writer is None and not self.rw.readers, "the rwlock is held")

    def test_all_are_held_together(self):
        async def main():
            async with aio.lock_many(self.rw.write(), self.b, self.s.permits(2), self.a) as held:
                self.assertTrue(self.a.aio.owned() and self.b.aio.owned())
                self.assertFalse(self.a.owned(), "the task is the owner, not its thread")
                self.assertEqual(self.s.available, 1)
                self.assertFalse(held.recovered)
            self.assertFree()

        self.run_in_loop(main())

    def test_none_is_held_when_one_is_not_free(self):
        async def main():
            for held in (self.a, self.b):
                with self.space.workstream().mutex(held.name):
                    with self.assertRaises(syncmgr.Timeout):
                        async with aio.lock_many(self.b, self.s, self.a, timeout=0.03):
                            self.fail("not all were free")
                    self.assertFalse(await aio.lock_many(self.a, self.b).acquire(0))
                self.assertFree()
            with self.assertRaises(syncmgr.InvalidArgument):
                await aio.lock_many(self.a, self.a).acquire()
            async with self.a.aio:
                with self.assertRaises(syncmgr.Deadlock):
                    await aio.lock_many(self.a, self.b).acquire()
            self.assertFree()

        self.run_in_loop(main())

    def test_tasks_that_list_them_in_any_order_go_on(self):
        choice = random.Random(3)
        inside = set()

        async def work():
            for _ in range(15):
                locks = choice.sample([self.a, self.b, self.rw.write(), self.s.permits(3)], 2)
                async with aio.lock_many(*locks):
                    names = {id(lock) if lock in (self.a, self.b) else type(lock)
                             for lock in locks}
                    self.assertFalse(inside & names)
                    inside.update(names)
                    await asyncio.sleep(0)
                    inside.difference_update(names)

        async def main():
            await asyncio.gather(*(work() for _ in range(8)))

        self.run_in_loop(main())
        self.assertFree()
        self.space.check()

    def test_cancelling_gives_back_what_it_had(self):
        choice = random.Random(5)

        async def main():
            for _ in range(60):
                holder = self.space.workstream().mutex("b")
                holder.acquire()
                many = aio.lock_many(self.s.permits(3), self.rw.write(), self.a, self.b)
                task = asyncio.create_task(many.acquire())
                await asyncio.sleep(choice.choice((0, 0, 0.002)))
                order = [task.cancel, holder.release]
                choice.shuffle(order)
                for step in order:
                    step()
                    if choice.random() < 0.3:
                        await asyncio.sleep(0)
                try:
                    await task
                    many.release()
                except asyncio.CancelledError:
                    pass
                await asyncio.sleep(0.001)
                self.assertFree()
                holder._owner.close()

        self.run_in_loop(main())
        self.space.check()

    def test_the_library_goes_on_while_the_loop_is_busy(self):
        async def main():
            one, two = self.space.workstream(), self.space.workstream()
            first, second = one.mutex("a"), two.mutex("b")
            first.acquire()
            second.acquire()
            task = asyncio.create_task(aio.lock_many(self.a, self.b).acquire(10))
            await asyncio.sleep(0.01)
            self.assertEqual(self.a.holder.name, one.name)
            first.release()
            # The loop has no turn meanwhile.
            wait_until(lambda: self.a.holder is not None, "the first is locked")
            second.release()
            wait_until(lambda: self.b.holder is not None, "the second is locked")
            self.assertFalse(task.done())
            self.assertIs(await task, True)

        self.run_in_loop(main())

    def test_without_the_librarys_thread_the_loop_goes_on(self):
        async def main():
            with syncmgr.open(self.url, threads=False) as space:
                async def take():
                    async with aio.lock_many(space.mutex("a"), space.mutex("b"), timeout=10):
                        return self.b.locked()

                with self.space.workstream().mutex("b"):
                    with self.space.workstream().mutex("a"):
                        task = asyncio.create_task(take())
                        await asyncio.sleep(0.02)
                    await asyncio.sleep(0.05)
                    self.assertTrue(self.a.locked())
                self.assertIs(await task, True)

        self.run_in_loop(main())
        self.assertFree()


if __name__ == "__main__":
    unittest.main()
