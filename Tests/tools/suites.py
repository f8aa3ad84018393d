"""Runs test suites one after the other and adds up what passed and what failed.

    suites.py test [SUITE ...]        every test of every language
    suites.py sanitize [SUITE ...]    the Swift suite under thread and address sanitizer
    suites.py check [SUITE ...]       style and agreement only, no test that runs the library

A suite that fails, hangs or counts nothing does not stop the others. What a suite said is in
.build/logs/SUITE.log, and is shown when it failed. Ends with `N passed, N failed`, and with 1
unless everything passed.
"""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOGS = ROOT / ".build/logs"
SHOWN_LINES = 60
# How the suites mark a failure, which may be far above the end of what they say.
FAILURE = re.compile(r"^\s*(not ok|FAILED|FAIL:|ERROR:|\u2718|.*: error:)")

PYTHON = ["python3", "-B"]
SWIFT_TEST = ["swift", "test", "--disable-xctest"]


def total(pattern, text):
    return sum(int(number) for number in re.findall(pattern, text, re.M))


def by_words(text):
    """Counts of the suites that end with `N passed, N failed`."""
    return total(r"\b(\d+) passed\b", text), total(r"\b(\d+) failed\b", text)


def by_lines(text):
    """Counts of the suites that say `ok NAME` or `FAILED NAME`, a line each."""
    return len(re.findall(r"^ok ", text, re.M)), len(re.findall(r"^FAILED ", text, re.M))


def by_swift_testing(text):
    failed = len(re.findall(r"^\S+ +Test .+ failed after ", text, re.M))
    return total(r"Test run with (\d+) tests?\b", text) - failed, failed


def by_unittest(text):
    failed = total(r"\b(?:failures|errors)=(\d+)", text)
    skipped = total(r"\bskipped=(\d+)", text)
    return total(r"^Ran (\d+) tests?\b", text) - failed - skipped, failed


def by_node(text):
    failed = total(r"^\S+ fail (\d+)$", text) + total(r"^\S+ cancelled (\d+)$", text)
    return total(r"^\S+ pass (\d+)$", text), failed


class Suite:
    """A command, how many seconds it may take, and how its output is counted.

    Without a `count` the command is one test, which its exit status decides.
    """

    def __init__(self, name, command, seconds=60, count=None):
        self.name = name
        self.command = command
        self.seconds = seconds
        self.count = count


CHECKS = [
    Suite("style", PYTHON + ["Tests/tools/style.py"]),
    Suite("layers", PYTHON + ["Tests/tools/layers.py"]),
    Suite("readme", PYTHON + ["Tests/tools/readme.py"]),
    Suite("header", ["Tests/tools/header.sh"]),
    Suite("generated", PYTHON + ["bindings/generate.py", "--check"]),
    Suite("generated-node", ["node", "bindings/node/generate.js", "--check"]),
]

GROUPS = {
    "check": CHECKS,
    "test": CHECKS + [
        Suite("artifact", PYTHON + ["Tests/tools/artifact.py"], 60, by_words),
        Suite("install", ["Tests/tools/install.sh"]),
        Suite("examples", PYTHON + ["Tests/tools/examples.py"], 90, by_words),
        Suite("c", ["make", "-C", "Tests/c", "test"], 600, by_words),
        Suite("fuzz", ["make", "-C", "Tests/fuzz", "test"], 120, by_lines),
        Suite("swift", SWIFT_TEST, 600, by_swift_testing),
        Suite("python", PYTHON + ["-m", "unittest", "discover", "-s", "bindings/python/tests"],
              450, by_unittest),
        Suite("node", ["node", "--test", "bindings/node/tests/"], 300, by_node),
        Suite("command", PYTHON + ["-m", "unittest", "discover", "-s", "Tests/command"],
              240, by_unittest),
        Suite("pairs", PYTHON + ["Tests/pairs/pairs.py"], 250, by_words),
        Suite("channel-pairs", PYTHON + ["Tests/pairs/channels.py"], 120, by_words),
        Suite("demo", PYTHON + ["Tests/demo/demo.py"], 130),
        Suite("crash", ["make", "-C", "Tests/crash", "test"], 400, by_lines),
    ],
    "sanitize": [
        Suite("thread", SWIFT_TEST + ["--sanitize=thread", "--scratch-path", ".build/tsan"],
              600, by_swift_testing),
        Suite("address", SWIFT_TEST + ["--sanitize=address", "--scratch-path", ".build/asan"],
              600, by_swift_testing),
    ],
}


def run(suite):
    """Runs a suite in a process group of its own. Returns its exit status, or None: it hung."""
    log = LOGS / f"{suite.name}.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(suite.command, cwd=ROOT, stdin=subprocess.DEVNULL,
                                   stdout=output, stderr=subprocess.STDOUT,
                                   start_new_session=True)
        try:
            return process.wait(timeout=suite.seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            # Also when a test was interrupted: its children must not outlive it.
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def judge(suite, status):
    """Returns how many tests passed and failed. A bad end is a failure by itself."""
    text = (LOGS / f"{suite.name}.log").read_text(errors="replace")
    if suite.count is None:
        return (1, 0) if status == 0 else (0, 1)
    passed, failed = suite.count(text)
    if failed == 0 and (status != 0 or passed == 0):
        failed = 1
    return max(passed, 0), failed


def show(suite, status):
    lines = (LOGS / f"{suite.name}.log").read_text(errors="replace").splitlines()
    for line in [line for line in lines if FAILURE.match(line)][:SHOWN_LINES]:
        print(f"    ! {line.strip()}")
    for line in lines[-SHOWN_LINES:]:
        print(f"    | {line}")
    end = f"did not end within {suite.seconds} s" if status is None else f"ended with {status}"
    print(f"    {' '.join(suite.command)}: {end}; all of it: .build/logs/{suite.name}.log")


def abandoned():
    """Returns the segments that no living process has mapped."""
    names = {path.name for path in pathlib.Path("/dev/shm").glob("syncmgr.*")}
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            maps = (process / "maps").read_text(errors="replace")
        except OSError:
            continue
        names -= set(re.findall(r"/dev/shm/(syncmgr\..*)", maps))
    return names


def main(group, *chosen):
    LOGS.mkdir(parents=True, exist_ok=True)
    sys.stdout.reconfigure(line_buffering=True)
    before = abandoned()
    all_passed = all_failed = 0
    for suite in GROUPS[group]:
        if chosen and suite.name not in chosen:
            continue
        began = time.monotonic()
        status = run(suite)
        passed, failed = judge(suite, status)
        all_passed += passed
        all_failed += failed
        seconds = time.monotonic() - began
        print(f"{suite.name:<16}{passed:>6} passed, {failed} failed{seconds:>10.1f} s")
        if failed:
            show(suite, status)
    left = abandoned() - before
    if left:
        all_failed += 1
        print(f"left in /dev/shm: {', '.join(sorted(left))}")
    print(f"{all_passed} passed, {all_failed} failed")
    return 0 if all_passed and not all_failed else 1


if len(sys.argv) < 2 or sys.argv[1] not in GROUPS:
    sys.exit(__doc__)
sys.exit(main(*sys.argv[1:]))
