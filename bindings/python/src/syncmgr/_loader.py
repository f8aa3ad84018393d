"""Finds and loads libsyncmgr.

The first of these that loads is taken:

1. the file named by the environment variable SYNCMGR_LIBRARY: nothing else is tried when it is set;
2. the file in the package's own `_lib` directory, as a wheel carries it;
3. the file that the build leaves in `.build/lib`, when the package runs from a checkout;
4. the system's library, by its SONAME.
"""

import ctypes
import os
import pathlib

from . import _ffi

SONAME = "libsyncmgr.so.0"
ENVIRONMENT = "SYNCMGR_LIBRARY"
PACKAGE = pathlib.Path(__file__).resolve().parent


def candidates():
    """The places to try, in order, as strings for dlopen."""
    chosen = os.environ.get(ENVIRONMENT)
    if chosen is not None:
        return [chosen]
    places = [str(PACKAGE / "_lib" / SONAME)]
    checkout = PACKAGE.parents[3] if len(PACKAGE.parents) > 3 else PACKAGE
    if (checkout / "include" / "syncmgr.h").exists():
        places.append(str(checkout / ".build" / "lib" / "libsyncmgr.so"))
    return places + [SONAME]


def refusal(library):
    """Why this library cannot serve these bindings; None when it can."""
    try:
        version = library.syncmgr_abi_version
    except AttributeError:
        return "it is no libsyncmgr: it has no syncmgr_abi_version"
    version.restype = ctypes.c_uint32
    version.argtypes = ()
    if version() == _ffi.ABI_VERSION:
        return None
    return f"its ABI version is {version()}, these bindings need {_ffi.ABI_VERSION}"


def load():
    """Returns the path under which the library was loaded.

    Raises ImportError, which lists every path and what was wrong with it.
    """
    failures = []
    for place in candidates():
        if "/" in place and not os.path.exists(place):
            failures.append(f"{place}: there is no such file")
            continue
        try:
            problem = refusal(ctypes.CDLL(place))
        except (OSError, ValueError) as error:
            problem = str(error)
        if problem is None:
            return place
        failures.append(f"{place}: {problem}")
    hint = (f"it is the value of {ENVIRONMENT}, and nothing else was tried"
            if ENVIRONMENT in os.environ else f"set {ENVIRONMENT} to the file to use")
    raise ImportError(f"libsyncmgr cannot be loaded ({hint}). Tried:\n  " + "\n  ".join(failures))
