#!/usr/bin/env python3
"""Derives what the bindings declare from include/syncmgr.h.

Writes `bindings/api.json` (functions, structures, constants, as the C compiler sees them) and
`bindings/python/src/syncmgr/_ffi.py`. Run it after a change of the header. With `--check` it writes
nothing and fails when a file differs from what it would write.

The declarations come from clang's syntax tree. Sizes, offsets and values come from a small program
that clang compiles, so that no rule of C is imitated here.
"""

import argparse
import difflib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADER = ROOT / "include" / "syncmgr.h"
API_JSON = ROOT / "bindings" / "api.json"
PYTHON_FFI = ROOT / "bindings" / "python" / "src" / "syncmgr" / "_ffi.py"
CLANG = os.environ.get("CLANG", "clang")


def run(*command, text=None):
    """Runs a command and returns its output; its own words explain a failure."""
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"generate.py: {' '.join(map(str, command))} failed:\n{done.stderr}")
    return done.stdout


# ---------------------------------------------------------------------- reading the header


def comment_text(node):
    """The words of a declaration's comment in one line, empty when it has none."""
    words = []

    def walk(part):
        if part.get("kind") == "TextComment":
            words.append(part["text"].strip())
        for child in part.get("inner", ()):
            walk(child)

    for child in node.get("inner", ()):
        if child.get("kind") == "FullComment":
            walk(child)
    return " ".join(words)


