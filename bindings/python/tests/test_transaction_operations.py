"""Operations of transactions: executed in order, undone newest first, each once."""

import time
import unittest

from support import Background
from test_transaction import TransactionTest, raising
import syncmgr


class Operations(TransactionTest):
    def test_they_are_executed_in_order_at_the_commit(self):
        log = []
        with self.store.transaction() as tx:
            operations = [tx.add(id=name, parameters={"of": name}, **self.undoing(log))
                          for name in ("x", "y", "z")]
            self.assertEqual([operation.state for operation in operations], ["waiting"] * 3)
            self.assertEqual(tx.operations, operations)
            tx["a"] = 1
            self.assertEqual(log, [])
        self.assertEqual(log, ["do x", "do y", "do z"])
        self.assertEqual(self.values(), {"a": 1})
        self.assertEqual([operation.result for operation in operations],
                         [{"did": "x"}, {"did": "y"}, {"did": "z"}])
        self.assertEqual((operations[1].type, operations[1].id, operations[1].parameters),
                         ("custom", "y", {"of": "y"}))

    def test_execute_now(self):
        log = []
        with self.store.transaction() as tx:
            first = tx.add(id="x", **self.undoing(log))
            tx.execute()
            self.assertEqual((log, first.state), (["do x"], "executed"))
            tx.add(id="y", **self.undoing(log))
        self.assertEqual(log, ["do x", "do y"])

    def test_when_one_raises_those_before_are_undone_and_it_is_raised(self):
        log = []
        with self.assertRaises(KeyError) as raised:
            with self.store.transaction() as tx:
                tx["a"] = 1
                for name in ("x", "y"):
                    tx.add(id=name, **self.undoing(log))
                tx.add(execute=raising(KeyError("mine")), undo=lambda _: log.append("undo it"))
                tx.add(id="z", **self.undoing(log))
        self.assertEqual(raised.exception.args, ("mine",))
        self.assertEqual(log, ["do x", "do y", "undo y y", "undo x x"])
        self.assertEqual([operation.state for operation in tx.operations],
                         ["undone", "undone", "failed", "left_out"])
        self.assertEqual((tx.status, self.values()), ("rolled_back", {}))

    def test_when_the_commit_fails_all_are_undone(self):
        self.store["a"] = 0
        log = []
        with self.assertRaises(syncmgr.Changed):
            with self.store.transaction() as tx:
                tx["b"] = tx["a"]
                tx.add(id="x", **self.undoing(log))
                self.other["a"] = 1
        self.assertEqual(log, ["do x", "undo x x"])
        self.assertNotIn("b", self.store)

    def test_what_ends_it_between_calls_undoes_what_was_executed(self):
        self.store["a"] = 0
        log = []
        with self.store.transaction() as tx:
            tx.get("a")
            tx.add(id="x", **self.undoing(log))
            tx.execute()
            self.other["a"] = 1
            self.assertRaises(syncmgr.Changed, tx.get, "a")
            self.assertEqual(log, ["do x", "undo x x"])
            self.assertEqual(tx.status, "rolled_back")
        self.assertEqual(tx.status, "rolled_back")

    def test_one_without_an_undo_is_left_as_it_is(self):
        log = []
        with self.assertRaises(KeyError):
            with self.store.transaction() as tx:
                tx.add(execute=lambda _: log.append("done"))
                tx.add(undo=lambda _: log.append("undone"))
                tx.add(execute=raising(KeyError()))
        self.assertEqual(log, ["done", "undone"])

    def test_an_undo_that_raises_is_tried_again_on_request(self):
        log, broken = [], [True]

        def undo(operation):
            if broken[0]:
                raise OSError("no way back")
            log.append("undone")

        tx = self.store.transaction()
        tx["a"] = 1
        tx.add(id="x", **self.undoing(log))
        tx.add(execute=lambda _: log.append("do it"), undo=undo)
        tx.add(execute=raising(KeyError("mine")))
        with self.assertRaises(syncmgr.TransactionFailed) as raised:
            tx.commit()
        self.assertIsInstance(raised.exception.__cause__, OSError)
        self.assertMessage(raised, "undo", "operation 1")
        self.assertEqual((tx.status, log), ("failed", ["do x", "do it"]))
        self.assertEqual([operation.state for operation in tx.operations],
                         ["executed", "undo_failed", "failed"])
        with self.assertRaises(syncmgr.TransactionFailed):
            tx.rollback()
        broken[0] = False
        tx.rollback()
        self.assertEqual((tx.status, log), ("rolled_back", ["do x", "do it", "undone", "undo x x"]))
        self.assertRaises(syncmgr.NotActive, tx.rollback)
        tx.close()
        self.assertEqual(self.values(), {})

    def test_with_tells_of_an_undo_that_raised(self):
        with self.assertRaises(KeyError) as raised:
            with self.store.transaction() as tx:
                tx.add(undo=raising(OSError("no way back")))
                tx.execute()
                raise KeyError("mine")
        self.assertEqual(tx.status, "failed")
        self.assertIn("rolling back failed", raised.exception.__notes__[0])
        tx.close()

    def test_one_that_comes_back_after_its_time_is_undone(self):
        log = []

        def slow(operation):
            time.sleep(0.1)
            log.append("landed")

        with self.assertRaises(syncmgr.Timeout) as raised:
            with self.store.transaction() as tx:
                tx.add(id="x", **self.undoing(log))
                tx.add(execute=slow, undo=lambda _: log.append("undone"), timeout=0.02)
                tx["a"] = 1
        self.assertMessage(raised, "operation 1", "20ms")
        self.assertEqual(log, ["do x", "landed", "undone", "undo x x"])
        self.assertEqual(self.values(), {})
        # Their time is the transaction's when they have none of their own.
        with self.assertRaises(syncmgr.Timeout):
            with self.store.transaction(operation_timeout=0.02) as tx:
                tx.add(execute=slow)
        with self.store.transaction(operation_timeout=0.02) as tx:
            tx.add(execute=slow, timeout=None)

    def test_they_may_use_their_transaction(self):
        self.store["a"] = 20

        def double(operation):
            tx = operation.transaction
            tx["a"] = tx["a"] * 2
            tx["b"] = operation.parameters
            return tx.keys()

        with self.store.transaction() as tx:
            operation = tx.add(execute=double, parameters=[7])
        self.assertEqual(self.values(), {"a": 40, "b": [7]})
        self.assertEqual(operation.result, ["a", "b"])

    def test_an_error_of_what_they_do_there_rolls_it_back(self):
        self.store["a"] = 0
        log = []

        def collide(operation):
            tx = operation.transaction
            tx.get("a")
            self.other["a"] = 1
            tx.get("a")

        with self.assertRaises(syncmgr.Changed):
            with self.store.transaction() as tx:
                tx.add(id="x", **self.undoing(log))
                tx.add(execute=collide)
                tx["b"] = 1
        self.assertEqual((log, tx.status), (["do x", "undo x x"], "rolled_back"))
        self.assertEqual(self.values(), {"a": 1})

    def test_those_of_the_store_need_no_callbacks(self):
        self.store["old"] = 1
        with self.store.transaction() as tx:
            read = tx.add("read", "old")
            tx.add("write", "written", {"x": [1]})
            tx.add("create", "created", None)
            tx.add("delete", "old")
            tx.add("lock", "a name")
            tx.add("unlock", "a name")
            tx.execute()
            self.assertEqual(read.result, 1)
        self.assertEqual(self.values(), {"written": {"x": [1]}, "created": None})
        with self.assertRaises(syncmgr.AlreadyExists):
            with self.store.transaction() as tx:
                tx.add("create", "created", 2)
        with self.assertRaises(syncmgr.NotFound):
            with self.store.transaction() as tx:
                tx.add("delete", "none")
        self.assertEqual(tx.status, "rolled_back")

    def test_those_of_the_store_wait_for_locks(self):
        with self.other.transaction() as holder:
            holder["a"] = 1

            def write():
                with self.store.transaction() as tx:
                    tx.add("write", "a", 2)

            writing = Background(write)
            time.sleep(0.05)
            self.assertTrue(writing.running())
        writing.result()
        self.assertEqual(self.store["a"], 2)

    def test_with_callbacks_besides(self):
        log = []
        with self.assertRaises(KeyError):
            with self.store.transaction() as tx:
                tx.add("write", "a", 1, id="x", **self.undoing(log))
                tx.execute()
                self.assertEqual(tx["a"], 1)
                raise KeyError
        self.assertEqual((log, self.values()), (["do x", "undo x x"], {}))

    def test_what_is_refused(self):
        with self.store.transaction(strict=True) as tx:
            for arguments, options in ((("none",), {}), ((), {}), (("write", ""), {}),
                                       (("write",), {}), (("custom",), {"timeout": -3})):
                with self.subTest(arguments=arguments):
                    self.assertRaises(ValueError, tx.add, *arguments, **options)
            self.assertRaises(TypeError, tx.add, execute=5)
            self.assertRaises(syncmgr.NotFound, tx.add, name="nobody does this")
            self.assertEqual(tx.operations, [])
        with self.store.transaction(read_only=True) as tx:
            self.assertRaises(syncmgr.NotPermitted, tx.add, "write", "a", 1)
        with self.assertRaises(TypeError):
            with self.store.transaction() as tx:
                async def execute(_):
                    pass

                tx.add(execute=execute)


