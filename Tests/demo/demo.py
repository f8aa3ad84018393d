"""The main job: four processes in four languages, one space, and one kill after the other.

Prints a table as it goes. Ends with 0 when everything held, with 1 when something did not.
"""

import os
import pathlib
import shutil
import sys
import tempfile
import threading
import time

from workers import (
    LANGUAGES, ROOT, Worker, WorkerFailed, counted, left_behind, shared_files)

sys.path.insert(0, str(ROOT / "bindings/python/src"))

import syncmgr  # noqa: E402  (found by the line above)

SPACE = "demo"
ADDITIONS = 25_000
PERMITS = 2
STAYS = 50
PROMPT_MS = 50.0
WATCHDOG_SECONDS = 120

failures = []


def check(held, sentence):
    """Remembers what did not hold, and says at once that it did not."""
    if not held:
        failures.append(sentence)
        print(f"  DID NOT HOLD: {sentence}")


def row(*cells):
    print("  " + "".join(f"{cell!s:<16}" for cell in cells).rstrip())


def title(text):
    print(f"\n{text}")


def milliseconds(later_ns, earlier_ns):
    return (later_ns - earlier_ns) / 1e6


class Demo:
    def __init__(self, space, directory):
        self.url = f"shm:{SPACE}"
        self.directory = directory
        self.workers = {}
        self.me = space.workstream("parent")
        self.seats = self.me.semaphore("seats", PERMITS)
        self.finished = self.me.latch("finished", len(LANGUAGES))
        self.meeting = self.me.barrier("meeting", 2)

    def start(self, language):
        worker = Worker(language, self.url, language, self.directory)
        self.workers[language] = worker
        return worker

    def everybody(self, event, *words):
        """Has all workers begin a step at once, and returns what each of them answers."""
        for seat, worker in enumerate(self.workers.values()):
            worker.tell("meet", "start", len(LANGUAGES))
            worker.tell(*(str(word).replace("SEAT", str(seat)) for word in words))
        answers = {}
        for name, worker in self.workers.items():
            worker.hear("arriving")
            check(not worker.hear("met")["broken"], f"the barrier was whole for {name}")
            answers[name] = worker.hear(event)
        return answers

    def start_all(self):
        title("Four processes open the space, each as a workstream of its own")
        for language in LANGUAGES:
            self.start(language)
        row("language", "pid")
        for worker in self.workers.values():
            worker.hear("ready")
            row(worker.name, worker.pid)

    def meet(self):
        title(f"1. They meet at a barrier of {len(LANGUAGES)}")
        for worker in self.workers.values():
            worker.tell("meet", "start", len(LANGUAGES))
        row("language", "arrived as")
        last_arrival, first_return, order = 0, None, []
        for worker in self.workers.values():
            arriving, met = worker.hear("arriving"), worker.hear("met")
            last_arrival = max(last_arrival, arriving["time_ns"])
            first_return = min(first_return or met["time_ns"], met["time_ns"])
            order.append(met["index"])
            check(not met["broken"], f"the barrier was whole for {worker.name}")
            row(worker.name, f"number {met['index'] + 1}")
        check(sorted(order) == list(range(len(LANGUAGES))), "each arrived as another number")
        check(first_return >= last_arrival, "nobody went on before the last had arrived")

    def count(self):
        title(f"2. Each adds to one plain counter {ADDITIONS:,} times under one mutex")
        began = time.monotonic_ns()
        answers = self.everybody("counted", "count", "counter", ADDITIONS)
        row("language", "done after")
        for name, counted_event in answers.items():
            row(name, f"{milliseconds(counted_event['time_ns'], began):.1f} ms")
        total, expected = counted(self.directory), ADDITIONS * len(LANGUAGES)
        row("total", f"{total:,}")
        check(total == expected, f"the total is {expected:,}")

    def share(self):
        title(f"3. They share a semaphore of {PERMITS} permits, {STAYS} stays each")
        answers = self.everybody("shared", "share", "seats", PERMITS, STAYS, "SEAT")
        row("language", "saw inside at most")
        for name, shared in answers.items():
            row(name, shared["most"])
        most = max(shared["most"] for shared in answers.values())
        row("most of all", most)
        check(most == PERMITS, f"the most inside at once was exactly {PERMITS}")

    def finish(self):
        title("4. They count down a latch, and the parent waits for it")
        began = time.monotonic_ns()
        for worker in self.workers.values():
            worker.tell("finish", "finished", len(LANGUAGES))
        opened = self.finished.wait(30.0)
        waited = milliseconds(time.monotonic_ns(), began)
        check(opened, "the latch opened")
        left = [worker.hear("finished")["remaining"] for worker in self.workers.values()]
        row("parent", f"went on after {waited:.1f} ms")
        check(sorted(left) == list(range(len(LANGUAGES))), "each counted down once")

    def bury(self, victim, heir, witness):
        """Kills `victim`, whom `heir` waits for at a mutex and `witness` at a barrier."""
        victim.ask("holding", "hold", "treasure", "seats", "meeting")
        check(self.seats.available == PERMITS - 1, f"{victim.name} held a permit")
        heir.ask("trying", "inherit", "treasure")
        witness.ask("arriving", "meet", "meeting", 2)
        self.wait_until(lambda: self.meeting.n_waiting == 1, "somebody waits at the barrier")
        # The library does not tell who waits for a mutex; this is plenty to fall asleep there.
        time.sleep(0.05)

        killed = time.monotonic_ns()
        victim.kill()
        back = self.wait_until(lambda: self.seats.available == PERMITS,
                               f"the permit of {victim.name} came back")
        locked, inherited = heir.hear("locked"), heir.hear("inherited")
        met = witness.hear("met")
        victim.reap()
        grant = milliseconds(locked["time_ns"], killed)
        broken = milliseconds(met["time_ns"], killed)
        permit = milliseconds(back, killed)
        row(victim.name, heir.name, f"{grant:.2f} ms", inherited["previous"], witness.name,
            f"{broken:.2f} ms", f"{permit:.2f} ms")

        check(0 <= grant <= PROMPT_MS, f"{heir.name} got the mutex within {PROMPT_MS:.0f} ms")
        check(inherited["recovered"], f"{heir.name} was told that the owner had died")
        check((inherited["previous"], inherited["pid"]) == (victim.name, victim.pid),
              f"{heir.name} was told that it was {victim.name}")
        check(met["broken"], f"the barrier broke for {witness.name}")
        check(0 <= broken <= PROMPT_MS, f"the barrier broke within {PROMPT_MS:.0f} ms")
        check(permit <= PROMPT_MS, f"the permit was back within {PROMPT_MS:.0f} ms")
        self.meeting.reset()

    @staticmethod
    def wait_until(condition, sentence):
        """Returns when the condition came true, or after two seconds as a failure."""
        deadline = time.monotonic() + 2.0
        while not condition():
            if time.monotonic() > deadline:
                check(False, sentence)
                break
            time.sleep(0.0005)
        return time.monotonic_ns()

    def survive(self):
        title("5. Each in turn is killed with the mutex and a permit in its hands")
        row("killed", "next owner", "has it after", "inherits from", "at barrier",
            "broken after", "permit back")
        for index, language in enumerate(LANGUAGES):
            victim, heir, witness = (
                self.workers[LANGUAGES[(index + place) % len(LANGUAGES)]] for place in range(3))
            self.bury(victim, heir, witness)
            # The name of the dead is free again for the process that takes its place.
            self.start(language).hear("ready")

    def leave(self):
        for worker in self.workers.values():
            check(worker.leave() == 0, f"{worker.name} ended well")

    def destroy(self):
        for worker in self.workers.values():
            worker.destroy()


