"""Spaces: opening, closing, what they hold, and what is left behind."""

import pickle
import time
import unittest

from support import Background, Child, SpaceTest, WatchedTest, new_url, segment_files, wait_until
import syncmgr


class Opening(WatchedTest):
    def test_a_local_space_is_private_to_its_open(self):
        with syncmgr.open("local:") as one, syncmgr.open("local:") as other:
            self.assertTrue(one.mutex("db").acquire())
            self.assertTrue(other.mutex("db").acquire(blocking=False))

    def test_a_named_local_space_is_one_in_the_process(self):
        with syncmgr.open("local:same") as one, syncmgr.open("local:same") as other:
            self.assertTrue(one.mutex("db").acquire())
            self.assertFalse(other.mutex("db").acquire(blocking=False))

    def test_a_shared_space_is_one_and_leaves_nothing(self):
        url = new_url()
        with syncmgr.open(url) as one, syncmgr.open(url) as other:
            self.assertNotEqual(segment_files(url), [])
            self.assertTrue(one.mutex("db").acquire())
            self.assertFalse(other.mutex("db").acquire(blocking=False))
        self.assertEqual(segment_files(url), [])

    def test_flags(self):
        url = new_url()
        with self.assertRaises(syncmgr.NotFound) as raised:
            syncmgr.open(url, open_only=True)
        self.assertIsInstance(raised.exception, FileNotFoundError)
        with syncmgr.open(url, create_only=True):
            with self.assertRaises(syncmgr.AlreadyExists) as raised:
                syncmgr.open(url, create_only=True)
            self.assertIsInstance(raised.exception, FileExistsError)
            syncmgr.open(url, open_only=True).close()

    def test_a_persistent_space_stays_until_it_is_unlinked(self):
        url = new_url()
        with syncmgr.open(url, persistent=True) as space:
            space.latch("l", 3).count_down()
        self.assertNotEqual(segment_files(url), [])
        with syncmgr.open(url, open_only=True) as space:
            self.assertEqual(space.latch("l").count, 2)
        syncmgr.unlink(url)
        self.assertEqual(segment_files(url), [])
        self.assertRaises(syncmgr.NotFound, syncmgr.unlink, url)

    def test_bad_urls(self):
        for url in ("", "jobs", "http://x", "shm:", "shm:.x", "shm:a/b", "shm:" + "x" * 201):
            with self.subTest(url=url), self.assertRaises(syncmgr.InvalidName):
                syncmgr.open(url)
        for url in (b"shm:x", None, 3):
            with self.subTest(url=url), self.assertRaises(TypeError):
                syncmgr.open(url)
        self.assertRaises(syncmgr.InvalidName, syncmgr.open, "shm:a\0b")
        self.assertRaises(syncmgr.InvalidName, syncmgr.unlink, "local:x")

    def test_bad_options(self):
        for options in ({"mode": 0o777}, {"mode": -1}, {"mode": 2**40}, {"group": -1},
                        {"owner": 2**33}):
            with self.subTest(**options), self.assertRaises(ValueError):
                syncmgr.open(new_url(), **options)
        self.assertRaises(TypeError, syncmgr.open, new_url(), mode="0600")


class Closing(SpaceTest):
    def test_closing_twice_does_nothing(self):
        self.assertFalse(self.space.closed)
        self.space.close()
        self.space.close()
        self.assertTrue(self.space.closed)

    def test_everything_is_closed_with_it(self):
        mutex, workstream = self.space.mutex("db"), self.space.workstream("w")
        mine = workstream.mutex("db")
        self.space.close()
        for function in (mutex.acquire, mutex.release, mutex.locked, mine.acquire,
                         lambda: workstream.name, lambda: self.space.mutex("db"),
                         lambda: self.space.mutex("new"), self.space.workstream,
                         self.space.cleanup, self.space.check, self.space.this_workstream,
                         lambda: self.space.on("all", print)):
            self.assertRaises(syncmgr.Closed, function)
        for thing in (mutex, mine, workstream):
            self.assertTrue(thing.closed)
            self.assertIn("closed", repr(thing))

    def test_waits_end_with_closed(self):
        self.space.mutex("db").acquire()
        waiting = Background(self.space.mutex("db").acquire)
        latch = Background(self.space.latch("l", 1).wait)
        wait_until(lambda: len(self.space._implicit) == 3, "two threads wait")
        self.space.close()
        self.assertRaises(syncmgr.Closed, waiting.result)
        self.assertRaises(syncmgr.Closed, latch.result)

    def test_holds_are_released(self):
        self.space.mutex("db").acquire()
        with syncmgr.open(self.url) as other:
            waiting = Background(other.mutex("db").acquire)
            self.space.close()
            self.assertTrue(waiting.result())

    def test_a_process_that_ends_without_close_leaves_nothing(self):
        url = new_url()
        child = Child("""
            space = syncmgr.open(arguments[0])
            space.mutex("db").acquire()
            space.on("all", print)
        """, url)
        self.addCleanup(child.end)
        self.assertEqual(child.finish(), 0)
        self.assertEqual(segment_files(url), [])


