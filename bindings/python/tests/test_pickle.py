"""Objects travel to other processes as URL, name and parameters."""

import copy
import multiprocessing
import os
import pickle
import tempfile
import unittest

from support import SpaceTest, new_url
import syncmgr


def greet():
    """What the action of a travelling barrier does."""


def add(mutex, path, rounds):
    """Adds one to the number in a file, `rounds` times, and tells who did it."""
    for _ in range(rounds):
        with mutex:
            with open(path, "r+") as file:
                value = int(file.read())
                file.seek(0)
                file.write(str(value + 1))
    return os.getpid()


def meet(barrier, latch, semaphore, event):
    """Uses one of each."""
    index = barrier.wait(20)
    with semaphore.within(20):
        event.set()
    latch.count_down()
    return index


class Pickling(SpaceTest):
    def test_each_kind_comes_back_as_it_was(self):
        for thing in (
                self.space.mutex("m", fair=True), self.space.semaphore("s", 3),
                self.space.semaphore("signals", 0, signalling=True), self.space.latch("l", 3),
                self.space.barrier("b", 3, action=greet),
                self.space.event("e", manual=True), self.space.rwlock("rw", fair=True),
                self.space.condition("c"), self.space.election("o"),
                self.space.condition("d", self.space.mutex("m", fair=True)),
                self.space.barrier("p", 0, phaser=True),
                self.space.workstream("w").mutex("m", fair=True)):
            again = pickle.loads(pickle.dumps(thing))
            with self.subTest(thing=thing):
                self.assertIs(type(again), type(thing))
                self.assertEqual((again.name, again._parameters), (thing.name, thing._parameters))
                self.assertEqual(again._owner.url, self.url)

    def test_the_file_of_a_store_is_found_from_any_working_directory(self):
        before = os.getcwd()
        with tempfile.TemporaryDirectory() as directory:
            directory = os.path.realpath(directory)
            url = new_url()
            os.chdir(directory)
            try:
                space = syncmgr.open(f"{url}?store=here.db")
                self.assertEqual(space.url, f"{url}?store={directory}/here.db")
                self.assertEqual(space.snapshot()["space"]["store"], f"{directory}/here.db")
                mutex = space.mutex("m")
                os.chdir("/")
                again = pickle.loads(pickle.dumps(mutex))
                self.assertEqual(again._owner.url, space.url)
                with self.assertRaises(syncmgr.Mismatch):
                    syncmgr.open(f"{url}?store={directory}/there.db")
                again._owner.manager.close()
                space.close()
            finally:
                os.chdir(before)

    def test_what_comes_back_acts_for_the_thread_that_uses_it(self):
        mutex = self.space.mutex("db")
        again = pickle.loads(pickle.dumps(mutex))
        with mutex:
            self.assertTrue(again.locked())
            self.assertFalse(again.acquire(blocking=False))
        with again:
            self.assertFalse(mutex.acquire(blocking=False))

    def test_things_of_one_space_share_a_manager(self):
        mutex, event = pickle.loads(pickle.dumps((self.space.mutex("db"), self.space.event("e"))))
        self.assertIs(mutex._owner, event._owner)
        self.assertIs(pickle.loads(pickle.dumps(self.space)), mutex._owner)
        self.assertIsNot(mutex._owner, self.space)

    def test_a_space_that_was_created_is_only_joined(self):
        with syncmgr.open(self.url + "-x", create_only=True) as space:
            again = pickle.loads(pickle.dumps(space.mutex("db")))
            again.acquire()
            self.assertTrue(space.mutex("db").locked())
            again._owner.close()

    def test_copies(self):
        copied = copy.deepcopy(self.space.mutex("db"))
        with copied:
            self.assertTrue(self.space.mutex("db").locked())


class Processes(SpaceTest):
    def check_method(self, method):
        context = multiprocessing.get_context(method)
        path = f"/tmp/syncmgr-test-{os.getpid()}-{method}"
        with open(path, "w") as file:
            file.write("0")
        self.addCleanup(os.unlink, path)
        mutex = self.space.mutex("db")
        with context.Pool(3) as pool:
            jobs = [pool.apply_async(add, (mutex, path, 40)) for _ in range(6)]
            pids = {job.get(40) for job in jobs}
            self.assertNotIn(os.getpid(), pids)
            with open(path) as file:
                self.assertEqual(file.read(), "240")
            things = (self.space.barrier("b", 3), self.space.latch("l", 3),
                      self.space.semaphore("s", 2), self.space.event("e", manual=True))
            jobs = [pool.apply_async(meet, things) for _ in range(3)]
            self.assertEqual(sorted(job.get(40) for job in jobs), [0, 1, 2])
            self.assertEqual(things[1].count, 0)
            self.assertTrue(things[3].is_set())
            pool.close()
            pool.join()

    def test_spawn(self):
        self.check_method("spawn")

    def test_forkserver(self):
        self.check_method("forkserver")

    def test_fork(self):
        self.check_method("fork")


if __name__ == "__main__":
    unittest.main()
