"""Store: the versioned entries of a space."""

from __future__ import annotations

import threading
from ctypes import byref, c_uint64
from functools import partial
from typing import NamedTuple

from . import _ffi
from ._arguments import clock_of, integer, text, timeout_ns
from ._native import library, quick
from ._shared import SharedObject
from ._transacting import Transacting
from ._wait import MAIN_THREAD_SLICE_NS, Wait
from .entry import (
    ANY_VERSION,
    Committed,
    caller,
    changed_of,
    names_of,
    one_change,
    range_of,
    read_keys,
    read_range,
    several_changes,
)
from .errors import Changed, Timeout, check, error_of
from .validator import error_after

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from .entry import Check, Delete, Entries, Entry, Put
    from .watch import Watch


class StoreInfo(NamedTuple):
    """How a store is: how many entries it has, the revision of its last commit, up to which all is
    on disk, and behind which one a watch can go on; the bytes of its log, used and in all; and
    whether it is kept in a file."""

    entries: int
    revision: int
    durable: int
    oldest: int
    log_used: int
    log_size: int
    has_file: bool


def options_of(capacity, inline_size, log_size):
    """What a store is opened with, in the form that is compared and pickled; None: as it is."""
    if capacity is None and inline_size is None and log_size is None:
        return None
    usual = _ffi.StoreOptions.defaults()

    def number(value, what, high):
        return getattr(usual, what) if value is None else integer(value, what, 0, high)

    return (usual.size, 0, number(capacity, "capacity", (1 << 32) - 1),
            number(inline_size, "inline_size", (1 << 32) - 1),
            number(log_size, "log_size", (1 << 64) - 1))


