"""What transactions are for `with` and for `async with`: all of it that does not wait."""

from __future__ import annotations

import time
import weakref
from contextlib import suppress
from ctypes import byref, c_void_p
from functools import partial

from . import _ffi, _process
from ._arguments import integer, text
from ._native import library, quick
from ._operating import Operating
from ._transaction_parts import (
    ENDED,
    ISOLATIONS,
    OPEN,
    PASSED_ON,
    STATUSES,
    TransactionInfo,
    Undecided,
    error_in,
)
from .entry import range_of, read_keys, read_range
from .errors import Closed, SyncError, check, close_quietly
from .operation import RESULT_MAX, result_bytes

# Who waits for votes looks again after this time at the latest: that somebody died is no commit.
VOTES_LOOK_NS = 20_000_000

# What a step says that was done already.
NOTHING = 0xffffffff


def _abandoned(kind, members, _):
    """Ends a transaction that nobody refers to any more, of which there are the members only."""
    again = kind.__new__(kind)
    again.__dict__ = members
    again._abandon()


class TransactionBase(Operating):
    """A transaction: handle, operations, and what its steps are about."""

    def __init__(self, store, start, operation_limit=_ffi.FOREVER):
        # The library writes its handle here, where it is found whatever interrupts this.
        self._out = c_void_p()
        self._last = None
        self._born = _process.generation()
        self._store = store
        self._handlers = store._owner.manager._handlers
        self._step = _ffi.Step()
        self._step.kind = NOTHING
        # What came of the operation that the step is about: result or exception.
        self._landed = None
        # What executing and undoing raised.
        self._raised = self._undo_raised = None
        # Whether an operation was executed with which it cannot be committed.
        self._misses = False
        # Keys that it has locked because it uses them, by how.
        self._locked = {}
        self._marks = 0
        # Whether its steps are being taken: what fails meanwhile is told by a report.
        self._is_driven = False
        # Why it could not be rolled back, in words.
        self._failure = None
        self._operation_limit = operation_limit
        self._has_voted = False
        # Whether its last steps were for a commit that was not decided in time.
        self._is_undecided = False
        # Whether it was begun by a dead process.
        self._is_adopted = False
        self._operations = []
        self._deadline = None
        # No `__del__`: what a signal handler raises in Python code at the end of an object
        # is lost, and nearly all of them were closed before.
        finish = partial(_abandoned, type(self), self.__dict__)
        for reference, again in list(store._transactions.values()):
            if reference() is None:
                # A signal came while it was being finished.
                again(reference)
        store._transactions[id(self._out)] = weakref.ref(self, finish), finish
        self._check(start(byref(self._out)))
        raw = self._raw_info()
        self._deadline = (None if raw.remaining_ns < 0
                          else time.monotonic_ns() + raw.remaining_ns)
        self._is_optimistic = bool(raw.flags & _ffi.TRANSACTION_OPTIMISTIC)
        self._locks_reads = not self._is_optimistic and raw.isolation != _ffi.READ_COMMITTED
        self._is_strict = bool(raw.flags & _ffi.TRANSACTION_STRICT)
        # Of one that was taken over, or joined again.
        self._operations = [self._kept_operation(index) for index in range(raw.operations)]

    @property
    def _address(self):
        """The handle, None when it was closed."""
        return self._out.value

    def _live_address(self):
        if self._address is None:
            raise Closed("the transaction was closed")
        return self._address

    # ---- how it is

    def _raw_info(self):
        if self._address is None and self._last is not None:
            return self._last
        found = _ffi.TransactionInfo()
        check(quick.syncmgr_transaction_info(self._live_address(), byref(found)))
        return found

    def info(self) -> TransactionInfo:
        """How it is, or was when it was closed."""
        raw = self._raw_info()
        return TransactionInfo(
            raw.id, STATUSES[raw.status], ISOLATIONS[raw.isolation], raw.operations, raw.executed,
            raw.reads, raw.writes, raw.locks, bool(raw.is_part), raw.revision, raw.began_ns,
            None if raw.remaining_ns < 0 else raw.remaining_ns / 1e9)

    @property
    def id(self) -> int:
        """The id, by which others join it."""
        return self._raw_info().id

    @property
    def status(self) -> str:
        """ "pending", "active", "committing", "committed", "rolling_back", "rolled_back", "failed"
        or "timed_out"."""
        return STATUSES[self._raw_info().status]

    def _is_active(self):
        """Whether there is something to be done in it."""
        with suppress(SyncError):
            return self._address is not None and self._raw_info().status in OPEN
        return False

    def _is_open(self):
        """Whether it may have something that it holds."""
        try:
            return self._address is not None and self._raw_info().status not in ENDED
        except SyncError:
            # Its workstream was closed.
            return False

    # ---- reading and writing, once what is needed is locked

    def _read_locked(self, names):
        return read_keys("syncmgr_transaction_get", self._live_address(), names)

    def _range_locked(self, wanted, limit):
        if limit is not None:
            limit = integer(limit, "limit", 1, (1 << 31) - 1)
        return read_range("syncmgr_transaction_range", self._live_address(), wanted, limit)

    def _put_locked(self, change):
        return quick.syncmgr_transaction_put(self._live_address(), byref(change))

    def _to_lock(self, names, mode):
        """Which of the keys are to be locked first."""
        if self._is_optimistic or mode == _ffi.SHARED and not self._locks_reads:
            return []
        return [name for name in names if self._locked.get(name, -1) < mode]

    def _start_lock(self, target, mode, limit, wait, queue=None, user_data=0):
        """The call that starts to lock, for Wait.run or for a queue."""
        wanted = _ffi.Target(name=text(target, "a target"), mode=mode)
        return partial(quick.syncmgr_transaction_lock_start, self._live_address(), byref(wanted),
                       limit, queue, user_data, wait.ticket_out)

    def _within(self, limit):
        """How long a lock may take."""
        if self._deadline is None:
            return limit
        left = max(self._deadline - time.monotonic_ns(), 1)
        return left if limit < 0 else min(limit, left)

    def _not_locked(self, status, target):
        """The exception for a lock that was not had. When the time of all is over, that is told."""
        if status != _ffi.E_TIMEOUT:
            return error_in(status)
        if not self._is_driven:
            late = self._range_locked(range_of(None, None, None, True), 1)
            if type(late) is int:
                return error_in(late)
        return error_in(status, f"the lock of '{target}' was not free in time")

    def _goes_back(self, ends):
        """Whether it has to be rolled back by steps after an error, which `ends` what is open."""
        if self._is_driven or self._address is None:
            return False
        status = self._raw_info().status
        return status == _ffi.TRANSACTION_ROLLING_BACK or ends and status in OPEN

    def unlock(self, target: str) -> None:
        """Gives up what `lock` has locked, before the end. NotPermitted when its key was read or
        written, which needs the lock."""
        self._check(quick.syncmgr_transaction_unlock(
            self._live_address(), text(target, "a target")))

    def _check(self, status):
        if status < 0:
            raise error_in(status)
        return status

    def _changed(self, status, change):
        """The exception of a put."""
        error = error_in(status)
        if status == _ffi.E_CHANGED:
            error.key = change.key.decode()
            error.version = self._store._version(error.key)
        return error

    # ---- savepoints

    def _mark(self, name):
        if name is None:
            self._marks += 1
            name = f"savepoint {self._marks}"
        self._check(quick.syncmgr_transaction_savepoint(
            self._live_address(), text(name, "the name of a savepoint")))
        return name

    # ---- steps

    def _miss(self, error):
        """Goes back, because of an error that is told at the end."""
        if self._raised is None:
            self._raised = error
        self._aim(_ffi.AIM_ROLLBACK)

    @staticmethod
    def _is_to_go_back(aim, error):
        """Whether it is rolled back because something was raised between two steps."""
        if isinstance(error, Undecided):
            return False
        # A rollback that failed is not tried again, one that was interrupted is.
        return aim != _ffi.AIM_ROLLBACK or not isinstance(error, SyncError)

    def _votes_span(self, left):
        """How long to wait for votes before another look. Undecided when the time is over."""
        if left == 0:
            self._is_undecided = True
            raise Undecided(f"{self!r} was not decided in time")
        spans = [span for span in (self._step.timeout_ns, left, VOTES_LOOK_NS) if span >= 0]
        return min(spans)

    def _aim(self, aim, savepoint=None):
        goes_on, self._is_undecided = self._is_undecided and aim == _ffi.AIM_COMMIT, False
        if not goes_on:
            self._check(quick.syncmgr_transaction_aim(self._live_address(), aim, savepoint))
        self._undo_raised = None

    def _next_step(self):
        """Takes a step, which `_step` has then. True when it is the last."""
        self._check(library.syncmgr_transaction_step(self._live_address(), byref(self._step)))
        return self._step.kind == _ffi.STEP_DONE

    def _report(self, index, is_undo, landed):
        """Reports what came of an operation: a list of its result, or an exception.

        Again after a signal: it was reported already then.
        """
        status, data = _ffi.OK, b""
        if isinstance(landed, BaseException):
            status = getattr(landed, "status", _ffi.E_FAILED)
            if status not in PASSED_ON:
                status = _ffi.E_FAILED
            if is_undo:
                self._undo_raised = landed
            elif self._raised is None:
                self._raised = landed
        elif not is_undo:
            operation = self._operations[index]
            operation._result = landed
            data = result_bytes(landed[0])
            if data is None:
                if operation.name is not None and self._raised is None:
                    # It was executed, but others could not undo it: all is rolled back.
                    self._misses = True
                    self._raised = TypeError(
                        f"the result of '{operation.name}' must be bytes or JSON, of up to "
                        f"{RESULT_MAX} bytes: others may have to undo it")
                data = b""
        quick.syncmgr_transaction_report(
            self._live_address(), index, status, data or None, len(data))
        self._step.kind = NOTHING
        self._landed = None
        if self._misses:
            self._misses = False
            self._aim(_ffi.AIM_ROLLBACK)

    def _report_interrupted(self):
        """After a signal: what the last step said, and was not reported, has not happened, unless
        it has landed."""
        step = self._step
        if step.kind in (_ffi.STEP_EXECUTE, _ffi.STEP_UNDO):
            landed = self._landed
            if landed is None:
                landed = KeyboardInterrupt("it was interrupted before it was begun")
            self._report(step.index, step.kind == _ffi.STEP_UNDO, landed)
        step.kind = NOTHING
        self._landed = None

    def _outcome(self, aim):
        """The exception that the last step stands for; None when the aim was reached."""
        status = self._step.status
        error = None if status >= 0 else error_in(status)
        raised, self._raised = self._raised, None
        if error is not None and self._raw_info().status == _ffi.TRANSACTION_FAILED:
            error.__cause__ = self._undo_raised or raised
            return error
        if aim == _ffi.AIM_ROLLBACK:
            # The error is the one for which it was rolled back.
            return None
        return error if raised is None else raised

    # ---- the end

    def _note(self, error):
        """Tells, with an exception, that not all could be undone because of it."""
        failure, self._failure = self._failure, None
        if failure is not None:
            error.add_note(f"rolling back failed: {failure}")

    def _leave(self):
        """The end of `with`. One of which an undo failed stays, so that it can be tried again."""
        with suppress(SyncError):
            if self._address is not None and self._raw_info().status == _ffi.TRANSACTION_FAILED:
                return
        self._abandon()

    def close(self) -> None:
        """Closes the handle. One that has not ended is rolled back; what was executed without a
        name, and was not undone before, is not undone any more."""
        address = self._address
        if address is None:
            self._store._transactions.pop(id(self._out), None)
            return
        with suppress(SyncError):
            self._last = self._raw_info()
            if self._last.status in OPEN:
                self._last.status = _ffi.TRANSACTION_ROLLED_BACK
            for operation in self._operations:
                operation._last = operation._stored()
        if self._born == _process.generation():
            close_quietly(library.syncmgr_transaction_close, address)
        self._out.value = None
        self._store._transactions.pop(id(self._out), None)

    def _is_left_open(self):
        """Whether somebody has forgotten it in the midst of it."""
        with suppress(SyncError):
            return (self._address is not None and not self._has_voted
                    and self._raw_info().status not in (*ENDED, _ffi.TRANSACTION_FAILED))
        return False

    def _abandon(self):
        """The end of one that nobody refers to any more."""
        self.close()

    def __repr__(self):
        try:
            info = self.info()
        except Exception:
            return f"<syncmgr.{type(self).__name__}: closed>"
        return f"<syncmgr.{type(self).__name__} {info.id:016x}: {info.status}>"
