"""The asyncio forms when a space closes, a loop ends, or several loops run."""

import asyncio
import gc
import threading
import unittest

from support import wait_until
import syncmgr
from test_aio import AioTest


class Ends(AioTest):
    def test_close_ends_all_waits(self):
        mutex = self.space.mutex("db")

        async def main():
            mutex.acquire()
            tasks = [asyncio.create_task(mutex.aio.acquire()) for _ in range(5)]
            await asyncio.sleep(0.02)
            self.space.close()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            self.assertEqual({type(result) for result in results}, {syncmgr.Closed})

        self.run_in_loop(main())

    def test_close_in_another_thread(self):
        mutex = self.space.mutex("db")

        async def main():
            mutex.acquire()
            tasks = [asyncio.create_task(mutex.aio.acquire()) for _ in range(5)]
            await asyncio.sleep(0.02)
            await asyncio.to_thread(self.space.close)
            results = await asyncio.gather(*tasks, return_exceptions=True)
            self.assertEqual({type(result) for result in results}, {syncmgr.Closed})

        self.run_in_loop(main())

    def test_one_loop_after_the_other(self):
        mutex = self.space.mutex("db")

        async def main():
            mutex.acquire()
            threading.Timer(0.01, release).start()
            async with mutex.aio:
                pass

        def release():
            self.space.mutex("db").force_release()

        for _ in range(5):
            with self.assertRaises(syncmgr.Lost):
                self.run_in_loop(main())
                mutex.release()
        wait_until(lambda: self.collected() <= 1, "the queues of the loops are closed")

    def collected(self):
        gc.collect()
        return len(self.space._loops)

    def test_loops_in_two_threads(self):
        mutex, count = self.space.mutex("db"), [0]

        async def work():
            for _ in range(50):
                async with mutex.aio:
                    value = count[0]
                    await asyncio.sleep(0)
                    count[0] = value + 1

        async def main():
            await asyncio.gather(work(), work(), work())

        threads = [threading.Thread(target=self.run_in_loop, args=(main(),)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(40)
        self.assertEqual(count[0], 300)

    def test_without_the_library_s_thread(self):
        child = self.child("""
            mutex = syncmgr.open(arguments[0]).mutex("db")
            mutex.acquire()
            say("holds")
            hear()
            mutex.release()
            say("released")
            hear()
        """, self.url)
        self.assertEqual(child.line(), "holds")

        async def main():
            with syncmgr.open(self.url, threads=False) as space:
                task = asyncio.create_task(space.mutex("db").aio.acquire(timeout=10))
                await asyncio.sleep(0.05)
                child.tell("release")
                self.assertIs(await task, True)

        self.run_in_loop(main())


if __name__ == "__main__":
    unittest.main()
