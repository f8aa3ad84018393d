"""Condition for asyncio."""

import asyncio
import time
import unittest

from support import Background, cancelled, settle
from test_aio import AioTest
import syncmgr


class Conditions(AioTest):
    def setUp(self):
        super().setUp()
        self.condition = self.space.condition("c")

    def test_wait_and_notify(self):
        async def wait():
            async with self.condition.aio as held:
                self.assertIs(await held.wait(), True)
                self.assertTrue(held.mutex.owned())

        async def main():
            tasks = [asyncio.create_task(wait()) for _ in range(3)]
            await settle(lambda: self.condition.waiting == 3)
            async with self.condition.aio as held:
                self.assertEqual(held.notify(), 1)
                self.assertEqual(held.notify_all(), 2)
                await asyncio.sleep(0.01)
                self.assertFalse(any(task.done() for task in tasks), "the mutex is held")
            await asyncio.gather(*tasks)
            self.assertFalse(self.condition.mutex.locked())

        self.run_in_loop(main())

    def test_wait_for(self):
        items = []

        async def take():
            async with self.condition.aio as held:
                return await held.wait_for(lambda: items and items.pop())

        async def main():
            tasks = [asyncio.create_task(take()) for _ in range(2)]
            await settle(lambda: self.condition.waiting == 2)
            for number in (1, 2):
                async with self.condition.aio as held:
                    items.append(number)
                    held.notify()
            self.assertEqual(sorted(await asyncio.gather(*tasks)), [1, 2])
            async with self.condition.aio as held:
                self.assertEqual(await held.wait_for(lambda: [], 0.02), [])
                self.assertEqual(await held.wait_for(lambda: 5, 0), 5)

        self.run_in_loop(main())

    def test_timeout(self):
        async def main():
            async with self.condition.aio as held:
                begin = time.monotonic()
                self.assertIs(await held.wait(0.05), False)
                self.assertGreaterEqual(time.monotonic() - begin, 0.05)
                self.assertTrue(held.mutex.owned())
                self.assertIs(await held.wait(0), False)
            with self.assertRaises(syncmgr.NotOwner):
                await self.condition.aio.wait()
            self.assertIs(await self.condition.aio.acquire(timeout=0), True)
            self.condition.aio.release()

        self.run_in_loop(main())

    def test_a_cancelled_wait_has_the_mutex_again_before_it_is_told(self):
        seen = []

        async def wait():
            async with self.condition.aio as held:
                try:
                    await held.wait()
                finally:
                    seen.append(held.mutex.owned())

        async def main():
            task = asyncio.create_task(wait())
            await settle(lambda: self.condition.waiting == 1)
            async with self.condition.aio:
                task.cancel()
                await asyncio.sleep(0.02)
                self.assertFalse(task.done(), "it waits for the mutex")
                task.cancel()
                await asyncio.sleep(0.02)
                self.assertFalse(task.done(), "however often it is cancelled")
            with self.assertRaises(asyncio.CancelledError):
                await task
            self.assertEqual(seen, [True])
            self.assertFalse(self.condition.mutex.locked())
            self.assertEqual(self.condition.waiting, 0)

        self.run_in_loop(main())

    def test_asyncio_timeout(self):
        async def main():
            async with self.condition.aio as held:
                with self.assertRaises(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await held.wait()
                self.assertTrue(held.mutex.owned())

        self.run_in_loop(main())

    def test_the_signal_of_a_cancelled_wait_goes_to_the_next(self):
        async def wait():
            async with self.condition.aio as held:
                return await held.wait()

        async def main():
            for late in (False, True):
                first = asyncio.create_task(wait())
                await settle(lambda: self.condition.waiting == 1)
                second = asyncio.create_task(wait())
                await settle(lambda: self.condition.waiting == 2)
                with self.condition:
                    self.condition.notify()
                    if not late:
                        # It has its signal and waits for the mutex.
                        first.cancel()
                # Here it has the mutex too, and the loop has not told it yet.
                first.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await first
                self.assertIs(await second, True)
            self.assertFalse(self.condition.mutex.locked())

        self.run_in_loop(main())
        self.space.check()

    def test_a_recursive_mutex_has_its_depth_again_when_cancelled(self):
        mutex = self.space.workstream("w").mutex("deep", recursive=True)
        condition = mutex._owner.condition("d", mutex)

        async def main():
            mutex.acquire()
            mutex.acquire()
            task = asyncio.create_task(condition.aio.wait())
            await settle(lambda: condition.waiting == 1)
            self.assertFalse(mutex.locked())
            self.assertTrue(await cancelled(task))
            self.assertEqual(mutex.holder.amount, 2)

        self.run_in_loop(main())

    def test_the_death_of_the_mutex_s_owner_is_told(self):
        async def main():
            async with self.condition.aio as held:
                child = self.child("""
                    condition = syncmgr.open(arguments[0]).condition("c")
                    condition.acquire()
                    condition.notify()
                    say("holds")
                    hear()
                """, self.url)
                killer = asyncio.create_task(asyncio.to_thread(self.kill_holder, child))
                self.assertTrue(await held.wait())
                self.assertTrue(held.mutex.recovered)
                await killer
            self.assertFalse(self.condition.mutex.recovered)

        self.run_in_loop(main())

    def kill_holder(self, child):
        self.assertEqual(child.line(), "holds")
        child.kill()

    def test_closing_the_manager_ends_a_wait(self):
        async def main():
            async with self.condition.aio as held:
                asyncio.get_running_loop().call_later(0.02, self.space.close)
                with self.assertRaises(syncmgr.Closed):
                    await held.wait()
                raise KeyError

        with self.assertRaises(syncmgr.Closed):
            self.run_in_loop(main())

    def test_threads_and_tasks_meet_in_one_condition(self):
        condition, items = self.space.condition("c"), []

        def put():
            for number in range(50):
                with condition:
                    items.append(number)
                    condition.notify()

        async def main():
            thread, taken = Background(put), []
            while len(taken) < 50:
                async with condition.aio as held:
                    await held.wait_for(lambda: items)
                    taken.append(items.pop(0))
            thread.result()
            self.assertEqual(taken, list(range(50)))

        self.run_in_loop(main())


if __name__ == "__main__":
    unittest.main()
