"""Waits for a moment in which nobody else needs the machine.

SPDX-License-Identifier: MIT

On a shared machine a round that others disturb says nothing, least of all one that is about who
waits for whom. How long all rounds together may wait is bounded: a busy machine gets its figures
too, with a sentence that says how busy it was.
"""

import time

SAMPLE_S = 0.05
QUIET_PERCENT = 10
ROUND_LIMIT_S = 3.0
BUDGET_S = 60.0


def _read() -> tuple:
    with open("/proc/stat", encoding="utf-8") as lines:
        times = [int(word) for word in lines.readline().split()[1:9]]
    return sum(times), times[3] + times[4]


def busy_percent(seconds: float) -> float:
    """How much of all CPUs others use, while this process sleeps."""
    total, idle = _read()
    time.sleep(seconds)
    total_after, idle_after = _read()
    return 100 - 100 * (idle_after - idle) / max(1, total_after - total)


class Quiet:
    def __init__(self, budget_s: float = BUDGET_S) -> None:
        self.budget_s = budget_s
        self.rounds = 0
        self.disturbed = 0

    def wait(self) -> None:
        """Returns before a round: when it is quiet, or no more time is left for waiting."""
        self.rounds += 1
        waited_s = 0.0
        while busy_percent(SAMPLE_S) > QUIET_PERCENT:
            waited_s += SAMPLE_S
            self.budget_s -= SAMPLE_S
            if self.budget_s <= 0 or waited_s >= ROUND_LIMIT_S:
                self.disturbed += 1
                return

    def sentence(self) -> str:
        return (
            f"{self.disturbed} of {self.rounds} rounds began while other programs used more than "
            f"{QUIET_PERCENT} % of the CPUs: do not trust their figures."
        )
