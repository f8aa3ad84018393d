"""Checks the built library as a file and as a guest in a process that loads it.

    artifact.py [LIBRARY]     the default is .build/lib/libsyncmgr.so

Prints a line per property, then `N passed, N failed`.
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIBRARY = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / ".build/lib/libsyncmgr.so")
# The same library before it was stripped: its symbol table tells what was linked in.
UNSTRIPPED = ROOT / ".build/release/libsyncmgr.so"

ALLOWED_LIBRARIES = re.compile(r"(libc|libm|libstdc\+\+|libgcc_s|ld-linux-[a-z0-9-]+)\.so\.\d+")
UNWANTED_SYMBOLS = {
    "Foundation": re.compile(r"\$s\d+Foundation|FoundationEssentials"),
    "Dispatch": re.compile(r"^_?dispatch_|\$s8Dispatch"),
    "Swift concurrency": re.compile(r"^swift_(task|job|asyncLet|continuation)_"),
}

# Runs in a process of its own, whose signal mask and threads nobody else has touched.
GUEST = """
import ctypes, os, sys
def signals():
    with open("/proc/self/status") as status:
        return [line for line in status if line.startswith(("SigCgt", "SigIgn", "SigBlk"))]
before = signals(), len(os.listdir("/proc/self/task"))
library = ctypes.CDLL(sys.argv[1])
library.syncmgr_version.restype = ctypes.c_char_p
version, abi = library.syncmgr_version().decode(), library.syncmgr_abi_version()
after = signals(), len(os.listdir("/proc/self/task"))
print(before[0] == after[0], before[1] == after[1], version, abi)
"""

passed = failed = 0


def check(held, sentence, detail=""):
    global passed, failed
    if held:
        passed += 1
        print(f"ok {sentence}")
    else:
        failed += 1
        print(f"FAILED {sentence}: {detail}")


def output(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"artifact.py: {' '.join(map(str, command))} failed: {done.stderr.strip()}")
    return done.stdout


def header_constant(name):
    header = (ROOT / "include/syncmgr.h").read_text()
    return int(re.search(rf"#define SYNCMGR_{name} (\d+)", header).group(1))


def check_links(version):
    major = version.split(".")[0]
    check(LIBRARY.resolve().name == f"libsyncmgr.so.{version}", "the links lead to this version",
          LIBRARY.resolve().name)
    linked = (LIBRARY.parent / f"libsyncmgr.so.{major}").resolve()
    check(linked == LIBRARY.resolve(), f"libsyncmgr.so.{major} is the same file", str(linked))


def check_dynamic_section(version):
    dynamic = output("readelf", "-d", "-W", LIBRARY)
    soname = re.search(r"\(SONAME\).*\[(.*)\]", dynamic)
    expected = f"libsyncmgr.so.{version.split('.')[0]}"
    check(soname is not None and soname.group(1) == expected, f"the SONAME is {expected}",
          soname and soname.group(1))
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    strange = [name for name in needed if not ALLOWED_LIBRARIES.fullmatch(name)]
    check(needed and not strange, "it needs only libc, libm, libstdc++ and libgcc_s", strange)
    paths = re.findall(r"\((?:RUNPATH|RPATH)\).*\[(.*)\]", dynamic)
    check(all(path == "$ORIGIN" for path in paths), "it looks for nothing in a build directory",
          paths)


def check_symbols():
    symbols = [line.split() for line in output("nm", "-D", "--defined-only", LIBRARY).splitlines()]
    # A small letter is a local symbol, which is listed because the loader has to place it.
    exported = {name.split("@")[0] for _, kind, name in symbols if kind.isupper()}
    api = json.loads((ROOT / "bindings/api.json").read_text())
    declared = {function["name"] for function in api["functions"]}
    check(not declared - exported, "every function of the header is exported",
          ", ".join(sorted(declared - exported)))
    check(not exported - declared, "nothing else is exported",
          ", ".join(sorted(exported - declared)))
    sections = output("readelf", "-S", "-W", LIBRARY)
    kept = [name for name in (".symtab", ".debug_info") if f" {name} " in sections]
    check(not kept, "it is stripped", kept)


def check_contents():
    if not UNSTRIPPED.exists():
        check(False, "what was linked in is known", f"there is no {UNSTRIPPED}")
        return
    names = [line.split()[-1] for line in output("nm", UNSTRIPPED).splitlines()]
    check(len(names) > 100, "the library before stripping has symbols", len(names))
    for unwanted, pattern in UNWANTED_SYMBOLS.items():
        found = [name for name in names if pattern.search(name)]
        check(not found, f"it contains no {unwanted}", ", ".join(found[:5]))


def check_guest(version):
    words = output(sys.executable, "-c", GUEST, LIBRARY).split()
    check(words[0] == "True", "loading it changes no signal handler and no signal mask", words)
    check(words[1] == "True", "loading it starts no thread", words)
    check(words[2] == version, f"it says that it is {version}", words[2])
    abi = header_constant("ABI_VERSION")
    check(words[3] == str(abi), f"its ABI version is {abi}", words[3])


def main():
    if not LIBRARY.exists():
        sys.exit(f"artifact.py: {LIBRARY} is not built; run `make build`")
    version = ".".join(str(header_constant(f"VERSION_{part}"))
                       for part in ("MAJOR", "MINOR", "PATCH"))
    check_links(version)
    check_dynamic_section(version)
    check_symbols()
    check_contents()
    check_guest(version)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
