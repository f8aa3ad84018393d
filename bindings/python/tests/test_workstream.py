"""Workstreams: who owns, in threads, by name, and at the end."""

import gc
import pickle
import threading
import unittest

from support import Background, SpaceTest, wait_until
import syncmgr


class Named(SpaceTest):
    def test_name_and_id(self):
        one, other = self.space.workstream("one"), self.space.workstream("other")
        self.assertEqual((one.name, other.name), ("one", "other"))
        self.assertNotEqual(one.id, other.id)
        self.assertRegex(self.space.workstream().name, r"^\d+-\d+$")

    def test_a_living_name_is_taken(self):
        one = self.space.workstream("one")
        self.assertRaises(syncmgr.AlreadyExists, self.space.workstream, "one")
        one.close()
        self.space.workstream("one").close()

    def test_close_releases_and_twice_does_nothing(self):
        with self.space.workstream("one") as one:
            mutex = one.mutex("db")
            mutex.acquire()
        one.close()
        self.assertTrue(one.closed)
        self.assertTrue(mutex.closed)
        self.assertFalse(self.space.mutex("db").locked())
        self.assertRaises(syncmgr.Closed, mutex.acquire)
        self.assertRaises(syncmgr.Closed, one.mutex, "db")

    def test_one_that_nobody_can_use_any_more_is_closed(self):
        one = self.space.workstream("one")
        one.mutex("db").acquire()
        del one
        gc.collect()
        self.assertFalse(self.space.mutex("db").locked())
        self.space.workstream("one").close()

    def test_an_object_keeps_its_workstream(self):
        mutex = self.space.workstream("one").mutex("db")
        gc.collect()
        mutex.acquire()
        self.assertEqual(self.space.mutex("db").holder.name, "one")

    def test_a_with_keeps_it_too(self):
        looker = self.space.workstream("looker")
        with self.space.workstream("one").mutex("db"):
            gc.collect()
            self.assertEqual(looker.mutex("db").holder.name, "one")
        with self.space.workstream("one").mutex("db").within(5):
            self.assertEqual(looker.mutex("db").holder.name, "one")
        with self.space.workstream("one").semaphore("s", 3):
            self.assertEqual(looker.semaphore("s", 3).available, 2)
        with self.space.workstream("one").semaphore("s", 3).permits(2):
            self.assertEqual(looker.semaphore("s", 3).available, 1)
        with self.space.workstream("one").rwlock("rw").read():
            self.assertEqual(looker.rwlock("rw").readers[0].name, "one")
        with self.space.workstream("one").election("e"):
            self.assertEqual(looker.election("e").leader.name, "one")
        with self.space.workstream("one").condition("c"):
            self.assertEqual(looker.condition("c").mutex.holder.name, "one")
        with syncmgr.open(self.url).mutex("db"):
            gc.collect()
            self.assertTrue(looker.mutex("db").locked())
        self.assertFalse(looker.mutex("db").locked())
        self.space.workstream("one").close()

    def test_two_threads_of_one_workstream_are_one_owner(self):
        mutex = self.space.workstream("one").mutex("db")
        mutex.acquire()
        self.assertRaises(syncmgr.Deadlock, Background(mutex.acquire).result)
        Background(mutex.release).result()
        self.assertFalse(mutex.locked())

    def test_no_pickling(self):
        self.assertRaises(TypeError, pickle.dumps, self.space.workstream("one"))


class Implicit(SpaceTest):
    def test_each_thread_is_an_owner(self):
        mutex = self.space.mutex("db")
        with mutex:
            mine = mutex.holder.workstream
            self.assertEqual(mine, self.space.this_workstream().id)
            self.assertFalse(Background(mutex.acquire, False).result())
            self.assertRaises(syncmgr.NotOwner, Background(mutex.release).result)
        other = Background(lambda: self.space.this_workstream().id).result()
        self.assertNotEqual(mine, other)

    def test_one_object_in_many_threads(self):
        mutex, inside, total = self.space.mutex("db"), [], []

        def work():
            for _ in range(200):
                with mutex:
                    inside.append(1)
                    total.append(len(inside))
                    inside.pop()

        threads = [Background(work) for _ in range(6)]
        for thread in threads:
            thread.result(30)
        self.assertEqual(len(total), 1200)
        self.assertEqual(max(total), 1)

    def test_the_workstream_ends_with_its_thread(self):
        mutex = self.space.mutex("db")
        self.assertTrue(Background(mutex.acquire).result())
        # What the thread still held is released, though nobody called release.
        self.assertTrue(mutex.acquire(timeout=10))
        self.assertFalse(mutex.recovered)

    def test_threads_that_come_and_go_use_nothing_up(self):
        semaphore = self.space.semaphore("s", 2)
        for _ in range(300):
            thread = threading.Thread(target=semaphore.acquire)
            thread.start()
            thread.join()
        wait_until(lambda: semaphore.available == 2, "all permits are back")
        self.assertEqual(len(self.space._implicit), 1)
        self.space.check()


if __name__ == "__main__":
    unittest.main()
