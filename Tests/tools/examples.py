"""Runs the examples: one of each language together, then four of each language among themselves.

Each time the workers work twice: once in peace, and once after somebody died with their mutex in
its hands. All of them must say the same, but for the numbers. Those of channels do each other's
jobs, each job once. Those of the store lose no money, also when some are killed. Prints a line per
test, then `N passed, N failed`.
"""

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINDING = str(ROOT / "bindings/python/src")
sys.path.insert(0, BINDING)

import syncmgr  # noqa: E402  (found by the line above)

WORKERS = {
    "c": [str(ROOT / ".build/examples/worker-c")],
    "python": ["python3", "-B", str(ROOT / "examples/python/worker.py")],
    "node": ["node", str(ROOT / "examples/node/worker.mjs")],
    "swift": [str(ROOT / ".build/examples/worker-swift")],
}
CHANNELS = {
    "c": [str(ROOT / ".build/examples/channel-c")],
    "python": ["python3", "-B", str(ROOT / "examples/python/channel.py")],
    "node": ["node", str(ROOT / "examples/node/channel.mjs")],
    "swift": [str(ROOT / ".build/examples/channel-swift")],
}
STORES = {
    "c": [str(ROOT / ".build/examples/store-c")],
    "python": ["python3", "-B", str(ROOT / "examples/python/store.py")],
    "node": ["node", str(ROOT / "examples/node/store.mjs")],
    "swift": [str(ROOT / ".build/examples/store-swift")],
}
PATIENCE = 20.0
ENVIRONMENT = dict(os.environ, PYTHONPATH=BINDING)

# Takes the mutex of the examples and dies of SIGKILL.
VICTIM = """
import os, signal, syncmgr
space = syncmgr.open("shm:jobs")
me = space.workstream("victim")
me.mutex("db").acquire()
os.kill(os.getpid(), signal.SIGKILL)
"""

EXPECTED = re.compile(
    r"process (?P<pid>\d+) waits for three others\n"
    r"(?P<heir>inherited from 'victim' \(pid (?P<victim>\d+)\)\n"
    r"the owner before died: looking at the data before using it\n)?"
    r"number (?P<number>\d) uses the data, token (?P<token>\d+)\n"
    r"number (?P=number) prints, with one other at most\n")


class Failed(Exception):
    pass


def start(command):
    return subprocess.Popen(
        command, cwd="/", env=ENVIRONMENT, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def outputs(commands, languages):
    """Runs one example for each of `languages` together; yields what each said."""
    processes = [start(commands[language]) for language in languages]
    try:
        for language, process in zip(languages, processes):
            text, _ = process.communicate(timeout=PATIENCE)
            if process.returncode != 0:
                raise Failed(f"{language} ended with {process.returncode}: {text.strip()}")
            yield language, process.pid, text
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()


def work(languages, victim=None):
    """Four work: each has a number and a token of its own, and one hears of the victim."""
    numbers, tokens, mourned = [], set(), []
    for language, pid, text in outputs(WORKERS, languages):
        found = EXPECTED.fullmatch(text)
        if found is None or int(found["pid"]) != pid:
            raise Failed(f"{language} said {text!r}")
        numbers.append(int(found["number"]))
        tokens.add(int(found["token"]))
        if found["heir"]:
            mourned.append(int(found["victim"]))
    if sorted(numbers) != [0, 1, 2, 3]:
        raise Failed(f"their numbers are {numbers}")
    if len(tokens) != 4:
        raise Failed(f"their tokens are {sorted(tokens)}")
    if mourned != ([] if victim is None else [victim]):
        raise Failed(f"they were told of the deaths of {mourned}, {victim} is the victim")


def share(languages):
    """Each has three jobs and does three, whosever they are."""
    has, done = [], []
    for language, pid, text in outputs(CHANNELS, languages):
        found = re.findall(r"^process (\d+) does (job \d of process \d+)$", text, re.M)
        if [int(who) for who, _ in found] != [pid] * 3 or len(text.splitlines()) != 3:
            raise Failed(f"{language} said {text!r}")
        has += [f"job {number} of process {pid}" for number in (1, 2, 3)]
        done += [job for _, job in found]
    if sorted(has) != sorted(done):
        raise Failed(f"the jobs were {sorted(has)}, done were {sorted(done)}")


def test_channels(languages):
    # Not held open: who comes alone does its own.
    share(languages)
    with syncmgr.open("shm:jobs"):
        share(languages)
    check_left()


def move(languages):
    """Each moves money three times and counts all of it, whatever the others do."""
    accounts = [f"accounts/{name}" for name in "abca"]
    for language, pid, text in outputs(STORES, languages):
        wanted = [f"process {pid} moved 10 from {source} to {target}"
                  for source, target in zip(accounts, accounts[1:])]
        if text.splitlines() != [*wanted, f"process {pid} counts 300"]:
            raise Failed(f"{language} said {text!r}")


def test_stores(languages):
    # Not held open: who comes first makes the accounts.
    move(languages)
    with syncmgr.open("shm:jobs") as space:
        move(languages)
        # Killed at any time.
        processes = [start(STORES[language]) for language in languages]
        for number, process in enumerate(processes):
            try:
                process.wait(timeout=0.05 * number)
            except subprocess.TimeoutExpired:
                process.kill()
            process.communicate(timeout=PATIENCE)
        move(languages)
        space.check()
    check_left()


def check_left():
    left = sorted(path.name for path in pathlib.Path("/dev/shm").glob("syncmgr.jobs*"))
    if left:
        raise Failed(f"left in /dev/shm: {', '.join(left)}")


def test_workers(languages):
    # Held open, so that the objects do not go away between one that leaves and one that comes.
    with syncmgr.open("shm:jobs"):
        work(languages)
    with syncmgr.open("shm:jobs"):
        victim = subprocess.Popen([sys.executable, "-B", "-c", VICTIM], env=ENVIRONMENT)
        victim.wait(timeout=PATIENCE)
        work(languages, victim.pid)
    check_left()


def main():
    tests = {"one of each": (test_workers, list(WORKERS)),
             "channels, two of each": (test_channels, list(CHANNELS) * 2),
             "stores, two of each": (test_stores, list(STORES) * 2)}
    for language in WORKERS:
        tests[f"four in {language}"] = (test_workers, [language] * 4)
    for language in CHANNELS:
        tests[f"channels, one in {language}"] = (test_channels, [language])
    for language in STORES:
        tests[f"stores, two in {language}"] = (test_stores, [language] * 2)
    passed = failed = 0
    for name, (test, languages) in tests.items():
        try:
            test(languages)
        except (Failed, subprocess.TimeoutExpired, syncmgr.SyncError) as failure:
            failed += 1
            print(f"FAILED {name}: {failure}", flush=True)
        else:
            passed += 1
            print(f"ok {name}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
