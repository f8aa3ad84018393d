"""Mutex."""

import threading
import time
import unittest

from support import Background, SpaceTest, wait_until
import syncmgr


class Basics(SpaceTest):
    def setUp(self):
        super().setUp()
        self.mutex = self.space.mutex("db")
        self.other = self.space.workstream("other").mutex("db")

    def test_acquire_and_release(self):
        self.assertFalse(self.mutex.locked())
        self.assertIs(self.mutex.acquire(), True)
        self.assertTrue(self.mutex.locked())
        self.assertTrue(self.mutex.owned())
        self.assertFalse(self.other.owned())
        self.assertIsNone(self.mutex.release())
        self.assertFalse(self.mutex.locked())

    def test_with(self):
        with self.mutex as mutex:
            self.assertIs(mutex, self.mutex)
            self.assertTrue(mutex.owned())
        self.assertFalse(self.mutex.locked())

    def test_with_releases_after_an_error_and_passes_it_on(self):
        class Unhashable(Exception):
            __hash__ = None

        for error in (KeyError("x"), Unhashable("x"), KeyboardInterrupt()):
            with self.assertRaises(type(error)), self.mutex:
                raise error
            self.assertFalse(self.mutex.locked())

    def test_with_tells_what_went_wrong_at_its_end(self):
        with self.assertRaises(syncmgr.NotOwner), self.mutex:
            self.mutex.release()
        with self.assertRaises(syncmgr.Lost), self.mutex:
            self.other.force_release()
        self.assertFalse(self.mutex.owned())

    def test_try(self):
        self.other.acquire()
        self.assertIs(self.mutex.acquire(blocking=False), False)
        self.assertIs(self.mutex.acquire(False), False)
        self.assertIs(self.mutex.acquire(timeout=0), False)
        self.other.release()
        self.assertIs(self.mutex.acquire(False), True)

    def test_timeout(self):
        self.other.acquire()
        begin = time.monotonic()
        self.assertIs(self.mutex.acquire(timeout=0.1), False)
        self.assertGreaterEqual(time.monotonic() - begin, 0.1)
        self.assertLess(time.monotonic() - begin, 5)

    def test_bad_timeouts_are_refused_even_when_it_is_free(self):
        for timeout in (float("nan"), -2, "1"):
            with self.assertRaises((ValueError, TypeError)):
                self.mutex.acquire(timeout=timeout)
            with self.assertRaises((ValueError, TypeError)):
                self.mutex.within(timeout)
        with self.assertRaises(ValueError):
            self.mutex.acquire(False, 1)
        self.assertFalse(self.mutex.locked())

    def test_a_very_long_timeout_is_long(self):
        self.other.acquire()
        for timeout in (9e9, float("inf"), 1e300):
            waiting = Background(self.space.mutex("db").acquire, True, timeout)
            time.sleep(0.02)
            self.assertTrue(waiting.running())
            self.other.release()
            self.assertTrue(waiting.result())
            wait_until(lambda: self.other.acquire(False), "the thread's workstream ended")

    def test_within(self):
        with self.mutex.within(0.5) as mutex:
            self.assertIs(mutex, self.mutex)
            with self.assertRaises(syncmgr.Timeout) as raised:
                with self.other.within(0.02):
                    self.fail("entered")
            self.assertIsInstance(raised.exception, TimeoutError)
            self.assertMessage(raised, "db", "0.02")
        self.assertFalse(self.mutex.locked())

    def test_a_waiter_gets_it(self):
        self.other.acquire()
        waiting = Background(self.mutex.acquire)
        time.sleep(0.05)
        self.assertTrue(waiting.running())
        self.other.release()
        self.assertTrue(waiting.result())

    def test_waiting_lets_other_threads_run(self):
        self.other.acquire()
        waiting = Background(self.mutex.acquire, True, 5)
        begin, rounds = time.monotonic(), 0
        while time.monotonic() - begin < 0.2:
            rounds += 1
        self.other.release()
        self.assertTrue(waiting.result())
        self.assertGreater(rounds, 1000)

    def test_self_lock_is_a_deadlock_at_once(self):
        self.mutex.acquire()
        with self.assertRaises(syncmgr.Deadlock) as raised:
            self.mutex.acquire()
        self.assertIsInstance(raised.exception, RuntimeError)
        self.assertEqual((raised.exception.code, raised.exception.status), ("E_DEADLOCK", -7))
        self.assertTrue(self.mutex.owned())

    def test_release_of_what_is_not_held(self):
        with self.assertRaises(syncmgr.NotOwner) as raised:
            self.mutex.release()
        self.assertIsInstance(raised.exception, RuntimeError)
        self.assertMessage(raised, "db")
        self.other.acquire()
        self.assertRaises(syncmgr.NotOwner, self.mutex.release)

    def test_holder(self):
        self.assertIsNone(self.mutex.holder)
        self.other.acquire()
        holder = self.mutex.holder
        self.assertEqual(holder.name, "other")
        self.assertEqual(holder.pid, __import__("os").getpid())
        self.assertEqual(holder.amount, 1)
        self.assertEqual(holder.token, self.other.token)
        self.assertIn("'other'", str(holder))

    def test_tokens_grow(self):
        self.assertRaises(syncmgr.NotOwner, lambda: self.mutex.token)
        tokens = []
        for number in range(50):
            mutex = (self.mutex, self.other)[number % 2]
            with mutex:
                tokens.append(mutex.token)
                self.assertTrue(mutex.is_valid(tokens[-1]))
                self.assertFalse(mutex.is_valid(tokens[-1] - 1))
            self.assertFalse(mutex.is_valid(tokens[-1]))
        self.assertEqual(tokens, sorted(set(tokens)))

    def test_force_release(self):
        self.assertFalse(self.other.force_release())
        self.mutex.acquire()
        token = self.mutex.token
        self.assertTrue(self.other.force_release())
        self.assertFalse(self.mutex.is_valid(token))
        self.assertTrue(self.other.acquire())
        self.assertTrue(self.other.recovered)
        self.assertEqual(self.other.previous_owner.token, token)
        self.assertEqual(self.other.previous_owner.name, self.space.this_workstream().name)
        self.assertRaises(syncmgr.Lost, self.mutex.release)
        self.assertRaises(syncmgr.NotOwner, self.mutex.release)
        self.other.release()
        self.assertFalse(self.other.recovered)
        self.other.acquire()
        self.assertFalse(self.other.recovered)

    def test_previous_owner_is_none_at_first(self):
        with self.mutex:
            self.assertIsNone(self.mutex.previous_owner)
            self.assertFalse(self.mutex.recovered)


