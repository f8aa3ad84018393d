"""Memory: cells that all processes share, and regions."""

from __future__ import annotations

import json
from collections import namedtuple
from ctypes import (
    addressof,
    byref,
    c_size_t,
    c_uint64,
    c_void_p,
    create_string_buffer,
    string_at,
)
from functools import partial
from struct import Struct

from . import _ffi
from ._arguments import integer, text, timeout_ns
from ._lent import Lent
from ._native import kept_handle, library, quick
from ._sending import MUCH, bytes_of
from ._shared import SharedObject
from ._wait import NOTHING, Wait
from .errors import Changed, Timeout, check, error_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_INT64 = Struct("=q")
_FLOAT64 = Struct("=d")


class Cell(namedtuple("Cell", "value version")):
    """What a cell has, and its version: that grows by one with each change."""

    __slots__ = ()


def _json(value):
    # What Python calls JSON has numbers that are none, which nobody else could read.
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def encoded(value):
    """The type and the bytes of a value, for a cell."""
    if isinstance(value, str):
        return _ffi.CELL_TEXT, value.encode()
    if isinstance(value, int) and not isinstance(value, bool):
        return _ffi.CELL_INT64, _INT64.pack(integer(value, "the value", -(1 << 63), (1 << 63) - 1))
    if isinstance(value, float):
        return _ffi.CELL_FLOAT64, _FLOAT64.pack(value)
    if value is None or isinstance(value, (bool, dict, list, tuple)):
        return _ffi.CELL_JSON, _json(value)
    argument, length = bytes_of(value)
    return _ffi.CELL_BYTES, argument if isinstance(argument, bytes) else string_at(argument, length)


def decoded(kind, data):
    """The value of a cell. One that does not fit its type stays bytes: somebody else set it."""
    try:
        if kind == _ffi.CELL_TEXT:
            return data.decode()
        if kind == _ffi.CELL_INT64 and len(data) == 8:
            return _INT64.unpack(data)[0]
        if kind == _ffi.CELL_FLOAT64 and len(data) == 8:
            return _FLOAT64.unpack(data)[0]
        if kind == _ffi.CELL_JSON:
            return json.loads(data)
    except ValueError:
        pass
    return data


