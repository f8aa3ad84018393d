"""Election and once."""

import time
import unittest

from support import Background, SpaceTest, wait_until
import syncmgr

LEADER = """
    election = syncmgr.open(arguments[0]).workstream("victim").election("e")
    say(election.campaign(), election.term)
    hear()
"""


class ElectionTest(SpaceTest):
    def setUp(self):
        super().setUp()
        self.election = self.space.election("e")
        self.first = self.space.workstream("first").election("e")
        self.second = self.space.workstream("second").election("e")

    def candidate(self, election, timeout=None):
        """A thread that stands, and is in line when this returns."""
        thread = Background(election.campaign, timeout)
        time.sleep(0.03)
        self.assertTrue(thread.running())
        return thread


class Leading(ElectionTest):
    def test_one_leads_and_the_others_wait(self):
        self.assertIsNone(self.election.leader)
        self.assertIs(self.first.campaign(), True)
        self.assertTrue(self.first.leading())
        self.assertFalse(self.second.leading())
        self.assertEqual(self.election.leader.name, "first")
        waiting = self.candidate(self.second)
        self.first.resign()
        self.assertIs(waiting.result(), True)
        self.assertEqual(self.election.leader.name, "second")

    def test_who_leads_already_is_elected_at_once(self):
        self.first.campaign()
        term = self.first.term
        self.assertIs(self.first.campaign(0), True)
        self.assertEqual(self.first.term, term)

    def test_timeout(self):
        self.first.campaign()
        self.assertIs(self.second.campaign(0), False)
        begin = time.monotonic()
        self.assertIs(self.second.campaign(0.05), False)
        self.assertGreaterEqual(time.monotonic() - begin, 0.05)
        self.assertRaises(ValueError, self.second.campaign, -2)

    def test_candidates_are_elected_in_the_order_in_which_they_came(self):
        self.first.campaign()
        streams = [self.space.workstream(f"c{number}").election("e") for number in range(3)]
        threads = [self.candidate(election) for election in streams]
        self.first.resign()
        for election, thread in zip(streams, threads):
            self.assertIs(thread.result(), True)
            self.assertEqual([one.leading() for one in streams].count(True), 1)
            election.resign()

    def test_each_term_has_a_token_that_only_grows(self):
        terms = []
        for election in (self.first, self.second, self.first):
            with election as leader:
                self.assertIs(leader, election)
                terms.append(leader.term)
                self.assertEqual(leader.leader.token, leader.term)
                self.assertTrue(leader.is_valid(leader.term))
            self.assertFalse(election.is_valid(terms[-1]))
        self.assertEqual(terms, sorted(set(terms)))
        self.assertRaises(syncmgr.NotOwner, lambda: self.first.term)
        self.assertRaises(syncmgr.NotOwner, self.first.resign)
        self.assertRaises(ValueError, self.first.is_valid, -1)

    def test_with_resigns_whatever_happens(self):
        with self.assertRaises(KeyError), self.first:
            raise KeyError
        self.assertIsNone(self.election.leader)
        with self.first as leader:
            leader.resign()
        with self.first.lead(5):
            with self.assertRaises(syncmgr.Timeout) as raised, self.second.lead(0.02):
                self.fail("another leads")
            self.assertMessage(raised, "'e'", "0.02")
        self.assertIsNone(self.election.leader)

    def test_closing_resigns(self):
        with self.space.workstream("short") as short:
            short.election("e").campaign()
        self.assertIs(self.first.campaign(0), True)

    def test_force_release(self):
        self.assertIs(self.election.force_release(), False)
        self.first.campaign()
        term = self.first.term
        self.assertIs(self.election.force_release(), True)
        self.assertFalse(self.first.is_valid(term))
        self.assertIs(self.second.campaign(0), True)
        self.assertRaises(syncmgr.Lost, self.first.resign)
        self.second.resign()
        with self.assertRaises(syncmgr.Lost), self.first:
            self.election.force_release()

    def test_repr_and_remove(self):
        self.assertIn("nobody leads", repr(self.election))
        with self.first:
            self.assertIn("first", repr(self.election))
            self.first.finish()
        self.assertIn("has a result", repr(self.election))
        self.assertRaises(syncmgr.Busy, self.space.remove, "election", "e")


class Results(ElectionTest):
    def test_everybody_gets_it_and_nobody_leads_any_more(self):
        self.first.campaign()
        waiting = [self.candidate(self.second), self.candidate(self.election)]
        self.assertIsNone(self.second.result)
        self.first.finish(b"\0done")
        for thread in waiting:
            self.assertIs(thread.result(), False)
        self.assertIs(self.second.campaign(), False)
        self.assertEqual(self.second.result, b"\0done")
        self.assertIsNone(self.election.leader)

    def test_a_with_that_comes_late_is_told(self):
        with self.first as leader:
            leader.finish("done")
        for late in (self.second, self.second.lead(1)):
            with self.assertRaises(syncmgr.Late) as raised, late:
                self.fail("there is a result")
            self.assertMessage(raised, "'e'", "result")
        self.assertEqual(self.second.result.decode(), "done")

    def test_only_the_leader_publishes(self):
        self.assertRaises(syncmgr.NotOwner, self.first.finish, b"")
        with self.first:
            self.assertRaises(syncmgr.NotOwner, self.second.finish, b"")
            self.election.force_release()
            self.assertRaises(syncmgr.Lost, self.first.finish, b"x")
            self.first.campaign()
        self.assertIsNone(self.election.result)

    def test_how_long_it_may_be(self):
        for result in (b"", b"x" * 256):
            with self.first:
                self.assertRaises(syncmgr.InvalidArgument, self.first.finish, b"x" * 257)
                self.assertRaises(TypeError, self.first.finish, 7)
                self.first.finish(result)
            self.assertEqual(self.second.result, result)
            self.second.reset()
            self.assertIsNone(self.first.result)

    def test_reset_begins_anew(self):
        with self.first:
            self.first.finish()
        self.second.reset()
        self.assertIs(self.second.campaign(), True)