class Kinds(SpaceTest):
    def test_recursive(self):
        mutex = self.space.mutex("db", recursive=True)
        with mutex, mutex, mutex:
            self.assertEqual(mutex.holder.amount, 3)
        self.assertFalse(mutex.locked())
        self.assertRaises(syncmgr.NotOwner, mutex.release)

    def test_recursive_is_released_by_the_last_release(self):
        mutex = self.space.mutex("db", recursive=True)
        mutex.acquire()
        mutex.acquire()
        mutex.release()
        self.assertFalse(Background(mutex.acquire, False).result())
        mutex.release()
        self.assertTrue(Background(mutex.acquire, False).result())

    def test_fair_serves_in_order(self):
        mutex = self.space.mutex("db", fair=True)
        order, threads = [], []
        mutex.acquire()

        def work(number):
            with mutex:
                order.append(number)

        for number in range(5):
            threads.append(Background(work, number))
            time.sleep(0.05)
        mutex.release()
        for thread in threads:
            thread.result()
        self.assertEqual(order, list(range(5)))

    def test_contended_count_is_exact(self):
        mutex, count = self.space.mutex("db"), [0]

        def work():
            for _ in range(500):
                with mutex:
                    value = count[0]
                    threading.Event().wait(0) if value % 50 == 0 else None
                    count[0] = value + 1

        threads = [Background(work) for _ in range(4)]
        for thread in threads:
            thread.result(40)
        self.assertEqual(count[0], 2000)


if __name__ == "__main__":
    unittest.main()
