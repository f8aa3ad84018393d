"""Conflicts: decided once, and seen by all. Values resolved the same in any order."""

import asyncio
import itertools
import signal
import threading
import unittest

from support import Background, WatchedTest, cancelled, seeded_random, wait_until
from test_aio import AioTest
from test_store import StoreTest
import syncmgr


def candidate(value, workstream, **more):
    return {"value": value, "workstream": workstream, **more}


CANDIDATES = [candidate({"a": 1}, "x", time=1, version=7, priority=3),
              candidate({"b": 2}, "y", time=2, version=5, priority=9),
              candidate({"a": 3}, "z", time=3, version=6, priority=1)]


class Resolving(WatchedTest):
    def test_each_strategy(self):
        for strategy, value in (("first_wins", {"a": 1}), ("last_wins", {"a": 3}),
                                ("version_wins", {"a": 1}), ("priority_based", {"b": 2}),
                                ("merge", {"a": 3, "b": 2})):
            with self.subTest(strategy=strategy):
                self.assertEqual(syncmgr.resolve(strategy, CANDIDATES).value, value)
        values = [{"value": 3}, {"value": [1, 2]}, {"value": 2.5}]
        self.assertEqual(syncmgr.resolve("max", values[::2]).value, 3)
        self.assertEqual(syncmgr.resolve("min", values[::2]).value, 2.5)
        self.assertEqual(syncmgr.resolve("union", values).value, [1, 2, 2.5, 3])

    def test_the_result_names_the_winner_and_all_that_was_discarded(self):
        result = syncmgr.resolve("last_wins", CANDIDATES)
        self.assertEqual((result.strategy, result.deleted), ("last_wins", False))
        self.assertEqual((result.winner["workstream"], result.winner["version"]), ("z", 6))
        self.assertEqual(sorted((one["workstream"], str(one["value"]), one["why"])
                                for one in result.discarded),
                         [("x", "{'a': 1}", "lost"), ("y", "{'b': 2}", "lost")])

    def test_any_order_gives_the_same(self):
        random = seeded_random()
        for _ in range(30):
            given = [candidate(random.choice([None, 1, [1, 2], {"k": random.randrange(3)}]),
                               random.choice("ab"), time=random.randrange(3),
                               version=random.randrange(3)) for _ in range(4)]
            for strategy in ("first_wins", "last_wins", "version_wins", "merge", "union", "max"):
                results = {str(syncmgr.resolve(strategy, order))
                           for order in itertools.permutations(given)}
                self.assertEqual(len(results), 1)

    def test_with_a_base(self):
        base = {"a": 1, "b": 1, "c": 1}
        result = syncmgr.resolve("merge", [candidate({"a": 2, "b": 1, "c": 1}, "x"),
                                           candidate({"a": 1, "b": 1}, "y")], base=base)
        self.assertEqual(result.value, {"a": 2, "b": 1})

    def test_deletions_and_elements_by_id(self):
        result = syncmgr.resolve("last_wins", [candidate(1, "x", time=1),
                                               {"workstream": "y", "time": 2}])
        self.assertEqual((result.value, result.deleted), (None, True))
        result = syncmgr.resolve("union", [candidate([{"id": 1, "v": 1}], "x", time=1),
                                           candidate([{"id": 1, "v": 2}], "y", time=2)], id="id")
        self.assertEqual(result.value, [{"id": 1, "v": 2}])

    def test_clocks(self):
        for left, right, order in (({"a": 1}, {"a": 1}, "equal"), ({"a": 1}, {"a": 2}, "before"),
                                   ({"a": 2, "b": 1}, {"a": 2}, "after"),
                                   ({"a": 1}, {"b": 1}, "concurrent")):
            self.assertEqual(syncmgr.compare_clocks(left, right), order)
        self.assertEqual(syncmgr.merge_clocks({"a": 1, "b": 2}, {"a": 3}, "b"), {"a": 3, "b": 3})
        self.assertEqual(syncmgr.merge_clocks(None, replica="n"), {"n": 1})
        result = syncmgr.resolve("last_wins", [candidate(1, "x", time=9, clock={"a": 1}),
                                               candidate(2, "y", time=1, clock={"a": 2})])
        self.assertEqual((result.value, result.discarded[0]["why"]), (2, "superseded"))

    def test_what_is_refused(self):
        for strategy in ("none", "manual", "custom", "abort"):
            self.assertRaises(ValueError, syncmgr.resolve, strategy, CANDIDATES)
        self.assertRaises(ValueError, syncmgr.resolve, "max", [])
        self.assertRaises(ValueError, syncmgr.resolve, "max", [{"unknown": 1}])
        self.assertRaises(ValueError, syncmgr.compare_clocks, {"a": -1}, {})


