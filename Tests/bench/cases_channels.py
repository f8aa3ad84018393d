"""The cases of channels that are measured in C, and the reach of each.

SPDX-License-Identifier: MIT

A way to carry messages is called NAME@LENGTH, or NAME@LENGTHxROOM, as the programs call it. All
ways of a case take turns in one run of one program, so one figure of ours stands beside those of
several peers.
"""

from dataclasses import dataclass
from typing import Optional

from measure import Case, Row, alternate, together
from programs import NO_BOOST, have_boost, new_url, run

NAMES = {
    "ours": "ours, sent",
    "loan": "ours, lent",
    "ring": "ring by hand",
    "place": "ring by hand, in place",
    "futex": "raw futex",
    "pipe": "pipe",
    "socket": "Unix socket",
    "mq": "POSIX mq",
    "boost": "boost message_queue",
}
SIZES = {64: "64", 4096: "4k", 1 << 20: "1m", 1 << 24: "16m"}
SYSTEM = {"pipe": None, "socket": None, "mq": None}

# How many batches of a way, of how many milliseconds. Many short ones, so that some of them are
# not disturbed, except where the processes share the CPUs or one message takes milliseconds.
SHORT = (24, 5)
SHARED = (12, 10)
LONG = (5, 25)
TRIPS = (40, 2)


def is_large(length: int) -> bool:
    return length > 65536


@dataclass(frozen=True)
class Pair:
    """Two ways that are compared."""

    case: str
    ours: str
    peer: str
    reach: Optional[str] = None

    def peer_name(self) -> str:
        name, length = self.peer.split("@")
        if self.ours.endswith(f"@{length}"):
            return NAMES[name]
        return f"{NAMES[name]}, {length} bytes"


def beside(case: str, ours: str, peers: dict, length) -> list:
    """Returns the pairs of one way of ours with each of the peers, which have a reach or None."""
    return [
        Pair(f"{case}-{peer}", f"{ours}@{length}", f"{peer}@{length}", reach)
        for peer, reach in peers.items()
    ]


def figures(found: dict, way: str, key: str):
    """Returns what a way has done, or a sentence why it has not."""
    if way.startswith("boost@") and not have_boost():
        return NO_BOOST
    if f"{way}.refused" in found:
        return f"refused, the longest is {found[f'{way}.refused'][0]:,.0f} bytes"
    return found[f"{way}.{key}"]


def compare(unit: str, key: str, pairs: list, *program) -> Case:
    wanted = {pair.ours for pair in pairs} | {pair.peer for pair in pairs}

    def one(_):
        ways = sorted(way for way in wanted if have_boost() or not way.startswith("boost@"))
        found = run(*program, new_url(), *ways)
        ours = {pair.case: figures(found, pair.ours, key) for pair in pairs}
        return ours, {pair.case: figures(found, pair.peer, key) for pair in pairs}

    rows = (Row(pair.case, unit, pair.case, pair.peer_name(), pair.reach) for pair in pairs)
    return Case(tuple(rows), one, rounds=3)


def throughput(writers: int, readers: int, how: str, batches: tuple, pairs: list) -> Case:
    program = ("channel_throughput", writers, readers, how, *batches)
    return compare("messages/s", "throughput", pairs, *program)


def one_to_one(length: int, ring=None, boost=None) -> Case:
    case = f"channel-throughput-{SIZES[length]}"
    pairs = beside(case, "ours", {"ring": ring, "boost": boost, **SYSTEM}, length)
    if length == 64:
        pairs.append(Pair(f"{case}-sets", "many@64", "ring@64"))
        # With room for 1024 messages instead of 64: one side may be far ahead.
        pairs += beside(f"{case}-deep", "ours", {"ring": None, "boost": None}, "64x1024")
    if is_large(length):
        pairs += beside(f"{case}-lent", "loan", {"place": None}, length)
    return throughput(1, 1, "queue", LONG if is_large(length) else SHORT, pairs)


def several(writers: int, readers: int, how: str, peers: dict) -> Case:
    case = f"channel-{writers}to{readers}-64"
    return throughput(writers, readers, how, SHARED, beside(case, "ours", peers, 64))


def broadcast() -> Case:
    """What a writer's time is worth: with eight readers, beside one.

    There is room for many messages, so that the time goes into sending and not into waiting.
    """

    def program(readers, how):
        def samples():
            way = "ours@64x1024"
            found = run("channel_throughput", 1, readers, how, *SHARED, new_url(), way)
            return {"writer": found[f"{way}.writer"]}

        return samples

    row = Row("channel-broadcast-8", "messages/CPU s", "writer", "ours, 1 to 1", ">= 0.5")
    sides = alternate(program(8, "broadcast"), program(1, "queue"))
    return Case((row,), sides, rounds=3)


def round_trip(how: str, batches: tuple, pairs: list) -> Case:
    return compare("us", "round_trip", pairs, "channel_roundtrip", how, *batches)


def running(length: int, ours: str, peers: dict) -> Case:
    case = f"channel-roundtrip-{SIZES[length]}"
    batches = LONG if is_large(length) else TRIPS
    return round_trip("running", batches, beside(case, ours, peers, length))


def parked(peers: dict) -> Case:
    return round_trip("parked", TRIPS, beside("channel-parked-64", "ours", peers, 64))


def lent() -> Case:
    """A message that is not copied takes no longer when it is larger."""
    pairs = [Pair("channel-loan-64-place", "loan@64", "place@64")]
    for length in (1 << 20, 1 << 24):
        pairs.append(Pair(f"channel-loan-{SIZES[length]}", f"loan@{length}", "loan@64", "<= 2.0"))
    return round_trip("running", TRIPS, pairs)


def publish() -> Case:
    def program():
        return run("channel_publish", 100000, 50, new_url())

    row = Row("channel-publish-100000", "us", "publish", "ours, 3 patterns", "<= 5.0")
    return Case((row,), together(program), rounds=3)


CHANNEL_CASES = [
    one_to_one(64, ring=">= 0.6", boost=">= 5.0"),
    one_to_one(4096),
    one_to_one(1 << 20),
    one_to_one(1 << 24),
    several(4, 1, "queue", {"boost": None, **SYSTEM}),
    several(4, 4, "queue", {"boost": None, **SYSTEM}),
    several(1, 8, "broadcast", {"ring": None, "boost": None, **SYSTEM}),
    broadcast(),
    running(64, "ours", {"ring": "<= 1.5", "boost": None, **SYSTEM}),
    parked({"futex": "<= 1.15", "boost": None, **SYSTEM}),
    lent(),
    running(4096, "ours", {"ring": None, "boost": None, **SYSTEM}),
    running(1 << 20, "loan", {"place": None, "boost": None, **SYSTEM}),
    running(1 << 24, "loan", {"place": None, "boost": None, **SYSTEM}),
    publish(),
]