def parameter_list_start(qualified):
    """Where the parameter list of a function type begins: its closing parenthesis is the last."""
    depth = 0
    for position in range(len(qualified) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(qualified[position], 0)
        if depth == 0:
            return position
    raise ValueError(qualified)


def read_functions(tree):
    functions = []
    for node in tree["inner"]:
        if node["kind"] != "FunctionDecl" or not node["name"].startswith("syncmgr_"):
            continue
        qualified = node["type"]["qualType"]
        comment = comment_text(node)
        functions.append({
            "name": node["name"],
            "returns": qualified[:parameter_list_start(qualified)].strip(),
            "parameters": [
                {"name": child.get("name", f"argument_{index}"), "type": child["type"]["qualType"]}
                for index, child in enumerate(
                    part for part in node.get("inner", ()) if part["kind"] == "ParmVarDecl")
            ],
            "blocks": re.search(r"\bBlocks\b|Waits for a running|waits up to", comment) is not None,
        })
    return functions


def read_structures(tree):
    """The complete structures with their fields, and the names of the opaque handle types."""
    structures, handles = [], []
    complete = set()
    # A tag is mostly the name of its type without "_t"; not where a function has that name.
    types = {node["type"]["qualType"].removeprefix("struct "): node["name"]
             for node in tree["inner"]
             if node["kind"] == "TypedefDecl" and re.fullmatch(r"syncmgr\w*_t", node["name"])}
    for node in tree["inner"]:
        name = node.get("name", "")
        ours = name.startswith("syncmgr")
        if ours and node["kind"] == "RecordDecl" and node.get("completeDefinition"):
            complete.add(types[name])
            fields = [part for part in node["inner"] if part["kind"] == "FieldDecl"]
            structures.append({
                "name": types[name],
                "fields": [{"name": part["name"], "type": part["type"]["qualType"]}
                           for part in fields],
            })
    for node in tree["inner"]:
        name = node.get("name", "")
        if node["kind"] == "TypedefDecl" and re.fullmatch(r"syncmgr\w*_t", name):
            if name not in complete:
                handles.append(name)
    return structures, handles


def read_macros():
    """Names of the object-like macros with a value, in the order of the header."""
    names = re.findall(r"^#define (SYNCMGR_[A-Z0-9_]+)[ \t]+\S", HEADER.read_text(), re.M)
    names = list(dict.fromkeys(names))
    initializers = [name for name in names if name.endswith("_INIT")]
    constants = [name for name in names if name not in initializers and name != "SYNCMGR_API"]
    return constants, initializers


# ---------------------------------------------------------------------- measuring with C


def initializer_of(structure, initializers):
    """SYNCMGR_OPEN_OPTIONS_INIT for syncmgr_open_options_t, when the header has it."""
    name = structure["name"][:-2].upper() + "_INIT"
    return name if name in initializers else None


def is_number(field):
    return "*" not in field["type"] and "[" not in field["type"]


def probe_source(structures, constants, initializers):
    lines = [
        "#include <stdio.h>",
        "#include <syncmgr.h>",
        "#define KIND(x) _Generic((x), int: \"int32_t\", unsigned: \"uint32_t\", "
        "long: \"int64_t\", unsigned long: \"uint64_t\")",
        "int main(void) {",
    ]
    for name in constants:
        lines.append(f'  printf("constant {name} %s %lld\\n", KIND({name}), (long long){name});')
    for structure in structures:
        name = structure["name"]
        lines.append(f'  printf("structure {name} %zu %zu\\n", sizeof({name}), _Alignof({name}));')
        for field in structure["fields"]:
            member = f"{name}, {field['name']}"
            lines.append(
                f'  printf("field {name} {field["name"]} %zu %zu\\n", offsetof({member}), '
                f"sizeof((({name} *)0)->{field['name']}));")
        initializer = initializer_of(structure, initializers)
        if initializer:
            lines.append(f"  {{ {name} it = {initializer};")
            for field in filter(is_number, structure["fields"]):
                lines.append(f'  printf("default {name} {field["name"]} %lld\\n", '
                             f"(long long)it.{field['name']});")
            lines.append("  }")
    lines.append("  return 0;\n}")
    return "\n".join(lines)


def measure(structures, constants, initializers):
    """Adds sizes, offsets and defaults to `structures` and returns the constants."""
    with tempfile.TemporaryDirectory() as directory:
        program = os.path.join(directory, "probe")
        run(CLANG, "-std=c11", "-I", str(HEADER.parent), "-x", "c", "-", "-o", program,
            text=probe_source(structures, constants, initializers))
        lines = run(program).splitlines()
    by_name = {structure["name"]: structure for structure in structures}
    values = []
    for kind, name, *rest in map(str.split, lines):
        if kind == "constant":
            values.append({"name": name, "type": rest[0], "value": int(rest[1])})
            continue
        structure = by_name[name]
        if kind == "structure":
            structure["size"], structure["alignment"] = map(int, rest)
        elif kind == "field":
            field = next(part for part in structure["fields"] if part["name"] == rest[0])
            field["offset"], field["size"] = map(int, rest[1:])
        elif kind == "default":
            structure.setdefault("defaults", {})[rest[0]] = int(rest[1])
    return values


def read_api():
    tree = json.loads(run(CLANG, "-std=c11", "-fsyntax-only", "-Xclang", "-ast-dump=json",
                          str(HEADER)))
    structures, handles = read_structures(tree)
    constants, initializers = read_macros()
    values = measure(structures, constants, initializers)
    return {
        "comment": "Made by bindings/generate.py from include/syncmgr.h. Do not edit.",
        "constants": values,
        "handles": handles,
        "structures": structures,
        "functions": read_functions(tree),
    }


# ---------------------------------------------------------------------- writing


def main():
    sys.path.insert(0, str(ROOT / "bindings"))
    sys.dont_write_bytecode = True
    from generate_python import python_source

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check = parser.parse_args().check

    api = read_api()
    outputs = {
        API_JSON: json.dumps(api, indent=1) + "\n",
        PYTHON_FFI: python_source(api),
    }
    stale = False
    for path, wanted in outputs.items():
        present = path.read_text() if path.exists() else ""
        if present == wanted:
            continue
        if not check:
            path.write_text(wanted)
            print(f"wrote {path.relative_to(ROOT)}")
            continue
        stale = True
        sys.stdout.writelines(difflib.unified_diff(
            present.splitlines(True), wanted.splitlines(True),
            f"{path.relative_to(ROOT)} (present)", f"{path.relative_to(ROOT)} (from the header)"))
    if stale:
        sys.exit("generate.py: these files do not agree with the header; run it without --check")


if __name__ == "__main__":
    main()
