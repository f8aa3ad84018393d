"""Several locks at once, for asyncio."""

import asyncio
from functools import partial

from . import _ffi
from ._arguments import timeout_ns
from ._line import line_of
from ._native import quick
from ._task import session_of
from .errors import Timeout, check
from .many import ItemList


class AioLockMany:
    """The context manager of lock_many. For one `async with` at a time."""

    __slots__ = ("_list", "_timeout", "_limit")

    def __init__(self, locks, timeout):
        self._list = ItemList(locks)
        self._timeout = timeout
        self._limit = timeout_ns(timeout)

    async def acquire(self, timeout=None):
        """Takes all of them. Returns False when `timeout` seconds pass first."""
        return await self._take(timeout_ns(timeout))

    async def _take(self, limit):
        many = self._list
        many.prepare(_mine)
        line = line_of(many.parts[0].owner.manager)
        status, _ = await line.wait(partial(many.start, limit), many.undo)
        if status == _ffi.E_TIMEOUT:
            return False
        many.note()
        return True

    async def __aenter__(self):
        if await self._take(self._limit):
            return self
        raise Timeout(f"{len(self._list.locks)} locks were not free together within "
                      f"{self._timeout} seconds")

    async def __aexit__(self, *_):
        self.release()

    def release(self):
        """Releases all of them. One that cannot be released keeps no other from it."""
        check(quick.syncmgr_unlock_many(self._list.items, len(self._list.items)))

    @property
    def recovered(self):
        """Whether any of them was inherited from an owner that died."""
        return self._list.recovered


def _mine(shared):
    """The object that acts for the running task in the place of `shared`."""
    owner = shared._owner
    return shared if owner.is_workstream else session_of(owner, asyncio.current_task()).object(
        shared)


def lock_many(*locks, timeout=None):
    """`async with syncmgr.aio.lock_many(a, b, s.permits(2), rw.read()):` holds all or none.

    Takes the same locks as `syncmgr.lock_many`, for the running task. Cancelling the task while it
    waits gives back what it had by then.
    """
    return AioLockMany(locks, timeout)
