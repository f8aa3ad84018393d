"""The functions of libsyncmgr in the three forms in which the package calls them.

`library` releases the interpreter lock around each call: for what may block or take long.
`quick`   keeps it, and saves the switch: for what never blocks.
`raw()`   gives an undeclared function that keeps the lock and takes only arguments that were
          converted before (`pointer_argument` and the like). Converting costs more than the call.
          With `releases` it releases the lock: for what copies much.
"""

import ctypes

from . import _ffi, _loader

path = _loader.load()
library = _ffi.declare(ctypes.CDLL(path))
quick = _ffi.declare(ctypes.PyDLL(path))
_undeclared = ctypes.PyDLL(path)
_undeclared_releasing = ctypes.CDLL(path)

pointer_argument = ctypes.c_void_p.from_param
count_argument = ctypes.c_uint32.from_param
TRY = ctypes.c_int64.from_param(0)


def raw(name, releases=False):
    """A function object of its own for the named function; its result is an int."""
    return (_undeclared_releasing if releases else _undeclared)[name]


class _Ignored:
    """Takes any argument of a call. `id` is written in C, so that no Python code runs here."""

    from_param = id


class _Kept(ctypes.c_void_p):
    """A handle that keeps its owner."""


def kept_handle(address, owner):
    """The handle for an exit form. It keeps `owner` as long as anybody is to make the call.

    A `with` keeps only that: not the object, nor the workstream or manager it was opened through,
    which would be closed in the midst of it.
    """
    handle = _Kept(address)
    handle.owner = owner
    return handle


def exit_form(name, counted, outcomes):
    """The named release function in a form that can be an object's `__exit__`.

    It takes the handle, see kept_handle, a count when `counted`, and the three arguments of
    `__exit__`, which the library never looks at. `outcomes` maps the status to the result. A signal
    handler that raises runs between two steps of Python code: an `__exit__` written in Python can
    be interrupted before its first step, and the hold would stay for ever. This form has no such
    step.
    """
    function = _undeclared[name]
    arguments = [ctypes.c_void_p] + [ctypes.c_uint32] * counted
    function.argtypes = arguments + [_Ignored] * 3
    function.restype = outcomes.__getitem__
    return function


def version():
    """The version of the loaded library, such as "0.1.0"."""
    return quick.syncmgr_version().decode()
