"""A process that dies by `kill -9` keeps nothing and hangs nobody."""

import asyncio
import time
import unittest

from support import Background, SpaceTest, wait_until
import syncmgr
from syncmgr import _ffi
from syncmgr._line import Started

HOLDER = """
    space = syncmgr.open(arguments[0])
    worker = space.workstream("victim")
    worker.mutex("db").acquire()
    worker.semaphore("s", 3).acquire(2)
    worker.latch("l", 3).count_down()
    say("holds", worker.mutex("db").token)
    hear()
"""


class Death(SpaceTest):
    def setUp(self):
        super().setUp()
        self.mutex = self.space.mutex("db")
        self.semaphore = self.space.semaphore("s", 3)
        self.latch = self.space.latch("l", 3)

    def victim(self, code=HOLDER):
        child = self.child(code, self.url)
        return child, child.line()

    def test_the_next_owner_gets_the_mutex_and_is_told(self):
        child, line = self.victim()
        waiting = Background(self.take)
        time.sleep(0.05)
        self.assertTrue(waiting.running())
        begin = time.monotonic()
        child.kill()
        recovered, previous, moment = waiting.result()
        self.assertTrue(recovered)
        self.assertEqual((previous.name, previous.pid), ("victim", child.pid))
        self.assertEqual(previous.token, int(line.split()[1]))
        self.assertLess(moment - begin, 2)

    def take(self):
        with self.mutex:
            return self.mutex.recovered, self.mutex.previous_owner, time.monotonic()

    def test_it_is_told_once(self):
        child, _ = self.victim()
        child.kill()
        with self.mutex.within(10):
            self.assertTrue(self.mutex.recovered)
        self.assertFalse(self.mutex.recovered)
        with self.mutex:
            self.assertFalse(self.mutex.recovered)
            self.assertEqual(self.mutex.previous_owner.pid, child.pid)

    def test_permits_return_and_counts_stay(self):
        child, _ = self.victim()
        self.assertEqual(self.semaphore.available, 1)
        [holder] = self.semaphore.holders
        self.assertEqual((holder.name, holder.pid, holder.amount), ("victim", child.pid, 2))
        waiting = Background(self.semaphore.acquire, 3)
        time.sleep(0.02)
        child.kill()
        self.assertTrue(waiting.result())
        self.assertEqual(self.latch.count, 2)

    def test_a_barrier_breaks(self):
        child, _ = self.victim("""
            space = syncmgr.open(arguments[0])
            import threading
            threading.Thread(target=space.barrier("b", 3).wait, daemon=True).start()
            say("waits")
            hear()
        """)
        barrier = self.space.barrier("b", 3)
        wait_until(lambda: barrier.n_waiting == 1, "the victim waits")
        waiting = Background(barrier.wait)
        wait_until(lambda: barrier.n_waiting == 2, "two wait")
        child.kill()
        self.assertRaises(syncmgr.BrokenBarrier, waiting.result)
        barrier.reset()
        self.assertEqual(barrier.n_waiting, 0)

    def test_a_dead_waiter_is_out_of_the_line(self):
        self.mutex.acquire()
        child, _ = self.victim("""
            space = syncmgr.open(arguments[0])
            import threading
            threading.Thread(target=space.mutex("db").acquire, daemon=True).start()
            threading.Thread(target=space.event("e").wait, daemon=True).start()
            time.sleep(0.2)
            say("waits")
            hear()
        """)
        child.kill()
        event = self.space.event("e")
        event.set()
        self.assertTrue(event.wait(10), "the set was given to the dead waiter")
        self.mutex.release()
        self.assertTrue(Background(self.mutex.acquire, True, 10).result(20))

    def test_cleanup_releases_without_anybody_waiting(self):
        child, _ = self.victim()
        child.kill()
        wait_until(lambda: self.space.cleanup() or self.semaphore.available == 3,
                   "the dead process is found")
        self.assertEqual(self.semaphore.available, 3)
        self.space.check()

    def test_the_name_of_a_dead_workstream_is_free(self):
        child, _ = self.victim()
        self.assertRaises(syncmgr.AlreadyExists, self.space.workstream, "victim")
        child.kill()

        def opens():
            try:
                self.space.workstream("victim").close()
            except syncmgr.AlreadyExists:
                return False
            return True

        wait_until(opens, "the name is free")

    def start(self, queue, mutex):
        """A started wait of a mutex, which was granted before anybody collects it."""
        started = Started(None, {})
        status = mutex._start(mutex._here, -1, started, queue.address, 1)()
        self.assertEqual(status, _ffi.PENDING)
        return started

    def test_the_word_of_a_death_is_not_lost_with_a_grant_that_nobody_collected(self):
        child, _ = self.victim()
        with syncmgr.Queue(self.space) as queue:
            mutex = self.space.workstream("never looks").mutex("db")
            self.start(queue, mutex)
            child.kill()
            wait_until(mutex.owned, "the wait was granted")
        with self.mutex.within(10):
            self.assertTrue(self.mutex.recovered, "given back as if it were fine")

    def test_nor_with_a_wait_that_was_cancelled_too_late(self):
        child, _ = self.victim()

        async def main():
            lock = self.space.workstream("cancelled").mutex("db").aio
            task = asyncio.create_task(lock.acquire())
            await asyncio.sleep(0)
            child.kill()
            while not lock.owned():
                time.sleep(0.001)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task

        asyncio.run(main())
        with self.mutex.within(10):
            self.assertTrue(self.mutex.recovered)

    def test_many_deaths(self):
        for _ in range(8):
            child, _ = self.victim()
            child.kill()
            with self.mutex.within(10):
                self.assertTrue(self.mutex.recovered)
            wait_until(lambda: self.space.cleanup() or self.semaphore.available == 3, "cleanup")
            self.latch.close()
            self.space.remove("latch", "l")
            self.latch = self.space.latch("l", 3)
        self.space.check()


if __name__ == "__main__":
    unittest.main()
