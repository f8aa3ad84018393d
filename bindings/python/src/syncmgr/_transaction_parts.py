"""What transactions are begun with, and how they and their errors are told."""

from __future__ import annotations

import json
from ctypes import byref
from functools import partial
from typing import NamedTuple

from . import _ffi
from ._arguments import integer, timeout_ns, workstream_names
from ._native import quick
from .errors import InvalidArgument, NotActive, Timeout, TransactionFailed
from .validator import error_after

STATUSES = ("pending", "active", "committing", "committed", "rolling_back", "rolled_back", "failed",
            "timed_out")
ISOLATIONS = ("serializable", "repeatable_read", "read_committed")
MODES = {"shared": _ffi.SHARED, "exclusive": _ffi.EXCLUSIVE}

OPEN = (_ffi.TRANSACTION_PENDING, _ffi.TRANSACTION_ACTIVE)
ENDED = (_ffi.TRANSACTION_COMMITTED, _ffi.TRANSACTION_ROLLED_BACK, _ffi.TRANSACTION_TIMED_OUT)

# What ends a transaction and may be begun anew.
PASSED_ON = (_ffi.E_CHANGED, _ffi.E_DEADLOCK, _ffi.E_PREEMPTED, _ffi.E_TIMEOUT, _ffi.E_EXISTS,
             _ffi.E_NOT_FOUND)
# What a lock that was not had ends the transaction by.
ENDING = (_ffi.E_TIMEOUT, _ffi.E_DEADLOCK, _ffi.E_PREEMPTED)


class Undecided(Timeout):
    """The time passed, and the transaction was neither committed nor rolled back."""


class TransactionInfo(NamedTuple):
    """How it is with a transaction: the fields of syncmgr_transaction_info_t."""

    id: int
    status: str
    isolation: str
    operations: int
    executed: int
    reads: int
    writes: int
    locks: int
    is_part: bool
    revision: int
    began_ns: int
    remaining: float | None


def begin(kind, store, *, isolation="serializable", optimistic=False, read_only=False,
          strict=False, priority=0, timeout=None, operation_timeout=None, workstreams=None,
          metadata=None):
    """Begins a transaction of this kind in the name of the store's workstream."""
    if isolation not in ISOLATIONS:
        raise ValueError(f"isolation must be one of {', '.join(ISOLATIONS)}, not {isolation!r}")
    options = _ffi.TransactionOptions.defaults()
    options.flags = (_ffi.TRANSACTION_READ_ONLY * bool(read_only)
                     | _ffi.TRANSACTION_STRICT * bool(strict)
                     | _ffi.TRANSACTION_OPTIMISTIC * bool(optimistic))
    options.isolation = ISOLATIONS.index(isolation)
    options.priority = integer(priority, "priority", -(1 << 31), (1 << 31) - 1)
    options.timeout_ns = timeout_ns(timeout)
    options.operation_timeout_ns = timeout_ns(operation_timeout, "an operation's timeout")
    if workstreams is not None:
        options.workstreams = workstream_names(workstreams)
    if metadata is not None:
        options.metadata = json.dumps(metadata, separators=(",", ":"), allow_nan=False).encode()
    start = partial(quick.syncmgr_transaction_begin, store._here.address, byref(options))
    return kind(store, start, options.operation_timeout_ns)


def number_of(transaction):
    """The number of a transaction, also from its id as records have it."""
    if isinstance(transaction, str):
        try:
            transaction = int(transaction, 16)
        except ValueError:
            raise InvalidArgument(f"{transaction!r} is no id of a transaction") from None
    return integer(transaction, "the id of a transaction", 0, (1 << 64) - 1)


def join(kind, store, transaction):
    """Begins this workstream's part in a transaction."""
    return kind(store, partial(
        quick.syncmgr_transaction_join, store._here.address, number_of(transaction)))


def error_in(status, message=None):
    """The exception for a negative status of a call about a transaction."""
    error = error_after(status, message)
    better = {_ffi.E_FAILED: TransactionFailed, _ffi.E_ALREADY: NotActive}.get(
        getattr(error, "status", _ffi.OK))
    return error if better is None else better(str(error), error.status)


def statuses_of(statuses):
    """The bits for a status or several."""
    names = [statuses] if isinstance(statuses, str) else list(statuses)
    unknown = [name for name in names if name not in STATUSES]
    if unknown:
        raise ValueError(f"statuses are {', '.join(STATUSES)}, not {unknown[0]!r}")
    bits = 0
    for name in names:
        bits |= 1 << STATUSES.index(name)
    return bits
