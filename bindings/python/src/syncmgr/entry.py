"""Entries of a store as they are read, and what a commit is made of."""

from __future__ import annotations

from ctypes import addressof, byref, c_size_t, c_uint32, create_string_buffer
from struct import Struct
from typing import Any, NamedTuple, TypeVar

from . import _ffi
from ._arguments import integer, text
from ._native import library, quick
from ._sending import MUCH
from .errors import check
from .memory import decoded, encoded

# The fields of syncmgr_entry_t. Unpacking many at once is several times faster than reading each.
LAYOUT = Struct("=QQQQQQQqIi")
ENTRY_SIZE = LAYOUT.size

ANY_VERSION = _ffi.VERSION_ANY & (1 << 64) - 1

_STATES = {_ffi.E_NOT_FOUND: "deleted", _ffi.E_CHANGED: "replaced"}


class Entry(NamedTuple):
    """What a key has: its value, and who wrote it and when, in nanoseconds since 1970.

    Of a change `state` tells what it was: "present" of one that has a value, "deleted", or
    "replaced" of one whose value is gone because a newer change, which follows, came first. Inside
    a transaction what it has written itself has the version and revision 0.
    """

    key: str
    value: Any
    version: int
    revision: int
    writer: str
    writer_id: int
    wall_ns: int
    state: str = "present"

    @property
    def deleted(self) -> bool:
        """Whether the key was deleted."""
        return self.state == "deleted"

    @property
    def time(self) -> float:
        """When it was written, as `time.time()` tells it."""
        return self.wall_ns / 1e9


T = TypeVar("T")


class Entries(list[T]):
    """Entries, or keys, in the order of the keys, all of one moment.

    `revision` is that of the store at that moment: watch(since=it) goes on from there. `more` tells
    whether there are others that a limit left out.
    """

    revision = 0
    more = False


class Put(NamedTuple):
    """Of a commit: the key gets the value, with `expected` only if it has that version; 0: only if
    it is not there."""

    key: str
    value: Any
    expected: int | None = None


class Delete(NamedTuple):
    """Of a commit: the key is deleted, with `expected` only if it has that version."""

    key: str
    expected: int | None = None


class Check(NamedTuple):
    """Of a commit: nothing is done unless the key has that version, 0: is not there."""

    key: str
    expected: int


class Committed(NamedTuple):
    """What a commit gave: the revision of the store that all its changes have, and the new version
    of each key, 0 of those that were deleted."""

    revision: int
    versions: dict[str, int]


# ---- reading

def caller(size):
    """The functions to call for so many bytes: others may run while many are copied."""
    return quick if size <= MUCH else library


def _text_at(data, position):
    return data[position:data.index(0, position)].decode("utf-8", "replace")


def _entry(record, data, base, key=None):
    """The Entry of an unpacked syncmgr_entry_t whose pointers go into `data`, which lies at `base`.
    """
    (key_at, data_at, length, version, revision, writer_id, writer_at, wall_ns, kind,
     status) = record
    value = None
    if data_at:
        value = decoded(kind, data[data_at - base:data_at - base + length])
    return Entry(
        _text_at(data, key_at - base) if key is None else key, value, version, revision,
        _text_at(data, writer_at - base) if writer_at else "", writer_id, wall_ns,
        _STATES.get(status, "present"))


def read_keys(function, handle, names):
    """Reads several keys of one moment by the named function: a dict of those that are there.

    A negative status instead of it is an error of the call just made.
    """
    entries = (_ffi.Entry * len(names))()
    for entry, name in zip(entries, names):
        entry.key = text(name, "a key")
    size, length = 1024, c_size_t()
    while True:
        buffer = create_string_buffer(size)
        status = getattr(caller(size), function)(
            handle, entries, len(names), buffer, size, byref(length))
        if status != _ffi.E_TOO_LARGE:
            break
        # They may grow further until the next call.
        size = length.value + (length.value >> 2)
    if status == _ffi.E_NOT_FOUND:
        return {}
    if status < 0:
        return status
    data, base = buffer.raw[:length.value], addressof(buffer)
    return {name: _entry(record, data, base, name)
            for name, record in zip(names, LAYOUT.iter_unpack(entries)) if record[-1] == _ffi.OK}


def names_of(keys):
    """The keys of a call that takes several, each once."""
    if isinstance(keys, str):
        raise TypeError("keys must be several, not one str")
    return list(dict.fromkeys(keys))


