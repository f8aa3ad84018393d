"""The cases of the store, and the reach of each.

SPDX-License-Identifier: MIT

All stores of a case take turns on one directory of the disk, that of TMPDIR. The peers in C are
plain SQLite, with a connection for each process, and LMDB; those in Python are DiskCache and Redis.
"""

import os
import shutil
import tempfile

from measure import Case, Row
from programs import SOURCES, Unavailable, have_header, new_url, python, run

NAMES = {
    "sqlite": "plain SQLite",
    "lmdb": "LMDB",
    "diskcache": "DiskCache",
    "redis": "Redis, always fsync",
    "redis-off": "Redis, not on disk",
}
MISSING = {
    "sqlite": "its header is missing (apt-get install libsqlite3-dev)",
    "lmdb": "its header is missing (apt-get install liblmdb-dev)",
}
HEADERS = {"sqlite": "sqlite3.h", "lmdb": "lmdb.h"}
IN_C = ("sqlite", "lmdb")
PACKAGES = {"diskcache": "diskcache", "redis": "redis", "redis-off": "redis"}

# How long each store writes in a round.
MILLISECONDS = 1000


def in_c(program: str, *arguments) -> dict:
    """Runs ours and the peers in C in turns; a peer that is missing has a sentence instead."""
    kinds = ["ours"] + [kind for kind in IN_C if have_header(HEADERS[kind])]
    with tempfile.TemporaryDirectory(prefix="syncmgr-bench-") as directory:
        return run(program, *arguments, directory, new_url(), *kinds)


def in_python(kind: str, *arguments) -> dict:
    """Runs one of the peers in Python, and returns its figures or why there are none."""
    if PACKAGES[kind] == "redis" and shutil.which("redis-server") is None:
        return {"missing": "redis-server is missing (apt-get install redis-server)"}
    try:
        interpreter = python(PACKAGES[kind])
        with tempfile.TemporaryDirectory(prefix="syncmgr-bench-") as directory:
            script = SOURCES / "python" / "store_peers.py"
            environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
            return run(interpreter, script, kind, directory, *arguments, env=environment)
    except Unavailable as reason:
        return {"missing": str(reason)}


def figure(found: dict, kind: str, key: str):
    if kind in IN_C:
        return found.get(f"{kind}.{key}", MISSING[kind])
    return found[kind].get(key, found[kind].get("missing", "it gave no figure"))


def compare(rows: list, program: tuple, peers: tuple) -> Case:
    """`rows` are (case, unit, key, peer, reach); `peers` are (kind, arguments) in Python."""

    def one(_):
        found = in_c(*program)
        for kind, arguments in peers:
            found[kind] = in_python(kind, *arguments)
        ours = {row[0]: found[f"ours.{row[2]}"] for row in rows}
        return ours, {row[0]: figure(found, row[3], row[2]) for row in rows}

    made = (Row(case, unit, case, NAMES[peer], reach) for case, unit, _, peer, reach in rows)
    return Case(tuple(made), one, rounds=3)


def durable(processes: int, reach=None, longest=None) -> Case:
    """Writes that are on disk when they return, by so many processes at once."""
    case = f"store-durable-{processes}"
    rows = [(f"{case}-sqlite", "writes/s", "throughput", "sqlite", reach)]
    rows += [(f"{case}-{peer}", "writes/s", "throughput", peer, None)
             for peer in ("lmdb", "diskcache", "redis", "redis-off")]
    rows += [(f"{case}-longest-wait", "ms", "longest", "sqlite", longest),
             (f"{case}-weakest-share", "% of an equal share", "weakest", "sqlite", None)]
    peers = tuple((kind, ("durable", processes, MILLISECONDS)) for kind in PACKAGES)
    return compare(rows, ("store_durable", processes, MILLISECONDS), peers)


def memory(keys: int) -> Case:
    """Reads, and writes that need not be on disk, by one process."""
    case = f"store-{'hot' if keys == 1 else keys}"
    rows = []
    for key, reach in (("reads", ">= 5000000 reads/s"), ("writes", ">= 1000000 writes/s")):
        rows += [(f"{case}-{key}-{peer}", f"{key}/s", key, peer,
                  reach if peer == "sqlite" else None)
                 for peer in ("sqlite", "lmdb", "diskcache", "redis-off")]
    peers = tuple((kind, ("memory", keys, MILLISECONDS)) for kind in ("diskcache", "redis-off"))
    return compare(rows, ("store_memory", keys, 100), peers)


STORE_CASES = [
    durable(1),
    durable(4),
    durable(16, reach=">= 2.0", longest="<= 50 ms"),
    memory(1),
    memory(100000),
]
