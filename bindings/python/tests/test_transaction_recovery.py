"""What dead processes leave, transactions of several workstreams, and records."""

import os
import signal
import unittest

from support import Background, wait_until
from test_transaction import TransactionTest, raising
import syncmgr

# Executes an operation of a name and stays, or dies where it is told to.
VICTIM = """
    store = syncmgr.open(arguments[0]).store()
    where = arguments[1]

    def execute(operation):
        if where == "execute" and operation.index == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"file": operation.parameters["file"]}

    def undo(operation):
        if where == "undo" and operation.index == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    store.handler("copy", execute, undo)
    tx = store.transaction(metadata={"of": "the victim"})
    tx["a"] = 1
    for name in ("x", "y"):
        tx.add(name="copy", id=name, parameters={"file": name}, target=name)
    tx.execute()
    if where == "undo":
        tx.rollback()
    say("executed")
    os.kill(os.getpid(), signal.SIGKILL)
"""


class Recovery(TransactionTest):
    def die(self, where):
        child = self.child(VICTIM, self.url, where)
        self.assertEqual(child.finish(), -signal.SIGKILL)

    def test_what_was_executed_is_undone_by_the_handlers_of_another_process(self):
        for where, states in (("end", 2), ("execute", 2), ("undo", 2)):
            with self.subTest(where=where):
                self.die(where)
                undone = []

                def undo(operation):
                    undone.append((operation.id, operation.parameters, operation.result,
                                   operation.target, operation.name))

                with self.store.handler("copy", undo=undo):
                    report = self.store.recover()
                self.assertEqual([one[0] for one in undone], ["y", "x"])
                self.assertEqual(undone[1], ("x", {"file": "x"}, {"file": "x"}, "x", "copy"))
                # Of one that died in `execute` nobody knows a result.
                self.assertEqual(undone[0][2], None if where == "execute" else {"file": "y"})
                self.assertEqual([one["status"] for one in report["recovered"]], ["rolled_back"])
                self.assertEqual(report["left"], [])
                self.assertEqual(self.values(), {})
                self.assertEqual(self.store.recover(), {"recovered": [], "left": []})
                self.assertEqual(self.other.transactions()[-1]["status"], "rolled_back")

    def test_what_has_no_handler_is_named(self):
        self.die("end")
        report = self.store.recover()
        self.assertEqual(report["recovered"], [])
        self.assertEqual([(one["operation"], one["name"]) for one in report["left"]],
                         [(1, "copy")])
        self.assertIn("copy", report["left"][0]["reason"])
        # Who has one can do it later, from any process.
        child = self.child("""
            store = syncmgr.open(arguments[0]).store()
            with store.handler("copy", undo=lambda operation: say(operation.id)):
                say(len(store.recover()["recovered"]))
        """, self.url)
        self.assertEqual([child.line() for _ in range(3)], ["y", "x", "1"])
        self.assertEqual(child.finish(), 0)

    def test_an_undo_that_raises_is_left_and_tried_again(self):
        self.die("end")
        with self.store.handler("copy", undo=raising(OSError("no way"))):
            report = self.store.recover()
        self.assertIn("no way", report["left"][0]["reason"])
        undone = []
        with self.store.handler("copy", undo=lambda operation: undone.append(operation.id)):
            report = self.store.recover()
        self.assertEqual(undone, ["y", "x"])
        self.assertEqual(len(report["recovered"]), 1)

    def test_each_is_recovered_by_one_process(self):
        for _ in range(4):
            self.die("end")
        children = [self.child("""
            store = syncmgr.open(arguments[0]).store()
            undone = []
            def undo(operation):
                time.sleep(0.02)
                undone.append(operation.index)
            with store.handler("copy", undo=undo):
                say("ready")
                hear()
                store.recover()
            say(len(undone))
        """, self.url) for _ in range(3)]
        for child in children:
            self.assertEqual(child.line(), "ready")
        for child in children:
            child.tell()
        self.assertEqual(sum(int(child.line()) for child in children), 8)
        for child in children:
            self.assertEqual(child.finish(), 0)
        self.assertEqual({one["status"] for one in self.store.transactions()}, {"rolled_back"})

    def test_handlers_of_living_transactions(self):
        log = []
        handler = self.store.handler("note", lambda operation: log.append(operation.parameters),
                                     lambda operation: log.append("undone"))
        with handler:
            with self.store.transaction(strict=True) as tx:
                tx.add(name="note", parameters=[1])
            with self.assertRaises(KeyError):
                with self.store.transaction() as tx:
                    tx.add(name="note", parameters=[2])
                    tx.add(execute=raising(KeyError()))
            self.assertRaises(syncmgr.AlreadyExists, self.other.handler, "note")
            # A result that others cannot read is no result.
            with self.other.handler("odd", lambda _: object(), lambda _: log.append("back")):
                with self.assertRaises(TypeError):
                    with self.store.transaction() as tx:
                        tx.add(name="odd")
        self.assertEqual(log, [[1], [2], "undone", "back"])
        with self.assertRaises(ValueError) as raised:
            with self.store.transaction() as tx:
                tx.add(name="note")
        self.assertMessage(raised, "note")
        self.assertRaises(ValueError, self.store.handler, "")
        self.assertRaises(TypeError, self.store.handler, "x", 5)


