"""The base of the asyncio forms, and the form of the mutex, on which others stand."""

import asyncio
from functools import partial

from . import _ffi
from ._arguments import timeout_ns
from ._line import line_of
from ._task import session_of
from .errors import check

# After so many calls that did not have to wait the other tasks of the loop get their turn.
TURN = 64

# What all locks have, and what does not wait.
LEASE = ("lease", "renew", "lease_remaining")


class Form:
    """The base: finds the object that acts for the running task."""

    __slots__ = ("_shared", "_task", "_object")

    # What is passed on to the object as it is, because it does not wait.
    _passed: tuple = ()

    def __init__(self, shared):
        self._shared = shared
        self._task = self._object = None

    def _mine(self):
        shared = self._shared
        owner = shared._owner
        if owner.is_workstream:
            return shared
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("an aio object of a manager acts for a task; there is none here")
        if task is not self._task:
            self._object = session_of(owner, task).object(shared)
            self._task = task
        return self._object

    def __getattr__(self, name):
        if name in self._passed:
            return getattr(self._mine(), name)
        raise AttributeError(f"{type(self).__name__} has no {name!r}")

    async def _wait(self, start, undo):
        return await line_of(self._shared._owner.manager).wait(start, undo)

    def __repr__(self):
        return f"<{type(self).__name__} of {self._shared!r}>"


def granted(status):
    """True for a grant, False for a timeout; raises for an error of the call just made."""
    return status != _ffi.E_TIMEOUT and check(status) >= _ffi.OK


class AioMutex(Form):
    """A mutex for tasks: `async with mutex.aio:`."""

    __slots__ = ()
    _passed = ("release", "owned", "locked", "holder", "previous_owner", "token", "is_valid",
               "recovered", "force_release", "name", *LEASE)

    async def acquire(self, timeout=None):
        """Acquires the mutex for this task. Returns False when `timeout` seconds pass first."""
        limit = timeout_ns(timeout)
        mine = self._mine()
        here = mine._here
        for status in here.attempts:
            break
        if status == _ffi.E_TIMEOUT and (limit or here.is_watched):
            status, _ = await self._wait(partial(mine._start, here, limit), here.undo)
        if status == _ffi.OWNER_DIED:
            for _ in here.note_recovery:
                break
        return granted(status)

    async def __aenter__(self):
        await self.acquire()
        return self

    async def __aexit__(self, *_):
        self._mine().release()
