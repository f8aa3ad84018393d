"""Sync point: named workstreams meet once, all of them or enough of them."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from ctypes import byref, c_uint32
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from . import _ffi
from ._arguments import integer, text, timeout_ns
from ._native import library, quick
from ._shared import SharedObject
from ._wait import Wait
from .errors import InvalidArgument, SyncError, check, error_of

NANOSECONDS = 1_000_000_000
# A fraction is handed over as two numbers of 32 bits.
FINEST = 1_000_000


class SyncPointStatus(enum.StrEnum):
    """What became of a sync point."""

    WAITING = "waiting"
    PARTIAL_COMPLETE = "partial_complete"
    COMPLETE = "complete"
    FAILED = "failed"
    TIMED_OUT = "timed_out"


STATUSES = {
    _ffi.SYNC_WAITING: SyncPointStatus.WAITING,
    _ffi.SYNC_PARTIAL_COMPLETE: SyncPointStatus.PARTIAL_COMPLETE,
    _ffi.SYNC_COMPLETE: SyncPointStatus.COMPLETE,
    _ffi.SYNC_FAILED: SyncPointStatus.FAILED,
    _ffi.SYNC_TIMED_OUT: SyncPointStatus.TIMED_OUT,
}


@dataclass(frozen=True)
class SyncResult:
    """The result of a sync point; while it waits, how it stands."""

    status: SyncPointStatus
    met_minimum: bool
    """Enough were there: the minimum, or, where none was given, at least one."""
    required_met: bool
    """All the required ones were there."""
    minimum: int
    """The minimum as a number; all, where none was given."""
    participating: tuple[str, ...]
    """The names of those who were there, in the order of their arrival."""
    missing: tuple[str, ...]
    failed: tuple[str, ...]
    """Those of the missing whose process died, or that said that they failed."""
    late: tuple[str, ...]
    """Those of the missing that came after the end; grows."""
    completed_at: float | None
    """When it ended, as time.time() tells it; None while it waits."""
    reason: str
    """Why it is not complete; "" when there is nothing to say."""

    @property
    def expected(self) -> int:
        """How many are expected."""
        return len(self.participating) + len(self.missing)


class SyncPoint(SharedObject):
    """A sync point. A workstream is there while it waits; it takes part by its name.

    So a sync point is mostly opened through a workstream with a name:
    `space.workstream("worker-1").sync_point("ready", ["worker-1", "worker-2"]).wait()`.
    """

    __slots__ = ()

    _close_handle = "syncmgr_sync_point_close"

    def _open(self, workstream_address, name, out_handle):
        expected, required, flags, minimum, minimum_of, limit = self._parameters
        if expected is None:
            return library.syncmgr_sync_point_open(
                workstream_address, name, None, None, None, out_handle)
        options = _ffi.SyncPointOptions.defaults()
        options.flags, options.timeout_ns = flags, limit
        options.minimum, options.minimum_of = minimum, minimum_of
        return library.syncmgr_sync_point_open(
            workstream_address, name, expected, required, byref(options), out_handle)

    def wait(self, timeout: float | None = None) -> SyncResult:
        """Arrives, and waits until the point ends; returns the result when it is complete, wholly
        or partly.

        Otherwise it raises, and the exception's `result` tells: Timeout when the point's time is
        over, or `timeout` seconds passed (this workstream is then not there, and the result's
        status is another than timed_out), SyncPointFailed, or Late for one that comes after the
        end. A stranger gets NotExpected.
        """
        wait = Wait()
        status = wait.run(self._start(self._here, timeout_ns(timeout), wait))
        if status >= 0:
            return self.result
        raise self._with_result(error_of(status))

    def _start(self, here, limit, wait, queue=None, user_data=0):
        """The call that starts a wait, for Wait.run or for a queue."""
        return partial(quick.syncmgr_sync_point_wait_start, here.address, limit, queue, user_data,
                       wait.ticket_out, wait.record_out)

    def _with_result(self, error: SyncError) -> SyncError:
        """Attaches the result to an exception that has one."""
        if error.status in (_ffi.E_TIMEOUT, _ffi.E_FAILED, _ffi.E_LATE):
            error.result = self.result
        return error

    def force_complete(self) -> bool:
        """Ends it as partial_complete with those who are there. Returns False when it had ended."""
        status = quick.syncmgr_sync_point_force_complete(self._here.address)
        return check(status) != _ffi.FINISHED

    def cancel(self, reason: str | None = None) -> bool:
        """Ends it as failed, for `reason`. Returns False when it had ended."""
        return self._decide(quick.syncmgr_sync_point_cancel, reason)

    def fail(self, reason: str | None = None) -> bool:
        """Says that this workstream failed, as if its process had died.

        Returns False when the point had ended; NotExpected for a stranger, Busy while it waits.
        """
        return self._decide(quick.syncmgr_sync_point_fail, reason)

    def _decide(self, function, reason):
        encoded = None if reason is None else text(reason, "the reason")
        return check(function(self._here.address, encoded)) != _ffi.FINISHED

    @property
    def result(self) -> SyncResult:
        """The result; while the point waits, how it stands."""
        address = self._here.address
        raw = _read_result(address)
        while True:
            members = _read_members(address)
            # What was read in two steps belongs together when nothing changed meanwhile.
            again = _read_result(address)
            if bytes(again) == bytes(raw):
                return _result_of(raw, members)
            raw = again

    @property
    def expected(self) -> tuple[str, ...]:
        """The names of all who are expected."""
        return tuple(_name(member) for member in _read_members(self._here.address))

    @property
    def required(self) -> tuple[str, ...]:
        """Those of them without which it cannot succeed."""
        return tuple(_name(member) for member in _read_members(self._here.address)
                     if member.flags & _ffi.SYNC_REQUIRED)

    def _state(self):
        result = self.result
        return f"{result.status.value}, {len(result.participating)} of {result.expected} there"


def parameters_of(expected: Iterable[str] | None, minimum: int | float | Fraction | None | Callable,
                  required: Iterable[str], timeout: float | None, flags: int) -> tuple:
    """What a sync point is opened with, in the form that is compared and pickled."""
    if expected is None:
        if minimum is not None or tuple(required) or timeout is not None or flags:
            raise InvalidArgument("without those expected a sync point is opened as it is")
        return None, None, 0, _ffi.ANY, 0, _ffi.FOREVER
    names = _names(expected, "expected")
    if not names:
        raise InvalidArgument("nobody is expected")
    needed = _names(required, "required")
    if callable(minimum):
        minimum = minimum(len(names))
    if minimum is None:
        number, of = _ffi.ANY, 0
    elif isinstance(minimum, (float, Fraction)):
        if not 0 < minimum <= 1:
            raise InvalidArgument(f"a minimum as a fraction is above 0 and up to 1, not {minimum}")
        part = Fraction(minimum).limit_denominator(FINEST)
        number, of = max(part.numerator, 1), part.denominator
    else:
        number, of = integer(minimum, "minimum", 1, len(names)), 0
    return (b"/".join(names), b"/".join(needed) if needed else None, flags, number, of,
            timeout_ns(timeout))


def _names(names, what):
    if isinstance(names, (str, bytes)):
        raise TypeError(f"{what} must be names, not one {type(names).__name__}")
    found = []
    for name in names:
        encoded = text(name, "the name of a workstream")
        if not encoded or b"/" in encoded:
            raise InvalidArgument(f"{name!r} is no name of a workstream")
        found.append(encoded)
    return sorted(found)


def _name(member):
    return member.name.decode("utf-8", "replace")


def _read_result(address):
    raw = _ffi.SyncResult()
    check(quick.syncmgr_sync_point_result(address, byref(raw)))
    return raw


def _read_members(address):
    found = c_uint32()
    check(quick.syncmgr_sync_point_members(address, None, 0, byref(found)))
    # They never change in number.
    members = (_ffi.SyncMember * found.value)()
    check(quick.syncmgr_sync_point_members(address, members, found.value, byref(found)))
    return members


def _result_of(raw, members):
    def names(flag):
        return tuple(_name(member) for member in members if member.flags & flag)

    there = sorted((member for member in members if member.flags & _ffi.SYNC_ARRIVED),
                   key=lambda member: member.order)
    return SyncResult(
        status=STATUSES.get(raw.status, SyncPointStatus.FAILED),
        met_minimum=raw.met_minimum != 0,
        required_met=raw.required_met != 0,
        minimum=raw.minimum,
        participating=tuple(_name(member) for member in there),
        missing=tuple(_name(member) for member in members
                      if not member.flags & _ffi.SYNC_ARRIVED),
        failed=names(_ffi.SYNC_MEMBER_FAILED),
        late=names(_ffi.SYNC_LATE),
        completed_at=raw.completed_at / NANOSECONDS if raw.completed_at else None,
        reason=raw.reason.decode("utf-8", "replace"))
