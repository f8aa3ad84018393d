"""The cases that are measured in C, and the reach of each.

SPDX-License-Identifier: MIT
"""

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager

from measure import Case, Row, alternate, percentile_99, together
from programs import BUILD, NO_BOOST, ROOT, Broken, Unavailable
from programs import have_boost, new_name, new_url, run

ROBUST = "pthread process-shared robust"


def need_boost(peer: str) -> None:
    if peer.startswith("boost") and not have_boost():
        raise Unavailable(NO_BOOST)


def uncontended(case: str, ours: str, peer: str, peer_name: str, reach=None) -> Case:
    def program():
        need_boost(peer)
        return run("uncontended", ours, peer, new_url())

    return Case((Row(case, "ns", "pair", peer_name, reach),), together(program))


def contended(processes: int, throughput_reach: str) -> Case:
    name = f"contended-{processes}"

    def program():
        return run("contended", processes, 10, 100, new_url())

    rows = (
        Row(f"{name}-throughput", "locks/s", "throughput", ROBUST, throughput_reach),
        Row(f"{name}-longest-wait", "ms", "longest", ROBUST, "<= 0.333"),
        Row(f"{name}-weakest-share", "% of an equal share", "weakest", ROBUST),
    )
    return Case(rows, together(program))


def pingpong(how: str, peer_name: str, reach: str) -> Case:
    def program():
        return run("pingpong", how, new_url())

    return Case((Row(f"pingpong-{how}", "ns", "round_trip", peer_name, reach),), together(program))


def mixed(processes: int, peer: str, peer_name: str) -> Case:
    name = f"rwlock-mixed-{processes}-{peer}"

    def program():
        need_boost(peer)
        return run("mixed", processes, 10, 100, peer, new_url())

    rows = (
        Row(f"{name}-throughput", "locks/s", "throughput", peer_name, ">= 1.0"),
        Row(f"{name}-longest-wait", "ms", "longest", peer_name),
    )
    return Case(rows, together(program))


def condition(how: str, processes: int, reach: str) -> Case:
    suffix = "" if how == "pingpong" else f"-{processes}"

    def program():
        return run("condition", how, processes, new_url())

    row = Row(f"condition-{how}{suffix}", "us", "round", "pthread_cond_t", reach)
    return Case((row,), together(program))


def barrier(processes: int) -> Case:
    def program():
        return run("barrier", processes, 10, 40, new_url())

    row = Row(f"barrier-{processes}", "rounds/s", "rounds", "pthread_barrier_t", ">= 1.0")
    return Case((row,), together(program))


def takeover(case: str, mebibytes: int, ours: str, peer: str, peer_name: str, reach: str) -> Case:
    # Making a GiB resident and tearing it down takes half a second, so those are fewer.
    kills = 8 if mebibytes else 40

    def program(kind):
        def samples():
            found = run("takeover", kind, mebibytes, kills, new_url())
            return {"takeover": [sample / 1000 for sample in found["sample"]]}

        return samples

    row = Row(case, "ms", "takeover", peer_name, reach)
    return Case((row,), alternate(program(ours), program(peer)), rounds=3, combine=percentile_99)


def handover() -> Case:
    def program(waiters):
        return lambda: run("handover", waiters, 10000, new_url())

    row = Row("handover-10000", "us", "handover", "ours, 10 waiters", "<= 1.3")
    return Case((row,), alternate(program(10000), program(10)))