class Memory(SharedObject):
    """Cells by their keys: bytes, numbers, texts, or what JSON can say.

    `memory["key"] = 7` sets one, `memory["key"]` reads it, `del memory["key"]` removes it. Readers
    never see a part of a value.
    """

    __slots__ = ()

    _close_handle = "syncmgr_channel_close"

    def _open(self, workstream_address, name, out_handle):
        [options] = self._parameters
        made = None if options is None else byref(_ffi.ChannelOptions(*options))
        return library.syncmgr_channel_open(
            workstream_address, name, _ffi.CHANNEL_MEMORY, made, out_handle)

    # ---- reading

    def __getitem__(self, key: str) -> Any:
        cell = self.cell(key)
        if cell is None:
            raise KeyError(key)
        return cell.value

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a cell, `default` when it is not there."""
        cell = self.cell(key)
        return default if cell is None else cell.value

    def cell(self, key: str) -> Cell | None:
        """The value of a cell and its version, None when it is not there."""
        return self.snapshot([key]).get(key)

    def snapshot(self, keys: Iterable[str]) -> dict[str, Cell]:
        """Reads several cells at one moment: no change comes between them. Those that are not
        there are not in the result."""
        if isinstance(keys, str):
            raise TypeError("keys must be several, not one str")
        names = list(dict.fromkeys(keys))
        if not names:
            return {}
        cells = (_ffi.Cell * len(names))()
        for cell, name in zip(cells, names):
            cell.key = text(name, "a key")
        size, length = 4096, c_size_t()
        while True:
            buffer = create_string_buffer(size)
            status = (quick if size <= MUCH else library).syncmgr_channel_get(
                self._here.address, cells, len(names), buffer, size, byref(length))
            if status != _ffi.E_TOO_LARGE:
                break
            # They may grow further until the next call.
            size = length.value + (length.value >> 2)
        if status == _ffi.E_NOT_FOUND:
            return {}
        check(status)
        return {name: Cell(decoded(cell.type, string_at(cell.data, cell.length)), cell.version)
                for cell, name in zip(cells, names) if cell.status == _ffi.OK}

    def __contains__(self, key: str) -> bool:
        return self.cell(key) is not None

    # ---- changing

    def __setitem__(self, key: str, value: Any) -> None:
        self.set(key, value)

    def set(self, key: str, value: Any) -> int:
        """Sets a cell, and returns its new version."""
        return self._set(key, value, _ffi.VERSION_ANY)

    def compare_and_set(self, key: str, version: int, value: Any) -> int:
        """Sets a cell if it has that version, 0 if it is not there. Returns the new version.

        Changed when it has another one, which the exception has as its `version`.
        """
        return self._set(key, value, integer(version, "a version", 0, (1 << 64) - 2))

    def __delitem__(self, key: str) -> None:
        if not self.delete(key):
            raise KeyError(key)

    def delete(self, key: str, version: int | None = None) -> bool:
        """Removes a cell, with `version` only if it has that one. Returns False when it is not
        there."""
        nothing = _ffi.Cell(key=text(key, "a key"))
        if version is not None:
            integer(version, "a version", 1, (1 << 64) - 2)
        while True:
            expected = version
            if expected is None:
                present = self.cell(key)
                if present is None:
                    return False
                expected = present.version
            out = c_uint64()
            status = quick.syncmgr_channel_set(
                self._here.address, byref(nothing), expected, byref(out))
            if status != _ffi.E_CHANGED:
                return check(status) == _ffi.OK
            if version is not None:
                raise self._changed(status, out)

    def _set(self, key, value, expected):
        kind, data = encoded(value)
        # A pointer to something even if there are no bytes: NULL removes the cell.
        kept = create_string_buffer(data, max(len(data), 1))
        cell = _ffi.Cell(key=text(key, "a key"), data=addressof(kept), length=len(data), type=kind)
        out = c_uint64()
        status = (quick if len(data) <= MUCH else library).syncmgr_channel_set(
            self._here.address, byref(cell), expected, byref(out))
        if status == _ffi.E_CHANGED:
            raise self._changed(status, out)
        check(status)
        return out.value

    @staticmethod
    def _changed(status, version):
        error = error_of(status)
        error.version = version.value
        return error

    # ---- waiting

    def changed(self, key: str, seen: int = 0, timeout: float | None = None) -> int:
        """Waits until the version of a cell is not `seen`, with 0 until it is there. Returns it.

        Timeout when `timeout` seconds pass first.
        """
        here = self._here
        wait = Wait(NOTHING)
        status = wait.run(self._start(here, key, seen, timeout_ns(timeout), wait))
        return self._version_seen(key, seen, status, wait.record)

    def _start(self, here, key, seen, limit, wait, queue=None, user_data=0):
        """The call that starts a wait, for Wait.run or for a queue."""
        cell = _ffi.Cell(key=text(key, "a key"),
                         version=integer(seen, "a version", 0, (1 << 64) - 1))
        return partial(quick.syncmgr_channel_changed_start, here.address, byref(cell), limit, queue,
                       user_data, wait.ticket_out)

    def _version_seen(self, key, seen, status, record):
        if status == _ffi.E_TIMEOUT:
            raise Timeout(f"cell '{key}' of '{self._name}' has not changed in time")
        check(status)
        if record.value:
            return record.value
        # It was so before any wait began, or it was removed.
        cell = self.cell(key)
        return 0 if cell is None else cell.version

    # ---- regions

    def region(self, key: str, size: int) -> memoryview:
        """A region of `size` bytes that every process sees at once, zero at first.

        Whoever writes to it makes out with the others how. It is there until the handle is closed.
        """
        here = self._here
        size = integer(size, "the size of a region", 0, (1 << 63) - 1)
        out = c_void_p()
        check(library.syncmgr_channel_region(
            here.address, text(key, "a key"), size, byref(out)))
        return Lent(out.value, size, True, kept_handle(here.address, self._owner)).view

    def shut(self) -> None:
        """Ends it for everybody: changes and waits raise Closed, cells can still be read."""
        check(library.syncmgr_channel_shut(self._here.address, 0))

    def _state(self):
        return "memory"
