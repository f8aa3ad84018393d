"""Latch."""

import time
import unittest

from support import Background, SpaceTest
import syncmgr


class Basics(SpaceTest):
    def test_count_down(self):
        latch = self.space.latch("l", 5)
        self.assertEqual(latch.count_down(), 4)
        self.assertEqual(latch.count_down(3), 1)
        self.assertEqual(latch.count, 1)
        with self.assertRaises(syncmgr.OutOfRange):
            latch.count_down(2)
        self.assertEqual(latch.count_down(), 0)
        self.assertTrue(latch.wait())

    def test_wait(self):
        latch = self.space.latch("l", 2)
        self.assertIs(latch.wait(0), False)
        begin = time.monotonic()
        self.assertIs(latch.wait(0.05), False)
        self.assertGreaterEqual(time.monotonic() - begin, 0.05)
        waiting = [Background(latch.wait) for _ in range(3)]
        latch.count_down()
        time.sleep(0.02)
        self.assertTrue(all(thread.running() for thread in waiting))
        latch.count_down()
        for thread in waiting:
            self.assertIs(thread.result(), True)
        self.assertIs(latch.wait(0), True)
        self.assertRaises(ValueError, latch.wait, -3)

    def test_it_is_the_count_it_began_with_that_must_match(self):
        self.space.latch("l", 3).count_down()
        self.assertEqual(self.space.workstream().latch("l", 3).count, 2)
        self.assertRaises(syncmgr.Mismatch, self.space.latch, "l", 2)

    def test_counting_stays_when_the_workstream_goes(self):
        latch = self.space.latch("l", 3)
        with self.space.workstream() as short:
            short.latch("l").count_down(2)
        self.assertEqual(latch.count, 1)

    def test_repr(self):
        latch = self.space.latch("l", 1)
        self.assertIn("1 remaining", repr(latch))
        latch.count_down()
        self.assertIn("open", repr(latch))


if __name__ == "__main__":
    unittest.main()
