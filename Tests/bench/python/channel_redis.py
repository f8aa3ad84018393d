"""Redis on loopback: a server of our own that keeps nothing. See KINDS in channel_pair.py.

SPDX-License-Identifier: MIT
"""

import shutil
import socket
import subprocess
import tempfile
import time

import redis

SET = 64
START_S = 5
KEY = "channel"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server on a free port of loopback, as long as it is not closed."""

    def __init__(self, options=None):
        self.options = options or {}
        self.directory = tempfile.mkdtemp()
        # Between the choice of a port and its use somebody else may take it.
        for _ in range(5):
            self.port = free_port()
            self.process = self._start()
            if self._answers():
                return
            self.stop()
        raise RuntimeError("redis-server did not start")

    def _start(self):
        options = {
            "port": self.port,
            "bind": "127.0.0.1",
            "dir": self.directory,
            "save": "",
            "appendonly": "no",
            # A slow subscriber is waited for by the benchmark, not thrown out by the server.
            "client-output-buffer-limit": "pubsub 0 0 0",
            **self.options,
        }
        words = ["redis-server"]
        for name, value in options.items():
            words += [f"--{name}", *(str(value).split() or [""])]
        return subprocess.Popen(words, stdout=subprocess.DEVNULL)

    def _answers(self):
        end = time.monotonic() + START_S
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with self.client() as client:
                    return client.ping()
            except redis.exceptions.ConnectionError:
                time.sleep(0.01)
        return False

    def client(self):
        return redis.Redis(host="127.0.0.1", port=self.port)

    def stop(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        self.stop()
        shutil.rmtree(self.directory)


class RedisList:
    """RPUSH and BLPOP, or BLMPOP for a set."""

    def __init__(self, _name, is_set):
        self.is_set = is_set
        self.server = Server()

    def sender(self):
        client = self.server.client()
        if self.is_set:
            return lambda messages: client.rpush(KEY, *messages)
        return lambda message: client.rpush(KEY, message)

    def receiver(self):
        client = self.server.client()
        if self.is_set:
            return lambda: client.blmpop(0, 1, KEY, direction="LEFT", count=SET)[1]
        return lambda: client.blpop(KEY)[1]

    def close(self):
        self.server.close()


class RedisPubSub(RedisList):
    """PUBLISH and SUBSCRIBE, or a pipeline of publishes for a set."""

    def sender(self):
        client = self.server.client()

        def send_set(messages):
            pipeline = client.pipeline(transaction=False)
            for message in messages:
                pipeline.publish(KEY, message)
            pipeline.execute()

        return send_set if self.is_set else lambda message: client.publish(KEY, message)

    def receiver(self):
        subscription = self.server.client().pubsub(ignore_subscribe_messages=True)
        subscription.subscribe(KEY)
        # The confirmation: from here on nothing is missed.
        subscription.get_message(timeout=None)

        def receive():
            while (message := subscription.get_message(timeout=None)) is None:
                pass
            return message["data"]

        return (lambda: [receive()]) if self.is_set else receive
