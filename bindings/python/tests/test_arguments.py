"""Bad Python input gets a sentence, and nothing is cut short on its way to C."""

import decimal
import fractions
import unittest

from support import SpaceTest
from syncmgr import _arguments, _ffi
from syncmgr.errors import InvalidArgument, InvalidName


class Timeouts(unittest.TestCase):
    def test_seconds_become_nanoseconds(self):
        for timeout, expected in ((None, -1), (-1, -1), (-1.0, -1), (0, 0), (0.0, 0), (1, 10**9),
                                  (0.5, 5 * 10**8), (decimal.Decimal("0.25"), 25 * 10**7),
                                  (fractions.Fraction(1, 2), 5 * 10**8)):
            with self.subTest(timeout=timeout):
                self.assertEqual(_arguments.timeout_ns(timeout), expected)

    def test_the_shortest_wait_is_no_try(self):
        self.assertEqual(_arguments.timeout_ns(1e-12), 1)

    def test_longer_than_the_clock_is_without_end(self):
        for timeout in (float("inf"), 1e300, 10**400, 2**63 / 1e9):
            self.assertEqual(_arguments.timeout_ns(timeout), _ffi.FOREVER)

    def test_what_is_no_duration_is_refused(self):
        for timeout in (float("nan"), -0.5, -2, -1.5, float("-inf"), -(10**400)):
            with self.subTest(timeout=timeout), self.assertRaises(InvalidArgument):
                _arguments.timeout_ns(timeout)
        for timeout in ("1", b"1", True, [], object()):
            with self.subTest(timeout=timeout), self.assertRaises(TypeError):
                _arguments.timeout_ns(timeout)

    def test_a_try_takes_no_timeout(self):
        self.assertEqual(_arguments.limit_ns(False, None), 0)
        self.assertEqual(_arguments.limit_ns(False, -1), 0)
        with self.assertRaises(ValueError):
            _arguments.limit_ns(False, 1)


class Names(SpaceTest):
    def test_not_a_str(self):
        for name in (b"db", None, 7, ["db"]):
            with self.subTest(name=name), self.assertRaises(TypeError) as raised:
                self.space.mutex(name)
            self.assertMessage(raised, "must be a str", type(name).__name__)

    def test_nul_does_not_cut_the_name(self):
        with self.assertRaises(InvalidName) as raised:
            self.space.mutex("db\0other")
        self.assertMessage(raised, "NUL")
        self.assertEqual(raised.exception.code, "E_NAME")

    def test_not_utf8(self):
        with self.assertRaises(InvalidName):
            self.space.mutex("\ud800")

    def test_the_library_refuses_the_rest(self):
        for name in ("", "a/b", "a\nb", "x" * 256, "\u00e9" * 128):
            with self.subTest(name=name), self.assertRaises(InvalidName):
                self.space.mutex(name)

    def test_names_of_all_lengths_are_kept(self):
        for name in ("x", "x" * 255, "\u00e9" * 127, "name with blanks", "\U0001f512"):
            with self.subTest(name=name), self.space.workstream(name) as workstream:
                self.assertEqual(workstream.name, name)
                self.assertTrue(workstream.mutex(name).acquire())
                self.assertEqual(workstream.mutex(name).holder.name, name)


class Counts(SpaceTest):
    def test_bools_and_others_are_no_counts(self):
        semaphore = self.space.semaphore("s", 3)
        latch = self.space.latch("l", 3)
        for count in (True, False, 1.0, "1", None):
            with self.subTest(count=count):
                self.assertRaises(TypeError, semaphore.acquire, count)
                self.assertRaises(TypeError, semaphore.release, count)
                self.assertRaises(TypeError, semaphore.permits, count)
                self.assertRaises(TypeError, latch.count_down, count)
        for count in (True, 1.5, "3"):
            with self.subTest(count=count):
                self.assertRaises(TypeError, self.space.semaphore, "other", count)
                self.assertRaises(TypeError, self.space.latch, "other", count)
                self.assertRaises(TypeError, self.space.barrier, "other", count)

    def test_numbers_that_do_not_fit_are_not_cut(self):
        semaphore = self.space.semaphore("s", 3)
        latch = self.space.latch("l", 3)
        for count in (-1, 2**30, 2**32 + 1, 2**32 - 1, 2**64 + 1):
            with self.subTest(count=count):
                for function in (semaphore.acquire, semaphore.release, latch.count_down):
                    self.assertRaises(ValueError, function, count)
                for function in (self.space.semaphore, self.space.latch, self.space.barrier):
                    self.assertRaises(ValueError, function, "other", count)
        self.assertEqual(semaphore.available, 3)
        self.assertEqual(latch.count, 3)

    def test_zero_is_refused_where_it_has_no_meaning(self):
        semaphore = self.space.semaphore("s", 3)
        self.assertRaises(InvalidArgument, semaphore.acquire, 0)
        self.assertRaises(InvalidArgument, semaphore.release, 0)
        self.assertRaises(InvalidArgument, self.space.latch("l", 3).count_down, 0)
        self.assertRaises(InvalidArgument, self.space.semaphore, "none", 0)
        self.assertRaises(InvalidArgument, self.space.barrier, "none", 0)
        self.assertEqual(self.space.latch("open", 0).count, 0)

    def test_whatever_has_an_index_is_a_count(self):
        class Three:
            def __index__(self):
                return 3

        self.assertTrue(self.space.semaphore("s", Three()).acquire(Three()))

    def test_tokens(self):
        mutex = self.space.mutex("db")
        for token in (-1, 2**64):
            self.assertRaises(ValueError, mutex.is_valid, token)
        self.assertRaises(TypeError, mutex.is_valid, "1")


class Others(SpaceTest):
    def test_not_callable(self):
        self.assertRaises(TypeError, self.space.barrier, "b", 2, "action")
        self.assertRaises(TypeError, self.space.on, "died", "function")

    def test_kinds(self):
        self.assertRaises(ValueError, self.space.on, "born", print)
        self.assertRaises(ValueError, self.space.on, [], print)
        self.assertRaises(ValueError, self.space.remove, "lock", "db")


if __name__ == "__main__":
    unittest.main()
