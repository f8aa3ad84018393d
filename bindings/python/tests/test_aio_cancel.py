"""Cancelling a task races with the grant: whoever wins, nothing is lost and nothing stays held."""

import asyncio
import os
import threading
import unittest

from support import seeded_random
from test_aio import AioTest

ROUNDS = int(os.environ.get("CANCEL_ROUNDS") or 2_000)


class RaceTest(AioTest):
    deadline_seconds = 120
    rounds = ROUNDS

    def setUp(self):
        super().setUp()
        self.random = seeded_random()
        self.granted = self.cancelled = 0

    async def pause(self):
        """From no time at all to a few rounds of the loop."""
        kind = self.random.randrange(4)
        if kind == 1:
            await asyncio.sleep(0)
        elif kind == 2:
            for _ in range(self.random.randrange(200)):
                pass
        elif kind == 3:
            await asyncio.sleep(self.random.random() * 0.0003)

    async def race(self, take, put_back, release):
        """Starts `take`, then releases and cancels in random order, at random distance."""
        task = asyncio.create_task(take())
        await self.pause()
        steps = [release, task.cancel]
        self.random.shuffle(steps)
        for step in steps:
            step()
            await self.pause()
        try:
            await task
            self.granted += 1
            put_back()
        except asyncio.CancelledError:
            self.cancelled += 1

    async def soon(self, condition, what):
        for _ in range(20_000):
            if condition():
                return
            await asyncio.sleep(0)
        self.fail(what)

    def assertBothHappened(self):
        self.assertEqual(self.granted + self.cancelled, self.rounds)
        self.assertGreater(self.cancelled, self.rounds // 20)
        self.assertGreater(self.granted, self.rounds // 20)
        self.space.check()


class CancelRacesGrant(RaceTest):
    def test_mutex(self):
        holder = self.space.workstream("holder").mutex("db")
        waiter = self.space.workstream("waiter").mutex("db")

        async def main():
            for _ in range(self.rounds):
                self.assertTrue(holder.acquire(blocking=False))
                await self.race(waiter.aio.acquire, waiter.release, holder.release)
                await self.soon(lambda: not holder.locked(), "the mutex stayed held")

        self.run_in_loop(main(), 100)
        self.assertBothHappened()

    def test_semaphore(self):
        holder = self.space.workstream("holder").semaphore("s", 4)
        waiter = self.space.workstream("waiter").semaphore("s", 4)

        async def main():
            for _ in range(self.rounds):
                count = self.random.randint(1, 4)
                self.assertTrue(holder.acquire(4, blocking=False))
                await self.race(lambda: waiter.aio.acquire(count), lambda: waiter.release(count),
                                lambda: holder.release(4))
                await self.soon(lambda: holder.available == 4, "permits stayed held")
                self.assertEqual(waiter.held, 0)

        self.run_in_loop(main(), 100)
        self.assertBothHappened()

    def test_event(self):
        event = self.space.event("e")
        waiter = self.space.workstream("waiter").event("e")

        async def main():
            for _ in range(self.rounds):
                await self.race(waiter.aio.wait, event.set, event.set)
                await self.soon(event.is_set, "a set was lost")
                event.clear()

        self.run_in_loop(main(), 100)
        self.assertBothHappened()

    def test_released_by_another_thread(self):
        holder = self.space.workstream("holder").mutex("db")
        waiter = self.space.workstream("waiter").mutex("db")
        go, stop = threading.Semaphore(0), threading.Event()

        def release():
            while go.acquire() and not stop.is_set():
                holder.release()

        thread = threading.Thread(target=release)
        thread.start()
        self.addCleanup(thread.join, 10)
        self.addCleanup(go.release)
        self.addCleanup(stop.set)

        async def main():
            for _ in range(self.rounds):
                self.assertTrue(holder.acquire(blocking=False))
                await self.race(waiter.aio.acquire, waiter.release, go.release)
                await self.soon(lambda: not holder.locked(), "the mutex stayed held")

        self.run_in_loop(main(), 100)
        self.assertBothHappened()


if __name__ == "__main__":
    unittest.main()
