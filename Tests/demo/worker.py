"""The worker of the demo and of the pairs, in Python.

It opens a space, does the steps that arrive on standard input, one a line, and reports each on
standard output as a line of JSON. workers.py says what the steps are; worker.c, worker.mjs and
worker.swift are the same program.
"""

import json
import mmap
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "bindings/python/src"))

import syncmgr  # noqa: E402  (found by the line above)

SEATS = 16
BURST = 100
# Longer than anything here takes, and shorter than the parent's patience.
PATIENCE = 30.0


def report(event, **more):
    print(json.dumps({"event": event, "time_ns": time.monotonic_ns(), **more}), flush=True)


def number(text):
    return None if text == "any" else int(text)


def must(acquired):
    """Ends the worker when a wait, which should not, ran out of time."""
    if not acquired:
        raise TimeoutError("waited too long")


class Worker:
    def __init__(self, workstream, directory):
        self.me = workstream
        self.counter = memoryview(self.shared_file(directory, "counter", 8)).cast("Q")
        self.seats = self.shared_file(directory, "seats", SEATS)
        self.held = []

    @staticmethod
    def shared_file(directory, name, size):
        with open(pathlib.Path(directory) / name, "r+b") as file:
            return mmap.mmap(file.fileno(), size)

    def meet(self, name, parties):
        barrier = self.me.barrier(name, number(parties))
        report("arriving")
        try:
            index, broken = barrier.wait(PATIENCE), False
        except syncmgr.BrokenBarrier:
            index, broken = 0, True
        report("met", broken=broken, index=index)
        barrier.close()

    def count(self, name, rounds):
        mutex = self.me.mutex(name)
        for round_number in range(int(rounds)):
            with mutex.within(PATIENCE):
                self.counter[0] += 1
            # Or the fast languages would be done before the slow ones have begun.
            if round_number % BURST == BURST - 1:
                time.sleep(0.0005)
        report("counted")
        mutex.close()

    def inside_now(self):
        """Tells how many are inside: a seat is odd while its process is.

        Two equal readings in a row are one true picture: every entry and every exit changes a
        byte.
        """
        first = self.seats[:]
        while (second := self.seats[:]) != first:
            first = second
        return sum(seat & 1 for seat in first)

    def share(self, name, permits, rounds, seat):
        semaphore = self.me.semaphore(name, number(permits))
        seat = int(seat)
        most = 0
        for _ in range(int(rounds)):
            must(semaphore.acquire(timeout=PATIENCE))
            self.seats[seat] = (self.seats[seat] + 1) % 256
            most = max(most, self.inside_now())
            time.sleep(0.001)
            most = max(most, self.inside_now())
            self.seats[seat] = (self.seats[seat] + 1) % 256
            semaphore.release()
        report("shared", most=most)
        semaphore.close()

    def finish(self, name, count):
        latch = self.me.latch(name, number(count))
        report("finished", remaining=latch.count_down())
        latch.close()

    def wait_latch(self, name, count):
        latch = self.me.latch(name, number(count))
        must(latch.wait(PATIENCE))
        report("opened")
        latch.close()

    def signal(self, name):
        event = self.me.event(name)
        event.set()
        report("signalled")
        event.close()

    def pass_on(self, source_name, target_name, rounds):
        source, target = self.me.event(source_name), self.me.event(target_name)
        for _ in range(int(rounds)):
            must(source.wait(PATIENCE))
            target.set()
        report("passed")
        source.close()
        target.close()

    def hold(self, mutex_name, semaphore_name, barrier_name):
        """Keeps the handles open: the worker is to be killed with all of this in its hands."""
        mutex = self.me.mutex(mutex_name)
        must(mutex.acquire(timeout=PATIENCE))
        semaphore = self.me.semaphore(semaphore_name)
        must(semaphore.acquire(timeout=PATIENCE))
        barrier = self.me.barrier(barrier_name)
        self.held += [mutex, semaphore, barrier]
        report("holding")

    def inherit(self, name):
        mutex = self.me.mutex(name)
        report("trying")
        must(mutex.acquire(timeout=PATIENCE))
        report("locked")
        previous, recovered = mutex.previous_owner, mutex.recovered
        mutex.release()
        report("inherited", recovered=recovered, previous=previous.name, pid=previous.pid)
        mutex.close()

    def cross(self, first_name, second_name, hall):
        first, second = self.me.mutex(first_name), self.me.mutex(second_name)
        barrier = self.me.barrier(hall, 2)
        victim = told = False
        with first.within(PATIENCE):
            barrier.wait(PATIENCE)
            try:
                with second.within(PATIENCE):
                    pass
            except syncmgr.Deadlock as error:
                victim, told = True, first_name in str(error) and "held by" in str(error)
        report("crossed", victim=victim, told=told)
        for thing in (barrier, first, second):
            thing.close()

    def review(self, name, rounds):
        rwlock = self.me.rwlock(name)
        torn = 0
        for _ in range(int(rounds)):
            with rwlock.write(PATIENCE):
                self.counter[0] += 1
            with rwlock.read(PATIENCE):
                before = self.counter[0]
                time.sleep(0.001)
                torn += self.counter[0] != before
        report("reviewed", torn=torn)
        rwlock.close()

    def write(self, name):
        rwlock = self.me.rwlock(name)
        must(rwlock.acquire_write(timeout=PATIENCE))
        self.held.append(rwlock)
        report("writing")

    def read(self, name):
        rwlock = self.me.rwlock(name)
        with rwlock.read(PATIENCE):
            recovered = rwlock.recovered
        report("read", recovered=recovered)
        rwlock.close()

    def bounce(self, mutex_name, condition_name, rounds, side):
        mutex = self.me.mutex(mutex_name)
        condition = self.me.condition(condition_name, mutex)
        for _ in range(int(rounds)):
            with mutex.within(PATIENCE):
                must(condition.wait_for(lambda: self.counter[0] % 2 == int(side), PATIENCE))
                self.counter[0] += 1
                condition.notify()
        report("bounced")
        condition.close()
        mutex.close()

    def stand(self, name):
        """Keeps the handle open: closing it would be to resign."""
        election = self.me.election(name)
        self.held.append(election)
        report("standing")
        if election.campaign(PATIENCE):
            report("elected", leader=True, term=election.term)
        else:
            report("elected", leader=False, result=election.result.decode())

    def publish(self, name, result):
        election = self.me.election(name)
        election.finish(result)
        report("published")
        election.close()

    def step(self, verb, *arguments):
        steps = {"await": self.wait_latch, "pass": self.pass_on}
        for plain in ("meet", "count", "share", "finish", "signal", "hold", "inherit", "cross",
                      "review", "write", "read", "bounce", "stand", "publish"):
            steps[plain] = getattr(self, plain)
        steps[verb](*arguments)


def main():
    url, name, directory, manner = sys.argv[1:]
    flags = {"create": {"create_only": True}, "join": {"open_only": True}}.get(manner, {})
    with syncmgr.open(url, **flags) as space:
        worker = Worker(space.workstream(name), directory)
        report("ready")
        for line in sys.stdin:
            if line.split():
                worker.step(*line.split())


main()
