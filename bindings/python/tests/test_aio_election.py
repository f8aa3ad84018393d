"""Election, once and phaser for asyncio."""

import asyncio
import unittest

from support import cancelled, settle
from test_aio import AioTest
import syncmgr
from syncmgr import aio


class Elections(AioTest):
    def test_tasks_lead_one_after_the_other(self):
        election, terms, leading = self.space.election("e"), [], 0

        async def lead():
            nonlocal leading
            async with election.aio as leader:
                leading += 1
                self.assertEqual(leading, 1)
                self.assertTrue(leader.leading())
                terms.append(leader.term)
                await asyncio.sleep(0)
                leading -= 1

        async def main():
            await asyncio.gather(*(lead() for _ in range(20)))
            self.assertIsNone(election.leader)

        self.run_in_loop(main())
        self.assertEqual(terms, sorted(set(terms)))

    def test_results_and_timeouts(self):
        election = self.space.election("e")

        async def main():
            other = self.space.workstream("other").election("e")
            other.campaign()
            self.assertIs(await election.aio.campaign(0.01), False)
            with self.assertRaises(syncmgr.Timeout):
                async with election.aio.lead(0.01):
                    self.fail("another leads")
            waiting = asyncio.create_task(election.aio.campaign())
            await asyncio.sleep(0.01)
            other.finish("done")
            self.assertIs(await waiting, False)
            self.assertEqual(election.aio.result, b"done")
            for late in (election.aio, election.aio.lead(1)):
                with self.assertRaises(syncmgr.Late):
                    async with late:
                        self.fail("there is a result")
            election.aio.reset()
            async with election.aio.lead() as leader:
                leader.finish(b"")

        self.run_in_loop(main())

    def test_a_cancelled_candidate_does_not_lead(self):
        election = self.space.workstream("w").election("e")
        other = self.space.workstream("other").election("e")

        async def main():
            for late in (False, True):
                other.campaign()
                task = asyncio.create_task(election.aio.campaign())
                await asyncio.sleep(0.01)
                if late:
                    other.resign()
                self.assertTrue(await cancelled(task))
                self.assertFalse(election.leading())
                if not late:
                    other.resign()
            self.assertIsNone(other.leader)

        self.run_in_loop(main())

    def test_once(self):
        calls = []

        async def work():
            calls.append(1)
            await asyncio.sleep(0.02)
            return {"made": 1}

        async def main():
            results = await asyncio.gather(*(aio.once(self.space, "o", work) for _ in range(10)))
            self.assertEqual(results, [{"made": 1}] * 10)
            self.assertEqual(len(calls), 1)
            self.assertEqual(await aio.once(self.space, "o", lambda: 2), {"made": 1})
            self.assertEqual(await aio.once(self.space, "plain", lambda: [2]), [2])
            with self.assertRaises(TypeError):
                await aio.once(self.space, "o", None)

        self.run_in_loop(main())
        self.assertEqual(syncmgr.once(self.space, "o", lambda: 3), {"made": 1})

    def test_once_is_left_to_the_next_when_it_fails_or_is_cancelled(self):
        async def fails():
            await asyncio.sleep(0.02)
            raise KeyError("work")

        async def main():
            first = asyncio.create_task(aio.once(self.space, "o", fails))
            await asyncio.sleep(0.005)
            second = asyncio.create_task(aio.once(self.space, "o", lambda: asyncio.sleep(60)))
            await asyncio.sleep(0.005)
            third = asyncio.create_task(aio.once(self.space, "o", lambda: "third"))
            with self.assertRaises(KeyError):
                await first
            await asyncio.sleep(0.01)
            self.assertFalse(third.done())
            with self.assertRaises(syncmgr.Timeout):
                await aio.once(self.space, "o", lambda: 1, 0.01)
            self.assertTrue(await cancelled(second))
            self.assertEqual(await third, "third")

        self.run_in_loop(main())


class Phasers(AioTest):
    def test_tasks_join_and_leave(self):
        phaser, log = self.space.barrier("p", 0, phaser=True), []

        async def work(phases):
            party = phaser.aio
            party.join()
            for phase in range(phases):
                await party.wait()
                log.append(phase)
            party.leave()

        async def main():
            phaser.aio.join()
            tasks = [asyncio.create_task(work(phases)) for phases in (1, 2, 3)]
            await settle(lambda: phaser.n_waiting == 3)
            phaser.aio.leave()
            await asyncio.gather(*tasks)

        self.run_in_loop(main())
        self.assertEqual(log, sorted(log))
        self.assertEqual((phaser.generation, phaser.parties), (3, 0))

    def test_a_task_that_ends_is_a_party_no_more(self):
        phaser = self.space.barrier("p", 0, phaser=True)

        async def joins():
            phaser.aio.join()

        async def main():
            phaser.aio.join()
            await asyncio.create_task(joins())
            await settle(lambda: phaser.parties == 1)
            self.assertEqual(await phaser.aio.wait(10), 0)

        self.run_in_loop(main())


if __name__ == "__main__":
    unittest.main()
