"""The store for asyncio."""

import asyncio
import inspect
from contextlib import closing
from functools import partial

from . import _ffi
from ._arguments import timeout_ns
from ._form import Form
from ._line import line_of
from ._transacting import AGAIN, Attempts
from .errors import Changed, Timeout


class AioStore(Form):
    """A store for tasks: `await store.aio.put("key", 7)`, `async for change in store.aio.watch()`.

    Reading does not wait. Cancelling a task that waits for the disk leaves the change done.
    """

    __slots__ = ()
    _passed = ("get", "entry", "snapshot", "range", "keys", "watch", "info", "handler",
               "validator", "transactions", "transaction_record", "clear_transactions", "name")

    def __getitem__(self, key):
        return self._mine()[key]

    def __contains__(self, key):
        return key in self._mine()

    async def put(self, key, value, *, expected=None, queued=False):
        """Gives a key a value and returns its new version, as Store.put does."""
        mine = self._mine()
        version = mine.put(key, value, expected=expected, queued=True)
        await self._settle(mine, queued)
        return version

    async def put_if_absent(self, key, value, *, queued=False):
        """Gives a key a value if it has none, as Store.put_if_absent does."""
        try:
            return await self.put(key, value, expected=0, queued=queued)
        except Changed:
            return None

    async def delete(self, key, *, expected=None, queued=False):
        """Deletes a key, as Store.delete does."""
        mine = self._mine()
        deleted = mine.delete(key, expected=expected, queued=True)
        await self._settle(mine, queued)
        return deleted

    async def update(self, key, function, default=None, *, queued=False):
        """Puts `function(value)` in the place of the value, as Store.update does; what the function
        returns is awaited when it can be."""
        while True:
            mine = self._mine()
            entry = mine.entry(key)
            value = function(default if entry is None else entry.value)
            if inspect.isawaitable(value):
                value = await value
            try:
                await self.put(key, value, expected=0 if entry is None else entry.version,
                               queued=queued)
                return value
            except Changed as changed:
                if changed.key != key:
                    raise

    async def commit(self, changes, *, timeout=None, queued=False):
        """Makes all changes or none, as Store.commit does."""
        limit = timeout_ns(timeout)
        mine = self._mine()
        committed = mine.commit(changes, queued=True)
        await self._settle(mine, queued, committed.revision, limit)
        return committed

    async def wait(self, key=None, seen=0, timeout=None):
        """Waits until the version of a key is not `seen`, as Store.wait does."""
        limit = timeout_ns(timeout)
        mine = self._mine()
        status, record = await self._wait(partial(mine._start, key, seen, limit), {})
        return mine._seen(key, status, record)

    # ---- transactions

    def transaction(self, **options):
        """Begins a transaction, as Store.transaction does: `async with` commits it at the end."""
        from ._aio_transaction import AioTransaction
        from ._transaction_parts import begin

        return begin(AioTransaction, self._mine(), **options)

    async def transact(self, function, *, retries=10, retry_delay=0.001, timeout=None, **options):
        """Awaits `function(tx)` in a transaction and commits it, as Store.transact does."""
        attempts = Attempts(retries, retry_delay, timeout)
        while True:
            try:
                async with self.transaction(timeout=attempts.timeout(), **options) as transaction:
                    result = function(transaction)
                    if inspect.isawaitable(result):
                        result = await result
                return result
            except AGAIN:
                pause = attempts.pause()
                if pause is None:
                    raise
            await asyncio.sleep(pause)

    def join(self, transaction):
        """Joins a transaction as a part of it, as Store.join does."""
        from ._aio_transaction import AioTransaction
        from ._transaction_parts import join

        return join(AioTransaction, self._mine(), transaction)

    @property
    def conflicts(self):
        """The conflicts of the space, for tasks."""
        from ._aio_conflicts import AioConflicts

        return AioConflicts(self._mine())

    async def merge(self, key, value=None, **options):
        """Puts a JSON value that was made from an older one, as Store.merge does."""
        mine = self._mine()
        queued = options.pop("queued", False)
        merged = mine.merge(key, value, queued=True, **options)
        await self._settle(mine, queued)
        return merged

    async def recover(self):
        """Ends what dead processes have left, as Store.recover does; handlers may be coroutine
        functions."""
        from ._aio_transaction import AioTransaction

        mine = self._mine()
        report = mine._recover_alone()
        while (transaction := mine._adopt(AioTransaction)) is not None:
            with closing(transaction):
                await transaction._roll_back()
                transaction._tell(report)
        return report

    async def constraint(self, pattern, rule):
        """Declares what keys may be changed to, as Store.constraint does."""
        mine = self._mine()
        mine.constraint(pattern, rule, queued=True)
        await self._settle(mine, False)

    async def sync(self, revision=None, timeout=None):
        """Waits until a revision is on disk, as Store.sync does."""
        limit = timeout_ns(timeout)
        mine = self._mine()
        await on_disk(mine, mine._revision(revision), limit)

    @staticmethod
    async def _settle(mine, queued, revision=None, limit=_ffi.FOREVER):
        """Waits until what was changed is on disk."""
        if not queued:
            await on_disk(mine, mine._revision(revision), limit)


async def on_disk(store, revision, limit=_ffi.FOREVER):
    """Waits until a revision of the store is on disk. Timeout when the time passes first."""
    if not store._here.has_file:
        return
    status, _ = await line_of(store._owner.manager).wait(
        partial(store._start_sync, revision, limit), {})
    if status == _ffi.E_TIMEOUT:
        raise Timeout("it was not on disk in time: it is done, and will be on disk later")
