"""Event."""

import time
import unittest

from support import Background, SpaceTest
import syncmgr


class Auto(SpaceTest):
    def test_each_set_lets_one_go_on(self):
        event = self.space.event("e")
        self.assertIs(event.is_set(), False)
        self.assertIs(event.wait(0), False)
        event.set()
        event.set()
        self.assertIs(event.is_set(), True)
        self.assertIs(event.wait(0), True)
        self.assertIs(event.is_set(), False)
        self.assertIs(event.wait(0.02), False)

    def test_waiters_go_on_one_by_one(self):
        event = self.space.event("e")
        waiting = [Background(event.wait) for _ in range(3)]
        for remaining in (3, 2, 1):
            time.sleep(0.03)
            self.assertEqual(sum(thread.running() for thread in waiting), remaining)
            event.set()
        for thread in waiting:
            self.assertIs(thread.result(), True)
        self.assertFalse(event.is_set())

    def test_clear(self):
        event = self.space.event("e")
        event.set()
        event.clear()
        self.assertFalse(event.wait(0))

    def test_bad_timeouts(self):
        event = self.space.event("e", initially_set=True)
        self.assertRaises(ValueError, event.wait, float("nan"))
        self.assertTrue(event.is_set())


class Manual(SpaceTest):
    def test_everybody_goes_on_until_it_is_cleared(self):
        event = self.space.event("e", manual=True)
        waiting = [Background(event.wait, 10) for _ in range(3)]
        time.sleep(0.03)
        event.set()
        for thread in waiting:
            self.assertIs(thread.result(), True)
        self.assertTrue(event.wait())
        event.clear()
        self.assertFalse(event.wait(0))

    def test_initially_set_is_for_a_new_one(self):
        self.assertTrue(self.space.event("e", manual=True, initially_set=True).is_set())
        self.space.event("e", manual=True).clear()
        again = self.space.workstream().event("e", manual=True, initially_set=True)
        self.assertFalse(again.is_set())

    def test_manual_is_a_parameter(self):
        self.space.event("e", manual=True)
        self.assertRaises(syncmgr.Mismatch, self.space.event, "e")

    def test_repr(self):
        event = self.space.event("e", manual=True)
        self.assertIn("not set", repr(event))
        event.set()
        self.assertNotIn("not set", repr(event))


if __name__ == "__main__":
    unittest.main()
