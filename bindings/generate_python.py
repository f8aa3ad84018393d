"""Turns the description of the C interface into the Python module `_ffi.py`."""

import re

SCALARS = {
    "void": "None",
    "int32_t": "c_int32",
    "uint32_t": "c_uint32",
    "int64_t": "c_int64",
    "uint64_t": "c_uint64",
    "size_t": "c_size_t",
    "const char *": "c_char_p",
    "char *": "c_char_p",
    "void *": "c_void_p",
}

HEAD = '''"""Declarations of libsyncmgr for ctypes.

Made by bindings/generate.py from include/syncmgr.h. Do not edit.
"""

from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char,
    c_char_p,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
)

'''

TAIL = '''

def declare(library):
    """Gives every function of `library` its argument and result types; returns the library."""
    for name, (result, arguments) in PROTOTYPES.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library
'''


def class_name(type_name):
    """OpenOptions for syncmgr_open_options_t."""
    words = type_name.removeprefix("syncmgr_").removesuffix("_t").split("_")
    return "".join(word.capitalize() for word in words)


class TypeMap:
    """Finds the ctypes expression for a C type."""

    def __init__(self, api):
        self.handles = set(api["handles"])
        self.structures = {structure["name"] for structure in api["structures"]}

    def expression(self, c_type):
        c_type = c_type.strip()
        if c_type in SCALARS:
            return SCALARS[c_type]
        if "(*)" in c_type:
            return self.callback(c_type)
        array = re.fullmatch(r"(\w+)\[(\d+)\]", c_type)
        if array:
            element = "c_char" if array[1] == "char" else self.expression(array[1])
            return f"{element} * {array[2]}"
        target = c_type.removeprefix("const ").removesuffix("*").strip()
        if target in self.handles:
            return "c_void_p"
        if target in self.structures:
            return f"POINTER({class_name(target)})"
        if c_type.endswith("*"):
            return f"POINTER({self.expression(target)})"
        raise ValueError(f"no ctypes form is known for the C type {c_type!r}")

    def callback(self, c_type):
        result, arguments = re.fullmatch(r"(.*?)\(\*\)\((.*)\)", c_type).groups()
        types = [result] + [part for part in arguments.split(",") if part.strip() != "void"]
        return f"CFUNCTYPE({', '.join(self.expression(part) for part in types)})"


def structure_source(structure, types):
    name = class_name(structure["name"])
    fields = [(field["name"], types.expression(field["type"])) for field in structure["fields"]]
    lines = [f"class {name}(Structure):",
             f'    """{structure["name"]}, {structure["size"]} bytes."""']
    # What has pointers to its own kind gets its fields when there is a name for that.
    refers_to_itself = any(f"POINTER({name})" in kind for _, kind in fields)
    if not refers_to_itself:
        lines += ["", "    _fields_ = ("]
        lines += [f'        ("{field}", {kind}),' for field, kind in fields]
        lines.append("    )")
    if "defaults" in structure:
        lines += ["", "    @classmethod", "    def defaults(cls):",
                  f'        """The values of {structure["name"][:-2].upper()}_INIT."""']
        pairs = ", ".join(f"{name}={value}" for name, value in structure["defaults"].items())
        lines.append(f"        return cls({pairs})")
    if refers_to_itself:
        lines += ["", "", f"{name}._fields_ = ("]
        lines += [f'    ("{field}", {kind}),' for field, kind in fields]
        lines.append(")")
    return "\n".join(lines)


def prototype_source(function, types):
    result = types.expression(function["returns"])
    arguments = [types.expression(part["type"]) for part in function["parameters"]]
    listed = ", ".join(arguments) + ("," if len(arguments) == 1 else "")
    line = f'    "{function["name"]}": ({result}, ({listed})),'
    if len(line) <= 100:
        return line
    lines = [f'    "{function["name"]}": ({result}, (']
    lines += [f"        {argument}," for argument in arguments]
    return "\n".join(lines + ["    )),"])


def python_source(api):
    """Returns the text of `_ffi.py`."""
    types = TypeMap(api)
    constants = "\n".join(f"{constant['name'].removeprefix('SYNCMGR_')} = {constant['value']}"
                          for constant in api["constants"])
    structures = "\n\n\n".join(structure_source(structure, types)
                               for structure in api["structures"])
    prototypes = "\n".join(prototype_source(function, types) for function in api["functions"])
    return (HEAD + constants + "\n\n\n" + structures
            + "\n\n\n# Result and arguments of each function.\nPROTOTYPES = {\n"
            + prototypes + "\n}\n" + TAIL)
