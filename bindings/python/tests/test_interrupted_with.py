"""A signal handler that raises at any instant leaves nothing held and loses no grant."""

import gc
import os
import signal
import textwrap
import unittest

from support import SpaceTest, seeded_random

ROUNDS = int(os.environ.get("INTERRUPT_ROUNDS") or 1_500)


HAMMER = """
import select
space = syncmgr.open(arguments[0])
def told(): return bool(select.select([sys.stdin], [], [], 0)[0])
def pause(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end: pass
"""


class Stop(Exception):
    """What the handler raises."""


class RaisingSignals(SpaceTest):
    """Arms a timer for a random instant, and works until its handler raises."""

    deadline_seconds = 60

    def setUp(self):
        super().setUp()
        self.random = seeded_random()
        self.shots = 0
        self.inside_package = 0
        # What a handler raises while the collector runs a finalizer is printed and gone.
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        self.addCleanup(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, self.handle))
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)

    def handle(self, _number, frame):
        # So many for each round: what the test does between the rounds is not interrupted.
        if self.shots:
            self.shots -= 1
            self.inside_package += "src/syncmgr" in frame.f_code.co_filename
            if self.shots:
                # The next one is to hit whatever cleans up after the first.
                self.arm(self.random.uniform(0.000002, 0.00005))
            raise Stop

    def arm(self, delay):
        # Repeated, because some versions of Python forget a signal now and then.
        signal.setitimer(signal.ITIMER_REAL, delay, 0.01)

    def interrupt(self, work, longest, shots):
        """Calls `work()` again and again until the handler raises."""
        delay = self.random.uniform(0.00002, longest)
        try:
            try:
                self.shots = shots
                self.arm(delay)
                while True:
                    work()
            except Stop:
                pass
            self.spend()
        except Stop:
            pass

    def spend(self):
        """Waits for the signals that are left."""
        while self.shots:
            pass

    def rounds(self, work, check, longest=0.0006, shots=1):
        for index in range(ROUNDS):
            self.interrupt(work, longest, shots)
            self.assertIsNone(check(), f"round {index}")
        self.assertGreater(self.inside_package, ROUNDS // 20, "the handler hardly ever hit us")

    def hammer(self, code):
        """A child that contends until it is told to end."""
        child = self.child(HAMMER + textwrap.dedent(code), self.url)
        self.assertEqual(child.line(), "ready")
        return child

    def end(self, child):
        child.tell("end")
        self.assertEqual(child.finish(), 0)
        self.space.check()


class Mutexes(RaisingSignals):
    def not_held(self, mutex):
        return "the mutex is still held" if mutex.owned() else None

    def test_with(self):
        mutex = self.space.mutex("db")

        def work():
            with mutex:
                pass

        self.rounds(work, lambda: self.not_held(mutex))

    def test_with_through_a_workstream(self):
        mutex = self.space.workstream("w").mutex("db")

        def work():
            with mutex:
                pass

        self.rounds(work, lambda: self.not_held(mutex))

    def test_within(self):
        mutex = self.space.mutex("db")

        def work():
            with mutex.within(5):
                pass

        self.rounds(work, lambda: self.not_held(mutex))

    def test_recursive(self):
        mutex = self.space.mutex("db", recursive=True)
        mutex.acquire()

        def work():
            with mutex, mutex:
                pass

        self.rounds(work, lambda: None if mutex.holder.amount == 1 else "the depth is wrong")

    def test_contended(self):
        self.contend(shots=1)

    def test_contended_and_interrupted_twice(self):
        self.contend(shots=2)

    def contend(self, shots):
        mutex = self.space.mutex("db")
        child = self.hammer("""
            mutex = space.mutex("db")
            say("ready")
            while not told():
                with mutex:
                    pause(0.00015)
                pause(0.00005)
        """)

        def work():
            with mutex:
                pass

        self.rounds(work, lambda: self.not_held(mutex), longest=0.002, shots=shots)
        self.end(child)
        self.assertTrue(mutex.acquire(timeout=5))

    def test_acquire_that_raises_has_not_acquired(self):
        mutex = self.space.mutex("db")
        state = {}

        def work():
            state["got"] = False
            state["got"] = mutex.acquire()
            mutex.release()

        def check():
            held, state_got = mutex.owned(), state["got"]
            if held:
                mutex.release()
            return "held by an acquire that raised" if held and not state_got else None

        self.rounds(work, check)


class Others(RaisingSignals):
    def test_semaphore(self):
        semaphore = self.space.semaphore("s", 5)

        def work():
            with semaphore, semaphore.permits(3), semaphore.within(5):
                pass

        self.rounds(work, lambda: None if semaphore.held == 0 else f"{semaphore.held} held")

    def test_contended_semaphore(self):
        semaphore = self.space.semaphore("s", 2)
        child = self.hammer("""
            semaphore = space.semaphore("s", 2)
            say("ready")
            while not told():
                with semaphore.permits(2):
                    pause(0.00015)
                pause(0.00005)
        """)

        def work():
            with semaphore:
                pass

        self.rounds(work, lambda: None if semaphore.held == 0 else f"{semaphore.held} held",
                    longest=0.002)
        self.end(child)
        self.assertEqual(semaphore.available, 2)

    def test_a_set_of_an_event_is_not_lost(self):
        event = self.space.event("e", initially_set=True)
        self.keep_the_token(event.wait, event.set, event.is_set)

    def test_a_permit_of_a_signalling_semaphore_is_not_lost(self):
        semaphore = self.space.semaphore("s", 1, signalling=True)
        self.keep_the_token(semaphore.acquire, semaphore.release, lambda: semaphore.available)
        self.assertEqual(semaphore.available, 1)

    def keep_the_token(self, take, put, is_there):
        state = {"taken": False}

        def work():
            state["taken"] = take()
            put()
            state["taken"] = False

        def check():
            # Interrupted between take and put the token is here: only then may it be missing.
            if is_there():
                state["taken"] = False
                return None
            if not state["taken"]:
                return "the token is gone"
            put()
            state["taken"] = False
            return None

        self.rounds(work, check)

    def test_a_leader_that_is_interrupted_breaks_the_barrier(self):
        barrier = self.space.barrier("b", 1, action=lambda: None)

        def check():
            state = barrier.state
            barrier.reset()
            return None if state.arrived == 0 or state.broken else "nobody is let go"

        self.rounds(barrier.wait, lambda: check())


if __name__ == "__main__":
    unittest.main()