class Store(Transacting, SharedObject):
    """The entries of a space by their keys: bytes, numbers, texts, or what JSON can say.

    `store["key"] = 7` puts one, `store["key"]` reads it, `del store["key"]` deletes it; `entry`
    tells its version and who wrote it as well. Each change is a commit, and `commit` makes several
    changes at once: all see all of them or none. Where the space has a file a change is on disk
    when the call returns, unless it was `queued`.
    """

    __slots__ = ("_transactions",)

    _close_handle = "syncmgr_store_close"

    def __init__(self, owner, name, parameters):
        # Those that were not closed: weak references, and what finishes those that are gone.
        self._transactions = {}
        super().__init__(owner, name, parameters)

    def _open(self, workstream_address, name, out_handle):
        [options] = self._parameters
        made = None if options is None else byref(_ffi.StoreOptions(*options))
        # It may have to be read from its file.
        return library.syncmgr_store_open(workstream_address, made, out_handle)

    def _prepare(self, here):
        here.has_file = self._state_at(here.address).has_file

    # ---- reading

    def __getitem__(self, key: str) -> Any:
        entry = self.entry(key)
        if entry is None:
            raise KeyError(key)
        return entry.value

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key, `default` when it is not there."""
        entry = self.entry(key)
        return default if entry is None else entry.value

    def entry(self, key: str) -> Entry | None:
        """What a key has, with its version, writer and time; None when it is not there."""
        return self._read([key]).get(key)

    def snapshot(self, keys: Iterable[str]) -> dict[str, Entry]:
        """Reads several keys at one moment: no commit comes between them. Those that are not there
        are not in the result."""
        names = names_of(keys)
        return self._read(names) if names else {}

    def _read(self, names):
        entries = read_keys("syncmgr_store_get", self._here.address, names)
        if type(entries) is int:
            raise error_of(entries)
        return entries

    def range(self, prefix: str | None = None, *, glob: str | None = None,
              after: str | None = None, limit: int | None = None) -> Entries[Entry]:
        """The entries whose keys begin with `prefix` and match `glob`, in the order of their keys.

        In a pattern `*` is any text without `/`, `**` any text, `?` one character. `after`: only
        keys behind this one. At most `limit`. All are of one moment, whose `revision` the result
        has.
        """
        return self._range(range_of(prefix, glob, after), limit)

    def keys(self, prefix: str | None = None, *, glob: str | None = None,
             after: str | None = None, limit: int | None = None) -> Entries[str]:
        """The keys that `range` would have, without reading their values."""
        return self._range(range_of(prefix, glob, after, True), limit)

    def _range(self, wanted, limit):
        if limit is not None:
            limit = integer(limit, "limit", 1, (1 << 31) - 1)
        entries = read_range("syncmgr_store_range", self._here.address, wanted, limit)
        if type(entries) is int:
            raise error_of(entries)
        return entries

    def __contains__(self, key: str) -> bool:
        return self._version(key) != 0

    def _look(self, key):
        """The library's entry of a key, without its data; of one that is not there all is 0."""
        found = _ffi.Entry(key=text(key, "a key"))
        status = quick.syncmgr_store_get(self._here.address, byref(found), 1, None, 0, None)
        if status not in (_ffi.E_TOO_LARGE, _ffi.E_NOT_FOUND):
            check(status)
        return found

    def _version(self, key):
        """The version of a key, 0 when it is not there."""
        return self._look(key).version

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return self.info().entries

    # ---- changing

    def __setitem__(self, key: str, value: Any) -> None:
        self.put(key, value)

    def put(self, key: str, value: Any, *, expected: int | None = None,
            queued: bool = False) -> int:
        """Gives a key a value, and returns its new version.

        With `expected` only if it has that version, 0: if it is not there. Else it is Changed,
        which has the version that the key has. `queued`: without waiting until it is on disk.
        """
        return self._put(one_change(key, value, expected), queued)

    def put_if_absent(self, key: str, value: Any, *, queued: bool = False) -> int | None:
        """Gives a key a value if it has none. Returns its version; None when it has one."""
        try:
            return self.put(key, value, expected=0, queued=queued)
        except Changed:
            return None

    def __delitem__(self, key: str) -> None:
        if not self.delete(key):
            raise KeyError(key)

    def delete(self, key: str, *, expected: int | None = None, queued: bool = False) -> bool:
        """Deletes a key, with `expected` only if it has that version. False: it is not there."""
        while True:
            version = self._version(key) if expected is None else expected
            if version == 0 and expected is None:
                return False
            try:
                # Only with a version it is known whether there was something to delete.
                self._put(one_change(key, None, version, True), queued)
                return version != 0
            except Changed:
                if expected is not None:
                    raise

    def update(self, key: str, function: Callable[[Any], Any], default: Any = None, *,
               queued: bool = False) -> Any:
        """Puts `function(value)` in the place of the value, which is `default` when there is none.

        The function is called again when somebody else has changed it meanwhile, until nobody has.
        Returns what was put.
        """
        while True:
            entry = self.entry(key)
            value = function(default if entry is None else entry.value)
            try:
                self.put(key, value, expected=0 if entry is None else entry.version,
                         queued=queued)
                return value
            except Changed as changed:
                if changed.key != key:
                    raise

    def commit(self, changes: Iterable[Put | Delete | Check], *, timeout: float | None = None,
               queued: bool = False) -> Committed:
        """Makes all changes, if every key has the version that is expected of it, or none.

        `changes` are `syncmgr.Put`, `Delete` and `Check` of different keys. Changed when a key has
        another version: its `key` and `version` tell which. Timeout when it is not on disk after
        `timeout` seconds; it is done nevertheless.
        """
        array = several_changes(changes)
        return self._commit(array, queued, timeout_ns(timeout))

    def _put(self, change, queued):
        version = c_uint64()
        here = self._here
        status = caller(change.length).syncmgr_store_put(
            here.address, byref(change), _ffi.PUT_QUEUED, byref(version))
        if status < 0:
            error = error_after(status)
            if status == _ffi.E_CHANGED:
                error.key, error.version = change.key.decode(), version.value
            raise error
        if here.has_file and not queued:
            self._sync(self._revision(None), _ffi.FOREVER)
        return version.value

    def _commit(self, array, queued, limit):
        revision = c_uint64()
        size = sum(change.length for change in array)
        status = caller(size).syncmgr_store_commit(
            self._here.address, array, len(array), _ffi.PUT_QUEUED, limit, byref(revision))
        if status < 0:
            error = error_after(status)
            raise changed_of(array, error) if status == _ffi.E_CHANGED else error
        if not queued:
            self._sync(revision.value, limit)
        return Committed(
            revision.value, {change.key.decode(): change.version for change in array
                             if not change.flags})

    # ---- the disk

    def sync(self, revision: int | None = None, timeout: float | None = None) -> None:
        """Waits until all up to a revision is on disk; None is the present one. Without a file it
        is so at once. Timeout when `timeout` seconds pass first."""
        self._sync(self._revision(revision), timeout_ns(timeout))

    def _sync(self, revision, limit):
        here = self._here
        if not here.has_file:
            return
        left = clock_of(limit)
        # Signals are looked at between the calls.
        main = threading.get_ident() == threading.main_thread().ident
        while True:
            span = left()
            if main and not 0 <= span <= MAIN_THREAD_SLICE_NS:
                span = MAIN_THREAD_SLICE_NS
            status = library.syncmgr_store_sync(here.address, revision, span)
            if status != _ffi.E_TIMEOUT or left() == 0:
                check(status)
                return

    def _start_sync(self, revision, limit, wait, queue=None, user_data=0):
        """The call that starts such a wait, for a queue."""
        return partial(quick.syncmgr_store_sync_start, self._here.address, revision, limit, queue,
                       user_data, wait.ticket_out)

    @staticmethod
    def _revision(revision):
        """A revision for the library."""
        if revision is None:
            return _ffi.REVISION_NOW & ANY_VERSION
        return integer(revision, "a revision", 0, ANY_VERSION - 1)

    # ---- watching

    def watch(self, prefix: str | None = None, *, glob: str | None = None,
              since: int | None = None) -> Watch:
        """The changes of keys that begin with `prefix` and match `glob`: each once, in order.

        Those behind the revision `since`; None: those from now on. `for change in watch:` waits for
        them, `async for` does in asyncio. Gap is raised when the log has some of them no more:
        `watch.resynchronize()` gives all that there is, and the watch goes on from there.
        """
        from .watch import Watch

        return Watch(self, prefix, glob, since)

    def wait(self, key: str | None = None, seen: int = 0, timeout: float | None = None) -> int:
        """Waits until the version of a key is not `seen`, with 0 until it is there. Returns it, 0
        when the key was deleted. Without a key: until the revision of the store is not `seen`.

        Timeout when `timeout` seconds pass first.
        """
        wait = Wait()
        status = wait.run(self._start(key, seen, timeout_ns(timeout), wait))
        return self._seen(key, status, wait.record)

    def _start(self, key, seen, limit, wait, queue=None, user_data=0):
        """The call that starts a wait, for Wait.run or for a queue."""
        present = _ffi.Entry(version=integer(seen, "a version", 0, (1 << 64) - 1))
        if key is not None:
            present.key = text(key, "a key")
        return partial(quick.syncmgr_store_wait_start, self._here.address, byref(present), limit,
                       queue, user_data, wait.ticket_out)

    def _seen(self, key, status, record):
        """What the wait has waited for."""
        if status == _ffi.E_TIMEOUT:
            what = "the store" if key is None else f"'{key}'"
            raise Timeout(f"{what} has not changed in time")
        check(status)
        if record.value:
            return record.value
        # It was so before any wait began, or it was deleted.
        return self.info().revision if key is None else self._version(key)

    def info(self) -> StoreInfo:
        """How the store is."""
        found = self._state_at(self._here.address)
        return StoreInfo(found.entries, found.revision, found.durable, found.oldest,
                         found.log_used, found.log_size, bool(found.has_file))

    @staticmethod
    def _state_at(address):
        found = _ffi.StoreInfo.defaults()
        check(quick.syncmgr_store_state(address, byref(found)))
        return found

    def _holds(self):
        open_ones = [reference() for reference, _ in list(self._transactions.values())]
        return any(one is not None and one._is_open() for one in open_ones)

    def _state(self):
        return f"{self.info().entries} entries"
