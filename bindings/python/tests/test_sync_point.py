"""Sync point."""

import pickle
import time
import unittest
from fractions import Fraction

from support import Background, SpaceTest, wait_until
import syncmgr
from syncmgr import SyncPointStatus


class SyncPointTest(SpaceTest):
    def points(self, names, expected=None, **options):
        """A workstream for each name, and its handle of the point "p"."""
        found = []
        for name in names:
            stream = self.space.workstream(name)
            self.addCleanup(stream.close)
            found.append(stream.sync_point("p", expected and list(expected), **options))
        return found


class Meeting(SyncPointTest):
    def test_it_is_complete_when_everybody_is_there(self):
        a, b = self.points("ab", ["a", "b"])
        waiting = Background(a.wait)
        wait_until(lambda: a.result.participating == ("a",), "a arrives")
        self.assertEqual(b.result.status, SyncPointStatus.WAITING)
        self.assertEqual(b.result.missing, ("b",))
        self.assertIsNone(b.result.completed_at)
        begin = time.time()
        result = b.wait()
        self.assertEqual(result.status, "complete")
        self.assertEqual(result.participating, ("a", "b"))
        self.assertEqual((result.missing, result.late, result.reason), ((), (), ""))
        self.assertTrue(result.met_minimum and result.required_met)
        self.assertAlmostEqual(result.completed_at, begin, delta=5)
        self.assertEqual(waiting.result(), result)
        self.assertEqual(a.wait(0), result, "a wait after the end returns the stored result")

    def test_a_minimum_with_the_required_ones_suffices(self):
        a, b, c, d = self.points("abcd", "abcd", minimum=2, required=["d"])
        self.assertEqual((a.expected, a.required), (tuple("abcd"), ("d",)))
        waiting = [Background(point.wait) for point in (a, b)]
        wait_until(lambda: len(c.result.participating) == 2, "two arrive")
        self.assertEqual(c.result.status, "waiting")
        self.assertFalse(c.result.required_met)
        result = d.wait(10)
        self.assertEqual((result.status, result.missing), ("partial_complete", ("c",)))
        self.assertEqual([thread.result() for thread in waiting], [result, result])
        with self.assertRaises(syncmgr.Late) as raised:
            c.wait()
        self.assertEqual(raised.exception.result.late, ("c",))
        self.assertEqual(a.result.late, ("c",))

    def test_a_minimum_in_all_its_forms(self):
        for number, (minimum, wanted) in enumerate((
                (None, 5), (2, 2), (0.5, 3), (1.0, 5), (Fraction(1, 5), 1), (0.2, 1), (0.1, 1),
                (lambda total: total - 1, 4))):
            point = self.space.sync_point(f"p{number}", list("abcde"), minimum=minimum)
            self.assertEqual(point.result.minimum, wanted, minimum)
        for minimum in (0, 6, -1, 0.0, 1.5, float("nan")):
            with self.assertRaises(ValueError, msg=minimum):
                self.space.sync_point("q", list("abcde"), minimum=minimum)
        for minimum in ("2", True):
            self.assertRaises(TypeError, self.space.sync_point, "q", list("abcde"), minimum=minimum)

    def test_strangers(self):
        point = self.space.sync_point("p", ["a", "b"])
        with self.assertRaises(syncmgr.NotExpected):
            point.wait()
        self.assertRaises(syncmgr.NotExpected, point.fail)
        self.assertEqual(point.result.participating, ())
        self.assertTrue(point.force_complete())
        self.assertFalse(point.force_complete())
        self.assertFalse(point.cancel("too late"))
        self.assertEqual(point.result.status, "partial_complete")
        self.assertFalse(point.result.met_minimum)
        self.assertIn("by force", point.result.reason)

    def test_opening(self):
        self.assertRaises(syncmgr.NotFound, self.space.sync_point, "p")
        point = self.space.sync_point("p", ["a", "b"], required=["a"], timeout=100)
        self.assertIs(type(self.space.sync_point("p")), syncmgr.SyncPoint)
        self.space.sync_point("p", ("b", "a"), required={"a"}, timeout=100)
        with self.assertRaises(syncmgr.Mismatch) as raised:
            self.space.sync_point("p", ["a", "c"], required=["a"], timeout=100)
        self.assertMessage(raised, "'a' 'b'", "'a' 'c'")
        self.assertRaises(syncmgr.Mismatch, self.space.sync_point, "p", ["a", "b"])
        self.assertRaises(syncmgr.WrongType, self.space.mutex, "p")
        for expected in (["a", "a"], ["a/b"], [""], []):
            self.assertRaises(ValueError, self.space.sync_point, "q", expected)
        self.assertRaises(TypeError, self.space.sync_point, "q", "ab")
        self.assertRaises(ValueError, self.space.sync_point, "q", ["a", "b"], required=["c"])
        self.assertRaises(ValueError, self.space.sync_point, "p", minimum=2)
        self.assertIn("waiting, 0 of 2 there", repr(point))
        again = pickle.loads(pickle.dumps(point))
        self.assertEqual(again.expected, ("a", "b"))
        for each in (again, point):
            each.close()

    def test_it_can_be_removed(self):
        with self.space.workstream("a") as stream:
            stream.sync_point("p", ["a"]).wait()
        self.space.remove("sync_point", "p")
        self.assertRaises(syncmgr.NotFound, self.space.sync_point, "p")


