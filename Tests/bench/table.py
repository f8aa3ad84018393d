"""Prints the results for people.

SPDX-License-Identifier: MIT
"""

import os

HEADINGS = ("case", "unit", "ours", "peer", "ratio", "reach", "held", "peer is")
WIDTHS = (36, 20, 10, 10, 7, 8, 5, 0)


def print_line(cells) -> None:
    parts = []
    for index, (cell, width) in enumerate(zip(cells, WIDTHS)):
        parts.append(f"{cell:>{width}}" if 2 <= index <= 4 else f"{cell:<{width}}")
    print("  ".join(parts).rstrip(), flush=True)


def figure(value) -> str:
    """Four digits that matter, and thousands apart."""
    if value is None:
        return "-"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def print_machine() -> None:
    print(f"{_cpu_name()}, {len(os.sched_getaffinity(0))} CPUs, {os.uname().release}")
    print()


def print_headings() -> None:
    print_line(HEADINGS)


def print_row(row: dict) -> None:
    held = {True: "yes", False: "NO", None: ""}[row["held"]]
    ratio = "-" if row["ratio"] is None else f"{row['ratio']:.3f}"
    print_line(
        (
            row["case"],
            row["unit"],
            figure(row["ours"]),
            figure(row["peer"]),
            ratio,
            row["reach"] or "",
            held,
            row["peer_name"],
        )
    )


def _cpu_name() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return os.uname().machine
