"""Deadlocks: found, told, recorded; resources; prevention."""

import asyncio
import os
import shutil
import subprocess
import threading
import time
import unittest

from support import ROOT, Background, SpaceTest, wait_until
import syncmgr


class Circles(SpaceTest):
    def circle(self):
        """Two threads in both orders; returns the workers' names and the victim's exception."""
        held = threading.Barrier(2)
        a, b = (self.space.workstream(f"worker-{name}") for name in "ab")

        def meet(owner, first, second):
            with owner.mutex(first):
                held.wait(10)
                try:
                    with owner.mutex(second):
                        return None
                except syncmgr.Deadlock as error:
                    return error

        threads = [Background(meet, a, "db", "cache"), Background(meet, b, "cache", "db")]
        errors = [thread.result() for thread in threads]
        return [error for error in errors if error is not None]

    def test_one_victim_is_told_the_cycle_and_the_other_goes_on(self):
        begin = time.monotonic()
        errors = self.circle()
        self.assertLess(time.monotonic() - begin, 5)
        self.assertEqual(len(errors), 1)
        pid = os.getpid()
        self.assertEqual(
            errors[0].cycle,
            f'worker-b waits for "db" held by worker-a (pid {pid}), '
            f'worker-a waits for "cache" held by worker-b (pid {pid})')

    def test_there_is_one_record(self):
        self.circle()
        record, = self.space.deadlocks()
        self.assertEqual((record.kind, record.algorithm, record.policy, record.resolution),
                         ("actual", "wait_for_graph", "youngest", "victim"))
        self.assertAlmostEqual(record.found, time.time(), delta=60)
        self.assertGreaterEqual(record.resolved, record.found)
        first, second = record.members
        self.assertEqual((first.name, first.object, first.other, first.relation),
                         ("worker-b", "db", "worker-a", "held"))
        self.assertEqual(first.workstream, record.victim)
        self.assertEqual(second.holder, record.victim)
        self.assertIn('waits for "db"', record.text)
        self.assertEqual(self.space.clear_deadlocks(), 1)
        self.assertEqual(self.space.deadlocks(), [])

    def test_without_auto_resolve_it_stands_until_it_is_resolved(self):
        self.space.configure_deadlocks(auto_resolve=False, delay=None)
        circle = Background(self.circle)
        wait_until(lambda: self.space.detect_deadlocks() == 1, "the deadlock is found")
        for _ in range(10):
            self.assertEqual(self.space.detect_deadlocks(), 1)
        record, = self.space.deadlocks()
        self.assertIsNone(record.resolution)
        self.assertIsNone(record.victim)
        self.space.resolve_deadlock(record.id, "oldest")
        self.assertEqual(len(circle.result()), 1)
        self.assertEqual(self.space.deadlocks()[0].resolution, "by_hand")
        self.assertRaises(syncmgr.AlreadyArrived, self.space.resolve_deadlock, record.id)
        self.assertRaises(syncmgr.NotFound, self.space.resolve_deadlock, 999)

    def test_the_lowest_priority_is_the_victim(self):
        self.space.configure_deadlocks(victim="lowest_priority")
        with self.space.workstream("low") as low, self.space.workstream("high") as high:
            low.set_priority(-5)
            high.mutex("a").acquire()
            low.mutex("b").acquire()
            waiting = Background(low.mutex("a").acquire)
            wait_until(lambda: waiting.running(), "it waits")
            granted = Background(high.mutex("b").acquire)
            self.assertRaises(syncmgr.Deadlock, waiting.result)
            low.mutex("b").release()
            self.assertTrue(granted.result())

    def test_tasks_get_the_same_exception(self):
        async def both(first, second, ready):
            async with self.space.mutex(first).aio:
                await ready.wait()
                try:
                    async with self.space.mutex(second).aio:
                        return None
                except syncmgr.Deadlock as error:
                    return error

        async def main():
            ready = asyncio.Event()
            tasks = [asyncio.create_task(both("a", "b", ready)),
                     asyncio.create_task(both("b", "a", ready))]
            await asyncio.sleep(0.01)
            ready.set()
            return [error for error in await asyncio.gather(*tasks) if error]

        errors = asyncio.run(main())
        self.assertEqual(len(errors), 1)
        self.assertIn('waits for "a" held by', errors[0].cycle)

    def test_wrong_words_are_refused(self):
        self.assertRaises(ValueError, self.space.detect_deadlocks, "magic")
        self.assertRaises(ValueError, self.space.configure_deadlocks, victim="me")
        self.assertRaises(ValueError, self.space.prevent_deadlocks, "hope")
        self.assertRaises(ValueError, self.space.set_rank, "hammer", "a", 1)
        self.assertRaises(syncmgr.InvalidArgument, self.space.configure_deadlocks, interval=0)


