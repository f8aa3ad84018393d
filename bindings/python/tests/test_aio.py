"""The asyncio forms: nothing blocks the loop, each task is an owner."""

import asyncio
import threading
import time
import unittest

from support import SpaceTest
import syncmgr


class AioTest(SpaceTest):
    """Runs coroutines in a loop with a deadline."""

    def run_in_loop(self, coroutine, seconds=30):
        async def limited():
            async with asyncio.timeout(seconds):
                return await coroutine

        return asyncio.run(limited())


class Mutexes(AioTest):
    def test_async_with(self):
        mutex = self.space.mutex("db")

        async def main():
            async with mutex.aio as lock:
                self.assertTrue(lock.owned())
                self.assertTrue(mutex.locked())
                self.assertFalse(mutex.owned(), "the task is the owner, not its thread")
                self.assertEqual(lock.token, lock.holder.token)
                self.assertFalse(lock.recovered)
            self.assertFalse(mutex.locked())

        self.run_in_loop(main())

    def test_tasks_exclude_each_other(self):
        mutex = self.space.mutex("db")
        inside, most, done = 0, 0, 0

        async def work():
            nonlocal inside, most, done
            for _ in range(20):
                async with mutex.aio:
                    inside += 1
                    most = max(most, inside)
                    await asyncio.sleep(0)
                    inside -= 1
                done += 1

        async def main():
            await asyncio.gather(*(work() for _ in range(20)))

        self.run_in_loop(main())
        self.assertEqual((most, done), (1, 400))
        self.space.check()

    def test_timeout_and_errors(self):
        mutex = self.space.mutex("db")

        async def main():
            other = self.space.workstream("other").mutex("db")
            other.acquire()
            lock = mutex.aio
            self.assertIs(await lock.acquire(timeout=0), False)
            begin = time.monotonic()
            self.assertIs(await lock.acquire(timeout=0.05), False)
            self.assertGreaterEqual(time.monotonic() - begin, 0.05)
            with self.assertRaises(ValueError):
                await lock.acquire(timeout=float("nan"))
            with self.assertRaises(syncmgr.NotOwner):
                lock.release()
            other.release()
            self.assertIs(await lock.acquire(), True)
            with self.assertRaises(syncmgr.Deadlock):
                await lock.acquire()
            lock.release()

        self.run_in_loop(main())

    def test_asyncio_timeout(self):
        mutex = self.space.mutex("db")

        async def main():
            with mutex:
                with self.assertRaises(TimeoutError):
                    async with asyncio.timeout(0.03):
                        await mutex.aio.acquire()
            self.assertTrue(await mutex.aio.acquire(timeout=0))

        self.run_in_loop(main())

    def test_the_loop_goes_on_while_many_wait(self):
        mutex = self.space.mutex("db")

        async def wait():
            async with mutex.aio:
                pass

        async def main():
            mutex.acquire()
            tasks = [asyncio.create_task(wait()) for _ in range(100)]
            await asyncio.sleep(0.05)
            worst, last = 0, time.monotonic()
            for _ in range(50):
                await asyncio.sleep(0.001)
                now = time.monotonic()
                worst, last = max(worst, now - last), now
            self.assertEqual(sum(task.done() for task in tasks), 0)
            mutex.release()
            await asyncio.gather(*tasks)
            return worst

        self.assertLess(self.run_in_loop(main()), 0.5)

    def test_what_a_task_holds_is_released_at_its_end(self):
        mutex = self.space.mutex("db")

        async def takes():
            await mutex.aio.acquire()

        async def main():
            await asyncio.create_task(takes())
            self.assertTrue(await mutex.aio.acquire(timeout=10))

        self.run_in_loop(main())
        self.assertFalse(mutex.locked())
        self.assertLessEqual(len([one for one in self.space._implicit if not one.closed]), 1)

    def test_an_explicit_workstream_is_one_owner_in_all_tasks(self):
        lock = self.space.workstream("w").mutex("db").aio

        async def main():
            await lock.acquire()
            with self.assertRaises(syncmgr.Deadlock):
                await asyncio.create_task(lock.acquire())
            await asyncio.to_thread(lock.release)
            self.assertFalse(lock.locked())

        self.run_in_loop(main())

    def test_owner_died(self):
        child = self.child("""
            mutex = syncmgr.open(arguments[0]).workstream("victim").mutex("db")
            mutex.acquire()
            say("holds")
            hear()
        """, self.url)
        self.assertEqual(child.line(), "holds")

        async def main():
            lock = self.space.mutex("db").aio
            task = asyncio.create_task(lock.acquire())

            async def take():
                async with lock:
                    return lock.recovered, lock.previous_owner

            task.cancel()
            task = asyncio.create_task(take())
            await asyncio.sleep(0.05)
            child.kill()
            recovered, previous = await task
            self.assertTrue(recovered)
            self.assertEqual((previous.name, previous.pid), ("victim", child.pid))

        self.run_in_loop(main())

    def test_outside_of_a_task(self):
        self.assertRaises(RuntimeError, lambda: self.space.mutex("db").aio.release)


