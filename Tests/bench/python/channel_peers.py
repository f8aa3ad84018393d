"""What Python programs carry messages with today. See KINDS in channel_pair.py.

SPDX-License-Identifier: MIT
"""

import ctypes
import glob
import multiprocessing
import os
import shutil
import tempfile

SIZE = 64
SET = 64
ROOM = 1024


class Queue:
    """multiprocessing.Queue: a pipe, a lock, and a thread that pickles. A set is one list."""

    def __init__(self, _name, _is_set):
        self.queue = multiprocessing.get_context("fork").Queue()

    def sender(self):
        return self.queue.put

    def receiver(self):
        return self.queue.get

    def close(self):
        self.queue.close()


class SimpleQueue(Queue):
    """multiprocessing.SimpleQueue: the same without the thread."""

    def __init__(self, _name, _is_set):
        self.queue = multiprocessing.get_context("fork").SimpleQueue()


class Zmq:
    """pyzmq over ipc://, push to pull. A set is one message of many parts."""

    def __init__(self, _name, is_set):
        self.is_set = is_set
        self.directory = tempfile.mkdtemp()
        self.address = f"ipc://{self.directory}/socket"

    def _socket(self, kind):
        # A context does not survive a fork, so each process makes its own.
        import zmq

        self.context = zmq.Context()
        return self.context.socket(getattr(zmq, kind))

    def sender(self):
        self.socket = self._socket("PUSH")
        self.socket.connect(self.address)
        return self.socket.send_multipart if self.is_set else self.socket.send

    def receiver(self):
        self.socket = self._socket("PULL")
        self.socket.bind(self.address)
        return self.socket.recv_multipart if self.is_set else self.socket.recv

    def close(self):
        self.socket.close(linger=0)
        self.context.term()
        shutil.rmtree(self.directory)


def kept(function, *needed):
    """Returns the function, with which everything that it needs goes."""
    function.needed = needed
    return function


class Iceoryx2:
    """iceoryx2, which writes in shared memory and polls. A set is one sample of many messages."""

    def __init__(self, name, is_set):
        self.name = name
        self.is_set = is_set
        self.directory = tempfile.mkdtemp()

    def _service(self):
        import iceoryx2

        config = iceoryx2.config.default()
        config.global_cfg.root_path = iceoryx2.Path.new(f"{self.directory}/")
        config.global_cfg.prefix = iceoryx2.FileName.new(f"{self.name}-")
        iceoryx2.set_log_level(iceoryx2.LogLevel.Fatal)
        kind = iceoryx2.ServiceType.Ipc
        node = iceoryx2.NodeBuilder.new().config(config).create(kind)
        # One sample is one message, or as many as are in a set.
        payload = ctypes.c_uint8 * (SIZE * (SET if self.is_set else 1))
        builder = node.service_builder(iceoryx2.ServiceName.new("channel"))
        service = (
            builder.publish_subscribe(payload)
            .enable_safe_overflow(False)
            .subscriber_max_buffer_size(ROOM // (SET if self.is_set else 1))
            .open_or_create()
        )
        return node, service

    def sender(self):
        import iceoryx2

        wait = iceoryx2.BackpressureStrategy.RetryUntilDelivered
        node, service = self._service()
        publisher = service.publisher_builder().backpressure_strategy(wait).create()
        loan, copy = publisher.loan_uninit, ctypes.memmove

        def send(message):
            sample = loan()
            copy(sample.payload_ptr, message, SIZE)
            sample.assume_init().send()

        def send_set(messages):
            sample = loan()
            copy(sample.payload_ptr, b"".join(messages), SIZE * SET)
            sample.assume_init().send()

        return kept(send_set if self.is_set else send, node, service)

    def receiver(self):
        node, service = self._service()
        receive_sample = service.subscriber_builder().create().receive
        copy = ctypes.string_at

        def receive():
            while (sample := receive_sample()) is None:
                pass
            return copy(sample.payload_ptr, SIZE)

        def receive_set():
            while (sample := receive_sample()) is None:
                pass
            data = copy(sample.payload_ptr, SIZE * SET)
            return [data[at : at + SIZE] for at in range(0, SIZE * SET, SIZE)]

        return kept(receive_set if self.is_set else receive, node, service)

    def close(self):
        # One file stays there for the next node, which will not come.
        for path in glob.glob(f"/dev/shm/{self.name}-*"):
            os.unlink(path)
        shutil.rmtree(self.directory)