NODE_PEER = """
const syncmgr = require(process.argv[1]);
const me = syncmgr.open(process.argv[2]).workstream('node');
(async () => {
  const held = await me.mutex('b').acquire();
  console.log('holding');
  try {
    (await me.mutex('a').acquire()).release();
    console.log('granted');
  } catch (error) {
    console.log(error.name);
  }
  held.release();
})();
"""


@unittest.skipUnless(shutil.which("node"), "there is no node")
class Languages(SpaceTest):
    def test_a_circle_of_python_and_node_has_one_victim_and_one_winner(self):
        mine = self.space.workstream("python")
        with mine.mutex("a"):
            peer = subprocess.Popen(
                ["node", "-e", NODE_PEER, str(ROOT / "bindings/node/lib/index.js"),
                 self.space.url], stdout=subprocess.PIPE, text=True)
            self.addCleanup(peer.stdout.close)
            self.addCleanup(peer.wait)
            self.assertEqual(peer.stdout.readline(), "holding\n")
            # Node's workstream is the younger one, and the victim.
            self.assertTrue(mine.mutex("b").acquire(timeout=10))
            self.assertEqual(peer.stdout.readline(), "DeadlockError\n")
            mine.mutex("b").release()
        self.assertEqual(len(self.space.deadlocks()), 1)


class Resources(SpaceTest):
    def test_counts(self):
        with self.space.workstream("a") as a, self.space.workstream("b") as b:
            mine, other = a.resource("gpu", 2), b.resource("gpu")
            self.assertTrue(mine.request(2))
            mine.allocate(2)
            self.assertEqual(other.available, 0)
            self.assertFalse(other.request())
            self.assertRaises(syncmgr.Busy, other.allocate)
            self.assertEqual([(holder.name, holder.amount) for holder in mine.holders], [("a", 2)])
            mine.release()
            other.allocate()
            self.assertRaises(syncmgr.NotOwner, other.release, 2)
            self.assertRaises(syncmgr.NotFound, other.cancel)

    def test_a_circle_of_a_mutex_and_a_resource(self):
        with self.space.workstream("a") as a, self.space.workstream("b") as b:
            a.resource("gpu", 1).allocate()
            b.mutex("m").acquire()
            waiting = Background(a.mutex("m").acquire)
            wanted = b.resource("gpu", 1)
            self.assertFalse(wanted.request())
            with self.assertRaises(syncmgr.Deadlock) as raised:
                wait_until(lambda: wanted.request() and False, "it is told")
            self.assertIn('b waits for "gpu" held by a', raised.exception.cycle)
            b.mutex("m").release()
            self.assertTrue(waiting.result())

    def test_the_banker(self):
        self.space.prevent_deadlocks("avoidance")
        with self.space.workstream("a") as a, self.space.workstream("b") as b:
            one, two = a.resource("pool", 4), b.resource("pool")
            one.declare(3)
            two.declare(4)
            one.allocate()
            two.allocate()
            self.assertRaises(syncmgr.Unsafe, two.allocate)
            self.assertEqual(self.space.detect_deadlocks("banker_algorithm"), 0)


class Prevention(SpaceTest):
    def test_ranks(self):
        self.space.prevent_deadlocks("ranks")
        low, high = self.space.mutex("low"), self.space.mutex("high")
        self.space.set_rank("mutex", "low", 1)
        self.space.set_rank("mutex", "high", 2)
        with low, high:
            pass
        with high:
            with self.assertRaises(syncmgr.RankOrder) as raised:
                low.acquire()
            self.assertMessage(raised, "low", "high")
            self.assertRaises(syncmgr.RankOrder, low.acquire, False)

    def test_wait_die(self):
        self.space.prevent_deadlocks("wait_die")
        with self.space.workstream("old") as old, self.space.workstream("young") as young:
            with old.mutex("m"):
                self.assertRaises(syncmgr.Preempted, young.mutex("m").acquire)
            self.assertTrue(young.mutex("m").acquire())

    def test_both_orders_are_a_possible_deadlock(self):
        self.space.prevent_deadlocks(watch_order=True)
        a, b = self.space.mutex("a"), self.space.mutex("b")
        for _ in range(3):
            with a, b:
                self.assertFalse(Background(a.acquire, False).result())
            with b, a:
                pass
        record, = self.space.deadlocks()
        self.assertEqual(record.kind, "possible")
        self.assertRegex(record.text, r'took "a" while holding "b", \S+ took "b" while holding "a"')

    def test_a_timeout_for_waits_without_one(self):
        self.space.prevent_deadlocks("timeout", timeout=0.05)
        with self.space.workstream() as one, self.space.workstream() as other:
            with one.mutex("m"):
                self.assertFalse(other.mutex("m").acquire())


if __name__ == "__main__":
    unittest.main()
