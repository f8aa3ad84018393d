"""Merging into a store: what two have changed at once is put together, and recorded."""

from __future__ import annotations

import json
from ctypes import addressof, byref, c_size_t, create_string_buffer
from typing import NamedTuple

from . import _ffi
from ._arguments import text
from ._native import library
from ._transacting import UNKNOWN
from .entry import version_of
from .errors import Changed
from .notices import PRIORITIES
from .resolving import STRATEGIES, Resolution, json_text, number_in, resolution_of
from .validator import error_after

# What a result has besides the values.
ROOM = 1 << 14


class Merged(NamedTuple):
    """What became of a merge: the version that the key has. When somebody had changed it meanwhile
    also the id of the conflict, and how that was resolved; `is_open`: it is left to somebody, and
    nothing was put yet."""

    version: int
    conflict: int | None = None
    resolution: Resolution | None = None
    is_open: bool = False


def options_of(strategy, severity, base, id):
    """The options of the C interface."""
    options = _ffi.MergeOptions.defaults()
    options.flags = _ffi.PUT_QUEUED
    options.strategy = number_in(STRATEGIES, strategy, "a strategy")
    options.severity = number_in(PRIORITIES, severity, "a severity")
    if base is not UNKNOWN:
        options.base = json_text(base)
    if id is not None:
        options.id = text(id, "the name of a member")
    return options


def merge(store, key, value, expected, deletes, options):
    """Puts a JSON value, or deletes one, and decides between it and what somebody else has put."""
    change = _ffi.Change(key=text(key, "a key"), expected=version_of(expected))
    change.type = _ffi.CELL_JSON
    if not deletes:
        data = json_text(value)
        kept = create_string_buffer(data, len(data))
        change.data, change.length = addressof(kept), len(data)
    present = store._look(key)
    # All values, those that were discarded too. They may be larger by the time of the call.
    size = ROOM + 4 * (change.length + present.length + len(options.base or b""))
    buffer, length = create_string_buffer(size), c_size_t()
    status = library.syncmgr_store_merge(
        store._here.address, byref(change), byref(options), buffer, size, byref(length))
    if status == _ffi.E_OVERFLOW:
        return _recorded(store, key, change.version)
    if status == _ffi.E_CHANGED:
        raise Changed(f"'{key}' was changed meanwhile, and the strategy is to abort", status)
    if status < 0:
        raise error_after(status)
    members = json.loads(buffer.raw[:length.value])
    number = members.get("conflict")
    return Merged(members["version"], number,
                  None if number is None else resolution_of(members),
                  status == _ffi.PARTIAL)


def _recorded(store, key, version):
    """The same from the record of the conflict, when the result was larger than thought."""
    mine = [conflict for conflict in store.conflicts.list() if conflict.key == key]
    if not mine:
        return Merged(version)
    return Merged(version, mine[-1].id, mine[-1].result, mine[-1].is_open)