class Votes(TransactionTest):
    def begin(self, **options):
        return self.store.transaction(workstreams=["a", "b"], **options)

    def test_all_commit_when_all_vote_for_it(self):
        whole = self.begin()
        part = self.other.join(whole.id)
        self.assertTrue(part.info().is_part)
        whole["a"] = 1
        part["b"] = 2
        part.prepare()
        self.assertEqual(self.values(), {})
        self.assertRaises(syncmgr.Timeout, part.wait, 0.02)
        revision = whole.commit()
        self.assertEqual(part.wait(10), revision)
        self.assertEqual(self.values(), {"a": 1, "b": 2})
        self.assertEqual((whole.status, part.status), ("committed", "committed"))
        whole.close()
        part.close()

    def test_commit_of_each_waits_for_the_others(self):
        whole = self.begin()

        def take_part():
            with self.other.join(f"{whole.id:016x}") as part:
                part["b"] = 2
            return part.status

        other = Background(take_part)
        with whole:
            whole["a"] = 1
        self.assertEqual(other.result(), "committed")
        self.assertEqual(self.values(), {"a": 1, "b": 2})

    def test_one_that_votes_against_ends_it_for_all(self):
        log = []
        whole = self.begin()
        part = self.other.join(whole.id)
        whole["a"] = 1
        whole.add(id="x", **self.undoing(log))
        whole.prepare()
        part["b"] = 2
        part.rollback()
        self.assertRaises(syncmgr.TransactionFailed, whole.commit)
        self.assertEqual((whole.status, log), ("rolled_back", ["do x", "undo x x"]))
        self.assertEqual(self.values(), {})
        whole.close()
        part.close()

    def test_one_that_dies_before_its_vote_ends_it(self):
        whole = self.begin(timeout=30)
        whole["a"] = 1
        self.other.close()
        self.other._owner.close()
        child = self.child("""
            store = syncmgr.open(arguments[0]).workstream("b").store()
            part = store.join(arguments[1])
            part["b"] = 2
            if arguments[2] == "after":
                part.prepare()
            say("ready")
            hear()
        """, self.url, f"{whole.id:016x}", "before")
        self.assertEqual(child.line(), "ready")
        committing = Background(whole.commit)
        wait_until(lambda: whole.status == "committing", "it waits for the vote")
        child.kill()
        self.assertRaises(syncmgr.TransactionFailed, committing.result)
        self.assertEqual(list(self.store), [])
        whole.close()

    def test_one_that_dies_after_its_vote_does_not(self):
        whole = self.begin(timeout=30)
        whole["a"] = 1
        self.other._owner.close()
        child = self.child("""
            store = syncmgr.open(arguments[0]).workstream("b").store()
            part = store.join(arguments[1])
            part["b"] = 2
            part.prepare()
            os.kill(os.getpid(), signal.SIGKILL)
        """, self.url, f"{whole.id:016x}")
        self.assertEqual(child.finish(), -signal.SIGKILL)
        # Its key is prepared: nobody else changes it.
        with self.assertRaises(syncmgr.Busy) as raised:
            self.store.put("b", 3)
        self.assertMessage(raised, f"{whole.id:016x}")
        whole.commit()
        self.assertEqual({key: self.store[key] for key in self.store}, {"a": 1, "b": 2})
        whole.close()

    def test_what_the_dead_have_all_voted_for_is_committed(self):
        child = self.child("""
            space = syncmgr.open(arguments[0])
            whole = space.workstream("c").store().transaction(workstreams=["c", "d"])
            part = space.workstream("d").store().join(whole.id)
            whole["a"] = 1
            part["b"] = 2
            whole.prepare()
            part.prepare()
            os.kill(os.getpid(), signal.SIGKILL)
        """, self.url)
        self.assertEqual(child.finish(), -signal.SIGKILL)
        report = self.store.recover()
        self.assertEqual({one["status"] for one in report["recovered"]}, {"committed"})
        self.assertEqual(self.values(), {"a": 1, "b": 2})

    def test_what_is_refused(self):
        whole = self.begin()
        self.assertRaises(syncmgr.NotExpected, self.space.workstream("c").store().join, whole.id)
        part = self.other.join(whole.id)
        self.assertRaises(syncmgr.NotActive, self.other.join, whole.id)
        self.assertRaises(syncmgr.NotFound, self.other.join, 1)
        for number in ("none", -1, 1.5):
            self.assertRaises((ValueError, TypeError), self.other.join, number)
        part.close()
        self.assertRaises(syncmgr.TransactionFailed, whole.commit)
        whole.close()
        with self.store.transaction() as alone:
            self.assertRaises(syncmgr.InvalidArgument, alone.prepare)