class ConflictTest(StoreTest):
    def setUp(self):
        super().setUp()
        self.conflicts = self.store.conflicts
        self.others = self.other.conflicts


class Detecting(ConflictTest):
    def test_declared_and_resolved_by_its_strategy(self):
        conflict = self.conflicts.detect(
            "both write", workstreams=["x", "y"], sync_point="p", type="state_conflict",
            severity="high", data={"candidates": CANDIDATES})
        self.assertEqual((conflict.type, conflict.severity, conflict.status, conflict.strategy,
                          conflict.workstreams, conflict.reason, conflict.sync_point),
                         ("state_conflict", "high", "resolved", "last_wins", ("x", "y"),
                          "both write", "p"))
        self.assertEqual(conflict.result.value, {"a": 3})
        self.assertEqual(len(conflict.result.discarded), 2)
        self.assertFalse(conflict.is_open)
        self.assertEqual(self.others.get(conflict.id), conflict)
        self.assertEqual(self.others.get(conflict), conflict)
        self.assertIsNone(self.others.get(conflict.id + 1000))

    def test_manual_stays_open_until_somebody_resolves_it(self):
        conflict = self.conflicts.detect(strategy="manual", data={"x": [1]})
        self.assertEqual((conflict.status, conflict.is_open, conflict.data),
                         ("analyzing", True, {"x": [1]}))
        child = self.child("""
            conflicts = syncmgr.open(arguments[0]).store().conflicts
            [conflict] = conflicts.list(status="open")
            conflicts.resolve(conflict, "manual", {"is": None}, by="somebody")
        """, self.url)
        self.assertEqual(child.finish(), 0)
        conflict = self.conflicts.wait(conflict, 10)
        self.assertEqual((conflict.status, conflict.resolved_by, conflict.result.value),
                         ("resolved", "somebody", {"is": None}))
        self.assertRaises(syncmgr.NotActive, self.conflicts.resolve, conflict, "manual", 1)

    def test_later_by_a_strategy(self):
        conflict = self.conflicts.detect(auto=False, data={"candidates": CANDIDATES})
        self.assertEqual(conflict.status, "detected")
        conflict = self.others.resolve(conflict.id, "first_wins")
        self.assertEqual((conflict.status, conflict.result.value), ("resolved", {"a": 1}))
        aborted = self.others.resolve(self.conflicts.detect(auto=False), "abort")
        self.assertEqual((aborted.status, aborted.result.aborted), ("resolved", True))

    def test_the_time_passes(self):
        conflict = self.conflicts.detect(auto=False, timeout=0.05)
        ended = self.conflicts.wait(conflict, 10)
        self.assertEqual(ended.status, "unresolvable")
        # It can still be resolved.
        self.assertEqual(self.conflicts.resolve(conflict, "manual", 1).status, "resolved")

    def test_lists(self):
        first = self.conflicts.detect(type="timing_conflict", workstreams="x", sync_point="p")
        second = self.conflicts.detect(auto=False, severity="low", workstreams=["x", "y"])
        third = self.others.detect(strategy="manual", severity="critical")
        for options, expected in (({}, [first, second, third]), ({"status": "open"},
                                  [second, third]), ({"status": "resolved"}, [first]),
                                  ({"type": "timing_conflict"}, [first]),
                                  ({"severity": ["low", "critical"]}, [second, third]),
                                  ({"sync_point": "p"}, [first]), ({"workstream": "y"}, [second]),
                                  ({"workstream": "nobody"}, [])):
            with self.subTest(options=options):
                self.assertEqual(self.others.list(**options), expected)
        self.others.ignore(second, by="me")
        ignored = self.conflicts.get(second)
        self.assertEqual((ignored.status, ignored.resolved_by), ("ignored", "me"))
        self.assertEqual(self.conflicts.clear(), 2)
        self.assertEqual(self.conflicts.list(), [third])

    def test_everybody_is_told(self):
        events = self.space.events("conflict")
        conflict = self.conflicts.detect(severity="high")
        told = [events.next(10) for _ in range(2)]
        self.assertEqual([(one.kind, one.priority, one.detail["status"], one.value)
                          for one in told],
                         [("conflict", "high", "detected", conflict.id),
                          ("conflict", "high", "resolved", conflict.id)])
        events.close()

    def test_what_is_refused(self):
        for options in ({"type": "none"}, {"severity": "none"}, {"strategy": "none"},
                        {"timeout": -2}, {"workstreams": ["a/b"]}, {"data": {"candidates": 5}}):
            with self.subTest(options=options):
                self.assertRaises(ValueError, self.conflicts.detect, **options)
        self.assertRaises(syncmgr.NotFound, self.conflicts.resolve, 12345, "manual", 1)
        self.assertRaises(syncmgr.NotFound, self.conflicts.wait, 12345, 0)
        self.assertRaises(ValueError, self.conflicts.list, status="none")


