"""Signals: they interrupt every wait of a channel, and no message is lost or doubled by them."""

import os
import signal
import time
import unittest

from support import SpaceTest
import syncmgr

# Receives in some way while a signal handler raises all the time; says what it got.
STORM = """
    import itertools, random, signal, threading

    class Storm(BaseException):
        pass

    def raises(*_):
        raise Storm

    signal.signal(signal.SIGALRM, raises)
    space = syncmgr.open(arguments[0])
    queue = space.workstream("child").queue_channel("q")
    how = arguments[1]
    got, storms, left = [], 0, int(arguments[2])

    # No call in between: what was returned is ours to lose.
    call, limit = {"one": (queue.recv, 5), "several": (queue.recv_many, 7),
                   "looked": (queue.try_recv, None), "viewed": (queue.view, 5)}[how]
    mask = {signal.SIGALRM}
    signal.pthread_sigmask(signal.SIG_BLOCK, mask)
    random.seed(7)
    say("ready")
    deadline = time.monotonic() + 40
    while len(got) < left and time.monotonic() < deadline:
        result = None
        # One signal in each round, at a moment that is anybody's guess.
        signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 4e-5))
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, mask)
            result = call() if limit is None else call(limit)
        except Storm:
            storms += 1
        finally:
            # A late one is caught here.
            while True:
                try:
                    signal.pthread_sigmask(signal.SIG_BLOCK, mask)
                    signal.setitimer(signal.ITIMER_REAL, 0)
                    signal.sigtimedwait(mask, 0)
                    break
                except Storm:
                    storms += 1
        if result is None:
            continue
        for message in result if how == "several" else [result]:
            got.append(bytes(message.data).rstrip())
        if how == "viewed":
            result.release()
    for chunk in range(0, len(got), 50):
        say(*(data.decode() for data in got[chunk:chunk + 50]))
    say("storms", storms)
"""

# Waits for something again and again; says when KeyboardInterrupt arrived.
WAITER = """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    space = syncmgr.open(arguments[0])
    me = space.workstream("child")
    queue, full, direct = me.queue_channel("q"), me.queue_channel("full"), me.direct("d")
    waits = {"recv": queue.recv, "several": lambda: queue.recv_many(3), "view": queue.view,
             "iterate": lambda: next(queue), "send": lambda: full.send(b"x"),
             "send_many": lambda: full.send_many([b"x", b"y"]),
             "publish": lambda: full.loan(10).publish(),
             "call": lambda: direct.call(b"?", "server")}
    wait = waits[arguments[1]]
    say("ready")
    while hear():
        try:
            say("waits")
            wait()
            say("ended")
        except KeyboardInterrupt:
            say(time.monotonic_ns())
"""


class Interrupted(SpaceTest):
    def test_ctrl_c_ends_every_wait(self):
        me = self.space.workstream("server")
        me.queue_channel("q")
        server = me.direct("d")
        full = me.queue_channel("full", capacity=1)
        full.send(b"1")
        for what in ("recv", "several", "view", "iterate", "send", "send_many", "publish", "call"):
            with self.subTest(what=what):
                child = self.child(WAITER, self.url, what)
                self.assertEqual(child.line(), "ready")
                for _ in range(3):
                    child.tell("go")
                    self.assertEqual(child.line(), "waits")
                    time.sleep(0.02)
                    os.kill(child.pid, signal.SIGINT)
                    self.assertTrue(child.line().isdigit())
                child.process.stdin.close()
                self.assertEqual(child.finish(), 0)
        self.assertEqual(full.recv().data, b"1")
        self.assertIsNone(full.try_recv())
        for message in server.recv_many(10):
            with self.assertRaises(syncmgr.NotFound):
                message.reply(b"nobody waits")
        self.space.check()

    def storm(self, how, count, make):
        queue = self.space.workstream("parent").queue_channel("q", capacity=64)
        child = self.child(STORM, self.url, how, count)
        self.assertEqual(child.line(), "ready")
        for number in range(count):
            queue.send(make(number), timeout=20)
        got, line = [], child.line(50).split()
        while line[0] != "storms":
            got += map(int, line)
            line = child.line(20).split()
        self.assertEqual(got, list(range(count)))
        self.assertGreater(int(line[1]), 20)
        self.assertEqual(child.finish(), 0)
        self.space.check()

    def test_one_at_a_time(self):
        self.storm("one", 300, lambda number: b"%d" % number)

    def test_tries(self):
        self.storm("looked", 300, lambda number: b"%d" % number)

    def test_several(self):
        self.storm("several", 700, lambda number: b"%d" % number)

    def test_large_ones(self):
        self.storm("one", 100, lambda number: (b"%d" % number).ljust(9000))

    def test_views(self):
        self.storm("viewed", 250, lambda number: b"%d" % number)


if __name__ == "__main__":
    unittest.main()