class Records(TransactionTest):
    def test_lists_by_status_and_workstream(self):
        with self.store.transaction(metadata=[1]) as first:
            first["a"] = 1
        with self.other.transaction() as second:
            second.rollback()
        third = self.other.transaction()
        found = self.store.transactions()
        self.assertEqual([(one["status"], one["workstream"]) for one in found],
                         [("committed", "a"), ("rolled_back", "b"), ("pending", "b")])
        self.assertEqual(found[0]["id"], f"{first.id:016x}")
        self.assertEqual((found[0]["metadata"], found[0]["pid"]), ([1], os.getpid()))
        self.assertEqual(len(self.store.transactions("pending")), 1)
        self.assertEqual(len(self.store.transactions(["committed", "pending"], "b")), 1)
        self.assertEqual(self.store.transactions(workstream="nobody"), [])
        self.assertRaises(ValueError, self.store.transactions, "none")
        self.assertEqual(self.store.transaction_record(third.id)["status"], "pending")
        self.assertEqual(self.store.transaction_record(found[1]["id"]), found[1])
        self.assertIsNone(self.store.transaction_record(1))
        self.assertEqual(self.store.clear_transactions(1000), 0)
        self.assertEqual(self.store.clear_transactions(), 2)
        self.assertEqual(len(self.store.transactions()), 1)
        third.close()
        self.assertEqual(self.store.transactions()[0]["status"], "rolled_back")

    def test_operations_and_their_results(self):
        with self.store.handler("note", lambda _: {"x": [1]}, None):
            with self.store.transaction() as tx:
                tx.add(name="note", id="mine", target="t")
        [operation] = self.other.transactions()[0]["operations"]
        self.assertEqual((operation["name"], operation["state"]), ("note", "executed"))


if __name__ == "__main__":
    unittest.main()
