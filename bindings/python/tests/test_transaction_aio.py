"""Transactions of tasks: nothing blocks the loop, and cancelling rolls back."""

import asyncio
import unittest

from support import cancelled, settle
from test_aio import AioTest
import syncmgr


class AioTransactions(AioTest):
    def setUp(self):
        super().setUp()
        self.store = self.space.store()
        self.other = self.space.workstream("b").store()
        self.log = []

    def values(self):
        return {entry.key: entry.value for entry in self.other.range()}

    def undoing(self):
        async def execute(operation):
            await asyncio.sleep(0.005)
            self.log.append(f"do {operation.id}")
            return operation.id

        async def undo(operation):
            await asyncio.sleep(0.005)
            self.log.append(f"undo {operation.result}")

        return {"execute": execute, "undo": undo}

    def test_reading_and_writing(self):
        async def main():
            async with self.store.aio.transaction() as tx:
                await tx.put("a", 1)
                await tx.put("b", 2, expected=0)
                self.assertEqual((await tx.get("a"), await tx.get("c", 7)), (1, 7))
                self.assertEqual((await tx.entry("b")).value, 2)
                self.assertEqual(await tx.keys(), ["a", "b"])
                self.assertEqual([entry.value for entry in await tx.range()], [1, 2])
                with self.assertRaises(syncmgr.Changed):
                    await tx.put("c", 2, expected=7)
                await tx.delete("a")
                self.assertEqual(self.values(), {})
            self.assertEqual(tx.status, "committed")
            self.assertEqual(self.values(), {"b": 2})
            with self.assertRaises(KeyError):
                async with self.store.aio.transaction() as tx:
                    await tx.put("a", 1)
                    raise KeyError
            self.assertEqual((tx.status, self.values()), ("rolled_back", {"b": 2}))

        self.run_in_loop(main())

    def test_tasks_are_isolated_from_each_other(self):
        async def count(optimistic):
            async def body(tx):
                value = await tx.get("n", 0)
                await asyncio.sleep(0)
                await tx.put("n", value + 1)

            for _ in range(10):
                await self.store.aio.transact(body, retries=10_000, optimistic=optimistic)

        async def main():
            await asyncio.gather(*(count(number % 2 == 0) for number in range(6)))
            self.assertEqual(self.store["n"], 60)

        self.run_in_loop(main())

    def test_a_deadlock_rolls_one_back(self):
        async def cross(first, second, met):
            try:
                async with self.store.aio.transaction() as tx:
                    await tx.put(first, 1)
                    met.append(first)
                    await settle(lambda: len(met) == 2)
                    await tx.put(second, 1)
            except syncmgr.Deadlock as error:
                self.assertIn("waits for", str(error))
            return tx.status

        async def main():
            met = []
            ends = await asyncio.gather(cross("x", "y", met), cross("y", "x", met))
            self.assertEqual(sorted(ends), ["committed", "rolled_back"])

        self.run_in_loop(main())

    def test_locks_and_timeouts(self):
        async def main():
            async with self.store.aio.transaction() as tx:
                self.assertTrue(await tx.lock("name"))
                await tx.put("a", 1)
                second = self.other.aio.transaction()
                self.assertFalse(await second.lock("name", timeout=0))
                with self.assertRaises(syncmgr.Timeout):
                    await second.lock("a", timeout=0.02)
                self.assertEqual(second.status, "rolled_back")
                second.close()
                async with self.other.aio.transaction() as third:
                    waiting = asyncio.create_task(third.get("a"))
                    await asyncio.sleep(0.01)
                    self.assertFalse(waiting.done())
                    self.assertTrue(await cancelled(waiting))
                    self.assertEqual(await third.get("b", 5), 5)
                    tx.unlock("name")
            with self.assertRaises(syncmgr.Timeout):
                async with self.store.aio.transaction(timeout=0.02) as tx:
                    await asyncio.sleep(0.05)
                    await tx.get("a")
            self.assertEqual(tx.status, "timed_out")

        self.run_in_loop(main())

    def test_operations_are_awaited_and_undone(self):
        async def fail(operation):
            raise LookupError("mine")

        async def main():
            async with self.store.aio.transaction() as tx:
                tx.add(id="x", **self.undoing())
                plain = tx.add(execute=lambda operation: 7)
                tx.add("write", "a", 1)
            self.assertEqual((self.log, plain.result, self.values()), (["do x"], 7, {"a": 1}))
            self.log.clear()
            with self.assertRaises(LookupError):
                async with self.store.aio.transaction() as tx:
                    for name in ("x", "y"):
                        tx.add(id=name, **self.undoing())
                    tx.add(execute=fail)
            self.assertEqual(self.log, ["do x", "do y", "undo y", "undo x"])
            self.log.clear()
            with self.assertRaises(syncmgr.TransactionFailed) as raised:
                async with self.store.aio.transaction() as tx:
                    tx.add(id="x", **self.undoing())
                    tx.add(undo=fail)
                    tx.add(execute=fail)
            self.assertIsInstance(raised.exception.__cause__, LookupError)
            self.assertEqual((tx.status, self.log), ("failed", ["do x"]))
            tx.close()

        self.run_in_loop(main())

    def test_one_that_comes_back_after_its_time_is_undone(self):
        async def slow(operation):
            await asyncio.sleep(0.1)
            self.log.append("landed")
            return "late"

        async def undo(operation):
            self.log.append(f"undo {operation.result}")

        async def main():
            with self.assertRaises(syncmgr.Timeout):
                async with self.store.aio.transaction() as tx:
                    tx.add(id="x", **self.undoing())
                    tx.add(execute=slow, undo=undo, timeout=0.02)
            self.assertEqual(self.log, ["do x", "landed", "undo late", "undo x"])

        self.run_in_loop(main())

    def test_cancelling_rolls_back(self):
        async def stay(operation):
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                self.log.append("cancelled")
                raise

        async def work():
            async with self.store.aio.transaction() as tx:
                await tx.put("a", 1)
                tx.add(id="x", **self.undoing())
                tx.add(execute=stay, undo=stay)

        async def main():
            task = asyncio.create_task(work())
            await settle(lambda: self.log)
            await asyncio.sleep(0.01)
            self.assertTrue(await cancelled(task))
            self.assertEqual(self.log, ["do x", "cancelled", "undo x"])
            self.assertEqual(self.values(), {})
            # The lock is free.
            self.assertIsNone(await self.other.aio.transact(lambda tx: tx.put("a", 2)))
            with self.assertRaises(TimeoutError):
                async with asyncio.timeout(0.02):
                    async with self.store.aio.transaction() as tx:
                        await tx.put("a", 3)
                        await asyncio.sleep(1)
            self.assertEqual((tx.status, self.values()), ("rolled_back", {"a": 2}))

        self.run_in_loop(main())

    def test_cancelled_again_while_it_rolls_back(self):
        async def undo(operation):
            await asyncio.sleep(0.05)
            self.log.append("undone")

        async def work():
            async with self.store.aio.transaction() as tx:
                tx.add(undo=undo)
                await tx.execute()
                self.log.append("executed")
                await asyncio.sleep(30)

        async def main():
            task = asyncio.create_task(work())
            await settle(lambda: self.log)
            task.cancel()
            await asyncio.sleep(0.01)
            self.assertTrue(await cancelled(task))
            self.assertEqual(self.log, ["executed", "undone"])

        self.run_in_loop(main())

    def test_savepoints(self):
        async def main():
            async with self.store.aio.transaction() as tx:
                await tx.put("a", 1)
                with self.assertRaises(KeyError):
                    async with tx.savepoint():
                        await tx.put("a", 2)
                        tx.add(id="x", **self.undoing())
                        await tx.execute()
                        raise KeyError
                self.assertEqual((await tx.get("a"), self.log), (1, ["do x", "undo x"]))
            self.assertEqual(self.values(), {"a": 1})

        self.run_in_loop(main())

    def test_they_may_use_their_transaction(self):
        async def double(operation):
            tx = operation.transaction
            await tx.put("a", 2 * await tx.get("a"))

        async def main():
            self.other["a"] = 4
            async with self.store.aio.transaction() as tx:
                tx.add(execute=double)
            self.assertEqual(self.store["a"], 8)

        self.run_in_loop(main())

    def test_votes(self):
        names = ["c", "d"]
        one, two = (self.space.workstream(name).store() for name in names)

        async def take_part(number):
            async with two.aio.join(number) as part:
                await part.put("d", 2)
            return part.status

        async def main():
            async with one.aio.transaction(workstreams=names) as whole:
                other = asyncio.create_task(take_part(whole.id))
                await whole.put("c", 1)
            self.assertEqual(await other, "committed")
            self.assertEqual(self.values(), {"c": 1, "d": 2})
            whole = one.aio.transaction(workstreams=names)
            part = two.aio.join(whole.id)
            await part.put("d", 3)
            await part.prepare()
            with self.assertRaises(syncmgr.Timeout):
                await part.wait(0.02)
            await whole.rollback()
            with self.assertRaises(syncmgr.TransactionFailed):
                await part.wait(10)
            self.assertEqual(self.store["d"], 2)
            whole.close()
            part.close()

        self.run_in_loop(main())

    def test_recovery(self):
        child = self.child("""
            store = syncmgr.open(arguments[0]).store()
            store.handler("copy", lambda operation: 5)
            tx = store.transaction()
            tx.add(name="copy", id="x")
            tx.execute()
            os.kill(os.getpid(), signal.SIGKILL)
        """, self.url)
        child.finish()

        async def undo(operation):
            await asyncio.sleep(0.001)
            self.log.append((operation.id, operation.result))

        async def main():
            store = self.store.aio
            with store.handler("copy", undo=undo):
                report = await store.recover()
            self.assertEqual((len(report["recovered"]), report["left"]), (1, []))
            self.assertEqual(self.log, [("x", 5)])

        self.run_in_loop(main())


if __name__ == "__main__":
    unittest.main()