class Handlers(ConflictTest):
    def setUp(self):
        super().setUp()
        self.asked = []
        self.excepthook = threading.excepthook
        self.addCleanup(setattr, threading, "excepthook", self.excepthook)
        self.told = []
        threading.excepthook = lambda given: self.told.append(given.exc_value)

    def handler(self, name, answer):
        def handle(conflict):
            self.asked.append((name, conflict.status))
            if isinstance(answer, Exception):
                raise answer
            return answer

        return handle

    def test_asked_in_order_until_one_has_an_answer(self):
        error = OSError("broken")
        with self.conflicts.on("data_conflict", self.handler("first", None)), \
             self.others.on(None, self.handler("second", error)), \
             self.conflicts.on(["data_conflict", "state_conflict"], self.handler("third", [1])), \
             self.conflicts.on("data_conflict", self.handler("fourth", 2)):
            conflict = self.conflicts.detect()
        self.assertEqual((conflict.status, conflict.result.value), ("resolved", [1]))
        self.assertEqual(self.asked, [("first", "resolving"), ("second", "resolving"),
                                      ("third", "resolving")])
        self.assertEqual(self.told, [error])
        self.assertEqual(self.others.get(conflict).result.value, [1])
        self.assertEqual(self.conflicts.detect(data={"candidates": CANDIDATES}).result.value,
                         {"a": 3})

    def test_without_an_answer_the_strategy_decides(self):
        with self.conflicts.on("data_conflict", self.handler("mine", None)):
            conflict = self.conflicts.detect(data={"candidates": CANDIDATES})
            self.assertEqual((conflict.status, conflict.result.value), ("resolved", {"a": 3}))
            self.assertEqual(self.conflicts.detect(strategy="custom").status, "unresolvable")
            self.assertEqual(self.conflicts.detect(strategy="manual").status, "analyzing")

    def test_resolve_asks_them(self):
        conflict = self.conflicts.detect(auto=False)
        with self.others.on(None, self.handler("mine", 7)):
            self.assertEqual(self.others.resolve(conflict).result.value, 7)
        conflict = self.conflicts.detect(auto=False, strategy="custom")
        with self.others.on(None, self.handler("mine", None)):
            self.assertRaises(syncmgr.Unresolvable, self.others.resolve, conflict)

    def test_one_process_lets_its_handlers_decide(self):
        conflict = self.conflicts.detect(auto=False, timeout=None)
        self.conflicts.claim(conflict)
        self.assertEqual(self.others.get(conflict).status, "resolving")
        self.assertRaises(syncmgr.Busy, self.others.claim, conflict)
        with self.others.on(None, self.handler("mine", 7)):
            self.assertRaises(syncmgr.Busy, self.others.resolve, conflict)
        self.assertEqual(self.asked, [])
        self.conflicts.release(conflict)
        self.others.claim(conflict)
        self.assertRaises(syncmgr.NotOwner, self.conflicts.settle, conflict, 1)
        self.others.settle(conflict, {"x": 1})
        self.assertEqual(self.conflicts.get(conflict).result.value, {"x": 1})
        self.assertRaises(syncmgr.NotActive, self.others.settle, conflict, 1)

    def test_the_claim_of_the_dead_is_taken_over(self):
        conflict = self.conflicts.detect(auto=False, timeout=None)
        child = self.child("""
            conflicts = syncmgr.open(arguments[0]).store().conflicts
            def die(conflict):
                os.kill(os.getpid(), signal.SIGKILL)
            conflicts.on(None, die)
            conflicts.resolve(int(arguments[1]))
        """, self.url, conflict.id)
        self.assertEqual(child.finish(), -signal.SIGKILL)
        with self.conflicts.on(None, self.handler("mine", 7)):
            self.assertEqual(self.conflicts.resolve(conflict).result.value, 7)
        self.space.cleanup()
        self.space.check()

    def test_many_processes_and_one_answer(self):
        conflict = self.conflicts.detect(auto=False, timeout=None)
        children = [self.child("""
            conflicts = syncmgr.open(arguments[0]).store().conflicts
            asked = []
            conflicts.on(None, lambda conflict: asked.append(1) or os.getpid())
            say("ready")
            hear()
            try:
                conflicts.resolve(int(arguments[1]))
            except (syncmgr.Busy, syncmgr.NotActive):
                pass
            say(len(asked), conflicts.wait(int(arguments[1]), 10).result.value)
        """, self.url, conflict.id) for _ in range(4)]
        for child in children:
            self.assertEqual(child.line(), "ready")
        for child in children:
            child.tell()
        said = [tuple(map(int, child.line().split())) for child in children]
        self.assertEqual(sum(asked for asked, _ in said), 1)
        self.assertEqual({value for _, value in said}, {self.conflicts.get(conflict).result.value})

    def test_waiting(self):
        conflict = self.conflicts.detect(auto=False, timeout=None)
        self.assertRaises(syncmgr.Timeout, self.conflicts.wait, conflict, 0.01)
        waiting = Background(self.conflicts.wait, conflict)
        wait_until(waiting.running, "it waits")
        self.others.resolve(conflict, "manual", 5)
        self.assertEqual(waiting.result().result.value, 5)

    def test_a_handler_that_is_interrupted_gives_its_claim_back(self):
        def interrupt(conflict):
            raise KeyboardInterrupt

        conflict = self.conflicts.detect(auto=False)
        with self.conflicts.on(None, interrupt):
            self.assertRaises(KeyboardInterrupt, self.conflicts.resolve, conflict)
        self.assertEqual(self.others.get(conflict).status, "detected")


