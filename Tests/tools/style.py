"""Checks what a script can check of the house style: line length, file size, white space.

Generated files, which say "Do not edit" at their top, are not read by people and are left out.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLACES = ["include", "Sources", "Tests", "bindings", "examples", ".ci", "Makefile", "Package.swift"]
SUFFIXES = {".c", ".h", ".cpp", ".swift", ".py", ".js", ".mjs", ".cjs", ".ts", ".mts", ".sh", ".map"}
SKIPPED = {"build", ".build", "__pycache__", "node_modules"}
LONGEST_LINE = 100
LONGEST_FILE = 400
# The contract is one document, read from the top.
ONE_DOCUMENT = {"include/syncmgr.h"}


def is_code(path):
    if SKIPPED & set(path.relative_to(ROOT).parts) or path.is_symlink():
        return False
    return path.suffix in SUFFIXES or path.name == "Makefile" or path.parent.name == ".ci"


def files():
    for place in PLACES:
        top = ROOT / place
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and is_code(path):
                yield path


def faults(path):
    name = str(path.relative_to(ROOT))
    text = path.read_text()
    lines = text.split("\n")
    if any("do not edit" in line.lower() for line in lines[:5]):
        return
    if len(lines) - 1 > LONGEST_FILE and name not in ONE_DOCUMENT:
        yield f"{name}: {len(lines) - 1} lines; {LONGEST_FILE} are allowed"
    if text and not text.endswith("\n"):
        yield f"{name}: the last line has no end"
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST_LINE:
            yield f"{name}:{number}: {len(line)} columns; {LONGEST_LINE} are allowed"
        if line != line.rstrip():
            yield f"{name}:{number}: white space at the end"
        if "\t" in line and path.name != "Makefile":
            yield f"{name}:{number}: a tab"


def main():
    checked = list(files())
    found = [fault for path in checked for fault in faults(path)]
    for fault in found:
        print(f"FAILED {fault}")
    if not found:
        print(f"ok: {len(checked)} files keep to the style")
    return 1 if found or not checked else 0


sys.exit(main())
