"""Readers-writer lock."""

import struct
import tempfile
import threading
import time
import unittest

from support import Background, SpaceTest, wait_until
import syncmgr

# Holds the lock as told, and says its token.
HOLDER = """
    lock = syncmgr.open(arguments[0]).workstream("victim").rwlock("rw")
    lock.acquire_write() if arguments[1] == "write" else lock.acquire_read()
    say(lock.token)
    hear()
    lock.release()
    hear()
"""


class RWLockTest(SpaceTest):
    def setUp(self):
        super().setUp()
        self.lock = self.space.rwlock("rw")
        self.first = self.space.workstream("first").rwlock("rw")
        self.second = self.space.workstream("second").rwlock("rw")


class Holding(RWLockTest):
    def test_readers_share_it_and_a_writer_has_it_alone(self):
        with self.first.read(), self.second.read():
            self.assertIs(self.lock.acquire_write(blocking=False), False)
            self.assertIs(self.lock.acquire_read(timeout=0), True)
            self.lock.release()
        with self.first.write():
            self.assertIs(self.second.acquire_read(blocking=False), False)
            self.assertIs(self.second.acquire_write(timeout=0), False)
        self.assertIs(self.second.acquire_write(), True)
        self.second.release()
        self.assertFalse(self.second.owned())

    def test_with_returns_the_lock_and_releases_it_whatever_happens(self):
        for side in (self.lock.read, self.lock.write):
            with self.subTest(side=side.__name__):
                with self.assertRaises(KeyError), side() as held:
                    self.assertIs(held, self.lock)
                    self.assertTrue(held.owned())
                    raise KeyError
                self.assertFalse(self.lock.owned())

    def test_timeouts(self):
        self.first.acquire_write()
        for wait in (self.second.acquire_read, self.second.acquire_write):
            begin = time.monotonic()
            self.assertIs(wait(timeout=0.05), False)
            self.assertGreaterEqual(time.monotonic() - begin, 0.05)
        for side in (self.second.read, self.second.write):
            with self.assertRaises(syncmgr.Timeout) as raised, side(0.01):
                self.fail("it is held")
            self.assertMessage(raised, "'rw'", "0.01")
        self.assertRaises(ValueError, self.second.read, -3)
        self.assertRaises(ValueError, self.second.acquire_read, False, 1)

    def test_a_waiter_gets_it_when_the_last_reader_leaves(self):
        self.first.acquire_read()
        self.second.acquire_read()
        writer = Background(self.lock.acquire_write)
        self.first.release()
        time.sleep(0.02)
        self.assertTrue(writer.running())
        self.second.release()
        self.assertIs(writer.result(), True)

    def test_holds_for_reading_are_counted(self):
        with self.first.read():
            with self.first.read():
                self.assertEqual([held.amount for held in self.lock.readers], [2])
            self.assertFalse(self.second.acquire_write(blocking=False))
        self.assertTrue(self.second.acquire_write(blocking=False))

    def test_who_would_wait_for_itself_is_told(self):
        with self.first.write():
            self.assertRaises(syncmgr.Deadlock, self.first.acquire_write)
            self.assertRaises(syncmgr.Deadlock, self.first.acquire_read)
        with self.first.read():
            self.assertRaises(syncmgr.Deadlock, self.first.acquire_write)

    def test_release_of_what_is_not_held(self):
        with self.assertRaises(syncmgr.NotOwner):
            self.lock.release()
        with self.assertRaises(syncmgr.NotOwner):
            self.lock.token

    def test_threads_exclude_each_other(self):
        value, most, readers, guard = [0], 0, 0, threading.Lock()

        def write():
            for _ in range(100):
                with self.lock.write():
                    before = value[0]
                    time.sleep(0)
                    value[0] = before + 1

        def read():
            nonlocal most, readers
            for _ in range(100):
                with self.lock.read():
                    with guard:
                        readers += 1
                        most = max(most, readers)
                    before = value[0]
                    time.sleep(0.0001)
                    self.assertEqual(value[0], before)
                    with guard:
                        readers -= 1

        threads = [Background(work) for work in (write, read, read, write, read)]
        for thread in threads:
            thread.result(30)
        self.assertEqual(value, [200])
        self.assertGreater(most, 1, "readers never met")
        self.space.check()

    def test_readers_do_not_starve_a_writer(self):
        stop = threading.Event()

        def read(lock):
            while not stop.is_set():
                with lock.read():
                    time.sleep(0.002)

        threads = [Background(read, self.lock) for _ in range(4)]
        time.sleep(0.05)
        with self.first.write(10):
            pass
        stop.set()
        for thread in threads:
            thread.result()

    def test_fair_is_a_parameter(self):
        self.assertRaises(syncmgr.Mismatch, self.space.rwlock, "rw", fair=True)
        with self.space.rwlock("fair", fair=True).write():
            pass