class Merging(ConflictTest):
    def test_nobody_was_faster(self):
        merged = self.store.merge("key", {"a": 1}, expected=0)
        self.assertEqual((merged.version, merged.conflict, merged.resolution), (1, None, None))
        self.assertEqual(self.other["key"], {"a": 1})
        self.assertEqual(self.store.merge("key", expected=1, delete=True).conflict, None)
        self.assertNotIn("key", self.store)

    def test_both_changes_are_put_together(self):
        base = {"a": 1, "b": 1, "c": 1}
        version = self.store.put("key", base)
        self.other["key"] = {"a": 2, "b": 1, "c": 1}
        merged = self.store.merge("key", {"a": 3, "b": 1, "d": 4}, expected=version, base=base)
        self.assertEqual(self.other["key"], {"a": 3, "b": 1, "d": 4})
        self.assertEqual(merged.version, self.store.entry("key").version)
        self.assertEqual(merged.resolution.value, {"a": 3, "b": 1, "d": 4})
        self.assertEqual([(one["path"], one["value"]) for one in merged.resolution.discarded],
                         [("/a", 2)])
        conflict = self.others.get(merged.conflict)
        self.assertEqual((conflict.status, conflict.key), ("resolved", "key"))

    def test_left_to_somebody(self):
        version = self.store.put("key", {"a": 1})
        self.other["key"] = {"a": 2}
        merged = self.store.merge("key", {"a": 3}, expected=version, strategy="manual")
        self.assertTrue(merged.is_open)
        self.assertEqual(self.other["key"], {"a": 2})
        self.conflicts.resolve(merged.conflict, "manual", {"a": 5})
        self.assertEqual(self.other["key"], {"a": 5})

    def test_abort(self):
        version = self.store.put("key", {"a": 1})
        self.other["key"] = {"a": 2}
        self.assertRaises(syncmgr.Changed, self.store.merge, "key", {"a": 3}, expected=version,
                          strategy="abort")
        self.assertEqual(self.other["key"], {"a": 2})

    def test_large_ones(self):
        version = self.store.put("key", [])
        self.other["key"] = ["x" * 300_000]
        merged = self.store.merge("key", ["y" * 300_000], expected=version, strategy="union")
        self.assertEqual(merged.resolution.value, ["x" * 300_000, "y" * 300_000])
        self.assertEqual(self.other["key"], merged.resolution.value)

    def test_what_is_refused(self):
        self.store["bytes"] = b"\xff"
        self.assertRaises(syncmgr.WrongType, self.store.merge, "bytes", 1, expected=7)
        self.assertRaises(ValueError, self.store.merge, "x", 1, expected=0, strategy="none")
        self.assertRaises(ValueError, self.store.merge, "", 1, expected=0)


