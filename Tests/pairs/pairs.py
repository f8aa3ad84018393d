"""For each ordered pair of languages: one creates a space and its objects, the other joins them.

The two talk over every type of object, and each result is checked: meet at a barrier, count under
a mutex, take turns at a semaphore, write and read under a readers-writer lock, wait for each other
at a condition, lock in both orders so that one is a deadlock's victim, call each other by events,
elect one of them, end at a latch. Then the creator is killed, and the joiner inherits what it held.
Nothing may be left behind.

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
REVIEWS = 20
BOUNCES = 100
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


def review(creator, joiner, directory):
    before = counted(directory)
    for worker in (creator, joiner):
        worker.tell("review", "book", REVIEWS)
    for worker in (creator, joiner):
        torn = worker.hear("reviewed")["torn"]
        expect(torn == 0, f"{worker.name} read {torn} times while the other wrote")
    added = counted(directory) - before
    expect(added == 2 * REVIEWS, f"wrote {added} of {2 * REVIEWS}")


def bounce(creator, joiner, directory):
    before = counted(directory)
    creator.tell("bounce", "sum", "turned", BOUNCES, before % 2)
    joiner.tell("bounce", "sum", "turned", BOUNCES, 1 - before % 2)
    for worker in (creator, joiner):
        worker.hear("bounced")
    added = counted(directory) - before
    expect(added == 2 * BOUNCES, f"bounced {added} of {2 * BOUNCES}")


def elect(creator, joiner):
    creator.ask("standing", "stand", "mayor")
    expect(creator.hear("elected")["leader"], "the first to stand is elected")
    joiner.ask("standing", "stand", "mayor")
    creator.ask("published", "publish", "mayor", "gold")
    outcome = joiner.hear("elected")
    expect(not outcome["leader"], "nobody is elected after the result")
    expect(outcome["result"] == "gold", f"the result is gold, not {outcome['result']}")


def entangle(creator, joiner):
    """Both lock two mutexes, each in another order."""
    creator.tell("cross", "left", "right", "crossing")
    joiner.tell("cross", "right", "left", "crossing")
    outcomes = [worker.hear("crossed") for worker in (creator, joiner)]
    victims = [outcome for outcome in outcomes if outcome["victim"]]
    expect(len(victims) == 1, f"one is the victim of the deadlock, not {len(victims)}")
    expect(victims[0]["told"], "the victim is told the circle")


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
    """Kills the creator with a lock of each type in its hands, and while it leads."""
    creator.ask("holding", "hold", "sum", "turn", "hall")
    creator.ask("writing", "write", "book")
    creator.ask("standing", "stand", "captain")
    term = creator.hear("elected")["term"]
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
    expect(joiner.ask("read", "read", "book")["recovered"], "the reader is told that a writer died")
    joiner.ask("standing", "stand", "captain")
    outcome = joiner.hear("elected")
    expect(outcome["leader"], "the joiner is elected after the leader's death")
    expect(outcome["term"] > term, f"the term {outcome['term']} is after the term {term}")


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
        review(creator, joiner, directory)
        bounce(creator, joiner, directory)
        entangle(creator, joiner)
        call(creator, joiner)
        elect(creator, joiner)
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
