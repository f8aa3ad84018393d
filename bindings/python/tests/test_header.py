"""The declarations agree with include/syncmgr.h, as another C compiler sees it."""

import ctypes
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from support import ROOT, WatchedTest
from syncmgr import _ffi, _native, errors

HEADER = ROOT / "include" / "syncmgr.h"
API = json.loads((ROOT / "bindings" / "api.json").read_text())
STRUCTURES = {
    "syncmgr_" + re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() + "_t": value
    for name, value in vars(_ffi).items()
    if isinstance(value, type) and value.__module__ == _ffi.__name__
    and issubclass(value, ctypes.Structure)
}


class Agreement(WatchedTest):
    def compile_and_run(self, body):
        """The words that a C program with this body of `main` prints, by line."""
        compiler = next(filter(None, map(shutil.which, ("gcc", "cc", "clang"))), None)
        if compiler is None:
            self.skipTest("no C compiler")
        with tempfile.TemporaryDirectory() as directory:
            source = pathlib.Path(directory) / "probe.c"
            program = pathlib.Path(directory) / "probe"
            source.write_text("#include <stdio.h>\n#include <syncmgr.h>\n"
                              "int main(void) {\n" + body + "\nreturn 0;\n}\n")
            subprocess.run([compiler, "-I", str(HEADER.parent), str(source), "-o", str(program)],
                           check=True)
            output = subprocess.run([str(program)], check=True, capture_output=True, text=True)
        return [line.split() for line in output.stdout.splitlines()]

    def test_constants(self):
        names = [name for name in re.findall(r"^#define SYNCMGR_(\w+)[ \t]+\S",
                                             HEADER.read_text(), re.M)
                 if name != "API" and not name.endswith("_INIT")]
        self.assertGreater(len(names), 60)
        body = "\n".join(f'printf("{name} %lld\\n", (long long)SYNCMGR_{name});'
                         for name in names)
        for name, value in self.compile_and_run(body):
            with self.subTest(name=name):
                self.assertEqual(getattr(_ffi, name), int(value))

    def test_sizes_and_offsets(self):
        self.assertGreaterEqual(len(STRUCTURES), 8)
        body = []
        for c_name, structure in STRUCTURES.items():
            body.append(f'printf("{c_name} (all) %zu\\n", sizeof({c_name}));')
            for field, _ in structure._fields_:
                body.append(f'printf("{c_name} {field} %zu\\n", offsetof({c_name}, {field}));')
        for c_name, member, number in self.compile_and_run("\n".join(body)):
            structure = STRUCTURES[c_name]
            found = (ctypes.sizeof(structure) if member == "(all)"
                     else getattr(structure, member).offset)
            with self.subTest(structure=c_name, member=member):
                self.assertEqual(found, int(number))

    def test_defaults(self):
        body, expected = [], {}
        for c_name, structure in STRUCTURES.items():
            if not hasattr(structure, "defaults"):
                continue
            macro = c_name.removesuffix("_t").upper() + "_INIT"
            body.append(f"{{ {c_name} it = {macro};")
            for field, kind in structure._fields_:
                if kind is ctypes.c_uint32:
                    body.append(f'printf("{c_name} {field} %lld\\n", (long long)it.{field});')
                    expected[c_name, field] = getattr(structure.defaults(), field)
            body.append("}")
        for c_name, field, value in self.compile_and_run("\n".join(body)):
            with self.subTest(structure=c_name, field=field):
                self.assertEqual(expected[c_name, field], int(value))

    def test_every_function_is_declared_and_exported(self):
        text = re.sub(r"/\*.*?\*/|//[^\n]*", "", HEADER.read_text(), flags=re.S)
        declared = set(re.findall(r"SYNCMGR_API[^;{]*?\b(syncmgr_\w+)\s*\(", text))
        self.assertEqual(declared, set(_ffi.PROTOTYPES))
        self.assertEqual(declared, {function["name"] for function in API["functions"]})
        for name in declared:
            self.assertTrue(hasattr(_native.library, name), name)

    def test_every_error_has_a_class(self):
        codes = {value for name, value in vars(_ffi).items() if re.match(r"E_[A-Z]", name)}
        self.assertEqual(codes, set(errors.CLASSES))

    def test_generated_files_are_those_of_the_header(self):
        if shutil.which("clang") is None:
            self.skipTest("no clang")
        done = subprocess.run([sys.executable, str(ROOT / "bindings" / "generate.py"), "--check"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
