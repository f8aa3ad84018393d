"""For each ordered pair of languages: one creates a space and its objects, the other joins them.

The two talk over every type of object, and each result is checked: meet at a barrier, count under
a mutex, take turns at a semaphore, call each other by events, end at a latch. Then the creator is
killed, and the joiner inherits its mutex. Nothing may be left behind.

    pairs.py [FILTER ...]     a filter is like `c-node`; without one all pairs are tested
"""

import os
import pathlib
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "demo"))

from workers import (  # noqa: E402  (found by the line above)
    LANGUAGES, Worker, WorkerFailed, counted, left_behind, remove, shared_files)

ROUNDS = 300
STAYS = 10
CALLS = 100
WATCHDOG_SECONDS = 240


def expect(held, sentence):
    if not held:
        raise WorkerFailed(sentence)


def create(creator):
    """Lets the creator make each object: from here on the joiner takes what is there."""
    creator.hear("ready")
    creator.ask("counted", "count", "sum", 0)
    creator.ask("shared", "share", "turn", 1, 0, 0)
    expect(creator.ask("finished", "finish", "done", 2)["remaining"] == 1, "one of two remains")


def meet(creator, joiner):
    creator.ask("arriving", "meet", "hall", 2)
    joiner.ask("arriving", "meet", "hall", "any")
    first, second = creator.hear("met"), joiner.hear("met")
    expect(not first["broken"] and not second["broken"], "the barrier is whole")
    expect({first["index"], second["index"]} == {0, 1}, "each arrived as another number")


def count(creator, joiner, directory):
    for worker in (creator, joiner):
        worker.tell("count", "sum", ROUNDS)
    for worker in (creator, joiner):
        worker.hear("counted")
    total = counted(directory)
    expect(total == 2 * ROUNDS, f"counted {total} of {2 * ROUNDS}")


def take_turns(creator, joiner):
    creator.tell("share", "turn", 1, STAYS, 0)
    joiner.tell("share", "turn", "any", STAYS, 1)
    for worker in (creator, joiner):
        most = worker.hear("shared")["most"]
        expect(most == 1, f"{worker.name} saw {most} inside under a semaphore of one permit")


def call(creator, joiner):
    creator.tell("pass", "ping", "pong", CALLS)
    joiner.ask("signalled", "signal", "ping")
    joiner.tell("pass", "pong", "ping", CALLS)
    for worker in (creator, joiner):
        worker.hear("passed")


def end(creator, joiner):
    creator.tell("await", "done", 2)
    expect(joiner.ask("finished", "finish", "done", "any")["remaining"] == 0, "none remains")
    creator.hear("opened")
    joiner.ask("opened", "await", "done", "any")


def outlive(creator, joiner):
    """Kills the creator with the mutex and the only permit in its hands."""
    creator.ask("holding", "hold", "sum", "turn", "hall")
    joiner.ask("trying", "inherit", "sum")
    creator.kill()
    joiner.hear("locked")
    inherited = joiner.hear("inherited")
    creator.reap()
    expect(inherited["recovered"], "the joiner is told that the owner died")
    expect((inherited["previous"], inherited["pid"]) == (creator.name, creator.pid),
           "the joiner is told who it was")
    # Were the permit lost, the joiner would wait here until its patience ends.
    joiner.ask("shared", "share", "turn", 1, 1, 1)


def converse(pair, directory):
    space = f"test-pairs-{os.getpid()}-{pair}"
    shared_files(directory)
    workers = []
    try:
        creator_language, joiner_language = pair.split("-")
        creator = Worker(creator_language, f"shm:{space}", "creator", directory, "create")
        workers.append(creator)
        create(creator)
        joiner = Worker(joiner_language, f"shm:{space}", "joiner", directory, "join")
        workers.append(joiner)
        joiner.hear("ready")
        meet(creator, joiner)
        count(creator, joiner, directory)
        take_turns(creator, joiner)
        call(creator, joiner)
        end(creator, joiner)
        outlive(creator, joiner)
        expect(joiner.leave() == 0, "the joiner ended well")
        left = left_behind(space)
        expect(not left, f"left behind: {', '.join(left)}")
    finally:
        for worker in workers:
            worker.destroy()
        remove(space)


def give_up():
    print(f"FAILED: the pairs did not end within {WATCHDOG_SECONDS} seconds", flush=True)
    os._exit(1)


def main(filters):
    watchdog = threading.Timer(WATCHDOG_SECONDS, give_up)
    watchdog.daemon = True
    watchdog.start()
    passed = failed = 0
    for pair in (f"{first}-{second}" for first in LANGUAGES for second in LANGUAGES):
        if filters and pair not in filters:
            continue
        try:
            with tempfile.TemporaryDirectory(prefix="syncmgr-pairs-") as directory:
                converse(pair, directory)
        except WorkerFailed as failure:
            failed += 1
            print(f"FAILED {pair}: {failure}", flush=True)
        else:
            passed += 1
            print(f"ok {pair}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main(sys.argv[1:]))
