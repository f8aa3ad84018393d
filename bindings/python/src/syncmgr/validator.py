"""Validators: what has to agree with a change before this process commits it."""

from __future__ import annotations

import threading
from ctypes import CFUNCTYPE, POINTER, byref, c_int32, c_void_p, string_at

from . import _ffi, _process
from ._arguments import text
from ._native import library
from .errors import check, error_of
from .memory import decoded

_CALLBACK = CFUNCTYPE(c_int32, POINTER(_ffi.Entry), c_void_p)
_NO_DESTROY = CFUNCTYPE(None, c_void_p)()

# What the validator raised that refused the change which this thread makes.
_refusal = threading.local()


def error_after(status, message=None):
    """The exception for a negative status of a call that changes entries: what a validator raised,
    when it was one."""
    raised, _refusal.raised = getattr(_refusal, "raised", None), None
    return error_of(status, message) if raised is None else raised


class Validator:
    """One function that is asked; it is a context manager that ends at the end."""

    def __init__(self, store, pattern, function):
        if not callable(function):
            raise TypeError(f"function must be callable, not {type(function).__name__}")
        self._born = _process.generation()
        self._function = function
        # The library has only its address.
        self._callback = _CALLBACK(self._call)
        out = c_void_p()
        check(library.syncmgr_store_validator(
            store._here.address, text(pattern, "a pattern"), self._callback, None, _NO_DESTROY,
            byref(out)))
        self._subscription = out.value
        # The library may call it as long as the manager is open, whoever refers to it.
        self._kept = store._owner.manager._validators
        self._kept.add(self)

    def _call(self, entry, _):
        try:
            raw = entry[0]
            value = decoded(raw.type, string_at(raw.data, raw.length)) if raw.data else None
            if self._function(raw.key.decode(), value) is False:
                raise ValueError(f"'{raw.key.decode()}' cannot be changed to {value!r}")
        except BaseException as error:
            # Nothing can be raised through the library: the call that asked for it raises it.
            _refusal.raised = error
            return _ffi.E_INVALID
        return _ffi.OK

    def close(self):
        """Ends it. Waits for a running call, unless it is called from within it."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None and self._born == _process.generation():
            library.syncmgr_off(subscription)
        self._kept.discard(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