class AioConflicts(AioTest):
    def test_handlers_that_wait(self):
        store = self.space.store()

        async def handle(conflict):
            await asyncio.sleep(0.01)
            return conflict.reason

        async def main():
            conflicts = store.aio.conflicts
            with conflicts.on("data_conflict", handle):
                conflict = await conflicts.detect("why", strategy="manual")
                self.assertEqual((conflict.status, conflict.result.value), ("resolved", "why"))
            conflict = await conflicts.detect(auto=False, timeout=None)
            waiting = asyncio.create_task(conflicts.wait(conflict))
            given_up = asyncio.create_task(conflicts.wait(conflict))
            await asyncio.sleep(0.01)
            self.assertTrue(await cancelled(given_up))
            with self.assertRaises(syncmgr.Timeout):
                await conflicts.wait(conflict, 0.01)
            with conflicts.on(None, handle):
                await conflicts.resolve(conflict)
            self.assertEqual((await waiting).status, "resolved")
            self.assertEqual(len(conflicts.list()), 2)

        self.run_in_loop(main())

    def test_cancelling_gives_the_claim_back(self):
        store = self.space.store()

        async def handle(conflict):
            await asyncio.sleep(30)

        async def main():
            conflicts = store.aio.conflicts
            conflict = await conflicts.detect(auto=False)
            with conflicts.on(None, handle):
                task = asyncio.create_task(store.aio.conflicts.resolve(conflict))
                await asyncio.sleep(0.02)
                self.assertEqual(conflicts.get(conflict).status, "resolving")
                self.assertTrue(await cancelled(task))
            self.assertEqual(conflicts.get(conflict).status, "detected")
            merged = await store.aio.merge("key", {"a": 1}, expected=0)
            self.assertEqual(merged.version, 1)

        self.run_in_loop(main())


if __name__ == "__main__":
    unittest.main()