class Changing(RWLockTest):
    def test_upgrade(self):
        with self.first.read() as lock:
            self.assertIs(lock.upgrade(), True)
            self.assertEqual(self.lock.writer.name, "first")
            self.assertFalse(self.second.acquire_read(blocking=False))
        self.assertTrue(self.second.acquire_read(blocking=False))

    def test_it_waits_for_the_other_readers_and_lets_no_new_ones_in(self):
        self.first.acquire_read()
        self.second.acquire_read()
        upgrade = Background(self.first.upgrade)
        wait_until(lambda: not self.try_to_read(), "no new readers come in")
        self.assertTrue(upgrade.running())
        self.second.release()
        self.assertIs(upgrade.result(), True)
        self.assertEqual(self.lock.writer.name, "first")

    def try_to_read(self):
        got = self.lock.acquire_read(blocking=False)
        if got:
            self.lock.release()
        return got

    def test_an_upgrade_that_does_not_succeed_leaves_the_holds(self):
        self.first.acquire_read()
        self.second.acquire_read()
        self.assertIs(self.first.upgrade(0), False)
        self.assertIs(self.first.upgrade(0.02), False)
        self.assertEqual(sorted(held.name for held in self.lock.readers), ["first", "second"])
        self.assertTrue(self.try_to_read())

    def test_the_second_who_upgrades_is_told_at_once(self):
        self.first.acquire_read()
        self.second.acquire_read()
        upgrade = Background(self.first.upgrade)
        wait_until(lambda: not self.try_to_read(), "the first upgrades")
        self.assertRaises(syncmgr.Deadlock, self.second.upgrade)
        self.second.release()
        self.assertTrue(upgrade.result())

    def test_upgrade_without_a_hold_for_reading(self):
        self.assertRaises(syncmgr.NotOwner, self.first.upgrade)
        with self.first.write():
            self.assertRaises(syncmgr.NotOwner, self.first.upgrade)
        self.assertRaises(ValueError, self.first.upgrade, float("nan"))

    def test_downgrade(self):
        with self.first.write() as lock:
            lock.downgrade()
            self.assertTrue(self.second.acquire_read(blocking=False))
            self.assertFalse(self.lock.acquire_write(blocking=False))
            self.assertRaises(syncmgr.NotOwner, lock.downgrade)
        self.assertEqual([held.name for held in self.lock.readers], ["second"])


class Knowing(RWLockTest):
    def test_who_holds_it(self):
        self.assertEqual((self.lock.readers, self.lock.writer), ([], None))
        self.assertIn("free", repr(self.lock))
        with self.first.read(), self.second.read():
            self.assertEqual({held.name for held in self.lock.readers}, {"first", "second"})
            self.assertIsNone(self.lock.writer)
            self.assertIn("2 readers", repr(self.lock))
        with self.first.write():
            self.assertEqual((self.lock.writer.name, self.lock.writer.amount), ("first", 1))
            self.assertEqual(self.lock.writer.token, self.first.token)
            self.assertEqual(self.lock.readers, [])
            self.assertIn("first", repr(self.lock))

    def test_many_readers(self):
        streams = [self.space.workstream(f"reader-{number}") for number in range(40)]
        for stream in streams:
            stream.rwlock("rw").acquire_read()
        self.assertEqual({held.name for held in self.lock.readers},
                         {f"reader-{number}" for number in range(40)})

    def test_tokens_grow(self):
        tokens = []
        for side in (self.first.write, self.second.read, self.first.read, self.second.write):
            with side() as lock:
                tokens.append(lock.token)
                self.assertTrue(lock.is_valid(lock.token))
                self.assertFalse(lock.is_valid(lock.token - 1))
        self.assertEqual(tokens, sorted(set(tokens)))
        self.assertFalse(self.second.is_valid(tokens[-1]))
        self.assertRaises(ValueError, self.first.is_valid, -1)

    def test_force_release(self):
        self.assertIs(self.lock.force_release(), False)
        self.first.acquire_write()
        token = self.first.token
        self.assertIs(self.lock.force_release(), True)
        self.assertFalse(self.first.is_valid(token))
        with self.second.write() as lock:
            self.assertTrue(lock.recovered)
            self.assertEqual(lock.previous_owner.name, "first")
            self.assertRaises(syncmgr.Lost, self.first.release)
        with self.second.write() as lock:
            self.assertFalse(lock.recovered)

    def test_force_release_takes_it_from_all_readers(self):
        self.first.acquire_read()
        self.second.acquire_read()
        self.lock.force_release()
        self.assertTrue(self.lock.acquire_write(blocking=False))
        self.assertFalse(self.lock.recovered, "readers leave nothing half done")
        self.assertRaises(syncmgr.Lost, self.first.release)
        self.assertRaises(syncmgr.Lost, self.second.release)

    def test_remove(self):
        self.assertRaises(syncmgr.Busy, self.space.remove, "rwlock", "rw")
        other = self.space.workstream()
        other.rwlock("other")
        other.close()
        self.space.remove("rwlock", "other")


