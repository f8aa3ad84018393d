"""Transaction: several changes of a store, and what else is to be done with them, as one."""

from __future__ import annotations

import inspect
import time
import weakref

from . import _ffi
from ._arguments import clock_of, text, timeout_ns
from ._steps import TransactionBase
from ._transaction_parts import ENDING, MODES, error_in
from ._wait import Wait
from .entry import names_of, one_change, range_of
from .errors import NotActive, SyncError, check

# How often it is looked for what another thread does.
LOOK_SECONDS = 0.001

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .entry import Entries, Entry


class Transaction(TransactionBase):
    """`with store.transaction() as tx:` commits at the end, or rolls back what raises.

    What it writes stays with it until its commit, which makes all of it seen at once. Reading and
    writing waits for locks, unless it is optimistic. Errors that end it (Changed, Deadlock,
    Preempted, Timeout) have rolled it back when they are raised. For one thread at a time.
    """

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
        """What a key has, None when it is not there."""
        return self.snapshot([key]).get(key)

    def snapshot(self, keys: Iterable[str]) -> dict[str, Entry]:
        """Reads several keys at one moment. Those that are not there are not in the result."""
        names = names_of(keys)
        if not names:
            return {}
        self._lock_all(names, _ffi.SHARED)
        return self._ended(self._read_locked(names))

    def range(self, prefix: str | None = None, *, glob: str | None = None,
              after: str | None = None, limit: int | None = None) -> Entries[Entry]:
        """The entries of a range, as Store.range, with what the transaction has written itself."""
        return self._ended(self._range_locked(range_of(prefix, glob, after), limit))

    def keys(self, prefix: str | None = None, *, glob: str | None = None,
             after: str | None = None, limit: int | None = None) -> Entries[str]:
        """The keys of a range."""
        return self._ended(self._range_locked(range_of(prefix, glob, after, True), limit))

    def __contains__(self, key: str) -> bool:
        return self.entry(key) is not None

    # ---- writing

    def __setitem__(self, key: str, value: Any) -> None:
        self.put(key, value)

    def put(self, key: str, value: Any, *, expected: int | None = None) -> None:
        """Gives a key a value, with `expected` only if it has that version, 0: if it is not there.
        Else it is Changed, and the transaction goes on."""
        self._put(one_change(key, value, expected))

    def delete(self, key: str, *, expected: int | None = None) -> None:
        """Deletes a key, if it is there, with `expected` only if it has that version."""
        self._put(one_change(key, None, expected, True))

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        self.delete(key)

    def _put(self, change):
        self._lock_all([change.key.decode()], _ffi.EXCLUSIVE)
        status = self._put_locked(change)
        if status < 0:
            raise self._end(self._changed(status, change))

    # ---- locks

    def lock(self, target: str, *, mode: str = "exclusive", timeout: float | None = None) -> bool:
        """Locks a key, or any other name, "shared" or "exclusive", until the transaction ends.

        With a timeout of 0 it only tries: False when others have it. Otherwise a timeout that
        passes ends the transaction.
        """
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, not {mode!r}")
        limit = timeout_ns(timeout)
        return self._lock(target, MODES[mode], limit, tries=limit == 0)

    def _lock_all(self, names, mode):
        for name in self._to_lock(names, mode):
            self._lock(name, mode, self._operation_limit)
            self._locked[name] = mode

    def _lock(self, target, mode, limit, tries=False):
        wait = Wait()
        status = wait.run(self._start_lock(target, mode, self._within(limit), wait))
        if status >= 0:
            return True
        if tries and status == _ffi.E_TIMEOUT:
            return False
        raise self._end(self._not_locked(status, target), status in ENDING)

    # ---- operations

    def execute(self) -> None:
        """Executes now, in order, the operations that were not executed yet."""
        self._go(_ffi.AIM_EXECUTE)

    def _go(self, aim, savepoint=None, limit=_ffi.FOREVER):
        """Takes steps up to the aim; when something comes between, all the way back."""
        self._aim(aim, savepoint)
        left = clock_of(limit)
        self._is_driven = True
        try:
            while not self._next_step():
                self._take_step(self._step, left)
        except BaseException as error:
            if self._is_to_go_back(aim, error):
                self._roll_back()
            raise
        finally:
            self._is_driven = False
        outcome = self._outcome(aim)
        if outcome is not None:
            raise outcome
        return self._step.revision

    def _take_step(self, step, left):
        if step.kind in (_ffi.STEP_EXECUTE, _ffi.STEP_UNDO):
            self._do(step.index, step.kind == _ffi.STEP_UNDO)
        elif step.kind == _ffi.STEP_LOCK:
            target = self._operations[step.index].target
            wait = Wait()
            status = wait.run(self._start_lock(target, step.mode, step.timeout_ns, wait))
            if status < 0:
                self._miss(self._not_locked(status, target))
        elif step.kind == _ffi.STEP_VOTES:
            wait = Wait()
            span = self._votes_span(left())
            status = wait.run(self._store._start(None, step.revision, span, wait))
            if status != _ffi.E_TIMEOUT:
                check(status)
        elif step.kind == _ffi.STEP_SYNC:
            self._store._sync(step.revision, _ffi.FOREVER)
        else:
            # It is under way in another thread.
            time.sleep(LOOK_SECONDS)

    def _do(self, index, is_undo):
        """Executes or undoes an operation, and reports what came of it."""
        operation = self._operations[index]
        try:
            function = self._function(operation, is_undo)
        except SyncError as error:
            self._landed = error
        else:
            call = map(function, (operation,))
            # As _wait.py tells, a signal comes neither between here and the beginning of the
            # function, nor between its end and the note that it has landed.
            try:
                for result in call:
                    self._landed = [result]
                    break
            except BaseException as error:
                self._landed = error
            if self._landed is None:
                self._landed = RuntimeError(f"{operation!r} raised StopIteration")
            elif type(self._landed) is list and inspect.iscoroutine(self._landed[0]):
                self._landed[0].close()
                self._landed = TypeError(
                    f"{operation!r} is for asyncio: use store.aio.transaction()")
        self._report(index, is_undo, self._landed)

    # ---- ends

    def _ended(self, result):
        """What was read, unless it is a negative status."""
        if type(result) is int:
            raise self._end(error_in(result))
        return result

    def _end(self, error, ends=False):
        """Goes back by steps where an error asks for that, and returns it."""
        if self._goes_back(ends):
            self._roll_back()
        return error

    def _roll_back(self):
        """Rolls back because of what is being raised. One that has ended stays so.

        A second signal interrupts this: what was not undone then is not lost, see `rollback`.
        """
        try:
            self._report_interrupted()
            self._go(_ffi.AIM_ROLLBACK)
        except NotActive:
            # It has ended.
            pass
        except SyncError as error:
            # In words: an exception refers to frames, and these to the transaction.
            self._failure = str(error)

    def commit(self, *, queued: bool = False, timeout: float | None = None) -> int:
        """Executes the operations, and makes all changes seen at once. Returns their revision.

        Where the space has a file they are on disk then, unless it is `queued`; Timeout when they
        are not after `timeout` seconds, but seen. With several workstreams it votes, and waits for
        the others. After any other exception it is rolled back: Changed when something that was
        read has changed, or what an operation raised.
        """
        limit = timeout_ns(timeout)
        revision = self._go(_ffi.AIM_COMMIT)
        if not queued:
            self._store._sync(revision, limit)
        return revision

    def prepare(self) -> None:
        """Votes for the commit, with several workstreams: what it has done will be done if all the
        others vote for it too, even when this process dies. `wait` tells the decision."""
        revision = self._go(_ffi.AIM_PREPARE)
        self._has_voted = True
        self._store._sync(revision, _ffi.FOREVER)

    def wait(self, timeout: float | None = None) -> int:
        """Waits until a transaction that was prepared is decided. Returns the revision of its
        commit. TransactionFailed when it is rolled back; Timeout when `timeout` seconds pass."""
        return self._go(_ffi.AIM_COMMIT, limit=timeout_ns(timeout))

    def rollback(self) -> None:
        """Undoes what was executed, the newest first, and drops what was written.

        Of a "failed" one, of which an undo has raised, it tries that again. TransactionFailed when
        an undo raises.
        """
        self._report_interrupted()
        self._go(_ffi.AIM_ROLLBACK)

    def savepoint(self, name: str | None = None) -> Savepoint:
        """Marks a place to roll back to: `with tx.savepoint():` does that with what raises."""
        return Savepoint(self, self._mark(name))

    def rollback_to(self, name: str) -> None:
        """Undoes what was done since the savepoint of that name. Locks and reads stay."""
        self._go(_ffi.AIM_ROLLBACK_TO, text(name, "the name of a savepoint"))

    def _abandon(self):
        # A signal may have come just before the end of `with`: what was executed is undone here.
        if self._is_left_open():
            for operation in self._operations:
                operation._transaction = weakref.ref(self)
            self._roll_back()
        self.close()

    def __enter__(self) -> Transaction:
        return self

    def __exit__(self, kind, error, _):
        try:
            if error is None:
                if self._is_open():
                    self.commit()
            elif self._is_open():
                self._roll_back()
                self._note(error)
        finally:
            self._leave()


class Savepoint:
    """A place in a transaction to roll back to; a context manager that does it when something
    raises, which it passes on."""

    def __init__(self, transaction, name):
        self._transaction = transaction
        self.name = name

    def rollback(self) -> None:
        """Undoes what was done since."""
        self._transaction.rollback_to(self.name)

    def __enter__(self) -> Savepoint:
        return self

    def __exit__(self, kind, *_):
        if kind is not None and self._transaction._is_active():
            self.rollback()
