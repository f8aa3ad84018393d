"""A signal handler that raises at any instant: what was executed is committed or undone, once."""

import gc
import unittest

from test_interrupted_with import ROUNDS, RaisingSignals


class Transactions(RaisingSignals):
    def setUp(self):
        super().setUp()
        self.store = self.space.workstream("a").store()
        self.state = 0, []

    def fault(self):
        """What is wrong after a round; None when all is well."""
        number, executed = self.state
        if len(executed) != (2 if self.store.get("number") == number else 0):
            return f"{len(executed)} executed, {self.store.get('number')} of {number} committed"
        # The locks are free. What was interrupted twice may refer to itself.
        gc.collect(0)
        with self.store.transaction() as tx:
            tx["number"] = -1
        self.state = number, []
        return None

    def begin(self):
        self.state = number, executed = self.state[0] + 1, []
        return number, executed

    def test_operations(self):
        self.operate(shots=1)

    def test_operations_interrupted_twice(self):
        self.operate(shots=2)

    def operate(self, shots):
        def work():
            number, executed = self.begin()
            with self.store.transaction() as tx:
                tx["number"] = number
                # Written in C: no signal comes between what they do and their end.
                tx.add(execute=executed.append, undo=executed.remove)
                tx.add(execute=executed.append, undo=executed.remove)

        self.rounds(work, self.fault, longest=0.001, shots=shots)

    def test_rolled_back(self):
        def work():
            _, executed = self.begin()
            try:
                with self.store.transaction() as tx:
                    tx["number"] = -2
                    tx.add(execute=executed.append, undo=executed.remove)
                    tx.execute()
                    raise LookupError
            except LookupError:
                pass

        self.rounds(work, self.fault, longest=0.001)

    def test_contended(self):
        child = self.hammer("""
            store = space.store()
            say("ready")
            while not told():
                with store.transaction() as tx:
                    tx["number"] = -3
                    pause(0.00015)
                pause(0.00005)
        """)

        def work():
            number, executed = self.begin()
            with self.store.transaction() as tx:
                tx.add(execute=executed.append, undo=executed.remove)
                tx.execute()
                tx["number"] = number
                tx.add(execute=executed.append, undo=executed.remove)

        def fault():
            # The other one writes it as well.
            number, executed = self.state
            if len(executed) not in (0, 2):
                return f"{len(executed)} are executed"
            self.store.transaction().close()
            self.state = number, []
            return None

        self.rounds(work, fault, longest=0.002)
        self.end(child)


class Watches(RaisingSignals):
    def test_no_change_is_lost(self):
        store = self.space.workstream("a").store()
        watch = store.watch()
        seen = []

        def work():
            store.put("key", 1)
            # In one step: what is taken is noted.
            seen.extend(change.version for change in [watch.next(0)] if change is not None)

        def fault():
            while (change := watch.next(0)) is not None:
                seen.append(change.version)
            return None

        self.rounds(work, fault)
        self.assertEqual(len(seen), len(set(seen)), "none comes twice")
        self.assertGreater(len(seen), ROUNDS // 2)


if __name__ == "__main__":
    unittest.main()
