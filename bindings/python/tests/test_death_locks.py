"""Processes that use the new objects are killed at random: whoever survives goes on."""

import os
import unittest

from support import SpaceTest, seeded_random, wait_until

KILLS = int(os.environ.get("DEATH_ROUNDS") or 25)
WORKERS = 3

WORKER = """
    import random, threading
    space = syncmgr.open(arguments[0], threads=arguments[1] == "threads")
    chance = random.Random(int(arguments[2]))
    lock, condition, election = space.rwlock("rw"), space.condition("c"), space.election("e")
    phaser = space.barrier("p", 0, phaser=True)
    def turn():
        with lock.read():
            if chance.random() < 0.5:
                try:
                    lock.upgrade(0.01)
                except syncmgr.Deadlock:
                    pass
        with lock.write(20):
            if chance.random() < 0.5:
                lock.downgrade()
        with condition:
            condition.notify(chance.randint(1, 3))
            condition.wait(0.002)
        with election.lead(20) as leader:
            if chance.random() < 0.1:
                leader.lease(0.001)
                time.sleep(0.002)
    say("ready")
    while True:
        try:
            turn()
            phaser.join()
            phaser.arrive()
            phaser.leave()
        except syncmgr.Lost:
            pass
        except syncmgr.BrokenBarrier:
            phaser.reset()
        except (syncmgr.AlreadyArrived, syncmgr.NotOwner):
            pass
"""


class RandomDeaths(SpaceTest):
    def setUp(self):
        super().setUp()
        self.random = seeded_random()

    def worker(self, number):
        threads = "no threads" if number == 0 else "threads"
        child = self.child(WORKER, self.url, threads, self.random.randrange(1 << 30))
        self.assertEqual(child.line(), "ready")
        return child

    def test_survivors_go_on(self):
        lock, condition = self.space.rwlock("rw"), self.space.condition("c")
        election, phaser = self.space.election("e"), self.space.barrier("p", 0, phaser=True)
        children = [self.worker(number) for number in range(WORKERS)]
        for _ in range(KILLS):
            number = self.random.randrange(WORKERS)
            with lock.write(20):
                pass
            with condition:
                condition.wait(self.random.uniform(0.001, 0.03))
            children[number].kill()
            with lock.read(20):
                pass
            with election.lead(20) as leader:
                self.assertTrue(leader.leading())
            children[number] = self.worker(number)
        for child in children:
            self.assertIsNone(child.process.poll(), "a worker failed")
            child.kill()
        wait_until(lambda: self.space.cleanup() or not (lock.readers or lock.writer),
                   "nobody holds the lock")
        wait_until(lambda: self.space.cleanup() or phaser.parties == 0, "nobody is a party")
        self.assertIsNone(election.leader)
        self.assertEqual(condition.waiting, 0)
        self.assertFalse(condition.mutex.locked())
        self.assertTrue(lock.acquire_write(blocking=False))
        lock.release()
        self.space.check()


if __name__ == "__main__":
    unittest.main()
