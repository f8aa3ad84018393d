"""A store in a file: what was acknowledged is there after everybody has died."""

import asyncio
import pathlib
import pickle
import shutil
import signal
import sqlite3
import tempfile
import unittest

from support import Background, WatchedTest, new_url, segment_files
import syncmgr
from syncmgr import Put


class DurableTest(WatchedTest):
    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="syncmgr-test-python-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.file = self.directory / "entries"
        self.name = new_url()
        self.url = f"{self.name}?store={self.file}"
        self.addCleanup(self.assertNothingLeft)

    def assertNothingLeft(self):
        self.assertEqual(segment_files(self.name), [], "files were left behind")

    def open(self):
        space = syncmgr.open(self.url)
        self.addCleanup(space.close)
        return space

    def on_disk(self):
        """The values that are in the file, read by somebody else."""
        connection = sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)
        try:
            self.assertEqual(connection.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            return {key: value for key, value in
                    connection.execute("SELECT key, value FROM entries")
                    if not key.startswith("\1")}
        finally:
            connection.close()


class Durable(DurableTest):
    def test_a_change_is_on_disk_when_the_call_returns(self):
        with self.open() as space:
            store = space.store()
            self.assertTrue(store.info().has_file)
            version = store.put("text", "x")
            self.assertEqual(self.on_disk(), {"text": "x"})
            store.commit([Put("a", b"1"), Put("b", b"2")], timeout=10)
            self.assertEqual(set(self.on_disk()), {"text", "a", "b"})
            store.delete("a")
            store.update("b", lambda value: value + b"3")
            self.assertEqual(self.on_disk(), {"text": "x", "b": b"23"})
            with store.transaction() as tx:
                tx["c"] = b"4"
            self.assertEqual(self.on_disk()["c"], b"4")
            info = store.info()
            self.assertEqual(info.durable, info.revision)
        with self.open() as space:
            store = space.store()
            self.assertEqual({key: store[key] for key in store},
                             {"text": "x", "b": b"23", "c": b"4"})
            again = store.entry("text")
            self.assertEqual((again.version, again.revision), (version, 1))
            self.assertEqual(store.put("text", "y", expected=version), version + 1)

    def test_queued_changes_and_sync(self):
        with self.open() as space:
            store = space.store()
            for number in range(50):
                store.put(f"{number}", b"x", queued=True)
            store.sync()
            self.assertEqual(len(self.on_disk()), 50)
            self.assertEqual(store.commit([Put("a", b"1")], queued=True).revision, 51)
            store.sync(51, timeout=10)
            self.assertIn("a", self.on_disk())
            self.assertRaises(ValueError, store.sync, 1000)
            self.assertRaises(ValueError, store.sync, -1)
            store.put("last", b"1", queued=True)
        self.assertIn("last", self.on_disk(), "who leaves writes what is queued")

    def test_what_was_acknowledged_survives_all_processes(self):
        code = """
            store = syncmgr.open(arguments[0]).store()
            number = int(arguments[2])
            while True:
                number += 1
                store.commit([syncmgr.Put(f"{arguments[1]}/{key}", number) for key in "xyz"])
                say(number)
        """
        acknowledged = dict.fromkeys("abc", 0)
        for _ in range(3):
            children = {name: self.child(code, self.url, name, acknowledged[name])
                        for name in acknowledged}
            for name, child in children.items():
                for _ in range(10):
                    acknowledged[name] = int(child.line())
            for child in children.values():
                child.process.send_signal(signal.SIGKILL)
            for name, child in children.items():
                child.kill()
                while (line := child.line()) is not None:
                    acknowledged[name] = int(line or acknowledged[name])
            with self.open() as space:
                store = space.store()
                for name, least in acknowledged.items():
                    values = {entry.value for entry in store.range(f"{name}/")}
                    self.assertEqual(len(values), 1, "a commit is whole or absent")
                    self.assertGreaterEqual(values.pop(), least)
                space.check()
            self.on_disk()

    def test_threads_wait_together(self):
        with self.open() as space:
            store = space.store()

            def write(name):
                for number in range(20):
                    store.put(f"{name}/{number}", b"x")

            for worker in [Background(write, name) for name in range(8)]:
                worker.result(40)
            self.assertEqual(len(self.on_disk()), 160)

    def test_recovery_after_a_crash_of_every_process(self):
        child = self.child("""
            store = syncmgr.open(arguments[0]).store()
            store.handler("copy", lambda operation: {"file": "x"})
            tx = store.transaction()
            tx["a"] = 1
            tx.add(name="copy", id="mine", parameters=[1])
            tx.execute()
            os.kill(os.getpid(), signal.SIGKILL)
        """, self.url)
        self.assertEqual(child.finish(), -signal.SIGKILL)
        with self.open() as space:
            store = space.store()
            undone = []
            with store.handler("copy", undo=lambda operation: undone.append(
                    (operation.id, operation.parameters, operation.result))):
                report = store.recover()
            self.assertEqual(undone, [("mine", [1], {"file": "x"})])
            self.assertEqual([one["status"] for one in report["recovered"]], ["rolled_back"])
            self.assertEqual(list(store), [])

    def test_constraints_outlive_all_processes(self):
        with self.open() as space:
            space.store().constraint("n", {"maximum": 5})
        with self.open() as space:
            self.assertRaises(syncmgr.InvalidArgument, space.store().put, "n", 6)

    def test_the_url(self):
        with self.open() as space:
            with syncmgr.open(self.name) as other:
                self.assertEqual(other.url, space.url)
                self.assertTrue(other.store().info().has_file)
            store = pickle.loads(pickle.dumps(space.store()))
            store["a"] = 1
            self.assertEqual(space.store()["a"], 1)
            with self.assertRaises(syncmgr.Mismatch) as raised:
                syncmgr.open(f"{self.name}?store={self.directory}/another")
            self.assertMessage(raised, str(self.file), "another")
        self.assertRaises(ValueError, syncmgr.open, f"{self.name}?other=1")

    def test_a_file_that_is_none(self):
        self.file.write_bytes(b"this is no database" * 1000)
        with self.open() as space:
            with self.assertRaises(syncmgr.SyncError) as raised:
                space.store()
            self.assertMessage(raised, str(self.file))


class AioDurable(DurableTest):
    def test_changes_of_tasks(self):
        async def main():
            with self.open() as space:
                store = space.store().aio
                await store.put("a", b"1")
                self.assertEqual(self.on_disk(), {"a": b"1"})
                await store.commit([Put("b", b"2"), Put("c", b"3")], timeout=10)
                await store.delete("a")
                self.assertEqual(self.on_disk(), {"b": b"2", "c": b"3"})
                await asyncio.gather(*(store.put(f"n/{number}", b"x") for number in range(50)))
                self.assertEqual(len(self.on_disk()), 52)
                async with store.transaction() as tx:
                    await tx.put("t", b"4")
                self.assertIn("t", self.on_disk())
                await store.put("q", b"5", queued=True)
                await store.sync()
                self.assertIn("q", self.on_disk())
                await store.constraint("n", {"maximum": 5})
                with self.assertRaises(ValueError):
                    await store.put("n", 6)

        async def limited():
            async with asyncio.timeout(30):
                await main()

        asyncio.run(limited())

    def test_the_loop_goes_on_while_a_task_waits_for_the_disk(self):
        turns = 0

        async def others():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        async def main():
            with self.open() as space:
                store = space.store().aio
                task = asyncio.create_task(others())
                for number in range(20):
                    await store.put("a", number)
                task.cancel()
                self.assertGreater(turns, 20)

        asyncio.run(main())


if __name__ == "__main__":
    unittest.main()