class Ending(SyncPointTest):
    def test_the_end_of_its_time(self):
        a, b = self.points("ab", "ab", timeout=0.05)
        with self.assertRaises(syncmgr.Timeout) as raised:
            a.wait()
        result = raised.exception.result
        self.assertEqual((result.status, result.participating), ("timed_out", ("a",)))
        self.assertIn("1 of 2", result.reason)
        self.assertMessage(raised, "1 of 2")
        with self.assertRaises(syncmgr.Late) as raised:
            b.wait()
        self.assertEqual(raised.exception.result.status, "timed_out")

    def test_continue_on_timeout(self):
        [a] = self.points("a", "ab", timeout=0.05, continue_on_timeout=True)
        self.assertEqual(a.wait().status, "partial_complete")

    def test_wait_for_all(self):
        a, b, _ = self.points("abc", "abc", minimum=1, timeout=0.2, wait_for_all=True,
                              continue_on_timeout=True)
        waiting = Background(a.wait)
        begin = time.monotonic()
        self.assertEqual(b.wait().participating, waiting.result().participating)
        self.assertGreater(time.monotonic() - begin, 0.1)

    def test_a_wait_whose_own_time_passed_is_not_there(self):
        [a] = self.points("a", "ab")
        for timeout in (0, 0.03):
            with self.assertRaises(syncmgr.Timeout) as raised:
                a.wait(timeout)
            self.assertEqual(raised.exception.result.status, "waiting")
            self.assertEqual(raised.exception.result.participating, ())
        self.assertRaises(ValueError, a.wait, -2)

    def test_cancel(self):
        a, b = self.points("ab", "ab")
        waiting = Background(a.wait)
        wait_until(lambda: b.result.participating, "a arrives")
        self.assertTrue(b.cancel("the disk is full"))
        with self.assertRaises(syncmgr.SyncPointFailed) as raised:
            waiting.result()
        self.assertMessage(raised, "the disk is full")
        self.assertEqual(raised.exception.result.reason, "the disk is full")
        again = pickle.loads(pickle.dumps(raised.exception))
        self.assertEqual((again.result, again.code), (raised.exception.result, "E_FAILED"))

    def test_fail_and_continue_on_failure(self):
        a, b, c = self.points("abc", "abc", continue_on_failure=True)
        self.assertTrue(b.fail("out of paper"))
        self.assertEqual(a.result.failed, ("b",))
        waiting = Background(a.wait)
        wait_until(lambda: b.result.participating, "a arrives")
        self.assertRaises(syncmgr.Busy, a.fail)
        result = c.wait(5)
        self.assertEqual((result.status, result.reason), ("partial_complete", "out of paper"))
        self.assertEqual(waiting.result(), result)

    def test_closing_withdraws(self):
        a, b = self.points("ab", "ab")
        waiting = Background(a.wait)
        wait_until(lambda: b.result.participating, "a arrives")
        a.close()
        self.assertRaises(syncmgr.Closed, waiting.result)
        self.assertEqual(b.result.participating, ())


class Death(SyncPointTest):
    CHILD = """
        space = syncmgr.open(arguments[0])
        me = space.workstream(arguments[1])
        point = me.sync_point("p")
        say("open")
        if hear() == "wait":
            result = point.wait()
            say(result.status.value, *result.participating)
            hear()
    """

    def test_processes_meet(self):
        [c] = self.points("c", "abc")
        children = [self.child(self.CHILD, self.url, name) for name in "ab"]
        for child in children:
            self.assertEqual(child.line(), "open")
            child.tell("wait")
        self.assertEqual(set(c.wait(20).participating), set("abc"))
        for child in children:
            self.assertTrue(child.line().startswith("complete "))

    def test_a_killed_one_fails_the_point(self):
        for waits in (True, False):
            with self.subTest(waits=waits):
                point = self.space.workstream("z").sync_point("p", ["a", "b"])
                child = self.child(self.CHILD, self.url, "a")
                child.line()
                if waits:
                    child.tell("wait")
                    wait_until(lambda: point.result.participating == ("a",), "a arrives")
                child.kill()
                wait_until(lambda: point.result.status == "failed", "the point fails")
                self.assertEqual(point.result.reason, f"a (pid {child.pid}) died")
                self.assertEqual(point.result.failed, ("a",))
                point._owner.close()
                self.space.remove("sync_point", "p")


if __name__ == "__main__":
    unittest.main()
