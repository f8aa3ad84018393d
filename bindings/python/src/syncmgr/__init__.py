"""syncmgr: programs in any language meet, exclude and wait for each other.

    import syncmgr

    with syncmgr.open("shm:jobs") as space:
        with space.mutex("db") as lock:
            if lock.recovered:
                ...  # the owner before died: the data may be half changed

Objects opened through the manager act for the thread that uses them; `space.workstream("worker-1")`
makes an owner apart from threads, and `mutex.aio` is the form for asyncio. `once` has one process
do something and gives its result to all. `space.store()` has entries, transactions and conflicts.
Waits take seconds; None is without end, 0 a try. Ctrl-C interrupts every wait. The C header is the
reference.
"""

from ._native import path as library_path
from ._native import version
from ._channel_parts import Mailbox, Reached
from .barrier import Barrier
from .channel import Channel
from .condition import Condition
from .deadlock import DeadlockMember, DeadlockRecord
from .election import Election, once
from .entry import Check, Committed, Delete, Entries, Entry, Put
from .errors import (
    AlreadyArrived,
    AlreadyExists,
    BrokenBarrier,
    Busy,
    Cancelled,
    Changed,
    Closed,
    Corrupt,
    Deadlock,
    Forked,
    Full,
    Gap,
    InvalidArgument,
    InvalidHandle,
    InvalidName,
    Late,
    LimitReached,
    Lost,
    Mismatch,
    NoMemory,
    NoSpace,
    NotActive,
    NotExpected,
    NotFound,
    NotOwner,
    NotPermitted,
    OutcomeUnknown,
    OutOfRange,
    Preempted,
    RankOrder,
    SyncError,
    SyncPointFailed,
    SystemFailure,
    Timeout,
    TooLarge,
    TransactionFailed,
    Unavailable,
    Unresolvable,
    Unsafe,
    Unsupported,
    VersionMismatch,
    WrongType,
)
from .event import Event
from .holder import Holder
from .latch import Latch
from .loan import Loan
from .manager import Manager, open, unlink
from .many import LockMany, lock_many
from .memory import Cell, Memory
from .message import Message, View
from .mutex import Mutex
from .queue import Queue, Record
from .resolving import Resolution, compare_clocks, merge_clocks, resolve
from .resource import Resource
from .rwlock import RWLock
from .semaphore import Semaphore
from .store import Store, StoreInfo
from .sync_point import SyncPoint, SyncPointStatus, SyncResult
from .workstream import Workstream

__version__ = version()

__all__ = [
    "AlreadyArrived", "AlreadyExists", "Barrier", "BrokenBarrier", "Busy", "Cancelled", "Cell",
    "Changed", "Channel", "Check", "Closed", "Committed", "Condition", "Corrupt", "Deadlock",
    "DeadlockMember", "DeadlockRecord", "Delete", "Election", "Entries", "Entry", "Event", "Forked",
    "Full", "Gap", "Holder", "InvalidArgument", "InvalidHandle", "InvalidName", "Latch", "Late",
    "LimitReached", "Loan", "LockMany", "Lost", "Mailbox", "Manager", "Memory", "Message",
    "Mismatch", "Mutex", "NoMemory", "NoSpace", "NotActive", "NotExpected", "NotFound", "NotOwner",
    "NotPermitted", "OutOfRange", "OutcomeUnknown", "Preempted", "Put", "Queue", "RWLock",
    "RankOrder", "Reached", "Record", "Resolution", "Resource", "Semaphore", "Store", "StoreInfo",
    "SyncError", "SyncPoint", "SyncPointFailed", "SyncPointStatus", "SyncResult", "SystemFailure",
    "Timeout", "TooLarge", "TransactionFailed", "Unavailable", "Unresolvable", "Unsafe",
    "Unsupported", "VersionMismatch", "View", "Workstream", "WrongType", "compare_clocks",
    "library_path", "lock_many", "merge_clocks", "once", "open", "resolve", "unlink", "version",
]
