"""Builds the benchmark programs and runs them, each with a deadline.

SPDX-License-Identifier: MIT
"""

import glob
import itertools
import os
import shutil
import signal
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = Path(__file__).resolve().parent
LIBRARY = ROOT / ".build" / "lib" / "libsyncmgr.so"
BUILD = ROOT / ".build" / "bench"
ENVIRONMENT = ROOT / ".build" / "bench-venv"
BOOST_HEADER = Path("/usr/include/boost/interprocess/sync/interprocess_mutex.hpp")
HEADERS = Path("/usr/include")
LIBRARIES = {"sqlite3.h": "sqlite3", "lmdb.h": "lmdb"}
PACKAGES = {"sqlite3.h": "libsqlite3-dev", "lmdb.h": "liblmdb-dev"}
NO_BOOST = "the headers of Boost are missing (apt-get install libboost-dev)"

# Every name in /dev/shm that a run makes has this in it, so that the leftovers of a program that
# was killed can be told from what belongs to others.
PREFIX = f"test-bench-{os.getpid()}"
_numbers = itertools.count(1)


class Broken(Exception):
    """A program that should have run did not, or a step before it failed."""


class Unavailable(Exception):
    """A peer is not installed and cannot be: its rows are left out, with this sentence."""


def new_name() -> str:
    return f"{PREFIX}-{next(_numbers)}"


def new_url() -> str:
    return f"shm:{new_name()}"


def remove_leftovers() -> None:
    for path in glob.glob(f"/dev/shm/*{PREFIX}-*") + glob.glob(f"/dev/shm/.*{PREFIX}-*"):
        os.unlink(path)


def call(command: list, timeout: float, **options) -> str:
    """Runs a command in a process group of its own and returns what it printed."""
    process = subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        **options,
    )
    try:
        output, errors = process.communicate(timeout=timeout)
    except BaseException as interruption:
        # The leader is not reaped yet, so its group cannot be somebody else's.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if isinstance(interruption, subprocess.TimeoutExpired):
            raise Broken(f"{Path(command[0]).name} was not done after {timeout:.0f} s") from None
        raise
    if process.returncode != 0:
        raise Broken(_sentence(errors) or f"{Path(command[0]).name} ended {process.returncode}")
    return output


def _sentence(errors: str) -> str:
    """Picks the line that says what is wrong out of what a program, Python or Node printed."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    telling = [line for line in lines if "error:" in line.lower()]
    return (telling or lines or [""])[0]


def run(program, *arguments, timeout: float = 90, **options) -> dict:
    """Runs a benchmark program and returns its lines `key value` as lists of samples."""
    path = program if isinstance(program, Path) else BUILD / program
    samples: dict = {}
    for line in call([path, *arguments], timeout, **options).splitlines():
        key, value = line.split()
        samples.setdefault(key, []).append(float(value))
    return samples


def build() -> None:
    """Compiles the C programs against the built library."""
    if not LIBRARY.exists():
        raise Broken(f"{LIBRARY.relative_to(ROOT)} is not there: run `make build` first")
    BUILD.mkdir(parents=True, exist_ok=True)
    _install_headers()
    boost = _boost_or("boost_peer.cpp", "boost_absent.c")
    queue = _boost_or("channel_boost_queue.cpp", "channel_boost_absent.c")
    carriers = [SOURCES / "c" / f"channel_{name}.c" for name in ("ours", "ring", "posix", "boost")]
    channel = [SOURCES / "c" / "channel.c", *carriers, *queue]
    names = ("store", "store_ours", "store_sqlite", "store_lmdb")
    store = [SOURCES / "c" / f"{name}.c" for name in names]
    store += [f"-l{library}" for header, library in LIBRARIES.items() if have_header(header)]
    slices = [SOURCES / "c" / "slices.c"]
    for name, others in {
        "uncontended": boost,
        "contended": slices,
        "mixed": [*slices, *boost],
        "condition": [],
        "pingpong": [],
        "barrier": [],
        "takeover": [SOURCES / "c" / "takeover_setup.c"],
        "handover": [],
        "attach": [],
        "channel_throughput": channel,
        "channel_roundtrip": channel,
        "channel_publish": channel,
        "store_durable": store,
        "store_memory": store,
    }.items():
        common = [SOURCES / "c" / f"{name}.c", SOURCES / "c" / "common.c", *others]
        library = [f"-L{LIBRARY.parent}", "-lsyncmgr", f"-Wl,-rpath,{LIBRARY.parent}", "-pthread"]
        _compile("gcc", ["-std=c11", *common, *library, "-o", BUILD / name])


def _boost_or(source: str, absent: str) -> list:
    """Returns what to link with: the part in C++, or what stands in for it without Boost."""
    if not have_boost():
        return [SOURCES / "c" / absent]
    built = BUILD / f"{Path(source).stem}.o"
    _compile("g++", ["-c", SOURCES / "c" / source, "-o", built])
    return [built, "-lstdc++"]


def _compile(compiler: str, arguments: list) -> None:
    call([compiler, "-O2", "-Wall", "-Wextra", f"-I{ROOT / 'include'}", *arguments], 120)


def have_boost() -> bool:
    return BOOST_HEADER.exists() and shutil.which("g++") is not None


def have_header(header: str) -> bool:
    return (HEADERS / header).exists()


def _install_headers() -> None:
    """Installs the headers of peers that are missing, when that is allowed."""
    wanted = [] if BOOST_HEADER.exists() else ["libboost-dev"]
    wanted += [PACKAGES[header] for header in LIBRARIES if not have_header(header)]
    if wanted and os.geteuid() == 0 and shutil.which("apt-get"):
        try:
            call(["apt-get", "update", "-q"], 120)
            call(["apt-get", "install", "-y", "-q", "--no-install-recommends", *wanted], 240)
        except Broken:
            pass


def python(package: str = "", module: str = "") -> Path:
    """Returns a Python that has a package, from an environment made for the benchmarks.

    `module` is what it is imported as, when that is not the package's name.
    """
    interpreter = ENVIRONMENT / "bin" / "python"
    try:
        if not interpreter.exists():
            call(["python3", "-m", "venv", ENVIRONMENT], 120)
        if package and not _imports(interpreter, module or package):
            call([interpreter, "-m", "pip", "install", "-q", package], 120)
    except Broken as reason:
        if package:
            raise Unavailable(f"{package} could not be installed from PyPI: {reason}") from None
        raise
    return interpreter


def _imports(interpreter: Path, module: str) -> bool:
    try:
        call([interpreter, "-c", f"import {module}"], 30)
    except Broken:
        return False
    return True


def binding_environment() -> dict:
    """Returns the environment in which the bindings find the built library."""
    source = str(ROOT / "bindings" / "python" / "src")
    return {
        **os.environ,
        "SYNCMGR_LIBRARY": str(LIBRARY),
        "PYTHONPATH": source,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
