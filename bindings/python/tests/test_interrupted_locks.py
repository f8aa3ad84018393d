"""A signal handler that raises at any instant: readers-writer lock, condition and election."""

import time
import unittest

from support import Background
from test_interrupted_with import ROUNDS, RaisingSignals


class RWLocks(RaisingSignals):
    def not_held(self, lock):
        return "the lock is still held" if lock.owned() else None

    def test_with(self):
        lock = self.space.rwlock("rw")

        def work():
            with lock.read():
                pass
            with lock.write(5):
                pass

        self.rounds(work, lambda: self.not_held(lock))

    def test_contended(self):
        lock = self.space.rwlock("rw")
        child = self.hammer("""
            lock = space.rwlock("rw")
            say("ready")
            while not told():
                with lock.write():
                    pause(0.00015)
                pause(0.00005)
        """)

        def work():
            with lock.read():
                pass
            with lock.write():
                pass

        self.rounds(work, lambda: self.not_held(lock), longest=0.002, shots=2)
        self.end(child)

    def test_an_upgrade_leaves_the_holds_as_they_were(self):
        lock = self.space.rwlock("rw")
        child = self.hammer("""
            lock = space.rwlock("rw")
            say("ready")
            while not told():
                with lock.read():
                    pause(0.00015)
                pause(0.00005)
        """)
        state = {}

        def work():
            state["upgraded"] = False
            lock.acquire_read()
            lock.acquire_read()
            state["upgraded"] = lock.upgrade(5)
            lock.release()

        def check():
            mine = [held.amount for held in lock.readers if held.workstream == me]
            written = lock.writer is not None
            while lock.owned():
                lock.release()
            if written and not state["upgraded"]:
                return "upgraded by an upgrade that raised"
            return None if sum(mine) <= 2 else f"held {mine} times"

        me = self.space.this_workstream().id
        self.rounds(work, check, longest=0.002)
        self.end(child)


class Conditions(RaisingSignals):
    def test_the_mutex_is_held_whatever_a_wait_raises(self):
        condition = self.space.condition("c")
        child = self.hammer("""
            condition = space.condition("c")
            say("ready")
            while not told():
                with condition:
                    condition.notify()
                pause(0.0001)
        """)
        condition.acquire()
        self.rounds(lambda: condition.wait(0.0003),
                    lambda: None if condition.mutex.owned() else "the mutex is not held",
                    longest=0.002)
        condition.release()
        self.end(child)
        self.assertEqual(condition.waiting, 0)

    def test_with(self):
        condition = self.space.condition("c")

        def work():
            with condition:
                condition.wait_for(lambda: False, 0.0001)

        self.rounds(work, lambda: "it is held" if condition.mutex.owned() else None)

    def test_a_signal_is_not_lost_to_a_wait_that_raises(self):
        condition = self.space.condition("c")
        used = 0
        for index in range(ROUNDS // 5):
            state = {"got": False, "over": False, "second": False}

            def first(state=state):
                with condition:
                    state["got"] = condition.wait()
                while True:
                    pass

            def second(state=state):
                while not (condition.waiting or state["over"]):
                    time.sleep(0)
                with condition:
                    state["second"] = True
                    return condition.wait(10)

            def signal(state=state):
                while not state["second"]:
                    time.sleep(0)
                with condition:
                    return condition.notify()

            waiter, signaller = Background(second), Background(signal)
            self.interrupt(first, 0.0005, 1)
            state["over"] = True
            self.assertEqual(signaller.result(), 1)
            if state["got"]:
                used += 1
                self.assertEqual(condition.notify(), 1, "one signal was for both")
            self.assertTrue(waiter.result(), f"round {index}: the signal is lost")
        self.assertIn(used, range(1, ROUNDS // 5))


class Elections(RaisingSignals):
    def test_with(self):
        election = self.space.election("e")
        child = self.hammer("""
            election = space.election("e")
            say("ready")
            while not told():
                with election:
                    pause(0.0001)
                pause(0.00005)
        """)

        def work():
            with election:
                pass

        self.rounds(work, lambda: "it still leads" if election.leading() else None,
                    longest=0.002, shots=2)
        self.end(child)


if __name__ == "__main__":
    unittest.main()
