"""What the stores of Python do: DiskCache, and Redis on loopback.

SPDX-License-Identifier: MIT

    store_peers.py KIND DIRECTORY durable PROCESSES MILLISECONDS
    store_peers.py KIND DIRECTORY memory KEYS MILLISECONDS

Prints `key value` as the programs in C do: throughput, longest (ms) and weakest (% of an equal
share), or reads and writes. Kinds: diskcache, redis (every write is on disk before the answer) and
redis-off (nothing is).
"""

import multiprocessing
import random
import sys
import time

VALUE = bytes(100)
KEYS = 64


class DiskCache:
    def __init__(self, directory, is_durable):
        self.settings = {"directory": f"{directory}/cache", "eviction_policy": "none",
                         "timeout": 60, "sqlite_synchronous": 2 if is_durable else 0}

    def open(self):
        import diskcache

        cache = diskcache.Cache(**self.settings)
        return cache.set, cache.get

    def close(self):
        pass


class Redis:
    def __init__(self, directory, is_durable):
        from channel_redis import Server

        options = {"appendonly": "yes", "appendfsync": "always"} if is_durable else {}
        self.server = Server(options)

    def open(self):
        client = self.server.client()
        return client.set, client.get

    def close(self):
        self.server.close()


KINDS = {"diskcache": (DiskCache, None), "redis": (Redis, True), "redis-off": (Redis, False)}


def write(store, number, barrier, seconds, results):
    put, _ = store.open()
    put(f"key/{number}", VALUE)
    barrier.wait()
    count, longest = 0, 0.0
    now = start = time.perf_counter()
    while now - start < seconds:
        put(f"key/{number * KEYS + count % KEYS:06}", VALUE)
        after = time.perf_counter()
        longest = max(longest, after - now)
        now, count = after, count + 1
    results.put((count, longest))


def durable(store, processes, seconds):
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(processes), context.Queue()
    children = [context.Process(target=write, args=(store, number, barrier, seconds, results))
                for number in range(processes)]
    for child in children:
        child.start()
    found = [results.get(timeout=60) for _ in children]
    for child in children:
        child.join()
    total = sum(count for count, _ in found)
    print("throughput", total / seconds)
    print("longest", max(longest for _, longest in found) * 1000)
    print("weakest", 100 * min(count for count, _ in found) * processes / total)


def rate(call, keys, seconds):
    count, spent = 0, 0.0
    while spent < seconds:
        chosen = [f"key/{random.randrange(keys):06}" for _ in range(256)]
        start = time.perf_counter()
        for key in chosen:
            call(key)
        spent += time.perf_counter() - start
        count += len(chosen)
    return count / spent


def memory(store, keys, seconds):
    put, get = store.open()
    for number in range(min(keys, 2000)):
        put(f"key/{number:06}", VALUE)
    print("reads", rate(get, min(keys, 2000), seconds))
    print("writes", rate(lambda key: put(key, VALUE), min(keys, 2000), seconds))


def main(kind, directory, what, amount, milliseconds):
    make, is_durable = KINDS[kind]
    store = make(directory, what == "durable" if is_durable is None else is_durable)
    try:
        (durable if what == "durable" else memory)(store, int(amount), int(milliseconds) / 1000)
    finally:
        store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
