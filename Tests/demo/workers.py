"""Workers: one process each, in C, Python, Node and Swift, that do the steps they are told.

A worker is started as `worker URL NAME DIRECTORY MANNER`. It opens the space that URL names (MANNER
`create`: it must not exist, `join`: it must, `open`: either), then a workstream called NAME, and
maps the shared files of DIRECTORY. It reads steps from standard input, one a line, and answers each
with one or more events: lines of JSON with `event` and `time_ns` (monotonic clock). It closes the
space and ends when its input ends. A count may be `any`: what the existing object has.

    meet BARRIER PARTIES                     arriving; met: broken, index
    count MUTEX ROUNDS                       counted (adds 1 to the counter file, in bursts)
    share SEMAPHORE PERMITS ROUNDS SEAT      shared: most (the most it has seen inside at once)
    finish LATCH COUNT                       finished: remaining
    await LATCH COUNT                        opened
    signal EVENT                             signalled
    pass FROM TO ROUNDS                      passed (waits for one event, sets the other)
    hold MUTEX SEMAPHORE BARRIER             holding (and keeps holding)
    inherit MUTEX                            trying; locked; inherited: recovered, previous, pid
    cross FIRST SECOND BARRIER               crossed: victim, told (locks one mutex, meets the other
                                             worker, locks the other mutex; told: why, in words)
    review RWLOCK ROUNDS                     reviewed: torn (adds 1 to the counter file as a writer
                                             and reads it twice as a reader; torn: how often those
                                             two differed)
    write RWLOCK                             writing (and keeps it)
    read RWLOCK                              read: recovered
    bounce MUTEX CONDITION ROUNDS SIDE       bounced (adds 1 to the counter file whenever that is
                                             even, SIDE 0, or odd, SIDE 1)
    stand ELECTION                           standing; elected: leader, and term or result
    publish ELECTION RESULT                  published
"""

import json
import pathlib
import queue
import subprocess
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEMO = ROOT / "Tests/demo"
BUILT = ROOT / ".build/demo"

COMMANDS = {
    "c": [str(BUILT / "worker-c")],
    "python": ["python3", str(DEMO / "worker.py")],
    "node": ["node", str(DEMO / "worker.mjs")],
    "swift": [str(BUILT / "worker-swift")],
}
LANGUAGES = list(COMMANDS)
SEATS = 16


class WorkerFailed(Exception):
    """A worker ended, or said nothing or something else, when it should have answered."""


class Worker:
    """One process. Steps go in by `tell`, events come out by `hear`."""

    def __init__(self, language, url, name, directory, manner="open"):
        self.language = language
        self.name = name
        self.process = subprocess.Popen(
            COMMANDS[language] + [url, name, str(directory), manner],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.events = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            self.events.put(line)
        self.events.put(None)

    @property
    def pid(self):
        return self.process.pid

    def tell(self, *words):
        try:
            print(*words, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            raise WorkerFailed(f"{self.name} ended before it was told to {words[0]}") from None

    def hear(self, event, timeout=30.0):
        """Returns the next event, which must be the one that is expected."""
        try:
            line = self.events.get(timeout=timeout)
        except queue.Empty:
            raise WorkerFailed(f"{self.name} is silent; expected was '{event}'") from None
        if line is None:
            status = self.process.wait()
            raise WorkerFailed(f"{self.name} ended with {status}; expected was '{event}'")
        message = json.loads(line)
        if message["event"] != event:
            raise WorkerFailed(f"{self.name} said {line.strip()}; expected was '{event}'")
        return message

    def ask(self, event, *words):
        """Tells a step and returns the event that answers it."""
        self.tell(*words)
        return self.hear(event)

    def kill(self):
        """Kills the process by SIGKILL. The caller reaps it."""
        self.process.kill()

    def reap(self):
        self.process.wait()
        self.process.stdin.close()

    def leave(self):
        """Lets the worker close the space and end. Returns its exit status."""
        self.process.stdin.close()
        try:
            return self.process.wait(timeout=10.0)
        except subprocess.TimeoutExpired:
            raise WorkerFailed(f"{self.name} does not end") from None

    def destroy(self):
        """Ends the process whatever it does. Harmless when it has ended."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def shared_files(directory):
    """Makes the plain files that the workers count in and look at each other through."""
    pathlib.Path(directory, "counter").write_bytes(bytes(8))
    pathlib.Path(directory, "seats").write_bytes(bytes(SEATS))


def counted(directory):
    return int.from_bytes(pathlib.Path(directory, "counter").read_bytes(), "little")


def left_behind(space):
    """Returns what is in /dev/shm of a `shm:` space."""
    return sorted(path.name for path in pathlib.Path("/dev/shm").glob(f"syncmgr.{space}*"))


def remove(space):
    """Removes what a space leaves when all its workers had to be killed."""
    for name in left_behind(space):
        pathlib.Path("/dev/shm", name).unlink()
