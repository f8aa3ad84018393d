"""What the tests share: spaces with names of their own, children, threads, and a watchdog."""

import asyncio
import faulthandler
import itertools
import os
import pathlib
import queue
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parent.parent / "src"
ROOT = SOURCE.parents[2]
sys.path.insert(0, str(SOURCE))
sys.dont_write_bytecode = True

import syncmgr  # noqa: E402 (the path has to be set before)

# A test that takes longer hangs: all stacks are printed and the whole run ends as failed.
DEADLINE_SECONDS = 60
# How long something may take that should happen at once, on a busy machine.
SOON = 10

_numbers = itertools.count(1)


def new_url():
    """A shm: URL that nobody else uses."""
    return f"shm:test-python-{os.getpid()}-{next(_numbers)}"


def segment_files(url):
    """The files that the space has in the shared-memory file system."""
    directory = pathlib.Path("/dev/shm")
    return sorted(str(path) for path in directory.glob(f"*syncmgr.{url.removeprefix('shm:')}*"))


def seeded_random():
    """Random numbers that repeat with the environment variable SEED."""
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"SEED={seed}", flush=True)
    return random.Random(seed)


def wait_until(condition, what, seconds=SOON):
    """Looks at `condition()` until it holds; fails when that takes too long."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"this did not happen within {seconds} s: {what}")
        time.sleep(0.002)


async def settle(condition):
    """Lets other tasks run until `condition()` holds."""
    end = time.monotonic() + SOON
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"this did not happen within {SOON} s")
        await asyncio.sleep(0.001)


async def cancelled(task):
    """Cancels a task, and tells whether it ended so."""
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return True
    return False


class Background:
    """A function that runs in a thread; `result()` waits for it and raises what it raised."""

    def __init__(self, function, *arguments):
        self._outcome = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, args=(function, *arguments), daemon=True)
        self._thread.start()

    def _run(self, function, *arguments):
        try:
            self._outcome.put((function(*arguments), None))
        except BaseException as error:
            self._outcome.put((None, error))

    def result(self, seconds=SOON):
        try:
            value, error = self._outcome.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"the thread did not finish within {seconds} s") from None
        self._thread.join(seconds)
        if error is not None:
            raise error
        return value

    def running(self):
        return self._outcome.empty()


class Child:
    """Another Python process. It has `syncmgr`, `say(text)` and `hear()`, and its arguments."""

    PRELUDE = textwrap.dedent("""
        import os, signal, sys, time
        import syncmgr
        signal.alarm(%d)
        arguments = sys.argv[1:]
        def say(*words): print(*words, flush=True)
        def hear(): return sys.stdin.readline().strip()
    """) % DEADLINE_SECONDS

    def __init__(self, code, *arguments, **options):
        environment = dict(os.environ, PYTHONPATH=str(SOURCE), PYTHONDONTWRITEBYTECODE="1")
        self.process = subprocess.Popen(
            [sys.executable, "-c", self.PRELUDE + textwrap.dedent(code), *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, **options)
        self.pid = self.process.pid
        self._lines = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)
        self.process.stdout.close()

    def line(self, seconds=SOON * 2):
        """The next line that it said; None at the end."""
        try:
            return self._lines.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"child {self.pid} said nothing for {seconds} s") from None

    def tell(self, text=""):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def kill(self):
        """Kills it as `kill -9` does, and waits for the end."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(SOON)

    def finish(self, seconds=SOON * 2):
        """Waits for its end; returns the exit status."""
        return self.process.wait(seconds)

    def end(self):
        if self.process.poll() is None:
            self.kill()
        self.process.stdin.close()


class WatchedTest(unittest.TestCase):
    """A test with a deadline."""

    deadline_seconds = DEADLINE_SECONDS

    def setUp(self):
        faulthandler.dump_traceback_later(self.deadline_seconds, exit=True)
        self.addCleanup(faulthandler.cancel_dump_traceback_later)

    def child(self, code, *arguments, **options):
        child = Child(code, *arguments, **options)
        self.addCleanup(child.end)
        return child

    def assertMessage(self, raised, *parts):
        """The message is a sentence that has all these parts."""
        for part in parts:
            self.assertIn(part, str(raised.exception))


class SpaceTest(WatchedTest):
    """A test with an open shm: space of its own, of which nothing may be left at the end."""

    def setUp(self):
        super().setUp()
        self.url = new_url()
        self.addCleanup(self.assertNothingLeft)
        self.space = syncmgr.open(self.url)
        self.addCleanup(self.space.close)

    def assertNothingLeft(self):
        self.assertEqual(segment_files(self.url), [], "files were left behind")
