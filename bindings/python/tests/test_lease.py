"""Lease: a hold that ends by itself."""

import os
import queue
import signal
import time
import unittest

from support import Background, SpaceTest, wait_until
import syncmgr

SHORT = 0.05


class LeaseTest(SpaceTest):
    def setUp(self):
        super().setUp()
        self.mine = self.space.workstream("mine")
        self.other = self.space.workstream("other")

    def lost(self, lock):
        """Waits until the lease of a hold has ended."""
        def ended():
            try:
                lock.lease_remaining
            except syncmgr.Lost:
                return True
            return False

        wait_until(ended, "the lease ends")


class Ending(LeaseTest):
    def test_a_mutex(self):
        lock, next_one = self.mine.mutex("db"), self.other.mutex("db")
        lock.acquire()
        token = lock.token
        lock.lease(SHORT)
        begin = time.monotonic()
        with next_one:
            self.assertGreaterEqual(time.monotonic() - begin, SHORT * 0.9)
            self.assertTrue(next_one.recovered)
            self.assertEqual(next_one.previous_owner.name, "mine")
            self.assertGreater(next_one.token, token)
            self.assertFalse(lock.is_valid(token))
            self.assertRaises(syncmgr.Lost, lock.release)
        self.assertTrue(lock.acquire(timeout=0))

    def test_a_readers_writer_lock(self):
        lock, next_one = self.mine.rwlock("rw"), self.other.rwlock("rw")
        for side, died in ((lock.acquire_write, True), (lock.acquire_read, False)):
            side()
            lock.lease(SHORT)
            with next_one.write(10):
                self.assertIs(next_one.recovered, died)
                self.assertRaises(syncmgr.Lost, lock.release)

    def test_a_semaphore(self):
        permits, next_one = self.mine.semaphore("s", 3), self.other.semaphore("s", 3)
        permits.acquire(2)
        permits.lease(SHORT)
        self.assertTrue(next_one.acquire(3, timeout=10))
        self.assertEqual(permits.held, 0)
        self.assertRaises(syncmgr.Lost, permits.release)

    def test_an_election(self):
        election, next_one = self.mine.election("e"), self.other.election("e")
        election.campaign()
        term = election.term
        election.lease(SHORT)
        self.assertTrue(next_one.campaign(10))
        self.assertFalse(election.is_valid(term))
        self.assertRaises(syncmgr.Lost, election.resign)

    def test_a_with_that_was_too_slow_is_told(self):
        lock = self.mine.mutex("db")
        with self.assertRaises(syncmgr.Lost), lock:
            lock.lease(SHORT)
            self.lost(lock)

    def test_a_notice_tells_it(self):
        lock, notices = self.mine.mutex("db"), queue.SimpleQueue()
        with self.space.on("hold_lost", notices.put):
            lock.acquire()
            lock.lease(SHORT)
            notice = notices.get(timeout=10)
        self.assertEqual((notice.kind, notice.workstream), ("hold_lost", self.mine.id))

    def test_nobody_waits_and_it_ends_all_the_same(self):
        lock = self.mine.mutex("db")
        lock.acquire()
        lock.lease(SHORT)
        wait_until(lambda: not self.other.mutex("db").locked(), "it is free")


class Renewing(LeaseTest):
    def test_renew_begins_it_anew(self):
        lock = self.mine.mutex("db")
        lock.acquire()
        lock.lease(5)
        time.sleep(0.05)
        before = lock.lease_remaining
        self.assertLess(before, 4.96)
        lock.renew()
        self.assertGreater(lock.lease_remaining, before)
        self.assertLessEqual(lock.lease_remaining, 5)

    def test_who_renews_in_time_keeps_it(self):
        lock = self.mine.mutex("db")
        lock.acquire()
        lock.lease(0.5)
        end = time.monotonic() + 1
        while time.monotonic() < end:
            lock.renew()
            time.sleep(0.02)
        lock.release()

    def test_in_the_background(self):
        for lock in (self.mine.mutex("db"), self.mine.rwlock("rw"), self.mine.semaphore("s", 1),
                     self.mine.election("e")):
            take = getattr(lock, "acquire_write", None) or getattr(lock, "acquire", None)
            (take or lock.campaign)()
            lock.lease(0.3, renew=True)
        time.sleep(0.7)
        self.mine.mutex("db").release()
        self.mine.rwlock("rw").release()
        self.mine.semaphore("s").release()
        self.mine.election("e").resign()

    def test_a_stopped_process_loses_what_a_working_one_keeps(self):
        child = self.child("""
            lock = syncmgr.open(arguments[0]).workstream("victim").mutex("db")
            lock.acquire()
            lock.lease(0.3, renew=True)
            say("holds")
            hear()
            try:
                lock.release()
            except syncmgr.Lost:
                say("lost")
        """, self.url)
        self.assertEqual(child.line(), "holds")
        lock = self.mine.mutex("db")
        self.assertFalse(lock.acquire(timeout=0.7), "it works, and keeps it")
        os.kill(child.pid, signal.SIGSTOP)
        with lock.within(10):
            self.assertTrue(lock.recovered)
            self.assertEqual(lock.previous_owner.pid, child.pid)
        os.kill(child.pid, signal.SIGCONT)
        child.tell("go on")
        self.assertEqual(child.line(), "lost")
        self.assertEqual(child.finish(), 0)

    def test_without_a_lease(self):
        lock = self.mine.mutex("db")
        self.assertRaises(syncmgr.NotOwner, lock.lease, 1)
        self.assertRaises(syncmgr.NotOwner, lock.renew)
        self.assertIsNone(lock.lease_remaining)
        with lock:
            self.assertRaises(syncmgr.NotOwner, lock.renew)
            self.assertIsNone(lock.lease_remaining)

    def test_after_the_end(self):
        lock = self.mine.mutex("db")
        lock.acquire()
        lock.lease(SHORT)
        self.lost(lock)
        self.assertRaises(syncmgr.Lost, lock.renew)
        self.assertRaises(syncmgr.Lost, lock.lease, 1)


class Belonging(LeaseTest):
    def test_it_is_gone_with_its_hold(self):
        lock = self.mine.mutex("db")
        with lock:
            lock.lease(SHORT)
        with lock:
            self.assertIsNone(lock.lease_remaining)
            time.sleep(SHORT * 2)

    def test_it_can_be_taken_off(self):
        lock = self.mine.mutex("db")
        with lock:
            lock.lease(SHORT)
            lock.lease(None)
            self.assertIsNone(lock.lease_remaining)
            time.sleep(SHORT * 2)

    def test_a_waiter_that_gets_the_lock_gets_no_lease(self):
        lock = self.mine.mutex("db")
        lock.acquire()
        lock.lease(30, renew=True)
        waiting = Background(self.other.mutex("db").acquire)
        lock.release()
        self.assertTrue(waiting.result())
        self.assertIsNone(self.other.mutex("db").lease_remaining)

    def test_wrong_lengths(self):
        with self.mine.mutex("db") as lock:
            for seconds in (0, 0.0001, -0.5, float("nan")):
                with self.subTest(seconds=seconds):
                    self.assertRaises(ValueError, lock.lease, seconds)
            with self.assertRaises(TypeError) as raised:
                lock.lease("1")
            self.assertMessage(raised, "a lease is a number of seconds")

    def test_without_the_background_thread(self):
        with syncmgr.open(self.url, threads=False) as space, space.mutex("db") as lock:
            self.assertRaises(syncmgr.Unsupported, lock.lease, 1, renew=True)
            lock.lease(30)
            lock.renew()


if __name__ == "__main__":
    unittest.main()
