"""Exceptions: one class per meaning, each with the status it stands for.

Where Python has an exception of the same meaning the class is that one as well, so that programs
written for `threading` go on to work: a Timeout is a TimeoutError, a NotOwner a RuntimeError.
"""

from __future__ import annotations

import queue
import threading

from . import _ffi
from ._native import quick


class SyncError(Exception):
    """Base of all errors of the library.

    `status` is the number of the C interface, `code` its name, such as "E_TIMEOUT".
    """

    default_status = _ffi.E_SYSTEM
    # What became of the sync point whose wait raised this.
    result = None

    def __init__(self, message: str | None = None, status: int | None = None):
        self.status = self.default_status if status is None else status
        self.code = quick.syncmgr_status_name(self.status).decode()
        super().__init__(message or quick.syncmgr_status_text(self.status).decode())

    def __reduce__(self):
        return type(self), (self.args[0], self.status), self.__dict__


class InvalidArgument(SyncError, ValueError):
    """An argument is outside what the function allows."""


class InvalidHandle(SyncError, RuntimeError):
    """Not an open handle of this type."""


class Closed(SyncError, RuntimeError):
    """The object was closed, before the call or while it ran."""


class Forked(SyncError, RuntimeError):
    """The object belongs to the process this one was forked from."""


class Timeout(SyncError, TimeoutError):
    """The time passed, or a try could not succeed at once."""


class Cancelled(SyncError):
    """The wait was cancelled."""


class Deadlock(SyncError, RuntimeError):
    """Waiting would never end: the caller waits for itself, or in a circle with others.

    `cycle` is the circle in words, empty when the caller waits for itself.
    """

    @property
    def cycle(self) -> str:
        """Who waits for what held by whom, up to the first again."""
        return self.args[0].partition("deadlock: ")[2]


class NotOwner(SyncError, RuntimeError):
    """Released or asked for by a workstream that does not hold it."""


class BrokenBarrier(SyncError, threading.BrokenBarrierError):
    """The barrier is broken."""


class AlreadyExists(SyncError, FileExistsError):
    """Create-only, and it exists; or the name of a workstream that lives."""


class NotFound(SyncError, FileNotFoundError):
    """Open-only, and it does not exist."""


class WrongType(SyncError, TypeError):
    """The name belongs to an object of another type."""


class Mismatch(SyncError, ValueError):
    """The object exists with other parameters."""


class InvalidName(SyncError, ValueError):
    """Not a legal name or URL."""


class OutOfRange(SyncError, OverflowError):
    """A count would leave its range."""


class AlreadyArrived(SyncError, RuntimeError):
    """The workstream has arrived in this generation of the barrier, or joined it, already."""


class NoSpace(SyncError, OSError):
    """The shared-memory file system is full."""


class NoMemory(SyncError, MemoryError):
    """The process is out of memory."""


class LimitReached(SyncError):
    """A table of the space or of this process is full."""


class NotPermitted(SyncError, PermissionError):
    """The system or the owner of the segment does not allow it."""


class VersionMismatch(SyncError):
    """The segment was made by another version of the library."""


class Corrupt(SyncError):
    """The segment is damaged or is no segment at all."""


class SystemFailure(SyncError, OSError):
    """A system call failed; the message names it."""


class Unsupported(SyncError, NotImplementedError):
    """This build or this system cannot do it."""


class Busy(SyncError):
    """In use."""


class Lost(SyncError):
    """The hold is gone: it was taken away by force, or its lease ended."""


class OutcomeUnknown(SyncError):
    """The outcome of the call cannot be told."""


class Unavailable(SyncError):
    """The space cannot be reached; or who was asked is gone and will not reply."""


class Gap(SyncError):
    """Events were missed: read the state again."""


class Late(SyncError):
    """Decided without the caller: there is a result."""


class SyncPointFailed(SyncError, RuntimeError):
    """The sync point failed or was cancelled; `result` tells why."""


class TransactionFailed(SyncError, RuntimeError):
    """An operation of the transaction failed, or an undo, or another part voted against it."""


class NotActive(SyncError, RuntimeError):
    """The transaction or conflict has ended; or a transaction has voted, or was joined already."""