class Others(AioTest):
    def test_semaphore(self):
        semaphore = self.space.semaphore("s", 3)
        inside, most = 0, 0

        async def work():
            nonlocal inside, most
            async with semaphore.aio.permits(1):
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0.002)
                inside -= 1

        async def main():
            await asyncio.gather(*(work() for _ in range(20)))
            async with semaphore.aio as held:
                self.assertEqual((held.held, held.available), (1, 2))
                with self.assertRaises(syncmgr.Timeout):
                    async with self.space.workstream().semaphore("s").aio.permits(3, timeout=0.02):
                        self.fail("entered")
                with self.assertRaises(TypeError):
                    await held.acquire(True)
                with self.assertRaises(syncmgr.InvalidArgument):
                    await held.acquire(4)

        self.run_in_loop(main())
        self.assertEqual((most, semaphore.available), (3, 3))

    def test_latch_and_event(self):
        latch, event = self.space.latch("l", 2), self.space.event("e", manual=True)

        async def main():
            self.assertIs(await latch.aio.wait(0), False)
            self.assertIs(await event.aio.wait(0.01), False)
            both = asyncio.gather(latch.aio.wait(), event.aio.wait(), latch.aio.wait(10))
            await asyncio.sleep(0.02)
            self.assertEqual(latch.aio.count_down(2), 0)
            self.assertFalse(both.done())
            threading.Timer(0.02, event.set).start()
            self.assertEqual(await both, [True, True, True])
            self.assertIs(await latch.aio.wait(), True)

        self.run_in_loop(main())

    def test_barrier(self):
        log = []

        async def action():
            await asyncio.sleep(0.02)
            log.append("action")

        barrier = self.space.barrier("b", 3, action=action)

        async def work():
            index = await barrier.aio.wait()
            log.append("on")
            return index

        async def main():
            for generation in range(3):
                indices = await asyncio.gather(*(work() for _ in range(3)))
                self.assertEqual(sorted(indices), [0, 1, 2])
                self.assertEqual(log, ["action", "on", "on", "on"])
                log.clear()
            with self.assertRaises(syncmgr.Timeout):
                await barrier.aio.wait(0)
            self.assertFalse(barrier.broken)

        self.run_in_loop(main())

    def test_a_barrier_breaks(self):
        barrier = self.space.barrier("b", 3)

        async def main():
            tasks = [asyncio.create_task(barrier.aio.wait()) for _ in range(2)]
            await asyncio.sleep(0.02)
            tasks[0].cancel()
            with self.assertRaises(syncmgr.BrokenBarrier) as raised:
                await tasks[1]
            self.assertTrue(str(raised.exception))
            barrier.reset()
            task = asyncio.create_task(barrier.aio.wait())
            await asyncio.sleep(0.02)
            with self.assertRaises(syncmgr.Timeout):
                await barrier.aio.wait(0.02)
            with self.assertRaises(syncmgr.BrokenBarrier):
                await task

        self.run_in_loop(main())


if __name__ == "__main__":
    unittest.main()
