"""Conflicts for asyncio."""

import inspect
from functools import partial

from . import _ffi
from ._aio_store import on_disk
from ._arguments import timeout_ns
from ._line import line_of
from .conflicts import NOTHING, OFF_HAND, ConflictsBase, failed, number_of


class AioConflicts(ConflictsBase):
    """The conflicts of a space for tasks, `store.aio.conflicts`: handlers may be coroutine
    functions. A task that is cancelled while one runs gives its claim back."""

    __slots__ = ()

    async def detect(self, reason="", *, workstreams=None, sync_point=None, type="data_conflict",
                     severity="medium", strategy="last_wins", data=None, timeout=30, auto=True,
                     notify=False):
        """Declares a conflict, and resolves it, as Conflicts.detect does."""
        number, asks = self._declare(reason, workstreams, sync_point, type, severity, strategy,
                                     data, timeout, auto, notify)
        if asks:
            try:
                await self._ask(number)
            except OFF_HAND:
                pass
        return self._ended(number, _ffi.OK)

    async def _ask(self, number):
        """Lets the handlers of this process decide."""
        self.claim(number)
        try:
            conflict = self._ended(number, _ffi.OK)
            answer = NOTHING
            for handler in list(self._handlers(conflict.type)):
                try:
                    found = handler.function(conflict)
                    if inspect.isawaitable(found):
                        found = await found
                except Exception:
                    failed()
                    continue
                if found is not None:
                    answer = found
                    break
            self.settle(number, answer)
        except BaseException:
            self._let_go(number)
            raise

    async def resolve(self, conflict, strategy="custom", value=NOTHING, *, by=None):
        """Decides a conflict, as Conflicts.resolve does."""
        number = number_of(conflict)
        if self._asks(number, strategy, value):
            await self._ask(number)
        else:
            self._resolve(number, strategy, value, by)
        await on_disk(self._store, self._store._revision(None))
        return self._ended(number, _ffi.OK)

    async def wait(self, conflict, timeout=None):
        """Waits until a conflict has ended, as Conflicts.wait does."""
        number = number_of(conflict)
        limit = timeout_ns(timeout)
        status, _ = await line_of(self._store._owner.manager).wait(
            partial(self._start, number, limit), {})
        return self._ended(number, status)
