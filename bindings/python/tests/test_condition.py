"""Condition: no signal is lost, none is stolen, and the mutex is held whatever ends a wait."""

import threading
import time
import unittest

from support import Background, SpaceTest, wait_until
import syncmgr

WAITER = """
    import threading
    condition = syncmgr.open(arguments[0]).condition("c")
    def wait():
        with condition:
            say("waits")
            condition.wait()
            say("signalled")
    threading.Thread(target=wait, daemon=True).start()
    hear()
"""


class ConditionTest(SpaceTest):
    def setUp(self):
        super().setUp()
        self.condition = self.space.condition("c")

    def wait(self, timeout=None):
        """Holds the mutex, waits, and tells whether it was signalled and holds the mutex."""
        with self.condition:
            signalled = self.condition.wait(timeout)
            return signalled, self.condition.mutex.owned()

    def waiting(self, number, work=None, *arguments):
        """Threads that wait, one after the other."""
        threads = []
        before = self.condition.waiting
        for count in range(1, number + 1):
            threads.append(Background(work or self.wait, *arguments))
            wait_until(lambda: self.condition.waiting == before + count, f"{count} wait")
        return threads


class Waiting(ConditionTest):
    def test_it_releases_the_mutex_and_has_it_again_when_signalled(self):
        [waiter] = self.waiting(1)
        with self.condition as held:
            self.assertIs(held, self.condition)
            self.assertTrue(self.condition.mutex.owned())
            self.assertEqual(self.condition.notify(), 1)
            time.sleep(0.02)
            self.assertTrue(waiter.running(), "the mutex is held here")
        self.assertEqual(waiter.result(), (True, True))
        self.assertFalse(self.condition.mutex.locked())

    def test_timeout(self):
        begin = time.monotonic()
        self.assertEqual(self.wait(0.05), (False, True))
        self.assertGreaterEqual(time.monotonic() - begin, 0.05)
        self.assertEqual(self.condition.waiting, 0)

    def test_a_timeout_of_0_lets_others_have_the_mutex(self):
        with self.condition:
            other = Background(self.condition.mutex.acquire)
            time.sleep(0.02)
            self.assertTrue(other.running())
            end = time.monotonic() + 10
            while other.running() and time.monotonic() < end:
                self.assertIs(self.condition.wait(0), False)
                break
        self.assertTrue(other.result())

    def test_after_a_timeout_it_waits_for_the_mutex(self):
        [waiter] = self.waiting(1, self.wait, 0.05)
        with self.condition:
            time.sleep(0.1)
            self.assertTrue(waiter.running())
        self.assertEqual(waiter.result(), (False, True))

    def test_a_mutex_that_is_not_held(self):
        with self.assertRaises(syncmgr.NotOwner) as raised:
            self.condition.wait()
        self.assertIsInstance(raised.exception, RuntimeError)
        self.assertRaises(syncmgr.NotOwner, self.condition.release)
        self.assertEqual(self.condition.waiting, 0)

    def test_a_recursive_mutex_gets_its_depth_back(self):
        mutex = self.space.mutex("deep", recursive=True)
        condition = self.space.condition("over deep", mutex)
        with mutex, mutex:
            self.assertIs(condition.wait(0.01), False)
            self.assertEqual(mutex.holder.amount, 2)
        self.assertFalse(mutex.locked())

    def test_wrong_timeouts(self):
        with self.condition:
            self.assertRaises(ValueError, self.condition.wait, -2)
            self.assertRaises(TypeError, self.condition.wait, "1")
            self.assertTrue(self.condition.mutex.owned())

    def test_a_wait_ends_when_the_condition_or_the_manager_is_closed(self):
        stream = self.space.workstream("w")
        condition = stream.condition("c", stream.mutex("c.mutex"))

        def wait():
            with condition:
                condition.wait()

        [waiter] = self.waiting(1, wait)
        stream.close()
        self.assertRaises(syncmgr.Closed, waiter.result)
        self.assertFalse(self.condition.mutex.locked())


class WaitingFor(ConditionTest):
    def test_it_waits_until_the_predicate_is_true_and_returns_its_value(self):
        items = []

        def take():
            with self.condition:
                return self.condition.wait_for(lambda: items and items.pop())

        [waiter] = self.waiting(1, take)
        self.condition.notify()
        wait_until(lambda: self.condition.waiting == 1, "it looked and waits again")
        self.assertTrue(waiter.running())
        with self.condition:
            items.append("work")
            self.condition.notify()
        self.assertEqual(waiter.result(), "work")

    def test_a_predicate_that_is_true_does_not_wait(self):
        with self.condition:
            self.assertEqual(self.condition.wait_for(lambda: 7, 0), 7)

    def test_the_timeout_is_for_all_of_it(self):
        stop = threading.Event()

        def disturb():
            while not stop.wait(0.005):
                self.condition.notify_all()

        other = Background(disturb)
        with self.condition:
            begin = time.monotonic()
            self.assertEqual(self.condition.wait_for(lambda: 0, 0.1), 0)
            self.assertGreaterEqual(time.monotonic() - begin, 0.1)
        stop.set()
        other.result()

    def test_a_predicate_that_raises_leaves_the_mutex_held(self):
        with self.condition:
            with self.assertRaises(KeyError):
                self.condition.wait_for(lambda: {}["work"])
            self.assertTrue(self.condition.mutex.owned())