class Rules(TransactionTest):
    def test_validators_are_asked_before_every_change(self):
        seen = []

        def positive(key, value):
            seen.append((key, value))
            return value is None or value > 0

        with self.store.validator("n/*", positive):
            self.store["n/1"] = 1
            self.store["other"] = -1
            with self.assertRaises(ValueError) as raised:
                self.store["n/2"] = -1
            self.assertIn("n/2", str(raised.exception))
            self.assertRaises(ValueError, self.store.commit,
                              [syncmgr.Put("n/3", 3), syncmgr.Put("n/4", -4)])
            with self.assertRaises(ValueError):
                with self.store.transaction() as tx:
                    tx["n/5"] = 5
                    tx["n/6"] = 0
            self.assertEqual(tx.status, "rolled_back")
            self.store.delete("n/1")
            self.assertEqual(self.values(), {"other": -1})
            self.assertIn(("n/1", None), seen)
        self.store["n/2"] = -1

    def test_what_a_validator_raises_is_raised(self):
        def refuse(key, value):
            raise LookupError(key)

        validator = self.store.validator("**", refuse)
        with self.assertRaises(LookupError) as raised:
            self.store["a/b"] = 1
        self.assertEqual(raised.exception.args, ("a/b",))
        self.assertRaises(LookupError, self.store.update, "a", lambda _: 1)
        validator.close()
        validator.close()
        self.store["a/b"] = 1
        self.assertRaises(TypeError, self.store.validator, "**", 5)

    def test_constraints_hold_for_everybody(self):
        self.store.constraint("age/*", {"type": "int64", "minimum": 0, "maximum": 150})
        self.store.constraint("fixed", {"immutable": True})
        with self.assertRaises(syncmgr.InvalidArgument) as raised:
            self.other["age/x"] = 151
        self.assertMessage(raised, "age/x", "150")
        child = self.child("""
            store = syncmgr.open(arguments[0]).store()
            for key, value in (("age/x", -1), ("age/y", "old"), ("age/z", 7)):
                try:
                    store[key] = value
                    say("ok")
                except syncmgr.InvalidArgument as error:
                    say("refused")
        """, self.url)
        self.assertEqual([child.line() for _ in range(3)], ["refused", "refused", "ok"])
        self.other["fixed"] = 1
        self.assertRaises(syncmgr.InvalidArgument, self.other.delete, "fixed")
        with self.assertRaises(syncmgr.InvalidArgument):
            with self.other.transaction() as tx:
                tx["fixed"] = 2
        self.store.constraint("fixed", None)
        self.other["fixed"] = 2
        self.assertRaises(syncmgr.NotFound, self.store.constraint, "fixed", None)
        self.assertRaises(ValueError, self.store.constraint, "x", {"unknown": 1})


if __name__ == "__main__":
    unittest.main()