class Once(SpaceTest):
    def test_it_is_done_once_and_all_get_the_result(self):
        calls = []

        def work():
            calls.append(1)
            time.sleep(0.05)
            return {"answer": [42, None, "\u00fc"]}

        def ask():
            return syncmgr.once(self.space, "o", work)

        threads = [Background(ask) for _ in range(6)]
        for thread in threads:
            self.assertEqual(thread.result(), {"answer": [42, None, "\u00fc"]})
        self.assertEqual(ask(), {"answer": [42, None, "\u00fc"]})
        self.assertEqual(len(calls), 1)
        self.assertEqual(self.space.election("o").result,
                         '{"answer":[42,null,"\u00fc"]}'.encode())

    def test_all_get_what_json_makes_of_it(self):
        self.assertEqual(syncmgr.once(self.space, "o", lambda: (1, 2)), [1, 2])
        self.assertEqual(syncmgr.once(self.space, "o", lambda: 0), [1, 2])
        self.assertIsNone(syncmgr.once(self.space, "none", lambda: None))
        self.assertIsNone(syncmgr.once(self.space, "none", lambda: 7))

    def test_an_empty_result_is_none(self):
        with self.space.election("o") as leader:
            leader.finish(b"")
        self.assertIsNone(syncmgr.once(self.space, "o", lambda: 7))

    def test_when_it_raises_the_next_one_calls_its_own(self):
        def fails():
            time.sleep(0.05)
            raise KeyError("work")

        first = Background(syncmgr.once, self.space, "o", fails)
        wait_until(lambda: self.space.election("o").leader, "the first leads")
        second = Background(syncmgr.once, self.space, "o", lambda: "second")
        self.assertRaises(KeyError, first.result)
        self.assertEqual(second.result(), "second")

    def test_a_result_that_does_not_fit_is_refused(self):
        for value, error in ((list(range(200)), ValueError), ({1, 2}, TypeError),
                             (float("nan"), ValueError)):
            with self.assertRaises(error):
                syncmgr.once(self.space, "o", lambda: value)
        self.assertIsNone(self.space.election("o").leader)
        self.assertRaises(TypeError, syncmgr.once, self.space, "o", "function")

    def test_timeout(self):
        with self.space.workstream("w").election("o"):
            with self.assertRaises(syncmgr.Timeout) as raised:
                syncmgr.once(self.space, "o", lambda: 1, 0.03)
            self.assertMessage(raised, "'o'", "0.03")
        self.assertRaises(ValueError, syncmgr.once, self.space, "o", lambda: 1, -2)

    def test_reset_lets_it_be_done_again(self):
        stream = self.space.workstream("w")
        self.assertEqual(syncmgr.once(stream, "o", lambda: 1), 1)
        stream.election("o").reset()
        self.assertEqual(syncmgr.once(stream, "o", lambda: 2), 2)

    def test_processes(self):
        children = [self.child("""
            space = syncmgr.open(arguments[0])
            say("ready")
            hear()
            say(syncmgr.once(space, "o", lambda: (time.sleep(0.05), os.getpid())[1]))
        """, self.url) for _ in range(4)]
        for child in children:
            self.assertEqual(child.line(), "ready")
        for child in children:
            child.tell("go")
        answers = {int(child.line()) for child in children}
        self.assertEqual(len(answers), 1)
        self.assertIn(answers.pop(), {child.pid for child in children})


class Death(ElectionTest):
    def test_the_death_of_the_leader_elects_another(self):
        child = self.child(LEADER, self.url)
        elected, term = child.line().split()
        self.assertEqual(elected, "True")
        self.assertEqual((self.election.leader.name, self.election.leader.pid),
                         ("victim", child.pid))
        waiting = self.candidate(self.first)
        begin = time.monotonic()
        child.kill()
        self.assertIs(waiting.result(), True)
        self.assertLess(time.monotonic() - begin, 2)
        self.assertGreater(self.first.term, int(term))
        self.space.check()

    def test_a_dead_candidate_is_not_elected(self):
        self.first.campaign()
        child = self.child("""
            import threading
            election = syncmgr.open(arguments[0]).election("e")
            threading.Thread(target=election.campaign, daemon=True).start()
            time.sleep(0.1)
            say("stands")
            hear()
        """, self.url)
        self.assertEqual(child.line(), "stands")
        waiting = self.candidate(self.second)
        child.kill()
        self.first.resign()
        self.assertIs(waiting.result(), True)

    def test_who_dies_doing_it_once_leaves_it_to_the_next(self):
        child = self.child("""
            space = syncmgr.open(arguments[0])
            syncmgr.once(space, "o", lambda: (say("works"), hear()))
        """, self.url)
        self.assertEqual(child.line(), "works")
        waiting = Background(syncmgr.once, self.space, "o", lambda: "the next")
        time.sleep(0.03)
        self.assertTrue(waiting.running())
        child.kill()
        self.assertEqual(waiting.result(), "the next")

    def test_the_result_outlives_who_made_it(self):
        child = self.child("""
            space = syncmgr.open(arguments[0])
            say(syncmgr.once(space, "o", lambda: "made"))
            hear()
        """, self.url)
        self.assertEqual(child.line(), "made")
        child.kill()
        self.assertEqual(syncmgr.once(self.space, "o", lambda: "again"), "made")


if __name__ == "__main__":
    unittest.main()
