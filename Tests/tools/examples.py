"""Runs the examples: one of each language together, then four of each language among themselves.

Each time they work twice: once in peace, and once after somebody died with their mutex in its
hands. All of them must say the same, but for the numbers. Prints a line per test, then `N passed, N
failed`.
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

COMMANDS = {
    "c": [str(ROOT / ".build/examples/worker-c")],
    "python": ["python3", "-B", str(ROOT / "examples/python/worker.py")],
    "node": ["node", str(ROOT / "examples/node/worker.mjs")],
    "swift": [str(ROOT / ".build/examples/worker-swift")],
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


def start(language):
    return subprocess.Popen(
        COMMANDS[language], cwd="/", env=ENVIRONMENT, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def outputs(languages):
    """Runs one example for each of `languages` together; yields what each said."""
    processes = [start(language) for language in languages]
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
    for language, pid, text in outputs(languages):
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


def test(languages):
    # Held open, so that the objects do not go away between one that leaves and one that comes.
    with syncmgr.open("shm:jobs"):
        work(languages)
    with syncmgr.open("shm:jobs"):
        victim = subprocess.Popen([sys.executable, "-B", "-c", VICTIM], env=ENVIRONMENT)
        victim.wait(timeout=PATIENCE)
        work(languages, victim.pid)
    left = sorted(path.name for path in pathlib.Path("/dev/shm").glob("syncmgr.jobs*"))
    if left:
        raise Failed(f"left in /dev/shm: {', '.join(left)}")


def main():
    tests = {"one of each": list(COMMANDS)}
    for language in COMMANDS:
        tests[f"four in {language}"] = [language] * 4
    passed = failed = 0
    for name, languages in tests.items():
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
