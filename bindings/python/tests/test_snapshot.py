"""Snapshot: the window into a space."""

import os
import unittest

from support import Background, SpaceTest, wait_until
import syncmgr


class Basics(SpaceTest):
    def only_object(self):
        return self.space.snapshot()["objects"][0]

    def test_it_shows_holders_and_waiters(self):
        mutex = self.space.workstream('owner "é"').mutex("db")
        mutex.acquire()
        waiter = self.space.workstream("waiter").mutex("db")
        waiting = Background(waiter.acquire)
        wait_until(lambda: self.only_object()["waiters"], "a waiter is shown")
        shown = self.space.snapshot()
        self.assertEqual(shown["space"]["url"], self.space.url)
        self.assertEqual(shown["space"]["used"]["waits"], 1)
        self.assertIn((os.getpid(), True, True),
                      [(one["pid"], one["alive"], one["self"]) for one in shown["processes"]])
        (db,) = shown["objects"]
        self.assertEqual((db["name"], db["type"]), ("db", "mutex"))
        self.assertEqual(db["holders"][0]["name"], 'owner "é"')
        self.assertEqual(db["waiters"][0]["name"], "waiter")
        self.assertGreaterEqual(db["waiters"][0]["age_ms"], 0)
        self.assertEqual(len(db["counters"]["wait_histogram"]), 16)
        waits = {one["name"]: one["waits"] for one in shown["workstreams"]}
        self.assertEqual(waits["waiter"], ["db"])
        self.assertEqual([edge["kind"] for edge in shown["graph"]["edges"]], ["waits", "held"])
        mutex.release()
        waiting.result()
        self.assertEqual(self.only_object()["holders"][0]["name"], "waiter")
        self.assertEqual(self.only_object()["counters"]["contended"], 1)
        self.assertEqual(sum(self.only_object()["counters"]["wait_histogram"]), 1)

    def test_it_has_room_for_any_number_of_objects(self):
        objects = [self.space.mutex(f"{'long' * 50}-{number}") for number in range(300)]
        self.assertEqual(len(self.space.snapshot()["objects"]), len(objects))

    def test_a_space_without_counters(self):
        with syncmgr.open("local:", counters=False) as space:
            mutex = space.mutex("m")
            mutex.acquire()
            self.assertIsNone(space.snapshot()["objects"][0]["counters"])
            self.assertFalse(space.snapshot()["space"]["counters"])
            mutex.release()

    def test_a_closed_manager_has_none(self):
        self.space.close()
        self.assertRaises(syncmgr.Closed, self.space.snapshot)


if __name__ == "__main__":
    unittest.main()
