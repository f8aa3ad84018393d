"""The readers-writer lock for asyncio."""

from functools import partial

from . import _ffi
from ._arguments import timeout_ns
from ._form import LEASE, Form, granted
from .errors import Timeout
from .rwlock import EXCLUSIVE, SHARED


class AioRWLock(Form):
    """A readers-writer lock for tasks: `async with rwlock.aio.read():`, `.write():`."""

    __slots__ = ()
    _passed = ("release", "downgrade", "owned", "readers", "writer", "previous_owner", "token",
               "is_valid", "recovered", "force_release", "name", *LEASE)

    async def acquire_read(self, timeout=None):
        """Acquires the lock with other readers. Returns False when `timeout` seconds pass."""
        return await self._acquire(SHARED, timeout)

    async def acquire_write(self, timeout=None):
        """Acquires the lock alone. Returns False when `timeout` seconds pass."""
        return await self._acquire(EXCLUSIVE, timeout)

    async def _acquire(self, mode, timeout):
        limit = timeout_ns(timeout)
        mine = self._mine()
        here = mine._here
        for status in here.attempts[mode]:
            break
        if status == _ffi.E_TIMEOUT and (limit or here.is_watched):
            status, _ = await self._wait(partial(mine._start, here, mode, limit), here.undo[mode])
        return self._heard(here, status)

    async def upgrade(self, timeout=None):
        """Turns this task's holds for reading into the one for writing.

        Returns False when other readers did not leave within `timeout` seconds. The holds for
        reading then stay, as they do when the task is cancelled.
        """
        limit = timeout_ns(timeout)
        mine = self._mine()
        here = mine._here
        for status in here.upgrades:
            break
        if status == _ffi.E_TIMEOUT and limit:
            status, _ = await self._wait(
                partial(mine._start_upgrade, here, limit), mine._undo_upgrade(here))
        return self._heard(here, status)

    @staticmethod
    def _heard(here, status):
        if status == _ffi.OWNER_DIED:
            for _ in here.note_recovery:
                break
        return granted(status)

    def read(self, timeout=None):
        """`async with rwlock.aio.read():` holds it for reading; Timeout when the time passes."""
        return AioHeld(self, SHARED, timeout)

    def write(self, timeout=None):
        """`async with rwlock.aio.write():` holds it for writing; Timeout when the time passes."""
        return AioHeld(self, EXCLUSIVE, timeout)


class AioHeld:
    """The context manager of AioRWLock.read and AioRWLock.write."""

    __slots__ = ("_rwlock", "_mode", "_timeout")

    def __init__(self, rwlock, mode, timeout):
        timeout_ns(timeout)
        self._rwlock = rwlock
        self._mode = mode
        self._timeout = timeout

    async def __aenter__(self):
        if await self._rwlock._acquire(self._mode, self._timeout):
            return self._rwlock
        raise Timeout(f"readers-writer lock '{self._rwlock.name}' was not free within "
                      f"{self._timeout} seconds")

    async def __aexit__(self, *_):
        self._rwlock.release()
