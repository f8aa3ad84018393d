"""The sync point for asyncio."""

from functools import partial

from . import _ffi
from ._arguments import timeout_ns
from ._form import Form
from .errors import SyncError, Timeout


class AioSyncPoint(Form):
    """A sync point for tasks. Cancelling a task that waits withdraws its arrival."""

    __slots__ = ()
    _passed = ("force_complete", "cancel", "fail", "result", "expected", "required", "name")

    async def wait(self, timeout=None):
        """Arrives, and waits until the point ends, as SyncPoint.wait does."""
        limit = timeout_ns(timeout)
        mine = self._mine()
        try:
            status, _ = await self._wait(partial(mine._start, mine._here, limit), {})
        except SyncError as error:
            raise mine._with_result(error) from None
        if status == _ffi.E_TIMEOUT:
            raise mine._with_result(
                Timeout(f"sync point '{mine.name}' was not complete in time"))
        return mine.result
