"""Measures the library beside what people use today, and says where it stands.

SPDX-License-Identifier: MIT

Prints a table and writes the same to .build/bench.json. CASE=GLOB in the environment runs some of
the cases. A peer that is missing is left out with a sentence that says how to install it: Boost,
SQLite, LMDB and Redis come with libboost-dev, libsqlite3-dev, liblmdb-dev and redis-server of apt,
and what is on PyPI is installed into .build/bench-venv. Ends with 0 when every case ran, whatever
came out: a figure is never a test.
"""

import json
import os
import signal
import sys
from fnmatch import fnmatch

# The sources are no place for compiled files.
sys.dont_write_bytecode = True

import programs
import table
from cases import CASES
from cases_bindings import BINDING_CASES
from cases_channels import CHANNEL_CASES
from cases_store import STORE_CASES
from measure import measure
from quiet import Quiet


def main() -> int:
    pattern = os.environ.get("CASE") or "*"
    cases = CASES + CHANNEL_CASES + STORE_CASES + BINDING_CASES
    wanted = {row.case for case in cases for row in case.rows if fnmatch(row.case, pattern)}
    if not wanted:
        names = " ".join(row.case for case in cases for row in case.rows)
        print(f"No case is named {pattern}. There are: {names}", file=sys.stderr)
        return 2
    results, broken, quiet = [], 0, Quiet()
    table.print_machine()
    try:
        programs.build()
        table.print_headings()
        for case in cases:
            names = [row.case for row in case.rows if row.case in wanted]
            if not names:
                continue
            try:
                for row in measure(case, wanted, quiet):
                    table.print_row(row)
                    results.append(row)
            except programs.Unavailable as reason:
                print(f"{', '.join(names)}: left out, {reason}.", flush=True)
            except programs.Broken as reason:
                broken += 1
                print(f"{', '.join(names)}: DID NOT RUN: {reason}", flush=True)
            finally:
                programs.remove_leftovers()
    except programs.Broken as reason:
        print(reason, file=sys.stderr)
        return 2
    output = programs.ROOT / ".build" / "bench.json"
    output.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    missed = [row["case"] for row in results if row["held"] is False]
    print(f"\n{len(results)} rows in {output.relative_to(programs.ROOT)}.", end=" ")
    print(f"Out of reach: {', '.join(missed)}." if missed else "No reach was missed.")
    if quiet.disturbed:
        print(quiet.sentence())
    return 1 if broken else 0


if __name__ == "__main__":
    # Ends like an interruption does: what was started is killed, and what it left is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
