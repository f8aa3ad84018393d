"""Notices: functions called when workstreams come, go or die."""

import os
import threading
import unittest
from unittest import mock

from support import SpaceTest, wait_until
import syncmgr


class Notices(SpaceTest):
    def setUp(self):
        super().setUp()
        self.seen = []

    def kinds(self):
        return [notice.kind for notice in self.seen]

    def test_opened_and_closed(self):
        self.space.on(["opened", "closed"], self.seen.append)
        with self.space.workstream("guest") as guest:
            identity = guest.id
        wait_until(lambda: len(self.seen) == 2, "two notices came")
        self.assertEqual([notice[:4] for notice in self.seen],
                         [("opened", identity, os.getpid(), "guest"),
                          ("closed", identity, os.getpid(), "guest")])

    def test_only_the_kinds_that_were_asked_for(self):
        self.space.on("closed", self.seen.append)
        self.space.workstream("guest").close()
        wait_until(lambda: self.seen, "a notice came")
        self.assertEqual(self.kinds(), ["closed"])

    def test_died(self):
        self.space.on("died", self.seen.append)
        child = self.child("""
            space = syncmgr.open(arguments[0])
            space.mutex("db").acquire()
            say("ready", space.this_workstream().id)
            hear()
        """, self.url)
        identity = int(child.line().split()[1])
        child.kill()
        self.space.mutex("db").acquire(timeout=10)
        wait_until(lambda: self.seen, "a notice came")
        self.assertEqual([notice[:3] for notice in self.seen], [("died", identity, child.pid)])

    def test_hold_lost(self):
        mutex = self.space.mutex("db")
        self.space.on("hold_lost", self.seen.append)
        mutex.acquire()
        self.space.workstream("other").mutex("db").force_release()
        wait_until(lambda: self.seen, "a notice came")
        self.assertEqual(self.seen[0][:2], ("hold_lost", self.space.this_workstream().id))

    def test_calls_come_from_a_python_thread_and_may_call_anything(self):
        names = []

        def function(notice):
            with self.space.mutex("db"):
                names.append(threading.current_thread())

        self.space.on("opened", function)
        with self.space.workstream("guest"):
            wait_until(lambda: names, "the call came")
        self.assertIsNot(names[0], threading.current_thread())
        self.assertIn("syncmgr", names[0].name)

    def test_closing_a_subscription(self):
        subscription = self.space.on("opened", self.seen.append)
        other = []
        self.space.on("opened", other.append)
        subscription.close()
        subscription.close()
        with self.space.workstream("guest"):
            wait_until(lambda: other, "the other one was called")
        self.assertEqual(self.seen, [])

    def test_closing_it_waits_for_a_running_call(self):
        started, finish, done = threading.Event(), threading.Event(), []

        def function(notice):
            started.set()
            finish.wait(5)
            done.append(notice)

        subscription = self.space.on("opened", function)
        guest = self.space.workstream("guest")
        self.assertTrue(started.wait(5))
        threading.Timer(0.05, finish.set).start()
        subscription.close()
        self.assertEqual(len(done), 1)
        guest.close()

    def test_closing_from_within(self):
        def function(notice):
            subscription.close()
            self.space.close()
            self.seen.append(notice)

        subscription = self.space.on("opened", function)
        self.space.workstream("guest")
        wait_until(lambda: self.seen, "the call came")
        wait_until(lambda: self.space.closed, "the space is closed")

    def test_what_a_function_raises_is_reported_and_the_rest_goes_on(self):
        def function(notice):
            raise KeyError("in a notice")

        with mock.patch("threading.excepthook") as hook:
            self.space.on("opened", function)
            self.space.on("opened", self.seen.append)
            with self.space.workstream("guest"):
                wait_until(lambda: self.seen, "the second function was called")
        self.assertEqual(hook.call_args.args[0].exc_type, KeyError)

    def test_close_ends_the_thread(self):
        self.space.on("all", self.seen.append)
        before = threading.active_count()
        self.space.close()
        self.assertEqual(threading.active_count(), before - 1)

    def test_without_the_library_s_thread(self):
        with syncmgr.open(self.url, threads=False) as space:
            space.on("opened", self.seen.append)
            with self.space.workstream("guest"):
                wait_until(lambda: self.seen, "the notice came")


if __name__ == "__main__":
    unittest.main()
