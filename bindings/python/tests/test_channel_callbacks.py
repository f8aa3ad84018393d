"""Functions that are called for messages."""

import os
import threading
import unittest
from unittest import mock

from support import SpaceTest, wait_until
import syncmgr


class Callbacks(SpaceTest):
    def setUp(self):
        super().setUp()
        self.out = self.space.workstream("out")
        self.into = self.space.workstream("in")
        self.got = []

    def take(self, message):
        self.got.append(message.data)

    def until(self, *expected):
        wait_until(lambda: self.got == list(expected), f"{expected} came, not {self.got}")

    def test_a_function_gets_each_message(self):
        queue = self.out.queue_channel("q")
        queue.send(b"before")
        with self.into.queue_channel("q").on_message(self.take):
            queue.send_many([b"%d" % number for number in range(100)])
            self.until(b"before", *(b"%d" % number for number in range(100)))
        queue.send(b"after")
        self.assertEqual(queue.recv(5).data, b"after")
        self.assertEqual(self.got[-1], b"99")

    def test_subscribing_with_a_function(self):
        topics = self.out.topics("t")
        with self.into.topics("t").subscribe("a/*", callback=self.take):
            topics.send(b"1", topic="a/x")
            topics.send(b"2", topic="b/x")
            topics.send(b"3", topic="a/y")
            self.until(b"1", b"3")
        news = self.out.broadcast("n", history=2)
        news.send(b"4")
        with self.into.broadcast("n").subscribe(last=2, callback=self.take):
            news.send(b"5")
            self.until(b"1", b"3", b"4", b"5")

    def test_one_that_raises_is_reported_and_goes_on(self):
        queue, seen = self.out.queue_channel("q"), []

        def work(message):
            self.take(message)
            raise ZeroDivisionError(message.data)

        with mock.patch("threading.excepthook", seen.append):
            with self.into.queue_channel("q").on_message(work):
                queue.send_many([b"1", b"2"])
                self.until(b"1", b"2")
                wait_until(lambda: len(seen) == 2, "both are reported")
        self.assertEqual([one.exc_type for one in seen], [ZeroDivisionError] * 2)

    def test_acknowledgements(self):
        queue = self.out.queue_channel("q", acknowledge=True, max_deliveries=2,
                                       dead_letters="dead")

        def work(message):
            self.take(message)
            if message.data == b"bad":
                raise ValueError("it is bad")

        with mock.patch("threading.excepthook", lambda _: None):
            with self.into.queue_channel("q").on_message(work):
                queue.send_many([b"good", b"bad", b"fine"])
                self.until(b"good", b"bad", b"bad", b"fine")
                box = queue.mailboxes
                wait_until(lambda: box()[0].taken == 0, "all are done")
        letter = self.out.queue_channel("dead").recv(5)
        self.assertEqual(letter.data, b"bad")
        self.assertIn("it is bad", str(letter.metadata))

    def test_one_that_is_stuck_delays_no_other(self):
        news = self.out.broadcast("n")
        inside, go_on = threading.Event(), threading.Event()
        self.addCleanup(go_on.set)

        def stuck(_):
            inside.set()
            go_on.wait()

        first = self.into.broadcast("n").subscribe(callback=stuck)
        second = self.space.workstream("other").broadcast("n").subscribe(callback=self.take)
        with self.space.on("custom", lambda notice: self.got.append(notice.text)):
            news.send(b"1")
            self.assertTrue(inside.wait(10))
            news.send(b"2")
            self.out.send(None, "notice")
            wait_until(lambda: sorted(map(str, self.got)) == ["b'1'", "b'2'", "notice"],
                       "the others are told")
        go_on.set()
        first.close()
        second.close()

    def test_it_can_end_from_within(self):
        queue = self.out.queue_channel("q")
        subscriptions = []

        def work(message):
            self.take(message)
            subscriptions[0].close()

        subscriptions.append(self.into.queue_channel("q").on_message(work))
        queue.send_many([b"1", b"2"])
        self.until(b"1")
        wait_until(lambda: self.into.queue_channel("q")._here.port.left.feed is None, "it ended")
        self.assertEqual(queue.recv(5).data, b"2")

    def test_the_end_waits_for_a_running_call(self):
        queue = self.out.queue_channel("q")
        inside, go_on = threading.Event(), threading.Event()

        def work(message):
            inside.set()
            go_on.wait(10)
            self.take(message)

        subscription = self.into.queue_channel("q").on_message(work)
        queue.send(b"1")
        self.assertTrue(inside.wait(10))
        threading.Timer(0.05, go_on.set).start()
        subscription.close()
        self.assertEqual(self.got, [b"1"])
        subscription.close()

    def test_one_function_for_a_workstream(self):
        queue = self.into.queue_channel("q")
        with queue.on_message(self.take):
            self.assertRaises(syncmgr.Busy, queue.on_message, print)
            self.assertRaises(syncmgr.Busy, self.into.queue_channel("q").on_message, print)
        with queue.on_message(self.take):
            pass
        self.assertRaises(TypeError, queue.on_message, "function")
        news = self.into.broadcast("n")
        self.assertRaises(TypeError, news.subscribe, callback=7)
        self.assertRaises(syncmgr.NotFound, news.on_message, self.take)
        news.subscribe()

    def test_the_thread_ends_with_the_channel(self):
        before = threading.active_count()
        queue = self.out.queue_channel("q")
        self.into.queue_channel("q").on_message(self.take)
        self.space.workstream("other").queue_channel("q").on_message(self.take)
        self.assertEqual(threading.active_count(), before + 2)
        queue.shut()
        wait_until(lambda: threading.active_count() == before, "the threads end")

    def test_closing_the_manager_from_within(self):
        other = syncmgr.open(self.url)
        closed = threading.Event()

        def work(_):
            other.close()
            closed.set()

        other.queue_channel("q").on_message(work)
        self.out.queue_channel("q").send(b"1")
        self.assertTrue(closed.wait(10))

    def test_without_the_library_s_thread(self):
        with syncmgr.open(self.url, threads=False) as other:
            with other.workstream("looks").queue_channel("q").on_message(self.take):
                child = self.child("""
                    syncmgr.open(arguments[0]).queue_channel("q").send(b"1")
                """, self.url)
                self.assertEqual(child.finish(), 0)
                self.until(b"1")

    def test_a_forked_child_leaves_it_alone(self):
        subscription = self.into.queue_channel("q").on_message(self.take)
        pid = os.fork()
        if pid == 0:
            subscription.close()
            self.space.close()
            os._exit(0)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        self.out.queue_channel("q").send(b"1")
        self.until(b"1")


if __name__ == "__main__":
    unittest.main()
