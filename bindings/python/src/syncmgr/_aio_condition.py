"""The condition for asyncio."""

import asyncio
import time
from functools import partial

from . import _ffi
from ._arguments import timeout_ns
from ._form import AioMutex, Form, granted
from .errors import SyncError


class AioCondition(Form):
    """A condition for tasks: `async with condition.aio:` holds its mutex."""

    __slots__ = ("_lock",)
    _passed = ("notify", "notify_all", "waiting", "name")

    def __init__(self, shared):
        super().__init__(shared)
        self._lock = AioMutex(shared.mutex)

    @property
    def mutex(self):
        """The mutex that is held around everything, for tasks."""
        return self._lock

    async def acquire(self, timeout=None):
        """Acquires the mutex for this task. Returns False when `timeout` seconds pass first."""
        return await self._lock.acquire(timeout)

    def release(self):
        """Releases the mutex."""
        self._lock.release()

    async def __aenter__(self):
        await self._lock.acquire()
        return self

    async def __aexit__(self, *_):
        self._lock.release()

    async def wait(self, timeout=None):
        """Releases the mutex, waits for a signal, and acquires the mutex again.

        Returns False when `timeout` seconds pass without a signal. When the task is cancelled the
        mutex is acquired again before CancelledError is raised, and a signal that it had got goes
        to the next waiter.
        """
        return await self._signalled(timeout_ns(timeout))

    async def wait_for(self, predicate, timeout=None):
        """Waits until `predicate()` is true, and returns its value.

        It is called with the mutex held, at first and after each signal. When `timeout` seconds
        pass its last value is returned, which is false.
        """
        limit = timeout_ns(timeout)
        end = time.monotonic_ns() + limit
        while not (value := predicate()):
            left = limit if limit == _ffi.FOREVER else end - time.monotonic_ns()
            if left != _ffi.FOREVER and left <= 0:
                break
            await self._signalled(left)
        return value

    async def _signalled(self, limit):
        mine, lock = self._mine(), self._lock._mine()
        here, held = mine._here, lock._here
        depth = mine._depth(held)
        waits = []

        def start(started, queue, user_data):
            waits.append(started)
            return mine._start(here, held, limit, started, queue, user_data)

        try:
            status, _ = await self._wait(start, mine._undo(here, held))
        except GeneratorExit:
            # The coroutine is thrown away: it cannot wait for anything any more.
            raise
        except BaseException:
            if waits and waits[0].withdrawn:
                await self._hold_again(mine, lock, depth)
            raise
        return self._heard(held, status)

    async def _hold_again(self, mine, lock, depth):
        """Acquires the mutex after a wait that was withdrawn, however often it is cancelled."""
        held = lock._here
        undo = {_ffi.OWNER_DIED: (mine._note(held),)}
        while mine._depth(held) < depth:
            try:
                status, _ = await self._wait(partial(lock._start, held, _ffi.FOREVER), undo)
                self._heard(held, status)
            except asyncio.CancelledError:
                pass
            except SyncError:
                # It was closed. Why the wait ended is what the task is to hear.
                return

    @staticmethod
    def _heard(held, status):
        if status == _ffi.OWNER_DIED:
            for _ in held.note_recovery:
                break
        return granted(status)
