"""Several locks at once."""

import gc
import random
import signal
import threading
import time
import unittest

from support import Background, SpaceTest, wait_until
import syncmgr


class LockManyTest(SpaceTest):
    def setUp(self):
        super().setUp()
        self.a, self.b = self.space.mutex("a"), self.space.mutex("b")
        self.s = self.space.semaphore("s", 3)
        self.rw = self.space.rwlock("rw")

    def assertFree(self):
        self.assertFalse(self.a.locked() or self.b.locked(), "a mutex is held")
        self.assertEqual(self.s.available, 3)
        self.assertTrue(self.rw.writer is None and not self.rw.readers, "the rwlock is held")


class Basics(LockManyTest):
    def test_all_kinds_are_held_together(self):
        with syncmgr.lock_many(self.rw.write(), self.b, self.s.permits(2), self.a) as held:
            self.assertTrue(self.a.owned() and self.b.owned() and self.rw.writer)
            self.assertEqual(self.s.held, 2)
            self.assertFalse(held.recovered)
        self.assertFree()
        with syncmgr.lock_many(self.s, self.rw.read()):
            self.assertEqual((self.s.held, len(self.rw.readers)), (1, 1))
        self.assertFree()

    def test_it_can_be_used_again_and_without_with(self):
        many = syncmgr.lock_many(self.a, self.b)
        for _ in range(3):
            with many:
                self.assertTrue(self.b.owned())
            self.assertTrue(many.acquire())
            self.assertTrue(self.a.owned())
            many.release()
            self.assertFree()
        self.assertRaises(syncmgr.NotOwner, many.release)

    def test_none_is_held_when_one_is_not_free(self):
        for held in (self.a, self.b):
            other = self.space.workstream().mutex(held.name)
            other.acquire()
            begin = time.monotonic()
            with self.assertRaises(syncmgr.Timeout):
                with syncmgr.lock_many(self.b, self.s, self.a, timeout=0.05):
                    self.fail("not all were free")
            self.assertGreaterEqual(time.monotonic() - begin, 0.05)
            self.assertFalse(syncmgr.lock_many(self.a, self.b).acquire(blocking=False))
            self.assertFalse(syncmgr.lock_many(self.a, self.b).acquire(timeout=0.02))
            other.release()
            self.assertFree()

    def test_mistakes(self):
        with self.assertRaises(TypeError):
            syncmgr.lock_many(self.a, self.rw).acquire()
        with self.assertRaises(TypeError):
            syncmgr.lock_many(self.a, self.space.event("e")).acquire()
        self.assertRaises(ValueError, syncmgr.lock_many)
        self.assertRaises(ValueError, syncmgr.lock_many, self.a, timeout=-2)
        with self.assertRaises(syncmgr.InvalidArgument):
            syncmgr.lock_many(self.a, self.b, self.a).acquire()
        with self.assertRaises(syncmgr.InvalidArgument):
            syncmgr.lock_many(self.a, self.space.workstream().mutex("b")).acquire()
        with self.a:
            with self.assertRaises(syncmgr.Deadlock):
                syncmgr.lock_many(self.s, self.a).acquire()
        with self.assertRaises(syncmgr.InvalidArgument):
            syncmgr.lock_many(self.a, self.s.permits(4)).acquire()
        self.assertFree()

    def test_threads_that_list_them_in_any_order_go_on(self):
        locks = [self.space.mutex(f"m{number}") for number in range(4)]
        counts = [0] * 4

        def work(seed):
            choice = random.Random(seed)
            for _ in range(60):
                chosen = choice.sample(range(4), choice.choice((2, 3)))
                with syncmgr.lock_many(*(locks[number] for number in chosen)):
                    before = [counts[number] for number in chosen]
                    time.sleep(0)
                    for number, count in zip(chosen, before):
                        counts[number] = count + 1
            return sum(1 for _ in range(60))

        threads = [Background(work, seed) for seed in range(4)]
        for thread in threads:
            thread.result(50)
        self.assertGreaterEqual(sum(counts), 4 * 60 * 2)
        self.space.check()

    def test_a_with_keeps_what_it_holds(self):
        with syncmgr.lock_many(self.space.workstream("w").mutex("x"), timeout=5):
            gc.collect()
            self.assertTrue(self.space.mutex("x").locked())
        self.assertFalse(self.space.mutex("x").locked())


class Death(LockManyTest):
    CHILD = """
        space = syncmgr.open(arguments[0])
        with syncmgr.lock_many(space.mutex("a"), space.semaphore("s", 3).permits(2),
                               space.rwlock("rw").write()):
            say("holds")
            hear()
    """

    def test_what_the_dead_held_is_inherited(self):
        child = self.child(self.CHILD, self.url)
        child.line()
        many = syncmgr.lock_many(self.rw.write(), self.a, self.b, self.s.permits(3), timeout=10)
        waiting = Background(self.take, many)
        time.sleep(0.05)
        self.assertTrue(waiting.running())
        child.kill()
        self.assertEqual(waiting.result(), (True, True, False, True))
        with many as held:
            self.assertFalse(held.recovered)
        self.assertFree()

    def take(self, many):
        with many as held:
            return held.recovered, self.a.recovered, self.b.recovered, self.rw.recovered

    def test_a_death_inherited_in_vain_is_told_to_the_next(self):
        child = self.child(self.CHILD, self.url)
        child.line()
        child.kill()
        self.space.cleanup()
        other = self.space.workstream().mutex("b")
        other.acquire()
        self.assertFalse(syncmgr.lock_many(self.a, self.b, self.rw.write()).acquire(timeout=0.02))
        other.release()
        with self.a:
            self.assertTrue(self.a.recovered)
        with self.rw.write():
            self.assertTrue(self.rw.recovered)
        self.assertFree()


class Interrupted(LockManyTest):
    def test_a_signal_leaves_nothing_held(self):
        class Stop(Exception):
            pass

        def stop(*_):
            raise Stop

        previous = signal.signal(signal.SIGALRM, stop)
        self.addCleanup(signal.signal, signal.SIGALRM, previous)
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)
        other = self.space.workstream().mutex("b")
        choice = random.Random(7)
        stopped = 0
        for number in range(300):
            blocked = number % 3 == 0
            if blocked:
                other.acquire()
            try:
                signal.setitimer(signal.ITIMER_REAL, choice.uniform(1e-6, 3e-4))
                try:
                    with syncmgr.lock_many(self.rw.write(), self.b, self.s.permits(2), self.a):
                        while True:
                            time.sleep(0.001)
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except Stop:
                stopped += 1
            if blocked:
                other.release()
            self.assertFree()
        self.assertEqual(stopped, 300)
        self.space.check()


if __name__ == "__main__":
    unittest.main()
