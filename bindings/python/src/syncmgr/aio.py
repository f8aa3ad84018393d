"""The objects for asyncio, reached by their `aio` attribute.

    async with space.mutex("db").aio as lock:
        ...
    await space.event("ready").aio.wait()

Nothing here blocks the loop. Opened through a manager an object acts for the task that uses it:
each task is an owner of its own, from its first use to its end, when what it still held is
released. Opened through a workstream it acts for that one, in every task.

Cancelling a task that waits withdraws its wait, so `asyncio.timeout` can be used as well as the
`timeout` argument.
"""

import inspect
from functools import partial

from . import _ffi
from ._aio_channel import AioChannel, AioMemory
from ._aio_condition import AioCondition
from ._aio_election import AioElection, once
from ._aio_many import AioLockMany, lock_many
from ._aio_rwlock import AioRWLock
from ._aio_store import AioStore
from ._aio_sync_point import AioSyncPoint
from ._arguments import count as checked_count
from ._arguments import timeout_ns
from ._form import LEASE, AioMutex, Form, granted
from .barrier import Barrier
from .channel import Channel
from .condition import Condition
from .election import Election
from .errors import Timeout
from .event import Event
from .latch import Latch
from .memory import Memory
from .mutex import Mutex
from .rwlock import RWLock
from .semaphore import Semaphore
from .store import Store
from .sync_point import SyncPoint

__all__ = ["AioBarrier", "AioChannel", "AioCondition", "AioElection", "AioEvent", "AioLatch",
           "AioLockMany", "AioMemory", "AioMutex", "AioPermits", "AioRWLock", "AioSemaphore",
           "AioStore", "AioSyncPoint", "form_of", "lock_many", "once"]


class AioSemaphore(Form):
    """A semaphore for tasks: `async with semaphore.aio:` holds one permit."""

    __slots__ = ()
    _passed = ("release", "available", "held", "holders", "name", *LEASE)

    async def acquire(self, count=1, timeout=None):
        """Acquires `count` permits. Returns False when `timeout` seconds pass first."""
        count = checked_count(count, "count")
        limit = timeout_ns(timeout)
        mine = self._mine()
        here = mine._here
        status, _ = await self._wait(
            partial(mine._start, here, count, limit), mine._undo(here, count))
        return granted(status)

    def permits(self, count=1, timeout=None):
        """`async with semaphore.aio.permits(3):` holds three; Timeout when the time passes."""
        return AioPermits(self, checked_count(count, "count"), timeout)

    async def __aenter__(self):
        await self.acquire()
        return self

    async def __aexit__(self, *_):
        self._mine().release()


class AioPermits:
    """The context manager of AioSemaphore.permits."""

    __slots__ = ("_semaphore", "_count", "_timeout")

    def __init__(self, semaphore, count, timeout):
        timeout_ns(timeout)
        self._semaphore = semaphore
        self._count = count
        self._timeout = timeout

    async def __aenter__(self):
        if await self._semaphore.acquire(self._count, self._timeout):
            return self._semaphore
        raise Timeout(f"semaphore '{self._semaphore.name}' had not {self._count} permits within "
                      f"{self._timeout} seconds")

    async def __aexit__(self, *_):
        self._semaphore.release(self._count)


class AioLatch(Form):
    """A latch for tasks."""

    __slots__ = ()
    _passed = ("count_down", "count", "name")

    async def wait(self, timeout=None):
        """Waits until the latch is at zero. Returns False when `timeout` seconds pass first."""
        limit = timeout_ns(timeout)
        mine = self._mine()
        here = mine._here
        status, _ = await self._wait(partial(mine._start, here, limit), {})
        return granted(status)


class AioEvent(Form):
    """An event for tasks."""

    __slots__ = ()
    _passed = ("set", "clear", "is_set", "name")

    async def wait(self, timeout=None):
        """Waits until the event is set. Returns False when `timeout` seconds pass first."""
        limit = timeout_ns(timeout)
        mine = self._mine()
        here = mine._here
        status, _ = await self._wait(partial(mine._start, here, limit), here.undo)
        return granted(status)


class AioBarrier(Form):
    """A barrier for tasks. Cancelling a task that waits in it breaks it."""

    __slots__ = ()
    _passed = ("arrive", "join", "leave", "abort", "reset", "action", "state", "parties",
               "n_waiting", "broken", "generation", "name")

    async def wait(self, timeout=None):
        """Arrives and waits for the others. Returns the order of arrival: 0 for the first.

        The last one runs its action before the others go on; what it returns is awaited when it
        can be.
        """
        limit = timeout_ns(timeout)
        mine = self._mine()
        here = mine._here
        status, record = await self._wait(partial(mine._start, here, limit), {})
        if status == _ffi.LEADER and mine.action is not None:
            try:
                result = mine.action()
                if inspect.isawaitable(result):
                    await result
                mine._release()
            except BaseException:
                mine.abort()
                raise
        if not granted(status):
            raise Timeout(f"barrier '{mine.name}' was not complete within {timeout} seconds")
        return record.index


_FORMS = {Mutex: AioMutex, Semaphore: AioSemaphore, Latch: AioLatch, Event: AioEvent,
          Barrier: AioBarrier, RWLock: AioRWLock, Condition: AioCondition, Election: AioElection,
          SyncPoint: AioSyncPoint, Channel: AioChannel, Memory: AioMemory, Store: AioStore}


def form_of(shared):
    """The asyncio form of an object."""
    return _FORMS[type(shared)](shared)
