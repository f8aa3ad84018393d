"""Cost of taking and giving back a free lock from Python.

SPDX-License-Identifier: MIT

pair.py OURS PEER URL: batches of the two alternate within one process, because a virtual machine
may change its speed threefold from one second to the next. Prints the median of each in ns a pair.
"""

import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from itertools import repeat

from bare import bare_batch

BATCHES = 150
WARM_BATCHES = 10
BATCH_NS = 1_000_000


def acquire_batch(lock):
    def batch(pairs):
        for _ in repeat(None, pairs):
            lock.acquire()
            lock.release()

    return batch


def with_batch(lock):
    def batch(pairs):
        for _ in repeat(None, pairs):
            with lock:
                pass

    return batch


def our_mutex(url):
    import syncmgr

    space = syncmgr.open(url)
    # The mutex does not keep its space alive for us when this function has returned.
    our_mutex.space = space
    return space.mutex("pair")


def multiprocessing_lock():
    import multiprocessing

    return multiprocessing.Lock()


def posix_ipc_semaphore():
    import posix_ipc

    semaphore = posix_ipc.Semaphore(None, posix_ipc.O_CREX, initial_value=1)
    # The name is not needed any more, so nothing is left behind even when we are killed.
    semaphore.unlink()
    return semaphore


def file_lock():
    import filelock

    directory = tempfile.TemporaryDirectory()
    file_lock.directory = directory
    return filelock.FileLock(os.path.join(directory.name, "lock"))


def prepare(kind, url):
    makers = {
        "pair": lambda: acquire_batch(our_mutex(url)),
        "with": lambda: with_batch(our_mutex(url)),
        "ctypes": lambda: bare_batch(url),
        "multiprocessing": lambda: acquire_batch(multiprocessing_lock()),
        "multiprocessing-with": lambda: with_batch(multiprocessing_lock()),
        "threading": lambda: acquire_batch(threading.Lock()),
        "threading-with": lambda: with_batch(threading.Lock()),
        "posix_ipc": lambda: acquire_batch(posix_ipc_semaphore()),
        "filelock": lambda: acquire_batch(file_lock()),
    }
    return makers[kind]()


def time_batch(batch, pairs):
    start = time.perf_counter_ns()
    batch(pairs)
    return (time.perf_counter_ns() - start) / pairs


def pairs_in_batch(batch):
    """So many that a batch takes about a millisecond, whatever a pair costs."""
    cost = min(time_batch(batch, 20) for _ in range(10))
    return max(5, int(BATCH_NS / cost))


def main():
    ours_kind, peer_kind, url = sys.argv[1:]
    signal.alarm(60)
    ours, peer = prepare(ours_kind, url), prepare(peer_kind, url)
    ours_pairs, peer_pairs = pairs_in_batch(ours), pairs_in_batch(peer)
    ours_samples, peer_samples = [], []
    for number in range(-WARM_BATCHES, BATCHES):
        ours_sample, peer_sample = time_batch(ours, ours_pairs), time_batch(peer, peer_pairs)
        if number >= 0:
            ours_samples.append(ours_sample)
            peer_samples.append(peer_sample)
    print("ours.pair", statistics.median(ours_samples))
    print("peer.pair", statistics.median(peer_samples))


main()