def run(directory):
    print(f"syncmgr {syncmgr.version()}, space shm:{SPACE}")
    with syncmgr.open(f"shm:{SPACE}") as space:
        try:
            demo = Demo(space, directory)
        except syncmgr.AlreadyExists:
            check(False, "no other demo is running on this machine")
            return
        try:
            for act in (demo.start_all, demo.meet, demo.count, demo.share, demo.finish,
                        demo.survive, demo.leave):
                act()
        except WorkerFailed as failure:
            check(False, str(failure))
        finally:
            demo.destroy()
    title("Left in /dev/shm")
    left = left_behind(SPACE)
    row(", ".join(left) or "nothing")
    check(not left, "nothing is left in /dev/shm")


def give_up(directory):
    """Ends the demo when it hangs. The workers end when their input does."""
    print(f"  DID NOT HOLD: the demo ended within {WATCHDOG_SECONDS} seconds", flush=True)
    shutil.rmtree(directory, ignore_errors=True)
    os._exit(1)


def main():
    sys.stdout.reconfigure(line_buffering=True)
    with tempfile.TemporaryDirectory(prefix="syncmgr-demo-") as directory:
        watchdog = threading.Timer(WATCHDOG_SECONDS, give_up, [directory])
        watchdog.daemon = True
        watchdog.start()
        shared_files(directory)
        run(pathlib.Path(directory))
    print(f"\n{len(failures)} things did not hold" if failures else "\nEverything held.")
    return 1 if failures else 0


sys.exit(main())