class Unresolvable(SyncError, RuntimeError):
    """Nobody had an answer to the conflict, which waits for somebody who has."""


class NotExpected(SyncError, RuntimeError):
    """The sync point does not expect this workstream."""


class RankOrder(SyncError, RuntimeError):
    """The lock is not above all those that the workstream holds."""


class Preempted(SyncError, RuntimeError):
    """An older workstream goes first: release what is held, and begin again."""


class Unsafe(SyncError, RuntimeError):
    """Not all could end any more if each asked for all that it declared."""


class Full(SyncError, queue.Full):
    """A mailbox has no room for the message."""


class TooLarge(SyncError, ValueError):
    """Larger than the segment has room for."""


class Changed(SyncError, RuntimeError):
    """The cell, or the entry `key` of the store, has another version than the one expected:
    `version`, 0 when it is not there. Of a transaction: what it has read has changed."""

    version = 0
    key: str | None = None


CLASSES = {
    _ffi.E_INVALID: InvalidArgument,
    _ffi.E_HANDLE: InvalidHandle,
    _ffi.E_CLOSED: Closed,
    _ffi.E_FORKED: Forked,
    _ffi.E_TIMEOUT: Timeout,
    _ffi.E_CANCELLED: Cancelled,
    _ffi.E_DEADLOCK: Deadlock,
    _ffi.E_NOT_OWNER: NotOwner,
    _ffi.E_BROKEN: BrokenBarrier,
    _ffi.E_EXISTS: AlreadyExists,
    _ffi.E_NOT_FOUND: NotFound,
    _ffi.E_TYPE: WrongType,
    _ffi.E_MISMATCH: Mismatch,
    _ffi.E_NAME: InvalidName,
    _ffi.E_OVERFLOW: OutOfRange,
    _ffi.E_ALREADY: AlreadyArrived,
    _ffi.E_NO_SPACE: NoSpace,
    _ffi.E_NO_MEMORY: NoMemory,
    _ffi.E_LIMIT: LimitReached,
    _ffi.E_PERMISSION: NotPermitted,
    _ffi.E_VERSION: VersionMismatch,
    _ffi.E_CORRUPT: Corrupt,
    _ffi.E_SYSTEM: SystemFailure,
    _ffi.E_UNSUPPORTED: Unsupported,
    _ffi.E_BUSY: Busy,
    _ffi.E_LOST: Lost,
    _ffi.E_UNKNOWN: OutcomeUnknown,
    _ffi.E_UNAVAILABLE: Unavailable,
    _ffi.E_GAP: Gap,
    _ffi.E_LATE: Late,
    _ffi.E_FAILED: SyncPointFailed,
    _ffi.E_NOT_EXPECTED: NotExpected,
    _ffi.E_RANK: RankOrder,
    _ffi.E_PREEMPTED: Preempted,
    _ffi.E_UNSAFE: Unsafe,
    _ffi.E_FULL: Full,
    _ffi.E_TOO_LARGE: TooLarge,
    _ffi.E_CHANGED: Changed,
}
for _status, _class in CLASSES.items():
    _class.default_status = _status
# What the same statuses mean for transactions and conflicts.
TransactionFailed.default_status = _ffi.E_FAILED
NotActive.default_status = _ffi.E_ALREADY
Unresolvable.default_status = _ffi.E_FAILED


def error_of(status, message=None):
    """The exception for a negative status.

    Without a message it takes the sentence of this thread's last failed call: make it at once.
    """
    if message is None:
        message = quick.syncmgr_last_error().decode("utf-8", "replace")
    return CLASSES.get(status, SyncError)(message, status)


def check(status):
    """Raises for a negative status, returns any other."""
    if status < 0:
        raise error_of(status)
    return status


class Outcomes(dict):
    """Maps a status to a result; raises the exception for one that is not listed."""

    def __missing__(self, status):
        raise error_of(status)


# What close finds when somebody else has closed already, or when this is a forked child.
NOTHING_TO_CLOSE = (_ffi.E_CLOSED, _ffi.E_HANDLE, _ffi.E_FORKED)


def close_quietly(function, address):
    """Calls a close function; having nothing to close is no error."""
    status = function(address)
    if status < 0 and status not in NOTHING_TO_CLOSE:
        raise error_of(status)
