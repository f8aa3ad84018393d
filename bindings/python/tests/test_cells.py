"""Cells and regions: what all processes see."""

import asyncio
import struct
import unittest

from support import Background, SpaceTest, cancelled, wait_until
from test_aio import AioTest
import syncmgr


class Cells(SpaceTest):
    def setUp(self):
        super().setUp()
        self.memory = self.space.workstream("a").memory("m")
        self.other = self.space.workstream("b").memory("m")

    def test_values_of_all_kinds(self):
        for value in (b"", b"bytes\0", 0, -5, 2**63 - 1, -(2**63), 1.5, float("inf"), "", "t\u00e9xt",
                      None, True, False, [1, "two", None], {"a": {"b": [True]}}, b"x" * 100_000):
            with self.subTest(value=str(value)[:20]):
                self.memory["key"] = value
                again = self.other["key"]
                self.assertEqual((type(again), again), (type(value), value))
        self.memory["key"] = bytearray(b"ab")
        self.assertEqual(self.other["key"], b"ab")
        self.memory["key"] = (1, 2)
        self.assertEqual(self.other["key"], [1, 2])
        self.assertRaises(ValueError, self.memory.set, "key", 2**63)
        self.assertRaises(TypeError, self.memory.set, "key", object())
        self.assertEqual(self.other["key"], [1, 2])

    def test_as_a_mapping(self):
        self.assertNotIn("key", self.memory)
        self.assertRaises(KeyError, lambda: self.memory["key"])
        self.assertIsNone(self.memory.get("key"))
        self.assertEqual(self.memory.get("key", 7), 7)
        self.memory["key"] = 1
        self.assertIn("key", self.other)
        self.assertEqual(self.memory.get("key", 7), 1)
        del self.memory["key"]
        self.assertNotIn("key", self.other)
        with self.assertRaises(KeyError):
            del self.memory["key"]
        self.assertFalse(self.memory.delete("key"))

    def test_keys(self):
        for key in ("x" * 255, "\u00e9" * 127, "a/b c"):
            self.memory[key] = key
            self.assertEqual(self.other[key], key)
        for key in ("", "x" * 256, "a\0b"):
            with self.subTest(key=key), self.assertRaises(ValueError):
                self.memory[key] = 1
        self.assertRaises(TypeError, self.memory.set, b"key", 1)

    def test_compare_and_set(self):
        first = self.memory.compare_and_set("key", 0, "a")
        with self.assertRaises(syncmgr.Changed) as raised:
            self.memory.compare_and_set("key", 0, "b")
        self.assertEqual(raised.exception.version, first)
        second = self.other.compare_and_set("key", first, "b")
        self.assertEqual(self.memory.cell("key"), ("b", second))
        self.assertEqual(second, first + 1)
        self.assertRaises(syncmgr.Changed, self.memory.delete, "key", first)
        self.assertTrue(self.memory.delete("key", second))
        with self.assertRaises(syncmgr.Changed) as raised:
            self.memory.compare_and_set("key", second, "c")
        self.assertEqual(raised.exception.version, 0)
        for version in (-1, 2**64, "1", True):
            self.assertRaises((ValueError, TypeError), self.memory.compare_and_set, "key", version,
                              1)

    def test_a_counter_of_several(self):
        def count(memory):
            for _ in range(200):
                while True:
                    cell = memory.cell("n")
                    value, version = cell or (0, 0)
                    try:
                        memory.compare_and_set("n", version, value + 1)
                        break
                    except syncmgr.Changed:
                        pass

        workers = [Background(count, memory) for memory in (self.memory, self.other)]
        for worker in workers:
            worker.result(30)
        self.assertEqual(self.memory["n"], 400)

    def test_snapshots_are_of_one_moment(self):
        self.memory["x"] = self.memory["y"] = 0
        self.assertEqual(self.memory.snapshot([]), {})
        self.assertEqual(self.memory.snapshot(["none"]), {})
        self.assertEqual({key: cell.value for key, cell in
                          self.memory.snapshot(["x", "none", "y", "x"]).items()},
                         {"x": 0, "y": 0})
        self.assertRaises(TypeError, self.memory.snapshot, "xy")
        child = self.child("""
            memory = syncmgr.open(arguments[0]).workstream("child").memory("m")
            say("ready")
            for number in range(1, 4000):
                memory["x"] = number
                memory["y"] = number
        """, self.url)
        self.assertEqual(child.line(), "ready")
        while child.process.poll() is None:
            cells = self.memory.snapshot(["x", "y"])
            x, y = cells["x"].value, cells["y"].value
            self.assertIn(x - y, (0, 1))
        self.assertEqual(child.finish(), 0)

    def test_waiting_for_a_change(self):
        waiting = Background(self.memory.changed, "key")
        version = self.other.set("key", 1)
        self.assertEqual(waiting.result(), version)
        self.assertEqual(self.memory.changed("key"), version)
        self.assertRaises(syncmgr.Timeout, self.memory.changed, "key", version, 0.01)
        self.assertRaises(syncmgr.Timeout, self.memory.changed, "other", 0, 0)
        waiting = Background(self.memory.changed, "key", version)
        wait_until(waiting.running, "it waits")
        later = self.other.set("key", 2)
        self.assertEqual(waiting.result(), later)

    def test_a_region_is_seen_by_all(self):
        region = self.memory.region("r", 10_000)
        self.assertEqual((len(region), region.readonly), (10_000, False))
        self.assertEqual(bytes(region), bytes(10_000))
        same = self.other.region("r", 10_000)
        struct.pack_into("=I", region, 4, 77)
        self.assertEqual(struct.unpack_from("=I", same, 4), (77,))
        child = self.child("""
            region = syncmgr.open(arguments[0]).workstream("child").memory("m").region("r", 10_000)
            region[0] = region[4] + 1
            say("done")
        """, self.url)
        self.assertEqual((child.line(), child.finish()), ("done", 0))
        self.assertEqual(same[0], 78)
        self.assertRaises(syncmgr.Mismatch, self.memory.region, "r", 9_999)
        for size in (0, -1, 1 << 64):
            self.assertRaises(ValueError, self.memory.region, "s", size)
        self.assertRaises(syncmgr.TooLarge, self.memory.region, "s", 1 << 50)

    def test_a_region_keeps_its_workstream(self):
        region = self.space.workstream("alone").memory("other").region("r", 100)
        region[5] = 7
        again = self.space.workstream("second").memory("other").region("r", 100)
        self.assertEqual(again[5], 7)

    def test_other_channels_are_no_memory(self):
        self.space.workstream().queue_channel("q")
        self.assertRaises(syncmgr.Mismatch, self.space.workstream().memory, "q")
        self.assertIn("memory", repr(self.memory))


class AioCells(AioTest):
    def test_waiting_for_a_change(self):
        memory, other = self.space.memory("m"), self.space.workstream().memory("m")

        async def main():
            cells = memory.aio
            waiting = asyncio.create_task(cells.changed("key"))
            given_up = asyncio.create_task(cells.changed("key"))
            await asyncio.sleep(0.01)
            self.assertTrue(await cancelled(given_up))
            version = other.set("key", 1)
            self.assertEqual(await waiting, version)
            self.assertEqual(cells["key"], 1)
            cells["key"] = 2
            self.assertEqual((other["key"], cells.get("none", 5)), (2, 5))
            with self.assertRaises(syncmgr.Timeout):
                await cells.changed("key", cells.cell("key").version, 0.01)
            self.assertIn("key", cells)
            del cells["key"]
            self.assertNotIn("key", other)

        self.run_in_loop(main())


if __name__ == "__main__":
    unittest.main()
