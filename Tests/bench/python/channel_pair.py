"""How many messages of 64 bytes get from one Python process to another.

SPDX-License-Identifier: MIT

channel_pair.py KIND SET NAME: messages are sent one at a time, or SET at once where that is more
than 1. Prints a sample of each batch as `throughput`, in messages a second from the first send to
the last receive. NAME is in every name outside the process that is made, but a space's: for ours
it is the URL.
"""

import multiprocessing
import signal
import struct
import sys
import time
from importlib import import_module

BATCHES = 5
BATCH_NS = 100_000_000
DEADLINE_S = 60

# KIND -> the module and its class.
#
# A class makes what both processes share when it is called with (name, is_set). Then one process
# asks for `receiver()` and, after that, the other for `sender()`: functions that take or return
# one message, or with `is_set` a list of them. `close()` comes last, where it was made.
KINDS = {
    "bare": ("channel_bare", "Bare"),
    "class": ("channel_class", "Managed"),
    "queue": ("channel_peers", "Queue"),
    "simple-queue": ("channel_peers", "SimpleQueue"),
    "zmq": ("channel_peers", "Zmq"),
    "iceoryx2": ("channel_peers", "Iceoryx2"),
    "redis-list": ("channel_redis", "RedisList"),
    "redis-pubsub": ("channel_redis", "RedisPubSub"),
}

MESSAGE = struct.Struct("<Q56x")


def send_batch(send, count, set_size):
    """Sends so many messages, each of which is made anew. Returns the sum of what is in them."""
    pack = MESSAGE.pack
    if set_size == 1:
        for number in range(count):
            send(pack(number))
    else:
        for first in range(0, count, set_size):
            send([pack(number) for number in range(first, first + set_size)])
    return count * (count - 1) // 2


def receive_batch(receive, count, set_size):
    """Receives so many messages. Returns the sum of what was in them."""
    unpack = MESSAGE.unpack_from
    total = 0
    if set_size == 1:
        for _ in range(count):
            total += unpack(receive())[0]
        return total
    received = 0
    while received < count:
        messages = receive()
        received += len(messages)
        for message in messages:
            total += unpack(message)[0]
    if received != count:
        raise RuntimeError(f"{received} messages arrived instead of {count}")
    return total


def read(carrier, set_size, orders, results):
    signal.alarm(DEADLINE_S)
    receive = carrier.receiver()
    results.send("ready")
    while count := orders.recv():
        total = receive_batch(receive, count, set_size)
        results.send((total, time.monotonic_ns()))


class Pair:
    """This process sends, and a child receives."""

    def __init__(self, carrier, set_size):
        context = multiprocessing.get_context("fork")
        order_end, self.orders = context.Pipe(duplex=False)
        self.results, result_end = context.Pipe(duplex=False)
        self.set_size = set_size
        self.child = context.Process(
            target=read, args=(carrier, set_size, order_end, result_end), daemon=True
        )
        self.child.start()
        # So that the results end when the child does.
        result_end.close()
        self.results.recv()
        self.send = carrier.sender()

    def run(self, count):
        """Returns how many nanoseconds so many messages took."""
        self.orders.send(count)
        begin = time.monotonic_ns()
        total = send_batch(self.send, count, self.set_size)
        received, end = self.results.recv()
        if received != total:
            raise RuntimeError("what was received is not what was sent")
        return end - begin

    def close(self):
        # What a side holds goes with its function: here first, and in the child when it returns.
        self.send = None
        self.orders.send(0)
        self.child.join()
        if self.child.exitcode != 0:
            raise RuntimeError(f"the child ended {self.child.exitcode}")


def find_count(pair, set_size):
    """Returns how many messages make a batch, and warms both sides up."""
    count = 4 * set_size
    while (took := pair.run(count)) < BATCH_NS / 4:
        count *= 2
    return max(1, round(count / set_size * BATCH_NS / took)) * set_size


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in KINDS:
        sys.exit(f"usage: channel_pair.py {'|'.join(KINDS)} SET NAME")
    signal.alarm(DEADLINE_S)
    module, name = KINDS[sys.argv[1]]
    set_size = int(sys.argv[2])
    carrier = getattr(import_module(module), name)(sys.argv[3], set_size > 1)
    try:
        pair = Pair(carrier, set_size)
        count = find_count(pair, set_size)
        samples = [count * 1e9 / pair.run(count) for _ in range(BATCHES)]
        pair.close()
    finally:
        carrier.close()
    for sample in samples:
        print(f"throughput {sample}")


if __name__ == "__main__":
    main()
