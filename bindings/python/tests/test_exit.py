"""The end of a program whose threads still wait."""

import os
import subprocess
import sys
import unittest

from support import SOON, SOURCE, WatchedTest

PROGRAM = """
import atexit, threading, time
workers = []
atexit.register(lambda: [worker.join() for worker in workers])
import syncmgr
space = syncmgr.open("local:")
space.mutex("m").acquire()
space.semaphore("s", 1).acquire()
waits = [space.mutex("m").acquire, space.semaphore("s", 1).acquire, space.event("e").wait,
         space.latch("l", 1).wait, space.barrier("b", 2).wait, space.rwlock("r").acquire_read]
space.rwlock("r").acquire_write()
def told():
    try:
        space.event("e").wait()
    except syncmgr.Closed:
        print("told", flush=True)
def other():
    try:
        space.event("e").wait()
    finally:
        raise KeyError("another")
for wait in waits + [told] + EXTRA:
    workers.append(threading.Thread(target=wait, daemon=True))
    workers[-1].start()
while sum(len(one["waiters"]) for one in space.snapshot()["objects"]) < len(workers):
    time.sleep(0.005)
"""


class Exit(WatchedTest):
    def run_program(self, extra):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.replace("EXTRA", extra)], capture_output=True,
            text=True, timeout=2 * SOON, env=dict(os.environ, PYTHONPATH=str(SOURCE)), check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, "told\n")
        return done.stderr

    def test_threads_that_wait_at_the_end_are_told_and_nothing_is_printed(self):
        self.assertEqual(self.run_program("[]"), "")

    def test_other_errors_are_printed(self):
        self.assertIn("KeyError: 'another'", self.run_program("[other]"))


if __name__ == "__main__":
    unittest.main()
