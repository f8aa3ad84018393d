"""Checks that no file names a type of a higher floor.

The floors of the engine are the folders of Sources/SyncMgr, and a floor uses only what is below it.
A type that is declared on several floors belongs to the lowest.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENGINE = ROOT / "Sources/SyncMgr"
FLOORS = ["System", "Segment", "Waiting", "Primitives", "Channels", "State", "Coordination",
          "Sessions", "Surface"]

DECLARATION = re.compile(r"\b(?:struct|class|enum|protocol|actor|typealias)\s+([A-Z]\w*)")
NOT_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|""".*?"""|"(?:\\.|[^"\\\n])*"', re.S)


def code_of(path):
    """Returns the file's text with comments and strings blanked, line by line as it was."""
    return NOT_CODE.sub(lambda found: "\n" * found.group().count("\n"), path.read_text())


def read_floors():
    """Returns, from the lowest floor up, the code of its files by path."""
    return [{path: code_of(path) for path in sorted((ENGINE / floor).rglob("*.swift"))}
            for floor in FLOORS]


def owners(floors):
    """Returns the floor number of each type that the engine declares."""
    owner = {}
    for number, files in enumerate(floors):
        for code in files.values():
            for name in DECLARATION.findall(code):
                owner.setdefault(name, number)
    return owner


def faults(floors, owner):
    for number, files in enumerate(floors):
        for path, code in files.items():
            for line_number, line in enumerate(code.splitlines(), 1):
                for name in re.findall(r"\b[A-Z]\w*\b", line):
                    if owner.get(name, number) > number:
                        yield (f"{path.relative_to(ROOT)}:{line_number}: {FLOORS[number]} names "
                               f"{name} of the higher floor {FLOORS[owner[name]]}")
                if FLOORS[number] != "Surface" and re.search(r"\bsyncmgr_\w+(?<!_t)\(", line):
                    yield (f"{path.relative_to(ROOT)}:{line_number}: {FLOORS[number]} calls "
                           "a function of the header")


def strange_folders():
    for path in sorted(ENGINE.rglob("*.swift")):
        if path.relative_to(ENGINE).parts[0] not in FLOORS:
            yield f"{path.relative_to(ROOT)}: belongs to no floor"


def main():
    floors = read_floors()
    found = list(strange_folders()) + list(faults(floors, owners(floors)))
    if not any(floors):
        found.append(f"{ENGINE} has no files")
    for fault in found:
        print(f"FAILED {fault}")
    if not found:
        print(f"ok: {sum(map(len, floors))} files on {len(FLOORS)} floors look only downwards")
    return 1 if found else 0


sys.exit(main())
