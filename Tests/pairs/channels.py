"""For each ordered pair of languages: one opens channels and sends, the other receives.

Jobs through a queue with acknowledgements, some of which are rejected at first; requests; topics,
one of which is kept for who comes late; and cells. Each message is checked whole: its bytes, its
texts and its numbers. A talker is started as `talker URL NAME` and does the steps that come on
standard input, one a line. It answers each with `["STEP", WRONG]`: how much was not as it should
be, 0 when all was.

    channels.py [FILTER ...]     a filter is like `c-node`; without one all pairs are tested
"""

import json
import os
import pathlib
import queue
import subprocess
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
TALKERS = ROOT / "Tests/pairs"
COMMANDS = {
    "c": [str(ROOT / ".build/pairs/talker-c")],
    "python": ["python3", "-B", str(TALKERS / "talker.py")],
    "node": ["node", str(TALKERS / "talker.mjs")],
}
COUNT = 40
PATIENCE = 60.0


class Failed(Exception):
    pass


class Talker:
    """One process, in some language."""

    def __init__(self, language, url, name):
        self.language, self.name = language, name
        self.process = subprocess.Popen(
            COMMANDS[language] + [url, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, bufsize=1)
        self.lines = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def tell(self, step, *words):
        try:
            print(step, *words, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            raise Failed(f"{self.language} ended before '{step}'") from None

    def hear(self, step):
        """Waits for the answer to a step."""
        try:
            line = self.lines.get(timeout=PATIENCE)
        except queue.Empty:
            raise Failed(f"{self.language} is silent at '{step}'") from None
        if line is None:
            raise Failed(f"{self.language} ended with {self.process.wait()} at '{step}'")
        said = json.loads(line)
        if said != [step, 0]:
            raise Failed(f"{self.language} said {line.strip()} at '{step}'")

    def ask(self, step, *words):
        self.tell(step, *words)
        self.hear(step)

    def leave(self):
        self.process.stdin.close()
        if self.process.wait(timeout=PATIENCE) != 0:
            raise Failed(f"{self.language} ended with {self.process.returncode}")

    def destroy(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def talk(first, second):
    for talker in (first, second):
        talker.ask("open")
    # More than the queue has room for is sent while the other takes.
    second.tell("take", COUNT, first.name)
    first.ask("send", COUNT)
    second.hear("take")
    second.tell("serve", COUNT)
    first.ask("call", COUNT, second.name)
    second.hear("serve")
    first.ask("retain")
    second.ask("subscribe")
    first.ask("publish", COUNT)
    second.ask("hear", COUNT, first.name)
    first.ask("set")
    second.ask("get")
    for talker in (first, second):
        talker.leave()


def left_behind(url):
    name = url.removeprefix("shm:")
    return sorted(path.name for path in pathlib.Path("/dev/shm").glob(f"syncmgr.{name}*"))


def test(pair):
    url = f"shm:test-channels-{os.getpid()}-{pair}"
    talkers = [Talker(language, url, name)
               for language, name in zip(pair.split("-"), ("first", "second"))]
    try:
        talk(*talkers)
        left = left_behind(url)
        if left:
            raise Failed(f"left behind: {', '.join(left)}")
    finally:
        for talker in talkers:
            talker.destroy()
        for name in left_behind(url):
            pathlib.Path("/dev/shm", name).unlink()


def main(filters):
    passed = failed = 0
    for pair in (f"{first}-{second}" for first in COMMANDS for second in COMMANDS):
        if filters and pair not in filters:
            continue
        try:
            test(pair)
        except (Failed, subprocess.TimeoutExpired) as failure:
            failed += 1
            print(f"FAILED {pair}: {failure}", flush=True)
        else:
            passed += 1
            print(f"ok {pair}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main(sys.argv[1:]))
