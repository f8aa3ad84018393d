"""What a case is, and how its figures come about.

SPDX-License-Identifier: MIT

A case runs ours and the peer in turn, several rounds of it, and gives one or more rows. The figure
of a row is the median of the medians of its rounds, except for a takeover: there the p99 of all.
Where a peer cannot do it, a sentence stands in the place of its samples.
"""

import math
import re
import statistics
from dataclasses import dataclass
from typing import Callable, Optional

from quiet import Quiet

Samples = dict  # the name of a figure -> the list of its samples in one round, or why there is none
Round = Callable[[int], tuple]  # the round's number -> (Samples of ours, Samples of the peer)


def median_of_rounds(rounds: list) -> float:
    return statistics.median(statistics.median(samples) for samples in rounds)


def percentile_99(rounds: list) -> float:
    """The smallest sample that at least 99 % of all do not exceed."""
    samples = sorted(sample for samples in rounds for sample in samples)
    return samples[math.ceil(0.99 * len(samples)) - 1]


@dataclass(frozen=True)
class Row:
    case: str
    unit: str
    key: str  # which of the figures that the programs print
    peer_name: str
    reach: Optional[str] = None  # "<= 0.75" is about the ratio, "<= 2 ms" about ours


@dataclass(frozen=True)
class Case:
    rows: tuple
    round: Round
    rounds: int = 5
    combine: Callable[[list], float] = median_of_rounds


def alternate(ours: Callable[[], Samples], peer: Callable[[], Samples]) -> Round:
    """Makes a round of two programs. Who goes first changes, so that a drift hits both alike."""

    def one(number: int) -> tuple:
        if number % 2 == 0:
            first = ours()
            return first, peer()
        first = peer()
        return ours(), first

    return one


def together(program: Callable[[], Samples]) -> Round:
    """Makes a round of one program that alternates by itself, in short batches.

    It calls its figures `ours.KEY` and `peer.KEY`.
    """

    def one(_: int) -> tuple:
        sides: dict = {"ours": {}, "peer": {}}
        for name, values in program().items():
            side, key = name.split(".")
            sides[side][key] = values
        return sides["ours"], sides["peer"]

    return one


def is_held(reach: Optional[str], unit: str, ours: float, ratio: Optional[float]) -> Optional[bool]:
    if reach is None:
        return None
    parts = re.fullmatch(r"(<=|>=) ([0-9.]+)(?: (\S+))?", reach)
    if parts is None or (parts[3] and parts[3] != unit):
        raise ValueError(f"{reach!r} is no reach for a figure in {unit}")
    value = ours if parts[3] else ratio
    if value is None:
        return None
    limit = float(parts[2])
    return value <= limit if parts[1] == "<=" else value >= limit


def measure(case: Case, wanted: set, quiet: Quiet) -> list:
    """Runs a case and returns the wanted ones of its rows, in the form of bench.json.

    The ratio is ours over the peer's for every unit: of costs, or of throughputs where the unit
    ends in "/s".
    """
    rounds = []
    for number in range(case.rounds):
        quiet.wait()
        rounds.append(case.round(number))
    results = []
    for row in case.rows:
        if row.case not in wanted:
            continue
        ours = case.combine([samples[row.key] for samples, _ in rounds])
        theirs = [samples[row.key] for _, samples in rounds]
        reason = next((why for why in theirs if isinstance(why, str)), None)
        peer = None if reason else case.combine(theirs)
        ratio = ours / peer if peer else None
        results.append(
            {
                "case": row.case,
                "unit": row.unit,
                "ours": ours,
                "peer": peer,
                "peer_name": f"{row.peer_name}: {reason}" if reason else row.peer_name,
                "ratio": ratio,
                "reach": row.reach,
                "held": is_held(row.reach, row.unit, ours, ratio),
            }
        )
    return results