def range_of(prefix, glob, after=None, keys_only=False, revision=0):
    """The range that the library is asked for."""
    wanted = _ffi.Range.defaults()
    wanted.flags = _ffi.RANGE_KEYS * bool(keys_only)
    if prefix is not None:
        wanted.prefix = text(prefix, "a prefix")
    if glob is not None:
        wanted.glob = text(glob, "a pattern")
    if after is not None:
        wanted.after = text(after, "a key")
    wanted.revision = revision
    return wanted


def read_range(function, handle, wanted, limit=None):
    """Reads a range by the named function: Entries, all of one moment, at most `limit`.

    A negative status instead of it is an error of the call just made.
    """
    room, size = min(limit or 64, 4096), 8192
    while True:
        status, count, found, data, base = _read_some(function, handle, wanted, room, size)
        if status == _ffi.E_TOO_LARGE:
            size = max(wanted.length, size) * 2
        elif status < 0:
            return status
        elif wanted.more and count != limit:
            # All have to be of one moment: what did not fit is not read by another call.
            if count == room:
                room = min(room * 4, limit or 1 << 31)
            size *= 4
        else:
            break
    keys_only = wanted.flags & _ffi.RANGE_KEYS
    entries = Entries(
        [_text_at(data, record[0] - base) for record in found] if keys_only
        else [_entry(record, data, base) for record in found])
    entries.revision, entries.more = wanted.revision, bool(wanted.more)
    return entries


def read_changes(handle, wanted):
    """Reads some of the changes behind `wanted.revision`, which goes on: a list of Entries.

    A negative status instead of it is an error of the call just made.
    """
    room, size = 128, 32768
    while True:
        status, count, found, data, base = _read_some(
            "syncmgr_store_changes", handle, wanted, room, size)
        if status != _ffi.E_TOO_LARGE:
            break
        # The next commit is larger. It may be followed by others before the next call.
        room, size = max(room, count), max(size, wanted.length)
    return status if status < 0 else [_entry(record, data, base) for record in found]


def _read_some(function, handle, wanted, room, size):
    entries = (_ffi.Entry * room)()
    buffer, count = create_string_buffer(size), c_uint32(room)
    status = getattr(caller(size), function)(
        handle, byref(wanted), entries, byref(count), buffer, size)
    if status < 0:
        return status, count.value, (), b"", 0
    data = buffer.raw[:wanted.length]
    records = LAYOUT.iter_unpack(memoryview(entries).cast("B")[:count.value * ENTRY_SIZE])
    return status, count.value, records, data, addressof(buffer)


# ---- changing

def version_of(expected):
    """The version that a change expects, for the library; None is any."""
    if expected is None:
        return ANY_VERSION
    return integer(expected, "a version", 0, ANY_VERSION - 1)


def fill_change(change, key, value, expected, deletes=False, checks=False):
    """Fills a syncmgr_change_t. Returns what has to be kept until the call is made."""
    change.key = text(key, "a key")
    change.expected = version_of(expected)
    if checks:
        change.flags = _ffi.CHANGE_CHECK
    if deletes or checks:
        return None
    change.type, kept, change.length = held(value)
    change.data = addressof(kept)
    return kept


def held(value):
    """Type, bytes and length of a value: bytes to be kept while their address is used."""
    kind, data = encoded(value)
    # There is something even if there are no bytes: NULL would delete the key.
    return kind, create_string_buffer(data, max(len(data), 1)), len(data)


def one_change(key, value, expected, deletes=False):
    """A syncmgr_change_t."""
    change = _ffi.Change()
    change.kept = fill_change(change, key, value, expected, deletes)
    return change


def several_changes(changes):
    """The library's array for Puts, Deletes and Checks."""
    given = list(changes)
    array = (_ffi.Change * len(given))()
    array.kept = []
    for raw, change in zip(array, given):
        if not isinstance(change, (Put, Delete, Check)):
            raise TypeError(f"a change is a Put, a Delete or a Check, not a "
                            f"{type(change).__name__}")
        array.kept.append(fill_change(
            raw, change.key, getattr(change, "value", None), change.expected,
            isinstance(change, Delete), isinstance(change, Check)))
    return array


def changed_of(array, error):
    """Says in a Changed which key it was, and what version it has."""
    for change in array:
        if change.expected not in (ANY_VERSION, change.version):
            error.key, error.version = change.key.decode(), change.version
            break
    return error


def json_of(call):
    """The JSON text that `call(buffer, capacity, out_length)` writes, as an object."""
    import json

    size, length = 1 << 14, c_size_t()
    while True:
        buffer = create_string_buffer(size)
        status = call(buffer, size, byref(length))
        if status != _ffi.E_OVERFLOW:
            check(status)
            return json.loads(buffer.raw[:length.value])
        size = length.value + (length.value >> 1) + 1
