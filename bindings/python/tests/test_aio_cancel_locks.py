"""Cancelling races with the grant: readers-writer lock, condition and election."""

import asyncio
import unittest

from test_aio_cancel import ROUNDS, RaceTest


class CancelRacesGrant(RaceTest):
    rounds = ROUNDS // 2

    def test_rwlock(self):
        holder = self.space.workstream("holder").rwlock("rw")
        waiter = self.space.workstream("waiter").rwlock("rw")

        async def main():
            for number in range(self.rounds):
                self.assertTrue(holder.acquire_write(blocking=False))
                take = (waiter.aio.acquire_read, waiter.aio.acquire_write)[number % 2]
                await self.race(take, waiter.release, holder.release)
                await self.soon(lambda: not waiter.owned(), "the lock stayed held")

        self.run_in_loop(main(), 100)
        self.assertBothHappened()

    def test_upgrade(self):
        holder = self.space.workstream("holder").rwlock("rw")
        waiter = self.space.workstream("waiter").rwlock("rw")

        async def main():
            for number in range(self.rounds):
                holds = 1 + number % 3
                self.assertTrue(holder.acquire_read(blocking=False))
                for _ in range(holds):
                    self.assertTrue(waiter.acquire_read(blocking=False))
                before = self.granted
                await self.race(waiter.aio.upgrade, waiter.release, holder.release)
                if self.granted == before:
                    [held] = waiter.readers
                    self.assertEqual(held.amount, holds, "not held as before")
                    for _ in range(holds):
                        waiter.release()
                self.assertFalse(waiter.owned())

        self.run_in_loop(main(), 100)
        self.assertBothHappened()

    def test_election(self):
        holder = self.space.workstream("holder").election("e")
        waiter = self.space.workstream("waiter").election("e")

        async def main():
            for _ in range(self.rounds):
                self.assertTrue(holder.campaign(0))
                await self.race(waiter.aio.campaign, waiter.resign, holder.resign)
                await self.soon(lambda: waiter.leader is None, "somebody leads")

        self.run_in_loop(main(), 100)
        self.assertBothHappened()

    def test_condition(self):
        first = self.space.workstream("first").condition("c")
        second = self.space.workstream("second").condition("c")
        signals = self.space.condition("c")

        async def wait_in(condition):
            async with condition.aio as held:
                try:
                    return await held.wait()
                except asyncio.CancelledError:
                    self.assertTrue(held.mutex.owned(), "cancelled without the mutex")
                    raise

        async def main():
            for _ in range(self.rounds):
                tasks = []
                for condition in (first, second):
                    tasks.append(asyncio.create_task(wait_in(condition)))
                    await self.soon(lambda: signals.waiting == len(tasks), "they wait")
                steps = [signals.notify, tasks[0].cancel]
                self.random.shuffle(steps)
                for step in steps:
                    step()
                    await self.pause()
                try:
                    self.assertTrue(await tasks[0])
                    self.granted += 1
                    self.assertEqual(signals.notify(), 1, "one signal was for both")
                except asyncio.CancelledError:
                    self.cancelled += 1
                # A signal that the first did not use went to the second.
                self.assertTrue(await asyncio.wait_for(tasks[1], 10))
                self.assertFalse(signals.mutex.locked())

        self.run_in_loop(main(), 100)
        self.assertBothHappened()


if __name__ == "__main__":
    unittest.main()
