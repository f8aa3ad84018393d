"""Readers-writer lock and lease for asyncio."""

import asyncio
import time
import unittest

from support import cancelled
from test_aio import AioTest
import syncmgr


class RWLocks(AioTest):
    def test_tasks_read_together_and_write_alone(self):
        lock = self.space.rwlock("rw")
        state = {"readers": 0, "writers": 0, "together": 0}

        async def read():
            for _ in range(20):
                async with lock.aio.read():
                    state["readers"] += 1
                    state["together"] = max(state["together"], state["readers"])
                    await asyncio.sleep(0)
                    self.assertEqual(state["writers"], 0)
                    state["readers"] -= 1

        async def write():
            for _ in range(20):
                async with lock.aio.write() as held:
                    self.assertTrue(held.owned())
                    state["writers"] += 1
                    await asyncio.sleep(0)
                    self.assertEqual((state["writers"], state["readers"]), (1, 0))
                    state["writers"] -= 1

        async def main():
            await asyncio.gather(*(work() for work in (read, write, read, read, write)))

        self.run_in_loop(main())
        self.assertGreater(state["together"], 1)
        self.space.check()

    def test_timeouts(self):
        lock = self.space.rwlock("rw")

        async def main():
            with lock.write():
                self.assertIs(await lock.aio.acquire_read(timeout=0), False)
                self.assertIs(await lock.aio.acquire_write(timeout=0.01), False)
                with self.assertRaises(syncmgr.Timeout):
                    async with lock.aio.read(0.01):
                        self.fail("it is held")
            self.assertIs(await lock.aio.acquire_write(), True)
            with self.assertRaises(syncmgr.Deadlock):
                await lock.aio.acquire_read()
            lock.aio.release()

        self.run_in_loop(main())

    def test_upgrade_and_downgrade(self):
        lock = self.space.rwlock("rw")
        other = self.space.workstream("other").rwlock("rw")

        async def main():
            async with lock.aio.read() as held:
                other.acquire_read()
                self.assertIs(await held.upgrade(0), False)
                self.assertIs(await held.upgrade(0.01), False)
                upgrade = asyncio.create_task(self.space.workstream("x").rwlock("rw").aio.upgrade())
                with self.assertRaises(syncmgr.NotOwner):
                    await upgrade
                asyncio.get_running_loop().call_later(0.02, other.release)
                self.assertIs(await held.upgrade(), True)
                self.assertIsNotNone(held.writer)
                held.downgrade()
                self.assertEqual(len(held.readers), 1)

        self.run_in_loop(main())
        self.assertFalse(lock.readers)

    def test_a_cancelled_upgrade_leaves_the_holds_for_reading(self):
        lock = self.space.workstream("mine").rwlock("rw")
        other = self.space.workstream("other").rwlock("rw")

        async def main():
            for late in (False, True):
                for _ in range(3):
                    await lock.aio.acquire_read()
                other.acquire_read()
                task = asyncio.create_task(lock.aio.upgrade())
                await asyncio.sleep(0.01)
                if late:
                    other.release()  # granted before the loop can hear of it
                self.assertTrue(await cancelled(task))
                [mine] = [held for held in lock.readers if held.name == "mine"]
                self.assertEqual(mine.amount, 3)
                for _ in range(3):
                    lock.release()
                if not late:
                    other.release()
            self.assertTrue(other.acquire_write(blocking=False))

        self.run_in_loop(main())
        self.space.check()

    def test_the_death_of_a_writer_is_told_and_not_lost_with_a_cancelled_wait(self):
        child = self.child("""
            lock = syncmgr.open(arguments[0]).rwlock("rw")
            lock.acquire_write()
            say("holds")
            hear()
        """, self.url)
        self.assertEqual(child.line(), "holds")

        async def main():
            lock = self.space.workstream("cancelled").rwlock("rw")
            task = asyncio.create_task(lock.aio.acquire_write())
            await asyncio.sleep(0)
            child.kill()
            while not lock.owned():
                time.sleep(0.001)
            self.assertTrue(await cancelled(task))
            async with self.space.rwlock("rw").aio.write(10) as held:
                self.assertTrue(held.recovered)

        self.run_in_loop(main())

    def test_what_a_task_holds_is_released_at_its_end(self):
        lock = self.space.rwlock("rw")

        async def takes():
            await lock.aio.acquire_read()

        async def main():
            await asyncio.create_task(takes())
            self.assertTrue(await lock.aio.acquire_write(timeout=10))

        self.run_in_loop(main())


class Leases(AioTest):
    def test_a_lease_ends_and_is_renewed(self):
        async def main():
            async with self.space.mutex("db").aio as lock:
                lock.lease(5)
                lock.renew()
                self.assertGreater(lock.lease_remaining, 4)
            lock = self.space.rwlock("rw").aio
            await lock.acquire_write()
            lock.lease(0.05)
            other = self.space.workstream("other").rwlock("rw")
            self.assertTrue(await other.aio.acquire_write(10))
            self.assertTrue(other.recovered)
            with self.assertRaises(syncmgr.Lost):
                lock.release()

        self.run_in_loop(main())


if __name__ == "__main__":
    unittest.main()
