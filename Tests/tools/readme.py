"""Checks that the examples in README.md are the files of examples/, byte for byte.

A code block belongs to the file that the line before it names: `<!-- examples/c/worker.c -->`.
With `--write` the blocks are replaced by the files.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
BLOCK = re.compile(r"(<!-- (examples/\S+) -->\n```\w*\n)(.*?)(```\n)", re.S)


def examples():
    return {str(path.relative_to(ROOT)) for path in (ROOT / "examples").rglob("*.*")
            if path.is_file() and "__pycache__" not in path.parts}


def main():
    text = README.read_text()
    shown = {name: block for _, name, block, _ in BLOCK.findall(text)}
    if "--write" in sys.argv:
        README.write_text(BLOCK.sub(
            lambda found: found[1] + (ROOT / found[2]).read_text() + found[4], text))
        return 0
    found = [f"{name} is not in README.md" for name in sorted(examples() - shown.keys())]
    for name, block in shown.items():
        path = ROOT / name
        if not path.exists():
            found.append(f"README.md shows {name}, which is not there")
        elif path.read_text() != block:
            found.append(f"README.md shows {name} otherwise than it is; see --write")
    for fault in found:
        print(f"FAILED {fault}")
    if not found:
        print(f"ok: README.md shows {len(shown)} examples as they are")
    return 1 if found or not shown else 0


sys.exit(main())