class Death(RWLockTest):
    def victim(self, side):
        child = self.child(HOLDER, self.url, side)
        return child, int(child.line())

    def test_after_a_writer_all_are_told_until_one_has_written(self):
        child, token = self.victim("write")
        reader = Background(self.read)
        time.sleep(0.05)
        self.assertTrue(reader.running())
        child.kill()
        recovered, previous = reader.result()
        self.assertTrue(recovered)
        self.assertEqual((previous.name, previous.pid, previous.token),
                         ("victim", child.pid, token))
        with self.first.read() as lock:
            self.assertTrue(lock.recovered, "every reader is told")
        with self.first.write() as lock:
            self.assertTrue(lock.recovered, "and the first writer")
        for side in (self.first.read, self.second.write):
            with side() as lock:
                self.assertFalse(lock.recovered, "it was looked after")
        self.space.check()

    def read(self):
        with self.lock.read():
            return self.lock.recovered, self.lock.previous_owner

    def test_a_reader_that_upgrades_looks_after_it(self):
        child, _ = self.victim("write")
        child.kill()
        with self.first.read(10) as lock:
            self.assertTrue(lock.recovered)
            lock.upgrade()
            self.assertTrue(lock.recovered)
        with self.first.read() as lock:
            self.assertFalse(lock.recovered)

    def test_the_holds_of_a_dead_reader_return(self):
        child, _ = self.victim("read")
        writer = Background(self.lock.acquire_write)
        time.sleep(0.05)
        self.assertTrue(writer.running())
        child.kill()
        self.assertIs(writer.result(), True)
        wait_until(lambda: not self.lock.readers, "the dead one is no reader")

    def test_no_word_of_a_dead_reader(self):
        child, _ = self.victim("read")
        child.kill()
        with self.first.write(10) as lock:
            self.assertFalse(lock.recovered)
            self.assertIsNone(lock.previous_owner)

    def test_a_dead_waiter_is_out_of_the_line(self):
        self.first.acquire_read()
        child = self.child("""
            import threading
            lock = syncmgr.open(arguments[0]).rwlock("rw", fair=False)
            threading.Thread(target=lock.acquire_write, daemon=True).start()
            time.sleep(0.1)
            say("waits")
            hear()
        """, self.url)
        self.assertEqual(child.line(), "waits")
        child.kill()
        self.assertIs(self.second.acquire_read(timeout=10), True)

    def test_processes_exclude_each_other(self):
        code = """
            import mmap
            lock = syncmgr.open(arguments[0]).rwlock("rw")
            with open(arguments[1], "r+b") as file:
                words = memoryview(mmap.mmap(file.fileno(), 16)).cast("Q")
            for round in range(300):
                if round % 3:
                    with lock.read():
                        assert words[0] == words[1]
                else:
                    with lock.read() if round % 2 else lock.write():
                        try:
                            if round % 2 and not lock.upgrade(5):
                                continue
                        except syncmgr.Deadlock:
                            continue
                        words[0] += 1
                        time.sleep(0)
                        words[1] += 1
                        say("added")
            say("done")
        """
        with tempfile.NamedTemporaryFile() as file:
            file.write(bytes(16))
            file.flush()
            children = [self.child(code, self.url, file.name) for _ in range(3)]
            added = 0
            for child in children:
                while (line := child.line()) == "added":
                    added += 1
                self.assertEqual((line, child.finish()), ("done", 0))
            with open(file.name, "rb") as changed:
                self.assertEqual(struct.unpack("=QQ", changed.read()), (added, added))
        self.assertGreaterEqual(added, 3 * 50)
        self.space.check()

    def test_processes_take_turns(self):
        child, _ = self.victim("read")
        self.assertTrue(self.first.acquire_read(timeout=5))
        self.assertFalse(self.second.acquire_write(timeout=0.05))
        child.tell("release")
        self.first.release()
        self.assertTrue(self.second.acquire_write(timeout=10))
        child.tell("end")
        self.assertEqual(child.finish(), 0)


if __name__ == "__main__":
    unittest.main()
