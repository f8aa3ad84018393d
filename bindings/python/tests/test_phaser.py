"""Phaser: a barrier whose parties join and leave."""

import unittest

from support import Background, SpaceTest, wait_until
import syncmgr


class PhaserTest(SpaceTest):
    def setUp(self):
        super().setUp()
        self.phaser = self.space.barrier("p", 0, phaser=True)

    def party(self, name):
        """A phaser that a workstream of its own has joined."""
        phaser = self.space.workstream(name).barrier("p", 0, phaser=True)
        phaser.join()
        return phaser

    def waiting(self, party):
        before = self.phaser.n_waiting
        thread = Background(party.wait)
        wait_until(lambda: self.phaser.n_waiting == before + 1, "it waits")
        return thread


class Parties(PhaserTest):
    def test_all_who_have_joined_meet(self):
        first, second = self.party("first"), self.party("second")
        self.assertEqual(self.phaser.parties, 2)
        for generation in range(2):
            thread = self.waiting(first)
            self.assertEqual(second.wait(), 1)
            self.assertEqual(thread.result(), 0)
            self.assertEqual(self.phaser.generation, generation + 1)

    def test_who_joins_is_waited_for_from_the_phase_under_way_on(self):
        first = self.party("first")
        first.wait()
        second = self.party("second")
        thread = self.waiting(first)
        third = self.party("third")
        second.arrive()
        self.assertTrue(thread.running())
        self.assertEqual(third.wait(), 2)
        self.assertEqual(thread.result(), 0)

    def test_who_leaves_is_not_waited_for(self):
        first, second = self.party("first"), self.party("second")
        thread = self.waiting(first)
        second.leave()
        self.assertEqual(thread.result(), 0)
        self.assertEqual((self.phaser.parties, self.phaser.generation), (1, 1))
        self.assertRaises(syncmgr.NotOwner, second.leave)
        self.assertRaises(syncmgr.NotOwner, second.wait)

    def test_no_action_runs_when_one_leaves(self):
        log = []
        first, second = self.party("first"), self.space.workstream("second").barrier(
            "p", 0, action=lambda: log.append("action"), phaser=True)
        second.join()
        thread = self.waiting(first)
        second.leave()
        thread.result()
        self.assertEqual(log, [])

    def test_the_last_to_arrive_runs_its_action(self):
        log = []
        first, second = self.party("first"), self.space.workstream("second").barrier(
            "p", 0, action=lambda: log.append("action"), phaser=True)
        second.join()
        thread = self.waiting(first)
        second.wait()
        thread.result()
        self.assertEqual(log, ["action"])

    def test_who_is_a_party_already(self):
        first = self.party("first")
        self.assertRaises(syncmgr.AlreadyArrived, first.join)

    def test_who_waits_does_not_leave(self):
        first, _second = self.party("first"), self.party("second")
        thread = self.waiting(first)
        self.assertRaises(syncmgr.Busy, first.leave)
        self.phaser.abort()
        self.assertRaises(syncmgr.BrokenBarrier, thread.result)

    def test_a_broken_one_is_not_joined(self):
        self.phaser.abort()
        self.assertRaises(syncmgr.BrokenBarrier, self.phaser.join)
        self.phaser.reset()
        self.phaser.join()

    def test_one_that_closes_is_a_party_no_more(self):
        first = self.party("first")
        with self.space.workstream("second") as second:
            second.barrier("p", 0, phaser=True).join()
            thread = self.waiting(first)
        self.assertEqual(thread.result(), 0)
        self.assertEqual(self.phaser.parties, 1)

    def test_parties_that_are_there_besides(self):
        fixed = self.space.barrier("q", 1, phaser=True)
        joined = self.space.workstream("joined").barrier("q", 1, phaser=True)
        joined.join()
        self.assertEqual(fixed.parties, 2)
        thread = Background(fixed.wait)
        wait_until(lambda: fixed.n_waiting == 1, "it waits")
        stranger = self.space.workstream("stranger").barrier("q", phaser=True)
        self.assertRaises(syncmgr.NotOwner, stranger.wait)
        joined.wait()
        thread.result()

    def test_threads_join_through_the_manager(self):
        def work(phases):
            self.phaser.join()
            for _ in range(phases):
                self.phaser.wait()
            self.phaser.leave()

        self.phaser.join()
        threads = [Background(work, phases) for phases in (1, 2, 3)]
        wait_until(lambda: self.phaser.parties == 4, "all have joined")
        self.phaser.leave()
        for thread in threads:
            thread.result()
        self.assertEqual((self.phaser.generation, self.phaser.parties), (3, 0))
        self.space.check()


class Parameters(PhaserTest):
    def test_phaser_is_a_parameter(self):
        self.assertRaises(syncmgr.Mismatch, self.space.barrier, "p", 1)
        self.space.barrier("b", 2)
        self.assertRaises(syncmgr.Mismatch, self.space.barrier, "b", 2, phaser=True)

    def test_a_barrier_of_fixed_parties(self):
        barrier = self.space.barrier("b", 2)
        self.assertRaises(syncmgr.Unsupported, barrier.join)
        self.assertRaises(NotImplementedError, barrier.leave)
        self.assertRaises(syncmgr.InvalidArgument, self.space.barrier, "none", 0)


class Death(PhaserTest):
    def victim(self):
        child = self.child("""
            phaser = syncmgr.open(arguments[0]).barrier("p", 0, phaser=True)
            phaser.join()
            say("joined")
            if hear() == "leave":
                phaser.leave()
                say("left")
            hear()
        """, self.url)
        self.assertEqual(child.line(), "joined")
        return child

    def test_one_whose_process_dies_is_a_party_no_more(self):
        child = self.victim()
        first = self.party("first")
        self.assertEqual(self.phaser.parties, 2)
        child.kill()
        wait_until(lambda: self.space.cleanup() or self.phaser.parties == 1, "it is gone")
        self.assertFalse(self.phaser.broken, "nobody had waited")
        self.assertEqual(first.wait(), 0)

    def test_others_who_wait_when_it_dies_are_told(self):
        child = self.victim()
        first = self.party("first")
        thread = self.waiting(first)
        child.kill()
        self.assertRaises(syncmgr.BrokenBarrier, thread.result)
        self.phaser.reset()
        self.assertEqual(self.phaser.parties, 1)
        self.space.check()

    def test_a_process_leaves(self):
        child = self.victim()
        thread = self.waiting(self.party("first"))
        child.tell("leave")
        self.assertEqual(child.line(), "left")
        self.assertEqual(thread.result(), 0)


if __name__ == "__main__":
    unittest.main()
