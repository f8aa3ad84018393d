"""Barrier."""

import threading
import time
import unittest

from support import Background, SpaceTest, wait_until
import syncmgr


class BarrierTest(SpaceTest):
    def setUp(self):
        super().setUp()
        self.barrier = self.space.barrier("b", 3)

    def waiting(self, number, timeout=None):
        """Threads that wait, one after the other in the order of their arrival."""
        threads = []
        for count in range(1, number + 1):
            threads.append(Background(self.barrier.wait, timeout))
            wait_until(lambda: self.barrier.n_waiting == count, f"{count} wait")
        return threads


class Meeting(BarrierTest):
    def test_all_go_on_when_the_last_arrives(self):
        self.assertEqual(self.barrier.parties, 3)
        for generation in range(3):
            self.assertEqual(self.barrier.generation, generation)
            threads = self.waiting(2)
            self.assertEqual(self.barrier.wait(), 2)
            self.assertEqual([thread.result() for thread in threads], [0, 1])
        self.assertEqual((self.barrier.n_waiting, self.barrier.broken), (0, False))

    def test_nobody_is_a_cycle_ahead(self):
        position, failures = [0, 0, 0], []

        def work(me):
            for cycle in range(300):
                position[me] = cycle
                self.barrier.wait()
                if min(position) < cycle:
                    failures.append((cycle, list(position)))
                self.barrier.wait()

        threads = [Background(work, me) for me in range(3)]
        for thread in threads:
            thread.result(40)
        self.assertEqual(failures, [])
        self.assertEqual(self.barrier.generation, 600)

    def test_a_try_changes_nothing(self):
        with self.assertRaises(syncmgr.Timeout):
            self.barrier.wait(0)
        self.assertEqual((self.barrier.n_waiting, self.barrier.broken), (0, False))
        threads = self.waiting(2)
        self.assertEqual(self.barrier.wait(0), 2)
        self.assertEqual([thread.result() for thread in threads], [0, 1])

    def test_arrive(self):
        self.assertEqual(self.barrier.arrive(), 0)
        self.assertRaises(syncmgr.AlreadyArrived, self.barrier.arrive)
        self.assertRaises(syncmgr.AlreadyArrived, self.barrier.wait)
        threads = [Background(self.barrier.wait) for _ in range(2)]
        self.assertEqual(sorted(thread.result() for thread in threads), [1, 2])
        self.assertEqual(self.barrier.generation, 1)


class Breaking(BarrierTest):
    def test_timeout(self):
        waiting = self.waiting(1)
        with self.assertRaises(syncmgr.Timeout):
            self.barrier.wait(0.03)
        with self.assertRaises(syncmgr.BrokenBarrier) as raised:
            waiting[0].result()
        self.assertIsInstance(raised.exception, threading.BrokenBarrierError)
        self.assertTrue(self.barrier.broken)
        self.assertRaises(syncmgr.BrokenBarrier, self.barrier.wait)
        self.assertRaises(syncmgr.BrokenBarrier, self.barrier.arrive)

    def test_abort_and_reset(self):
        waiting = self.waiting(2)
        self.barrier.abort()
        for thread in waiting:
            self.assertRaises(syncmgr.BrokenBarrier, thread.result)
        self.assertIn("broken", repr(self.barrier))
        self.barrier.reset()
        self.assertFalse(self.barrier.broken)
        waiting = self.waiting(2)
        self.assertEqual(self.barrier.wait(), 2)
        for thread in waiting:
            thread.result()

    def test_reset_with_waiters(self):
        waiting = self.waiting(2)
        self.barrier.reset()
        for thread in waiting:
            self.assertRaises(syncmgr.BrokenBarrier, thread.result)
        self.assertFalse(self.barrier.broken)
        self.assertEqual(self.barrier.generation, 0)

    def test_close_of_a_waiting_workstream(self):
        party = self.space.workstream("party")
        thread = Background(party.barrier("b", 3).wait)
        wait_until(lambda: self.barrier.n_waiting == 1, "it waits")
        waiting = Background(self.barrier.wait)
        wait_until(lambda: self.barrier.n_waiting == 2, "both wait")
        party.close()
        self.assertRaises(syncmgr.Closed, thread.result)
        self.assertRaises(syncmgr.BrokenBarrier, waiting.result)


class Action(SpaceTest):
    def test_the_last_runs_it_before_the_others_go_on(self):
        log = []

        def action():
            time.sleep(0.05)
            log.append("action")

        barrier = self.space.barrier("b", 3, action=action)

        def work():
            barrier.wait()
            log.append("on")

        for _ in range(3):
            threads = [Background(work) for _ in range(3)]
            for thread in threads:
                thread.result()
            self.assertEqual(log, ["action", "on", "on", "on"])
            log.clear()

    def test_arrive_runs_it(self):
        log = []
        barrier = self.space.barrier("b", 2, action=lambda: log.append("action"))
        waiting = Background(barrier.wait)
        wait_until(lambda: barrier.n_waiting == 1, "one waits")
        barrier.arrive()
        waiting.result()
        self.assertEqual(log, ["action"])

    def test_an_action_that_raises_breaks_the_barrier(self):
        def action():
            raise KeyError("action")

        barrier = self.space.barrier("b", 2, action=action)
        waiting = Background(barrier.wait)
        wait_until(lambda: barrier.n_waiting == 1, "one waits")
        self.assertRaises(KeyError, barrier.wait)
        self.assertRaises(syncmgr.BrokenBarrier, waiting.result)
        self.assertTrue(barrier.broken)

    def test_the_last_one_s_own_action_is_run(self):
        log = []
        with_action = self.space.barrier("b", 2, action=lambda: log.append("action"))
        without = self.space.barrier("b", 2)
        waiting = Background(with_action.wait)
        wait_until(lambda: without.n_waiting == 1, "one waits")
        self.assertEqual(without.wait(), 1)
        waiting.result()
        self.assertEqual(log, [])

    def test_the_action_may_use_the_library(self):
        mutex = self.space.mutex("db")

        def action():
            with mutex:
                pass

        barrier = self.space.barrier("b", 1, action=action)
        self.assertEqual(barrier.wait(), 0)


if __name__ == "__main__":
    unittest.main()
