"""A forked child cannot use what its parent opened, and opens its own."""

import os
import signal
import unittest

from support import SpaceTest, wait_until

# Runs the code of a test in a child of its own that forks: this process has threads.
FORKER = """
    def forked(function):
        "Runs function() in a forked child; says 'ok', or what went wrong."
        pid = os.fork()
        if pid == 0:
            signal.alarm(30)
            try:
                function()
                say("ok")
            except BaseException as error:
                say(type(error).__name__, error)
            os._exit(0)
        os.waitpid(pid, 0)
    def expect(kind, function):
        try:
            result = function()
        except kind:
            return
        raise AssertionError(f"no {kind.__name__} but {result!r} of {function}")
    space = syncmgr.open(arguments[0])
    mutex = space.mutex("db")
    semaphore = space.semaphore("s", 3)
    worker = space.workstream("worker")
"""


class Fork(SpaceTest):
    def run_forked(self, code):
        child = self.child(FORKER + code, self.url)
        self.assertEqual(child.line(), "ok")
        self.assertEqual(child.finish(), 0)

    def test_inherited_objects_answer_forked(self):
        self.run_forked("""
    latch, event = space.latch("l", 3), space.event("e")
    barrier, mine = space.barrier("b", 1, action=print), worker.mutex("db")
    def work():
        for function in (
                mutex.acquire, mutex.release, mutex.locked, mutex.force_release,
                mutex.__enter__, lambda: mutex.__exit__(None, None, None),
                mine.acquire, mine.release,
                lambda: mutex.acquire(timeout=1), lambda: mutex.token, lambda: mutex.holder,
                semaphore.acquire, semaphore.release, lambda: semaphore.held,
                lambda: semaphore.acquire(2, timeout=1), semaphore.permits(2).__enter__,
                latch.count_down, latch.wait, lambda: latch.count,
                event.set, event.wait, event.clear, event.is_set,
                barrier.wait, barrier.arrive, barrier.abort, barrier.reset,
                lambda: barrier.state,
                lambda: worker.name, lambda: worker.id, lambda: worker.mutex("x"),
                lambda: space.mutex("db"), lambda: space.mutex("new"), space.workstream,
                space.this_workstream, space.cleanup, space.check,
                lambda: space.on("all", print), lambda: space.remove("mutex", "db")):
            expect(syncmgr.Forked, function)
    forked(work)
    """)

    def test_a_new_thread_of_the_child_too(self):
        self.run_forked("""
    import threading
    def work():
        results = []
        def use():
            try:
                mutex.acquire()
            except syncmgr.Forked:
                results.append("forked")
        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
        assert results == ["forked"]
    forked(work)
    """)

    def test_what_the_parent_holds_stays_the_parent_s(self):
        self.run_forked("""
    mutex.acquire()
    semaphore.acquire(2)
    def work():
        mutex.close()
        worker.close()
        space.close()
        space.close()
        assert "closed" in repr(mutex)
        with syncmgr.open(arguments[0]) as own:
            assert own.mutex("db").holder.pid == os.getppid()
            assert not own.mutex("db").acquire(timeout=0.02)
            assert own.semaphore("s").available == 1
    forked(work)
    assert mutex.owned() and semaphore.held == 2
    mutex.release()
    """)

    def test_the_child_opens_its_own(self):
        self.run_forked("""
    space.on("all", lambda notice: None)
    def work():
        with syncmgr.open(arguments[0]) as own:
            with own.mutex("db") as lock:
                assert lock.holder.pid == os.getpid()
            seen = []
            own.on("opened", seen.append)
            own.workstream("child").close()
            end = time.monotonic() + 10
            while not seen and time.monotonic() < end:
                time.sleep(0.001)
            assert seen
    forked(work)
    with mutex:
        pass
    """)

    def test_a_child_that_ends_normally_closes_nothing_of_the_parent(self):
        child = self.child(FORKER + """
    space.on("all", lambda notice: None)
    mutex.acquire()
    pid = os.fork()
    if pid == 0:
        signal.alarm(30)
        sys.exit(0)
    os.waitpid(pid, 0)
    say(mutex.owned(), space.closed)
    mutex.release()
    """, self.url)
        self.assertEqual(child.line(), "True False")
        self.assertEqual(child.finish(), 0)

    def test_the_parent_dies_while_the_child_lives(self):
        mutex = self.space.mutex("db")
        child = self.child(FORKER + """
    mutex.acquire()
    pid = os.fork()
    if pid == 0:
        sys.stdin.close()
        signal.alarm(30)
        time.sleep(40)
        os._exit(0)
    say(pid)
    hear()
    """, self.url)
        grandchild = int(child.line())
        try:
            child.kill()
            with mutex.within(10):
                self.assertTrue(mutex.recovered)
                self.assertEqual(mutex.previous_owner.pid, child.pid)
        finally:
            os.kill(grandchild, signal.SIGKILL)
        wait_until(lambda: not os.path.exists(f"/proc/{grandchild}"), "the grandchild is gone")


if __name__ == "__main__":
    unittest.main()
