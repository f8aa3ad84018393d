"""Transactions for asyncio."""

import asyncio
import inspect
from functools import partial

from . import _ffi
from ._aio_store import on_disk
from ._arguments import clock_of, text, timeout_ns
from ._line import line_of
from ._steps import NOTHING, TransactionBase
from ._transaction_parts import ENDING, MODES, error_in
from .entry import names_of, one_change, range_of
from .errors import NotActive, SyncError


class AioTransaction(TransactionBase):
    """`async with store.aio.transaction() as tx:` commits at the end, or rolls back what raises.

    As Transaction, but what may have to wait is awaited, and what executes and undoes operations
    may be coroutine functions, each of which runs as a task. An operation whose time passes goes on
    and is undone when it has come back. When the task is cancelled its operations are cancelled
    too, and it is rolled back before CancelledError is raised.
    """

    def __init__(self, *arguments):
        super().__init__(*arguments)
        # What is under way, by the numbers of operations.
        self._tasks = {}

    # ---- reading

    async def get(self, key, default=None):
        """The value of a key, `default` when it is not there."""
        entry = await self.entry(key)
        return default if entry is None else entry.value

    async def entry(self, key):
        """What a key has, None when it is not there."""
        return (await self.snapshot([key])).get(key)

    async def snapshot(self, keys):
        """Reads several keys at one moment. Those that are not there are not in the result."""
        names = names_of(keys)
        if not names:
            return {}
        await self._lock_all(names, _ffi.SHARED)
        return await self._ended(self._read_locked(names))

    async def range(self, prefix=None, *, glob=None, after=None, limit=None):
        """The entries of a range, as Store.range, with what the transaction has written itself."""
        return await self._ended(self._range_locked(range_of(prefix, glob, after), limit))

    async def keys(self, prefix=None, *, glob=None, after=None, limit=None):
        """The keys of a range."""
        return await self._ended(self._range_locked(range_of(prefix, glob, after, True), limit))

    # ---- writing

    async def put(self, key, value, *, expected=None):
        """Gives a key a value, as Transaction.put does."""
        await self._put(one_change(key, value, expected))

    async def delete(self, key, *, expected=None):
        """Deletes a key, as Transaction.delete does."""
        await self._put(one_change(key, None, expected, True))

    async def _put(self, change):
        await self._lock_all([change.key.decode()], _ffi.EXCLUSIVE)
        status = self._put_locked(change)
        if status < 0:
            raise await self._end(self._changed(status, change))

    # ---- locks

    async def lock(self, target, *, mode="exclusive", timeout=None):
        """Locks a key, or any other name, as Transaction.lock does."""
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, not {mode!r}")
        limit = timeout_ns(timeout)
        return await self._lock(target, MODES[mode], limit, limit == 0)

    async def _lock_all(self, names, mode):
        for name in self._to_lock(names, mode):
            await self._lock(name, mode, self._operation_limit)
            self._locked[name] = mode

    async def _lock(self, target, mode, limit, tries=False):
        try:
            status = await self._waited(
                partial(self._start_lock, target, mode, self._within(limit)))
        except SyncError as error:
            raise await self._end(error, error.status in ENDING) from None
        if status >= 0:
            return True
        if tries:
            return False
        raise await self._end(self._not_locked(status, target), True)

    async def _waited(self, start):
        """Waits by a call that starts it; returns a grant or E_TIMEOUT."""
        status, _ = await line_of(self._store._owner.manager).wait(start, {})
        return status

    # ---- operations

    async def execute(self):
        """Executes now, in order, the operations that were not executed yet."""
        await self._go(_ffi.AIM_EXECUTE)

    async def _go(self, aim, savepoint=None, limit=_ffi.FOREVER):
        """Takes steps up to the aim; when something comes between, all the way back."""
        self._aim(aim, savepoint)
        left = clock_of(limit)
        self._is_driven = True
        try:
            while not self._next_step():
                await self._take_step(self._step, left)
        except BaseException as error:
            if self._is_to_go_back(aim, error):
                await self._roll_back()
            raise
        finally:
            self._is_driven = False
        outcome = self._outcome(aim)
        if outcome is not None:
            raise outcome
        return self._step.revision

    async def _take_step(self, step, left):
        if step.kind in (_ffi.STEP_EXECUTE, _ffi.STEP_UNDO):
            self._do(step.index, step.kind == _ffi.STEP_UNDO)
        elif step.kind == _ffi.STEP_WAIT:
            task, _ = self._tasks[step.index]
            await asyncio.wait((task,), timeout=None if step.timeout_ns < 0
                               else step.timeout_ns / 1e9)
        elif step.kind == _ffi.STEP_LOCK:
            target = self._operations[step.index].target
            try:
                status = await self._waited(partial(
                    self._start_lock, target, step.mode, step.timeout_ns))
                if status < 0:
                    self._miss(self._not_locked(status, target))
            except SyncError as error:
                self._miss(error)
        elif step.kind == _ffi.STEP_VOTES:
            span = self._votes_span(left())
            await self._waited(partial(self._store._start, None, step.revision, span))
        elif step.kind == _ffi.STEP_SYNC:
            await on_disk(self._store, step.revision)

    def _do(self, index, is_undo):
        """Executes or undoes an operation, or begins to."""
        operation = self._operations[index]
        try:
            landed = self._function(operation, is_undo)(operation)
            if inspect.isawaitable(landed):
                task = asyncio.ensure_future(landed)
                self._tasks[index] = task, is_undo
                self._step.kind = NOTHING
                task.add_done_callback(partial(self._come_back, index, is_undo))
                return
            landed = [landed]
        except BaseException as error:
            landed = error
        self._report(index, is_undo, landed)

    def _come_back(self, index, is_undo, task):
        """Reports what came of an operation that was under way."""
        del self._tasks[index]
        if self._address is None:
            return
        if task.cancelled():
            landed = asyncio.CancelledError()
        else:
            landed = task.exception() or [task.result()]
        self._report(index, is_undo, landed)

    # ---- ends

    async def _ended(self, result):
        """What was read, unless it is a negative status."""
        if type(result) is int:
            raise await self._end(error_in(result))
        return result

    async def _end(self, error, ends=False):
        """Goes back by steps where an error asks for that, and returns it."""
        if self._goes_back(ends):
            await self._roll_back()
        return error

    async def _roll_back(self):
        """Rolls back because of what is being raised, also in a task that is being cancelled."""
        for task, is_undo in self._tasks.values():
            if not is_undo:
                task.cancel()
        back = asyncio.ensure_future(self._go(_ffi.AIM_ROLLBACK))
        cancelled = None
        while not back.done():
            try:
                await asyncio.wait((back,))
            except asyncio.CancelledError as error:
                # What has begun is finished first.
                cancelled = error
        if not back.cancelled():
            failure = back.exception()
            self._failure = None if failure is None or isinstance(failure, NotActive) else str(
                failure)
        if cancelled is not None:
            raise cancelled

    async def commit(self, *, queued=False, timeout=None):
        """Makes all changes seen at once, as Transaction.commit does. Returns their revision."""
        limit = timeout_ns(timeout)
        revision = await self._go(_ffi.AIM_COMMIT)
        if not queued:
            await on_disk(self._store, revision, limit)
        return revision

    async def prepare(self):
        """Votes for the commit, as Transaction.prepare does."""
        await on_disk(self._store, await self._go(_ffi.AIM_PREPARE))

    async def wait(self, timeout=None):
        """Waits for the decision, as Transaction.wait does."""
        return await self._go(_ffi.AIM_COMMIT, limit=timeout_ns(timeout))

    async def rollback(self):
        """Undoes what was executed, as Transaction.rollback does."""
        await self._go(_ffi.AIM_ROLLBACK)

    def savepoint(self, name=None):
        """Marks a place to roll back to: `async with tx.savepoint():` does that with what raises.
        """
        return AioSavepoint(self, self._mark(name))

    async def rollback_to(self, name):
        """Undoes what was done since the savepoint of that name. Locks and reads stay."""
        await self._go(_ffi.AIM_ROLLBACK_TO, text(name, "the name of a savepoint"))

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, error, _):
        try:
            if error is None:
                if self._is_open():
                    await self.commit()
            elif self._is_open():
                await self._roll_back()
                self._note(error)
        finally:
            self._leave()


class AioSavepoint:
    """A place in a transaction to roll back to, as Savepoint."""

    def __init__(self, transaction, name):
        self._transaction = transaction
        self.name = name

    async def rollback(self):
        """Undoes what was done since."""
        await self._transaction.rollback_to(self.name)

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, *_):
        if kind is not None and self._transaction._is_active():
            await self.rollback()
