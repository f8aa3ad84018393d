"""Semaphore."""

import time
import unittest

from support import Background, SpaceTest, wait_until
import syncmgr


class Basics(SpaceTest):
    def setUp(self):
        super().setUp()
        self.semaphore = self.space.semaphore("s", 3)
        self.other = self.space.workstream("other").semaphore("s", 3)

    def test_acquire_and_release(self):
        self.assertIs(self.semaphore.acquire(), True)
        self.assertIs(self.semaphore.acquire(2), True)
        self.assertEqual((self.semaphore.available, self.semaphore.held, self.other.held),
                         (0, 3, 0))
        self.assertIsNone(self.semaphore.release())
        self.semaphore.release(2)
        self.assertEqual((self.semaphore.available, self.semaphore.held), (3, 0))

    def test_all_or_none(self):
        self.other.acquire(2)
        self.assertFalse(self.semaphore.acquire(2, blocking=False))
        self.assertFalse(self.semaphore.acquire(2, timeout=0.02))
        self.assertEqual((self.semaphore.available, self.semaphore.held), (1, 0))

    def test_try_and_timeout(self):
        self.other.acquire(3)
        self.assertIs(self.semaphore.acquire(blocking=False), False)
        self.assertIs(self.semaphore.acquire(timeout=0), False)
        begin = time.monotonic()
        self.assertIs(self.semaphore.acquire(timeout=0.1), False)
        self.assertGreaterEqual(time.monotonic() - begin, 0.1)
        self.assertRaises(ValueError, self.semaphore.acquire, timeout=float("nan"))
        self.assertRaises(ValueError, self.semaphore.acquire, 1, False, 2)

    def test_a_waiter_gets_it(self):
        self.other.acquire(2)
        waiting = Background(self.semaphore.acquire, 2)
        time.sleep(0.05)
        self.assertTrue(waiting.running())
        self.other.release()
        self.assertTrue(waiting.result())

    def test_with(self):
        with self.semaphore as semaphore:
            self.assertIs(semaphore, self.semaphore)
            self.assertEqual(self.semaphore.held, 1)
            with self.semaphore:
                self.assertEqual(self.semaphore.held, 2)
        self.assertEqual(self.semaphore.available, 3)

    def test_with_releases_after_an_error(self):
        with self.assertRaises(KeyError), self.semaphore:
            raise KeyError("x")
        with self.assertRaises(KeyError), self.semaphore.permits(2):
            raise KeyError("x")
        self.assertEqual(self.semaphore.available, 3)

    def test_permits(self):
        with self.semaphore.permits(2) as semaphore:
            self.assertIs(semaphore, self.semaphore)
            self.assertEqual(self.semaphore.held, 2)
            with self.assertRaises(syncmgr.Timeout) as raised:
                with self.other.permits(2, timeout=0.02):
                    self.fail("entered")
            self.assertMessage(raised, "'s'", "2", "0.02")
            with self.other.within(1):
                self.assertEqual(self.semaphore.available, 0)
        self.assertEqual(self.semaphore.available, 3)

    def test_more_than_there_are(self):
        self.assertRaises(syncmgr.InvalidArgument, self.semaphore.acquire, 4)
        self.assertRaises(syncmgr.InvalidArgument, self.semaphore.permits(4).__enter__)

    def test_waiting_for_oneself(self):
        self.semaphore.acquire(2)
        self.assertRaises(syncmgr.Deadlock, self.semaphore.acquire, 2)

    def test_release_of_what_is_not_held(self):
        self.assertRaises(syncmgr.NotOwner, self.semaphore.release)
        self.semaphore.acquire()
        self.assertRaises(syncmgr.NotOwner, self.semaphore.release, 2)
        self.assertEqual(self.semaphore.held, 1)

    def test_holders(self):
        self.assertEqual(self.semaphore.holders, [])
        self.semaphore.acquire()
        self.other.acquire(2)
        self.assertEqual({(holder.name, holder.amount) for holder in self.semaphore.holders},
                         {("other", 2), (self.space.this_workstream().name, 1)})

    def test_many_holders(self):
        wide = self.space.semaphore("wide", 100)
        holders = [self.space.workstream(f"holder-{n}").semaphore("wide") for n in range(40)]
        for holder in holders:
            holder.acquire()
        self.assertEqual({holder.name for holder in wide.holders},
                         {f"holder-{n}" for n in range(40)})

    def test_closing_a_workstream_gives_back(self):
        with self.space.workstream("short") as short:
            short.semaphore("s", 3).acquire(3)
            self.assertEqual(self.semaphore.available, 0)
        self.assertEqual(self.semaphore.available, 3)

    def test_threads_hold_their_own(self):
        self.semaphore.acquire(1)
        self.assertEqual(Background(lambda: self.semaphore.held).result(), 0)
        with self.assertRaises(syncmgr.NotOwner):
            Background(self.semaphore.release).result()


class Signalling(SpaceTest):
    def test_anybody_may_release(self):
        semaphore = self.space.semaphore("s", 0, signalling=True)
        waiting = Background(semaphore.acquire, 2)
        semaphore.release()
        time.sleep(0.02)
        self.assertTrue(waiting.running())
        semaphore.release()
        self.assertTrue(waiting.result())
        self.assertEqual((semaphore.available, semaphore.held), (0, 0))

    def test_too_many(self):
        semaphore = self.space.semaphore("s", 1, signalling=True)
        with self.assertRaises(syncmgr.OutOfRange) as raised:
            semaphore.release(2**30 - 1)
        self.assertIsInstance(raised.exception, OverflowError)
        self.assertEqual(semaphore.available, 1)


class Limits(SpaceTest):
    def test_never_more_than_the_permits_are_inside(self):
        semaphore, inside, most = self.space.semaphore("s", 2, fair=True), [0], [0]
        guard = self.space.mutex("guard")

        def work():
            for _ in range(40):
                with semaphore:
                    with guard:
                        inside[0] += 1
                        most[0] = max(most[0], inside[0])
                    time.sleep(0.0005)
                    with guard:
                        inside[0] -= 1

        threads = [Background(work) for _ in range(5)]
        for thread in threads:
            thread.result(40)
        self.assertEqual(most[0], 2)
        wait_until(lambda: semaphore.available == 2, "all permits are back")


if __name__ == "__main__":
    unittest.main()
