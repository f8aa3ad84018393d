"""The cases that are measured in Python and in Node, and the reach of each.

SPDX-License-Identifier: MIT
"""

import shutil
from pathlib import Path

import programs
from measure import Case, Row, alternate, together
from programs import ROOT, SOURCES, Unavailable, new_url, run

# The import names of what has to come from PyPI.
PACKAGES = {"posix_ipc": "posix_ipc", "filelock": "filelock"}


def python(case: str, ours: str, peer: str, peer_name: str, reach=None) -> Case:
    def program():
        interpreter = programs.python(PACKAGES.get(peer, ""))
        script = SOURCES / "python" / "pair.py"
        environment = programs.binding_environment()
        return run(interpreter, script, ours, peer, new_url(), env=environment)

    return Case((Row(case, "ns", "pair", peer_name, reach),), together(program), rounds=5)


# What carries messages between Python processes: what it is called, and what has to come from PyPI,
# as it is called there and when it is imported.
CARRIERS = {
    "queue": ("multiprocessing.Queue", ()),
    "simple-queue": ("multiprocessing.SimpleQueue", ()),
    "zmq": ("pyzmq ipc://", ("pyzmq", "zmq")),
    "iceoryx2": ("iceoryx2", ("iceoryx2", "iceoryx2")),
    "redis-list": ("Redis list", ("redis", "redis")),
    "redis-pubsub": ("Redis pub/sub", ("redis", "redis")),
}


def channel_python(case: str, ours: str, set_size: int, reaches: dict) -> Case:
    """Compares ours with all carriers. One that is missing leaves a sentence in its row."""

    def program(kind):
        if kind.startswith("redis") and shutil.which("redis-server") is None:
            raise Unavailable("redis-server is missing (apt-get install redis-server)")
        interpreter = programs.python(*CARRIERS[kind][1] if kind in CARRIERS else ())
        name = programs.new_name() if kind in CARRIERS else new_url()
        script = SOURCES / "python" / "channel_pair.py"
        environment = programs.binding_environment()
        return run(interpreter, script, kind, set_size, name, env=environment)["throughput"]

    def one(_):
        ours_samples, peers = program(ours), {}
        for kind in CARRIERS:
            try:
                peers[kind] = program(kind)
            except Unavailable as reason:
                peers[kind] = str(reason)
        return dict.fromkeys(CARRIERS, ours_samples), peers

    rows = (
        Row(f"{case}-{kind}", "messages/s", kind, name, reaches.get(kind))
        for kind, (name, _) in CARRIERS.items()
    )
    return Case(tuple(rows), one, rounds=3)


def _node(script: str, *arguments) -> dict:
    interpreter = shutil.which("node")
    if interpreter is None:
        raise Unavailable("node is not installed")
    programs.call(["make", "-s", "-C", ROOT / "bindings" / "node", "build/addon.node"], 120)
    environment = programs.binding_environment()
    return run(Path(interpreter), SOURCES / "node" / script, *arguments, env=environment)


def node_pair(case: str, how: str, reach: str) -> Case:
    def program():
        return _node("pair.cjs", how, new_url())

    return Case((Row(case, "ns", "pair", "two bare libffi calls", reach),), together(program))


def node_handover() -> Case:
    def program(waiters):
        return lambda: _node("handover.cjs", waiters, new_url())

    row = Row("node-handover-10000", "us", "handover", "ours, 10 waiting", "<= 15 us")
    return Case((row,), alternate(program(10000), program(10)))


def node_channel() -> Case:
    def program(how):
        return lambda: _node("channel.cjs", how, new_url())

    # Half a million messages a second.
    row = Row("channel-node-64", "us", "message", "process.send()", "<= 2 us")
    return Case((row,), alternate(program("ours"), program("peer")))


BINDING_CASES = [
    python("python-ctypes", "pair", "ctypes", "two bare ctypes calls", "<= 1.2"),
    python("python-multiprocessing", "pair", "multiprocessing", "multiprocessing.Lock"),
    python("python-threading", "pair", "threading", "threading.Lock"),
    python("python-posix-ipc", "pair", "posix_ipc", "posix_ipc.Semaphore"),
    python("python-filelock", "pair", "filelock", "filelock.FileLock"),
    python("python-with-multiprocessing", "with", "multiprocessing-with", "multiprocessing.Lock"),
    python("python-with-threading", "with", "threading-with", "threading.Lock"),
    channel_python("channel-ctypes-64", "bare", 1, {}),
    channel_python("channel-ctypes-64-sets", "bare", 64, {}),
    channel_python("channel-python-64", "class", 1, {"iceoryx2": ">= 1.5"}),
    channel_python(
        "channel-python-64-sets", "class", 64, {"iceoryx2": ">= 1000000 messages/s"}
    ),
    node_pair("node-pair", "try", "<= 2.0"),
    node_pair("node-pair-awaited", "await", "<= 2.0"),
    node_handover(),
    node_channel(),
]