@contextmanager
def kept_space():
    """Something to attach to: a space and a named semaphore, as long as this lasts."""
    url, name = new_url(), f"/{new_name()}"
    keeper = subprocess.Popen(
        [str(BUILD / "attach"), "keep", url, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        if keeper.stdout.readline() != "ready\n":
            raise Broken("there is nothing to attach to")
        yield url, name
    finally:
        try:
            keeper.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            keeper.kill()
            keeper.wait()


def attach(suffix: str, kind: str, reach=None) -> Case:
    def one(_):
        ours: dict = {}
        peer: dict = {}
        with kept_space() as (url, name):
            # A process attaches only once for the first time: each sample is a new process.
            for _ in range(10):
                for samples, who in ((ours, kind), (peer, "sem")):
                    for key, values in run("attach", who, url, name).items():
                        samples.setdefault(key, []).extend(v / 1000 for v in values)
        return ours, peer

    rows = (
        Row(f"attach-open{suffix}", "ms", "open", "sem_open", reach),
        Row(f"attach-close{suffix}", "ms", "close", "sem_close"),
    )
    return Case(rows, one)


def command_lock(suffix: str, is_kept: bool, reach=None) -> Case:
    """A shell's lock around `true`: in a space that others have open, or in one made for it."""
    command = str(ROOT / ".build" / "bin" / "syncmgr")

    def once(*words):
        begin = time.perf_counter()
        process = os.posix_spawn(words[0], words, os.environ)
        status = os.waitpid(process, 0)[1]
        took = time.perf_counter() - begin
        if status != 0:
            raise Broken(f"{words[0]} ended with status {status}")
        return took * 1000

    def one(_):
        flock = shutil.which("flock")
        if flock is None:
            raise Unavailable("flock is missing (apt-get install util-linux)")
        with tempfile.TemporaryDirectory() as directory, ExitStack() as kept:
            url = kept.enter_context(kept_space())[0] if is_kept else new_url()
            sides = ((command, "lock", "--space", url, "db", "true"),
                     (flock, f"{directory}/file", "true"))
            # In turn, so that what disturbs the one disturbs the other.
            pairs = [[once(*words) for words in sides] for _ in range(100)]
            return {"run": [ours for ours, _ in pairs]}, {"run": [peer for _, peer in pairs]}

    return Case((Row(f"command-lock{suffix}", "ms", "run", "flock(1)", reach),), one)


CASES = [
    uncontended("mutex-private", "mutex", "private", "pthread private"),
    uncontended("mutex-shared", "mutex", "shared", "pthread process-shared"),
    uncontended("mutex-robust", "mutex", "robust", ROBUST, "<= 0.75"),
    uncontended("mutex-boost", "mutex", "boost", "boost interprocess_mutex"),
    uncontended("mutex-sem", "mutex", "sem", "sem_t process-shared"),
    uncontended("semaphore-sem", "semaphore", "sem", "sem_t process-shared", "<= 1.3"),
    uncontended("semaphore-signalling", "signalling", "sem", "sem_t process-shared"),
    contended(2, ">= 1.0"),
    contended(8, ">= 1.5"),
    uncontended("rwlock-shared", "read", "posix-read", "pthread_rwlock_t", "<= 1.0"),
    uncontended("rwlock-exclusive", "write", "posix-write", "pthread_rwlock_t", "<= 1.0"),
    uncontended("rwlock-shared-boost", "read", "boost-read", "boost sharable", "<= 1.0"),
    uncontended("rwlock-exclusive-boost", "write", "boost-write", "boost sharable", "<= 1.0"),
    mixed(2, "posix", "pthread_rwlock_t"),
    mixed(8, "posix", "pthread_rwlock_t"),
    mixed(2, "boost", "boost sharable"),
    mixed(8, "boost", "boost sharable"),
    condition("pingpong", 2, "<= 1.0"),
    condition("broadcast", 2, "<= 1.0"),
    condition("broadcast", 8, "<= 1.0"),
    pingpong("running", "raw spin", "<= 1.3"),
    pingpong("parked", "raw futex", "<= 1.15"),
    barrier(2),
    barrier(4),
    barrier(8),
    takeover("takeover-0", 0, "syncmgr", "robust", ROBUST, "<= 2 ms"),
    takeover("takeover-1gib", 1024, "syncmgr", "robust", ROBUST, "<= 2 ms"),
    takeover(
        "takeover-0-no-threads", 0, "syncmgr-no-threads", "record", "fcntl F_SETLKW", "<= 50 ms"
    ),
    takeover(
        "takeover-1gib-no-threads", 1024, "syncmgr-no-threads", "record", "fcntl F_SETLKW",
        "<= 50 ms",
    ),
    handover(),
    attach("", "syncmgr", "<= 1 ms"),
    attach("-no-threads", "no-threads"),
    command_lock("", True, "<= 1.0"),
    command_lock("-alone", False),
]
