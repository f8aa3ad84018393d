"""Events: notices for loops, chosen by kind, name and priority."""

import asyncio
import gc
import os
import signal
import threading
import time
import unittest

from support import Background, SpaceTest, wait_until
import syncmgr


class Events(SpaceTest):
    def setUp(self):
        super().setUp()
        self.me = self.space.workstream("me")

    def test_what_a_mutex_tells(self):
        with self.space.events(["granted", "released"]) as events:
            with self.me.mutex("db") as mutex:
                token = mutex.token
            granted, released = events.next(5), events.next(5)
        self.assertEqual(granted[:6], ("granted", self.me.id, os.getpid(), "me", "db", "mutex"))
        self.assertEqual((released.kind, released.value, granted.value),
                         ("released", token, token))
        self.assertEqual(released.sequence, granted.sequence + 1)
        self.assertEqual(granted.priority, "low")
        self.assertLess(abs(granted.wall_ns - time.time_ns()), 60e9)
        self.assertLessEqual(granted.time_ns, time.monotonic_ns())

    def test_a_for_loop_ends_when_the_manager_closes(self):
        events = self.space.events("custom")

        def loop():
            return [event.text for event in events]

        background = Background(loop)
        self.me.send(None, "one")
        self.me.send(None, "two", [1, {"a": None}])
        time.sleep(0.05)
        self.space.close()
        self.assertEqual(background.result(), ["one", "two"])
        self.assertTrue(events.closed)
        self.assertRaises(syncmgr.Closed, events.next)

    def test_choosing(self):
        few = self.space.events("granted", objects="db-?", workstreams="m*")
        urgent = self.space.events(min_priority="high")
        for name in ("db", "db-1", "cache", "db-22"):
            self.me.mutex(name).acquire()
        other = self.space.workstream("other")
        other.mutex("db-9").acquire()
        other.fail("no more disk")
        self.assertEqual(few.next(5).object, "db-1")
        self.assertIsNone(few.next(0.02))
        failed = urgent.next(5)
        self.assertEqual((failed.kind, failed.text, failed.priority, failed.name),
                         ("failed", "no more disk", "high", "other"))
        self.assertIsNone(urgent.next(0))
        with self.assertRaises(syncmgr.InvalidArgument):
            self.space.events(min_priority="urgent")
        with self.assertRaises(ValueError):
            self.space.events("never")
        with self.assertRaises(syncmgr.InvalidArgument):
            self.space.events(objects="")

    def test_functions_are_chosen_in_the_same_way(self):
        seen = []
        self.space.on("granted", seen.append, objects="db*")
        self.space.on("all", seen.append, min_priority="critical")
        self.me.mutex("cache").acquire()
        self.me.mutex("db").acquire()
        wait_until(lambda: seen, "a call came")
        time.sleep(0.02)
        self.assertEqual([notice.object for notice in seen], ["db"])

    def test_a_detail_is_what_json_says(self):
        events = self.space.events("completed")
        detail = {"rows": [1, 2.5, None, True], "é": "ü"}
        self.me.complete(detail)
        self.assertEqual(events.next(5).detail, detail)
        with self.assertRaises(syncmgr.AlreadyArrived):
            self.me.complete()
        with self.assertRaises(TypeError):
            self.me.send(None, "x", {1, 2})
        with self.assertRaises(syncmgr.InvalidArgument):
            self.me.send("me", "x", "y" * 400)

    def test_a_slow_one_learns_how_many_it_lost(self):
        events = self.space.events("custom")
        total = 4000
        for _ in range(total):
            self.me.send(None)
        seen = lost = 0
        while seen + lost < total:
            event = events.next(5)
            if event.kind == "gap":
                lost += event.value
            else:
                seen += 1
        self.assertEqual(seen + lost, total)
        self.assertGreater(lost, 0)

    def test_the_death_of_an_owner_in_another_process(self):
        events = self.space.events(["owner_died", "died"])
        child = self.child("""
            space = syncmgr.open(arguments[0])
            me = space.workstream("holder")
            me.mutex("db").acquire()
            say("ready")
            hear()
        """, self.url)
        child.line()
        child.kill()
        notices = [events.next(10), events.next(10)]
        self.assertEqual([(one.kind, one.object, one.name, one.pid) for one in notices],
                         [("owner_died", "db", "holder", child.pid),
                          ("died", "", "holder", child.pid)])

    def test_ctrl_c_ends_a_wait(self):
        # A shell starts what runs in the background with it ignored.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)
        events = self.space.events("custom")
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        self.assertRaises(KeyboardInterrupt, events.next)
        self.assertRaises(ValueError, events.next, -3)

    def test_events_that_nobody_refers_to_are_closed(self):
        mutex = self.me.mutex("db")
        self.space.events("granted")
        gc.collect()
        with self.space.events("died") as events:
            mutex.acquire()
            self.assertIsNone(events.next(0))

    def test_without_the_library_s_thread(self):
        with syncmgr.open(self.url, threads=False) as space:
            events = space.events("custom")
            background = Background(events.next)
            time.sleep(0.02)
            self.me.send(None, "seen")
            self.assertEqual(background.result().text, "seen")


class AsyncEvents(SpaceTest):
    def test_async_for(self):
        async def collect(events):
            return [event.text async for event in events]

        async def main():
            me = self.space.workstream("me")
            with self.space.events("custom") as events:
                task = asyncio.create_task(collect(events))
                for number in range(3):
                    me.send(None, str(number))
                    await asyncio.sleep(0.01)
                events.close()
                return await asyncio.wait_for(task, 5)

        self.assertEqual(asyncio.run(main()), ["0", "1", "2"])

    def test_a_wait_has_a_timeout_and_can_be_cancelled(self):
        async def main():
            me = self.space.workstream("me")
            with self.space.events("custom") as events:
                self.assertIsNone(await events.wait(0.02))
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(events.wait(), 0.02)
                me.send(None, "kept")
                self.assertEqual((await events.wait(5)).text, "kept")

        asyncio.run(main())

    def test_two_loops_over_two_events_do_not_disturb_each_other(self):
        async def count(events):
            return len([event async for event in events])

        async def main():
            me = self.space.workstream("me")
            one, two = self.space.events("custom"), self.space.events("conflict")
            tasks = [asyncio.create_task(count(events)) for events in (one, two)]
            await asyncio.sleep(0.01)
            for _ in range(5):
                me.send(None)
                me.send(None, kind="conflict")
            await asyncio.sleep(0.1)
            self.space.close()
            return await asyncio.wait_for(asyncio.gather(*tasks), 5)

        self.assertEqual(asyncio.run(main()), [5, 5])


if __name__ == "__main__":
    unittest.main()
