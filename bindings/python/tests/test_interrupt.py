"""Ctrl-C interrupts every wait, at once, and the wait is withdrawn."""

import os
import signal
import statistics
import threading
import time
import unittest
from unittest import mock

from support import SpaceTest, wait_until

ROUNDS = 15

# Waits for one object again and again; says when KeyboardInterrupt arrived.
WAITER = """
    import signal, time
    signal.signal(signal.SIGINT, signal.default_int_handler)
    space = syncmgr.open(arguments[0])
    kind, limit = arguments[1], float(arguments[2]) if arguments[2] else None
    if kind == "mutex":
        wait = lambda: space.mutex("db").acquire(timeout=limit)
    elif kind == "semaphore":
        wait = lambda: space.semaphore("s", 1).acquire(timeout=limit)
    elif kind == "latch":
        wait = lambda: space.latch("l", 1).wait(limit)
    elif kind == "event":
        wait = lambda: space.event("e").wait(limit)
    elif kind == "read":
        wait = lambda: space.rwlock("rw").acquire_read(timeout=limit)
    elif kind == "write":
        wait = lambda: space.rwlock("rw").acquire_write(timeout=limit)
    elif kind == "upgrade":
        space.rwlock("rw").acquire_read()
        wait = lambda: space.rwlock("rw").upgrade(limit)
    elif kind == "condition":
        space.condition("c").acquire()
        wait = lambda: space.condition("c").wait(limit)
    elif kind == "election":
        wait = lambda: space.election("e").campaign(limit)
    else:
        wait = lambda: space.barrier("b", 2).wait(limit)
    say("ready")
    while hear():
        try:
            say("waits")
            wait()
            say("ended")
        except KeyboardInterrupt:
            say(time.monotonic_ns())
        if kind == "barrier":
            space.barrier("b", 2).reset()
"""


class CtrlC(SpaceTest):
    def interrupted(self, kind, limit):
        """Interrupts a waiting child some times; returns the delays in milliseconds."""
        child = self.child(WAITER, self.url, kind, limit)
        self.assertEqual(child.line(), "ready")
        delays = []
        for _ in range(ROUNDS):
            child.tell("go")
            self.assertEqual(child.line(), "waits")
            time.sleep(0.01)
            begin = time.monotonic_ns()
            os.kill(child.pid, signal.SIGINT)
            delays.append((int(child.line()) - begin) / 1e6)
        child.process.stdin.close()
        self.assertEqual(child.finish(), 0)
        return delays

    def check(self, kind):
        for limit in ("", "30"):
            with self.subTest(kind=kind, timeout=limit or None):
                delays = self.interrupted(kind, limit)
                self.assertLess(statistics.median(delays), 20, f"delays in ms: {delays}")
        self.space.check()

    def test_mutex(self):
        mutex = self.space.mutex("db")
        with mutex:
            self.check("mutex")
        self.assertTrue(mutex.acquire(blocking=False))

    def test_semaphore(self):
        semaphore = self.space.semaphore("s", 1)
        with semaphore:
            self.check("semaphore")
        self.assertEqual(semaphore.available, 1)

    def test_latch(self):
        self.space.latch("l", 1)
        self.check("latch")

    def test_event(self):
        event = self.space.event("e")
        self.check("event")
        event.set()
        self.assertTrue(event.is_set(), "no wait is left that could take it")

    def test_barrier(self):
        barrier = self.space.barrier("b", 2)
        self.check("barrier")
        self.assertEqual((barrier.n_waiting, barrier.broken), (0, False))

    def test_rwlock(self):
        lock = self.space.rwlock("rw")
        with lock.write():
            self.check("read")
            self.check("write")
        with lock.read():
            self.check("upgrade")
        self.assertTrue(lock.acquire_write(blocking=False))

    def test_condition(self):
        condition = self.space.condition("c")
        self.check("condition")
        self.assertEqual((condition.waiting, condition.notify()), (0, 0))
        self.assertFalse(condition.mutex.locked())

    def test_election(self):
        with self.space.election("e"):
            self.check("election")
        self.assertIsNone(self.space.election("e").leader)

    def test_the_main_thread_is_interrupted_while_others_wait_too(self):
        self.space.mutex("db").acquire()
        child = self.child("""
            import signal, threading
            signal.signal(signal.SIGINT, signal.default_int_handler)
            space = syncmgr.open(arguments[0])
            for _ in range(3):
                threading.Thread(target=space.mutex("db").acquire, daemon=True).start()
            time.sleep(0.1)
            say("ready")
            try:
                space.mutex("db").acquire()
            except KeyboardInterrupt:
                say("interrupted")
            threading.excepthook = lambda _: None
        """, self.url)
        self.assertEqual(child.line(), "ready")
        time.sleep(0.05)
        os.kill(child.pid, signal.SIGINT)
        self.assertEqual(child.line(), "interrupted")
        self.assertEqual(child.finish(), 0)


class Handlers(SpaceTest):
    def test_a_handler_that_returns_does_not_end_the_wait_nor_make_it_longer(self):
        self.space.mutex("db").acquire()
        child = self.child("""
            import signal
            hits = []
            signal.signal(signal.SIGUSR1, lambda *_: hits.append(1))
            mutex = syncmgr.open(arguments[0]).mutex("db")
            say("ready")
            begin = time.monotonic()
            result = mutex.acquire(timeout=0.5)
            say(result, len(hits), time.monotonic() - begin)
        """, self.url)
        self.assertEqual(child.line(), "ready")
        for _ in range(5):
            time.sleep(0.06)
            os.kill(child.pid, signal.SIGUSR1)
        result, hits, seconds = child.line().split()
        self.assertEqual(result, "False")
        self.assertIn(int(hits), range(1, 6))
        self.assertGreaterEqual(float(seconds), 0.5)
        self.assertLess(float(seconds), 1.5)

    def test_the_main_thread_looks_for_signals_now_and_then(self):
        self.assertIs(threading.current_thread(), threading.main_thread())
        mutex = self.space.mutex("db")
        other = self.space.workstream("other").mutex("db")
        other.acquire()
        with mock.patch("syncmgr._wait.MAIN_THREAD_SLICE_NS", 2_000_000):
            self.assertFalse(mutex.acquire(timeout=0.05))
            threading.Timer(0.05, other.release).start()
            self.assertTrue(mutex.acquire(timeout=10))

    def test_an_interrupted_wait_keeps_its_place(self):
        mutex = self.space.mutex("db", fair=True)
        mutex.acquire()
        code = """
            import signal
            signal.signal(signal.SIGUSR1, lambda *_: None)
            mutex = syncmgr.open(arguments[0]).mutex("db", fair=True)
            say("ready")
            mutex.acquire()
            say("got it")
            hear()
            mutex.release()
        """
        children = []
        for _ in range(2):
            children.append(self.child(code, self.url))
            self.assertEqual(children[-1].line(), "ready")
            time.sleep(0.15)
        for _ in range(5):
            os.kill(children[0].pid, signal.SIGUSR1)
            time.sleep(0.01)
        mutex.release()
        self.assertEqual(children[0].line(), "got it")
        wait_until(lambda: mutex.holder.pid == children[0].pid, "the first holds it")
        children[0].tell("done")
        self.assertEqual(children[1].line(), "got it")
        children[1].tell("done")
        for child in children:
            self.assertEqual(child.finish(), 0)


if __name__ == "__main__":
    unittest.main()
