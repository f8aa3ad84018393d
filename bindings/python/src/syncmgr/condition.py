"""Condition: waiting for something that a mutex protects."""

from __future__ import annotations

import time
from collections.abc import Callable
from ctypes import byref, c_uint32, c_uint64
from functools import partial
from operator import attrgetter
from typing import TypeVar

from . import _ffi
from ._arguments import count as checked_count
from ._arguments import timeout_ns
from ._native import count_argument, library, pointer_argument, quick, raw
from ._shared import SharedObject
from ._wait import Wait
from .errors import check, error_of
from .mutex import Mutex

_signal = raw("syncmgr_condition_signal")
_token = raw("syncmgr_mutex_token")

Value = TypeVar("Value")


def own_mutex(name):
    """The name of the mutex of a condition that was not given one."""
    return f"{name}.mutex" if isinstance(name, str) else name


class Condition(SharedObject):
    """A condition, together with its mutex: `with condition:` holds that.

        with condition:
            condition.wait_for(lambda: has_work())

    A signal goes to the longest waiter that lives. Others may get the mutex before it does: look
    at what you wait for in a loop, as `wait_for` does.
    """

    __slots__ = ("_mutex",)

    _close_handle = "syncmgr_condition_close"

    def __init__(self, owner, name, parameters):
        mutex, flags = parameters
        self._mutex = owner._object(Mutex, mutex, (flags,))
        super().__init__(owner, name, parameters)

    def _open(self, workstream_address, name, out_handle):
        return library.syncmgr_condition_open(workstream_address, name, out_handle)

    def _prepare(self, here):
        here.pointer = pointer_argument(here.address)

    @property
    def mutex(self) -> Mutex:
        """The mutex that is held around everything."""
        return self._mutex

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """Acquires the mutex, see Mutex.acquire."""
        return self._mutex.acquire(blocking, timeout)

    def release(self) -> None:
        """Releases the mutex."""
        self._mutex.release()

    def __enter__(self):
        self._mutex.acquire()
        return self

    # Gets the prepared call of this thread by C code alone, see _native.exit_form.
    __exit__ = property(attrgetter("_mutex._here.exit"))

    # ---- waiting

    def wait(self, timeout: float | None = None) -> bool:
        """Releases the mutex, waits for a signal, and acquires the mutex again.

        Returns False when `timeout` seconds pass without a signal, else True; True too when the
        owner of the mutex died meanwhile: `mutex.recovered` tells. NotOwner when the mutex is not
        held; nothing is done then. Whatever it raises otherwise, the mutex is held again, unless
        it was closed: what a signal handler raises has to wait for it.
        """
        return self._wait(timeout_ns(timeout))

    def wait_for(self, predicate: Callable[[], Value], timeout: float | None = None) -> Value:
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
            self._wait(left)
        return value

    def _wait(self, limit):
        here, held = self._here, self._mutex._here
        depth = self._depth(held)
        wait = Wait(self._undo(here, held))
        try:
            status = wait.run(self._start(here, held, limit, wait))
        except BaseException:
            # A second signal may interrupt this too; what is done stays done and is not repeated.
            while wait.ticket and wait.withdrawn == _ffi.OK:
                try:
                    self._hold_again(held, depth)
                    break
                except BaseException:
                    pass
            raise
        # Up to `return` nothing here may call anything: see _wait.py.
        if status == _ffi.OWNER_DIED:
            for _ in held.note_recovery:
                return True
        if not status:
            return True
        if status == _ffi.E_TIMEOUT:
            return False
        raise error_of(status)

    def _start(self, here, held, limit, wait, queue=None, user_data=0):
        """The call that starts a wait, for Wait.run or for a queue."""
        # A condition cannot be tried. A timeout of 0 lets others have the mutex for a moment.
        return partial(quick.syncmgr_condition_wait_start, here.address, held.address, limit or 1,
                       queue, user_data, wait.ticket_out)

    def _undo(self, here, held):
        """What is to be done when nobody hears of a signal: it is for the next waiter.

        The mutex stays held.
        """
        signal = partial(_signal, here.pointer, count_argument(1), None)
        return {_ffi.OK: (signal,), _ffi.OWNER_DIED: (signal, self._note(held))}

    @staticmethod
    def _note(held):
        """Notes that the mutex was inherited from an owner that died."""
        return partial(_token, held.pointer, byref(held.recovered_token))

    def _depth(self, held):
        """How often the mutex is acquired by this workstream: 0 when it is not."""
        if quick.syncmgr_mutex_token(held.address, byref(c_uint64())) != _ffi.OK:
            return 0
        holder = _ffi.Holder()
        status = quick.syncmgr_mutex_held_by(held.address, byref(holder))
        return max(holder.amount, 1) if status == _ffi.OK else 0

    def _hold_again(self, held, depth):
        """Acquires the mutex after a wait that was withdrawn, until it is held as it was."""
        while self._depth(held) < depth:
            # What is granted is kept, also when a handler raises.
            wait = Wait({_ffi.OWNER_DIED: (self._note(held),)})
            status = wait.run(self._mutex._start(held, _ffi.FOREVER, wait))
            if status == _ffi.OWNER_DIED:
                for _ in held.note_recovery:
                    break
            elif status != _ffi.OK:
                # It was closed. Why the wait ended is what the caller is to hear.
                return

    # ---- signalling

    def notify(self, n: int = 1) -> int:
        """Signals up to `n` waiters, the longest first, and returns how many there were.

        The mutex need not be held. A signal that nobody waits for is not kept.
        """
        signalled = c_uint32()
        check(quick.syncmgr_condition_signal(
            self._here.address, checked_count(n, "n"), byref(signalled)))
        return signalled.value

    def notify_all(self) -> int:
        """Signals everybody who waits, and returns how many they were."""
        signalled = c_uint32()
        check(quick.syncmgr_condition_broadcast(self._here.address, byref(signalled)))
        return signalled.value

    @property
    def waiting(self) -> int:
        """How many wait for a signal."""
        number = c_uint32()
        check(quick.syncmgr_condition_waiting(self._here.address, byref(number)))
        return number.value

    def _state(self):
        return f"{self.waiting} wait, over mutex '{self._mutex.name}'"