class Objects(SpaceTest):
    def test_the_same_name_is_the_same_object(self):
        self.assertIs(self.space.mutex("db"), self.space.mutex("db"))
        self.assertIsNot(self.space.mutex("db"), self.space.mutex("other"))

    def test_many_opens_of_one_name_cost_one_handle(self):
        for _ in range(20_000):
            self.space.mutex("db")
        for _ in range(2_000):
            self.space.barrier("b", 1, action=lambda: None)

    def test_another_type_or_other_parameters(self):
        self.space.semaphore("s", 3)
        with self.assertRaises(syncmgr.WrongType):
            self.space.mutex("s")
        with self.assertRaises(syncmgr.Mismatch) as raised:
            self.space.semaphore("s", 4)
        self.assertMessage(raised, "3", "4")
        self.space.mutex("m")
        self.assertRaises(syncmgr.Mismatch, self.space.mutex, "m", recursive=True)
        self.assertRaises(syncmgr.Mismatch, self.space.mutex, "m", fair=True)
        self.space.event("e")
        self.assertRaises(syncmgr.Mismatch, self.space.event, "e", manual=True)

    def test_none_takes_what_is_there(self):
        for function in (self.space.semaphore, self.space.latch, self.space.barrier):
            with self.assertRaises(syncmgr.NotFound):
                function("none")
        self.space.semaphore("s", 3)
        self.assertEqual(self.space.semaphore("s").available, 3)
        self.space.latch("l", 4)
        self.assertEqual(self.space.latch("l").count, 4)
        self.space.barrier("b", 5)
        self.assertEqual(self.space.barrier("b").parties, 5)

    def test_close_releases_what_is_held_and_the_name_can_be_opened_again(self):
        mutex = self.space.mutex("db")
        mutex.acquire()
        mutex.close()
        mutex.close()
        self.assertRaises(syncmgr.SyncError, mutex.acquire)
        self.assertTrue(self.space.mutex("db").acquire(blocking=False))

    def test_close_reaches_every_thread(self):
        mutex = self.space.mutex("db")
        holder = self.space.workstream("holder")
        holder.mutex("db").acquire()
        waiting = Background(mutex.acquire)
        wait_until(lambda: sum(len(one._handles) for one in list(self.space._implicit)) == 2,
                   "the thread has a handle")
        time.sleep(0.02)
        mutex.close()
        self.assertRaises(syncmgr.Closed, waiting.result)
        self.assertRaises(syncmgr.Closed, Background(mutex.acquire).result)
        self.assertTrue(holder.mutex("db").owned())

    def test_remove(self):
        mutex = self.space.mutex("db")
        self.assertRaises(syncmgr.Busy, self.space.remove, "mutex", "db")
        mutex.close()
        self.assertRaises(syncmgr.WrongType, self.space.remove, "event", "db")
        self.space.remove("mutex", "db")
        self.assertRaises(syncmgr.NotFound, self.space.remove, "mutex", "db")
        self.space.mutex("db", recursive=True)

    def test_cleanup_and_check(self):
        self.assertEqual(self.space.cleanup(), 0)
        self.space.mutex("db").acquire()
        self.space.check()

    def test_repr(self):
        self.assertIn(self.url, repr(self.space))
        self.assertIn("'db'", repr(self.space.mutex("db")))
        self.assertIn("free", repr(self.space.mutex("db")))
        with self.space.workstream("w1") as workstream:
            workstream.mutex("db").acquire()
            self.assertIn("held by 'w1'", repr(self.space.mutex("db")))
            self.assertIn("w1", repr(workstream))

    def test_a_local_space_cannot_be_pickled(self):
        with syncmgr.open("local:") as space, self.assertRaises(TypeError) as raised:
            pickle.dumps(space.mutex("db"))
        self.assertMessage(raised, "private")


if __name__ == "__main__":
    unittest.main()