class Signalling(ConditionTest):
    def test_the_longest_waiters_are_signalled(self):
        threads = self.waiting(3)
        self.assertEqual(self.condition.notify(2), 2)
        self.assertEqual([thread.result() for thread in threads[:2]], [(True, True)] * 2)
        self.assertTrue(threads[2].running())
        self.assertEqual(self.condition.notify(5), 1)
        threads[2].result()

    def test_notify_all(self):
        threads = self.waiting(4)
        self.assertEqual(self.condition.notify_all(), 4)
        for thread in threads:
            self.assertEqual(thread.result(), (True, True))

    def test_a_signal_that_nobody_waits_for_is_not_kept(self):
        self.assertEqual((self.condition.notify(), self.condition.notify_all()), (0, 0))
        self.assertEqual(self.wait(0.02), (False, True))

    def test_nothing_to_signal(self):
        self.assertRaises(syncmgr.InvalidArgument, self.condition.notify, 0)
        self.assertRaises(ValueError, self.condition.notify, -1)
        self.assertRaises(TypeError, self.condition.notify, True)

    def test_nothing_is_lost_in_a_queue(self):
        items, taken, rounds = [], [], 300

        def consume():
            for _ in range(rounds):
                with self.condition:
                    self.condition.wait_for(lambda: items)
                    taken.append(items.pop())

        threads = [Background(consume) for _ in range(3)]
        for number in range(3 * rounds):
            with self.condition:
                items.append(number)
                self.condition.notify()
        for thread in threads:
            thread.result(30)
        self.assertEqual(sorted(taken), list(range(3 * rounds)))


class Mutexes(ConditionTest):
    def test_two_conditions_over_one_mutex(self):
        mutex = self.space.mutex("db")
        first, second = self.space.condition("first", mutex), self.space.condition("second", mutex)
        self.assertIs(first.mutex, second.mutex)

        def wait():
            with mutex:
                return first.wait()

        waiter = Background(wait)
        wait_until(lambda: first.waiting == 1, "it waits")
        self.assertEqual((second.notify(), first.notify()), (0, 1))
        self.assertTrue(waiter.result())

    def test_its_own_mutex_is_called_like_it(self):
        self.assertEqual(self.condition.mutex.name, "c.mutex")
        with self.space.mutex("c.mutex"):
            other = self.space.workstream("other").condition("c")
            self.assertFalse(other.acquire(blocking=False))
            self.assertFalse(other.acquire(timeout=0.01))

    def test_a_mutex_of_another_owner(self):
        other = self.space.workstream("other")
        with self.assertRaises(syncmgr.InvalidArgument) as raised:
            self.space.condition("x", other.mutex("m"))
        self.assertMessage(raised, "'x'", "'m'")
        self.assertRaises(TypeError, self.space.condition, "x", "m")
        self.assertRaises(TypeError, self.space.condition, None)

    def test_repr_and_remove(self):
        self.assertIn("0 wait", repr(self.condition))
        self.assertRaises(syncmgr.Busy, self.space.remove, "condition", "c")
        self.condition.close()
        self.space.remove("condition", "c")


class Death(ConditionTest):
    def victim(self):
        child = self.child(WAITER, self.url)
        self.assertEqual(child.line(), "waits")
        return child

    def test_processes_signal_each_other(self):
        child = self.victim()
        wait_until(lambda: self.condition.waiting == 1, "it waits")
        self.assertEqual(self.condition.notify(), 1)
        self.assertEqual(child.line(), "signalled")

    def test_a_queue_between_processes_loses_nothing(self):
        filled, total = self.space.semaphore("filled", 0, signalling=True), 200
        children = [self.child("""
            space = syncmgr.open(arguments[0])
            condition, filled = space.condition("c"), space.semaphore("filled", 0, signalling=True)
            end = space.event("end", manual=True)
            say("ready")
            taken = 0
            with condition:
                while condition.wait_for(lambda: filled.available or end.is_set()):
                    if not filled.acquire(blocking=False):
                        break
                    taken += 1
            say(taken)
        """, self.url) for _ in range(3)]
        for child in children:
            self.assertEqual(child.line(), "ready")
        for _ in range(total):
            with self.condition:
                filled.release()
                self.condition.notify()
        wait_until(lambda: filled.available == 0, "all is taken")
        with self.condition:
            self.space.event("end", manual=True).set()
            self.condition.notify_all()
        self.assertEqual(sum(int(child.line()) for child in children), total)

    def test_a_dead_waiter_is_not_signalled(self):
        child = self.victim()
        wait_until(lambda: self.condition.waiting == 1, "the victim waits")
        [waiter] = self.waiting(1)
        child.kill()
        self.assertEqual(self.condition.notify(), 1)
        self.assertEqual(waiter.result(), (True, True))

    def test_the_signal_of_one_that_dies_before_it_has_the_mutex_goes_to_the_next(self):
        child = self.victim()
        wait_until(lambda: self.condition.waiting == 1, "the victim waits")
        [waiter] = self.waiting(1)
        with self.condition:
            self.assertEqual(self.condition.notify(), 1)
            wait_until(lambda: self.condition.waiting == 1, "the victim is signalled")
            child.kill()
            time.sleep(0.05)
        self.assertEqual(waiter.result(), (True, True))
        self.space.check()

    def test_the_death_of_the_mutex_s_owner_is_told(self):
        [waiter] = self.waiting(1, self.heir)
        child = self.child("""
            condition = syncmgr.open(arguments[0]).condition("c")
            condition.acquire()
            condition.notify()
            say("holds")
            hear()
        """, self.url)
        self.assertEqual(child.line(), "holds")
        child.kill()
        self.assertEqual(waiter.result(), (True, True))
        with self.condition:
            self.assertFalse(self.condition.mutex.recovered)

    def heir(self):
        with self.condition:
            return self.condition.wait(), self.condition.mutex.recovered


if __name__ == "__main__":
    unittest.main()
