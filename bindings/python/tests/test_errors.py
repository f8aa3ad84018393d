"""Exceptions: one class per meaning, codes, messages, pickling."""

import pickle
import threading
import unittest

from support import SpaceTest
import syncmgr
from syncmgr import errors


class Classes(SpaceTest):
    def test_each_status_has_a_class_of_its_own(self):
        self.assertEqual(len(set(errors.CLASSES.values())), len(errors.CLASSES))
        for status, kind in errors.CLASSES.items():
            with self.subTest(kind=kind.__name__):
                error = kind()
                self.assertIsInstance(error, syncmgr.SyncError)
                self.assertEqual(error.status, status)
                self.assertRegex(error.code, r"^E_[A-Z_]+$")
                self.assertTrue(str(error))
                self.assertIs(getattr(syncmgr, kind.__name__), kind)

    def test_python_s_own_classes_catch_them(self):
        for ours, theirs in (
                (syncmgr.Timeout, TimeoutError), (syncmgr.NotOwner, RuntimeError),
                (syncmgr.BrokenBarrier, threading.BrokenBarrierError),
                (syncmgr.InvalidArgument, ValueError), (syncmgr.InvalidName, ValueError),
                (syncmgr.NotFound, FileNotFoundError), (syncmgr.AlreadyExists, FileExistsError),
                (syncmgr.NotPermitted, PermissionError), (syncmgr.NoMemory, MemoryError),
                (syncmgr.OutOfRange, OverflowError), (syncmgr.WrongType, TypeError)):
            self.assertTrue(issubclass(ours, theirs))

    def test_they_can_be_pickled(self):
        for kind in errors.CLASSES.values():
            error = pickle.loads(pickle.dumps(kind("a sentence")))
            self.assertIs(type(error), kind)
            self.assertEqual((str(error), error.status), ("a sentence", kind.default_status))

    def test_an_unknown_status_is_an_error_too(self):
        error = errors.error_of(-999, "text")
        self.assertEqual((type(error), error.code, error.status), (syncmgr.SyncError, "E_?", -999))

    def test_the_message_is_the_library_s_sentence(self):
        self.space.semaphore("printers", 3)
        with self.assertRaises(syncmgr.Mismatch) as raised:
            self.space.semaphore("printers", 5)
        self.assertMessage(raised, "printers", "3", "5")

    def test_threads_have_their_own_sentences(self):
        failures = []

        for name in ("first", "second"):
            self.space.semaphore(name, 1)

        def work(name):
            for _ in range(200):
                try:
                    self.space.semaphore(name, 2)
                except syncmgr.Mismatch as error:
                    if name not in str(error):
                        failures.append((name, str(error)))

        threads = [threading.Thread(target=work, args=(name,)) for name in ("first", "second")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        self.assertEqual(failures[:3], [])


if __name__ == "__main__":
    unittest.main()
