"""What the tests of the command share: a space of their own, running it, and a watchdog."""

import faulthandler
import itertools
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMAND = str(ROOT / ".build/bin/syncmgr")
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "bindings/python/src"))

import syncmgr  # noqa: E402 (the path has to be set before)

# Whoever runs this in the background has its interrupts ignored, and so would all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

SOON = 15
_numbers = itertools.count(1)
# A test that hangs ends the whole run, with all stacks.
faulthandler.dump_traceback_later(200, exit=True)


def until(condition, what):
    """Looks at `condition()` until it holds, and returns what it gave."""
    end = time.monotonic() + SOON
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"this did not happen within {SOON} s: {what}")
        time.sleep(0.005)
    return found


class CommandTest(unittest.TestCase):
    """A space of its own; everything that was started is gone when a test ends."""

    def setUp(self):
        self.name = f"test-command-{os.getpid()}-{next(_numbers)}"
        self.url = f"shm:{self.name}"
        self.path = pathlib.Path(f"/dev/shm/syncmgr.{self.name}")
        self.started = []

    def tearDown(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()
        self.path.unlink(missing_ok=True)

    def environment(self, **more):
        kept = {key: value for key, value in os.environ.items()
                if key not in ("SYNCMGR_SPACE", "NO_COLOR")}
        return {**kept, "SYNCMGR_SPACE": self.url, "TERM": "xterm", **more}

    def start(self, *words, **options):
        """Starts the command in the space of the test."""
        process = subprocess.Popen(
            [COMMAND, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=self.environment(), **options)
        self.started.append(process)
        return process

    def run_command(self, *words, exit=0, **more):
        """Runs the command to its end and checks its exit status. Returns what it wrote."""
        done = subprocess.run(
            [COMMAND, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            env=self.environment(**more), timeout=60)
        self.assertEqual(done.returncode, exit, f"{words}: {done.stdout}{done.stderr}")
        self.errors = done.stderr
        return done.stdout

    def json(self, *words, exit=0):
        return json.loads(self.run_command(*words, "--json", exit=exit))

    def open(self, **options):
        """Opens the space in this process too: it stays as long as the test."""
        space = syncmgr.open(self.url, **options)
        self.addCleanup(space.close)
        return space

    def object(self, space, name):
        return next((one for one in space.snapshot()["objects"] if one["name"] == name), None)

    def wait_held(self, space, name):
        """Waits until somebody holds the object, and returns who."""
        def holders():
            found = self.object(space, name)
            return found and found["holders"]
        return until(holders, f"somebody holds {name}")[0]

    def wait_waiters(self, space, name, count=1):
        def waiters():
            found = self.object(space, name)
            return found and len(found["waiters"]) >= count
        until(waiters, f"{count} wait for {name}")

    def finish(self, process, exit=0):
        output, errors = process.communicate(timeout=SOON)
        self.assertEqual(process.returncode, exit, output + errors)
        return output


def is_alive(pid):
    """Whether a process runs: a zombie does not."""
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


__all__ = ["COMMAND", "ROOT", "CommandTest", "is_alive", "json", "os", "signal", "syncmgr",
           "time", "unittest", "until"]
