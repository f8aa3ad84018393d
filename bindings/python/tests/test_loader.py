"""Which library is loaded, and what is said when none is."""

import os
import subprocess
import sys
import tempfile
import unittest

from support import SOURCE, WatchedTest
import syncmgr


class Loading(WatchedTest):
    def run_python(self, code, **variables):
        environment = dict(os.environ, PYTHONPATH=str(SOURCE), PYTHONDONTWRITEBYTECODE="1",
                           **variables)
        return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True,
                              text=True, timeout=30)

    def test_the_variable_wins(self):
        done = self.run_python("import syncmgr; print(syncmgr.library_path)",
                               SYNCMGR_LIBRARY=syncmgr.library_path)
        self.assertEqual(done.stdout.strip(), syncmgr.library_path)

    def test_the_variable_has_no_silent_fallback(self):
        done = self.run_python("import syncmgr", SYNCMGR_LIBRARY="/nowhere/libsyncmgr.so")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("ImportError", done.stderr)
        self.assertIn("/nowhere/libsyncmgr.so", done.stderr)
        self.assertNotIn(".build", done.stderr.split("Tried:")[1])

    def test_an_empty_variable_is_no_path(self):
        done = self.run_python("import syncmgr", SYNCMGR_LIBRARY="")
        self.assertIn("ImportError", done.stderr)

    def test_another_library_is_refused(self):
        done = self.run_python("import syncmgr", SYNCMGR_LIBRARY="libm.so.6")
        self.assertIn("it is no libsyncmgr", done.stderr)

    def test_a_file_that_is_no_library_is_refused(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"no library")
            file.flush()
            done = self.run_python("import syncmgr", SYNCMGR_LIBRARY=file.name)
        self.assertIn(file.name, done.stderr)
        self.assertIn("ImportError", done.stderr)

    def test_every_place_is_listed(self):
        code = (
            "from unittest import mock\n"
            "import ctypes\n"
            "with mock.patch('ctypes.CDLL', side_effect=OSError('not today')):\n"
            "    import syncmgr\n"
        )
        environment = {key: value for key, value in os.environ.items() if key != "SYNCMGR_LIBRARY"}
        environment.update(PYTHONPATH=str(SOURCE), PYTHONDONTWRITEBYTECODE="1")
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True,
                              text=True, timeout=30)
        for place in ("_lib/libsyncmgr.so.0", ".build/lib/libsyncmgr.so", "\n  libsyncmgr.so.0:"):
            self.assertIn(place, done.stderr)

    def test_loading_starts_nothing(self):
        done = self.run_python(
            "import os, signal\n"
            "before = [signal.getsignal(n) for n in range(1, 32)]\n"
            "import syncmgr\n"
            "assert before == [signal.getsignal(n) for n in range(1, 32)]\n"
            "print(len(os.listdir('/proc/self/task')))")
        self.assertEqual(done.stdout.strip(), "1", done.stderr)

    def test_asyncio_is_not_imported_before_it_is_used(self):
        done = self.run_python("import sys, syncmgr; print('asyncio' in sys.modules)")
        self.assertEqual(done.stdout.strip(), "False", done.stderr)

    def test_version(self):
        self.assertRegex(syncmgr.version(), r"^\d+\.\d+\.\d+$")
        self.assertEqual(syncmgr.__version__, syncmgr.version())


if __name__ == "__main__":
    unittest.main()
