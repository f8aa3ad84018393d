"""Mutex: one owner at a time, and a word when the owner before died."""

from __future__ import annotations

from ctypes import byref, c_uint64
from functools import partial
from operator import attrgetter

from . import _ffi
from ._arguments import limit_ns, timeout_ns
from ._fenced import Fenced
from ._native import TRY, exit_form, kept_handle, library, pointer_argument, quick, raw
from ._shared import SharedObject
from ._wait import NEVER, Wait
from .errors import Outcomes, Timeout, error_of
from .holder import Holder

_lock = raw("syncmgr_mutex_lock")
_unlock = raw("syncmgr_mutex_unlock")
_token = raw("syncmgr_mutex_token")
_force_release = raw("syncmgr_mutex_force_release")
_exit = exit_form("syncmgr_mutex_unlock", 0, Outcomes({_ffi.OK: None}))

E_TIMEOUT = _ffi.E_TIMEOUT
OWNER_DIED = _ffi.OWNER_DIED


class Mutex(Fenced, SharedObject):
    """A mutex owned by a workstream.

    `with mutex:` acquires and releases it, and never leaves it held, whatever signal arrives.
    When an owner died the next one still gets the mutex, and `recovered` tells: look at the data
    before using it.
    """

    __slots__ = ()

    _close_handle = "syncmgr_mutex_close"
    _ask_token = quick.syncmgr_mutex_token
    _ask_is_valid = quick.syncmgr_mutex_is_valid
    _ask_previous_owner = quick.syncmgr_mutex_previous_owner
    _ask_force_release = quick.syncmgr_mutex_force_release

    def _open(self, workstream_address, name, out_handle):
        options = _ffi.MutexOptions.defaults()
        options.flags = self._parameters[0]
        return library.syncmgr_mutex_open(workstream_address, name, byref(options), out_handle)

    def _prepare(self, here):
        pointer = pointer_argument(here.address)
        here.pointer = pointer
        # Where the library is to see in which order locks are taken nothing is tried: a try is no
        # order.
        here.is_watched = self._owner.manager._watches_order
        attempt = partial(int, E_TIMEOUT) if here.is_watched else partial(_lock, pointer, TRY)
        here.attempts = iter(attempt, NEVER)
        unlock = partial(_unlock, pointer)
        # Giving back what a dead owner left must not hide its death from the next owner.
        here.undo = {_ffi.OK: (unlock,),
                     _ffi.OWNER_DIED: (unlock, partial(_force_release, pointer))}
        here.recovered_token = c_uint64(0)
        here.note_recovery = iter(
            partial(_token, pointer, byref(here.recovered_token)), NEVER)
        here.exit = partial(_exit, kept_handle(here.address, self._owner))

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """Acquires the mutex. Returns False when it could not within `timeout` seconds.

        None or -1 waits without end, 0 or `blocking=False` only tries. Acquiring it twice is a
        Deadlock, unless it is recursive.
        """
        if timeout is not None:
            limit_ns(blocking, timeout)
        for status in self._here.attempts:
            if not status:
                return True
            break
        # With OWNER_DIED it is held: up to `return` nothing may call anything then, see _wait.py.
        if status == OWNER_DIED:
            for _ in self._here.note_recovery:
                return True
        if status != E_TIMEOUT:
            raise error_of(status)
        here, limit = self._here, limit_ns(blocking, timeout)
        if not limit and not here.is_watched:
            return False
        return Wait(here.undo).take(partial(self._start, here, limit), here.note_recovery)

    def _start(self, here, limit, wait, queue=None, user_data=0):
        """The call that starts a wait, for Wait.run or for a queue."""
        return partial(quick.syncmgr_mutex_lock_start, here.address, limit, queue, user_data,
                       wait.ticket_out)

    def release(self) -> None:
        """Releases the mutex. NotOwner when this workstream does not hold it, Lost when it was
        taken away."""
        if status := _unlock(self._here.pointer):
            raise error_of(status)

    def __enter__(self):
        self.acquire()
        return self

    # Gets the prepared call of this thread by C code alone, see _native.exit_form.
    __exit__ = property(attrgetter("_here.exit"))

    def within(self, timeout: float | None) -> Within:
        """`with mutex.within(0.5):` acquires within that time or raises Timeout."""
        return Within(self, timeout)

    def locked(self) -> bool:
        """Whether somebody holds it."""
        return self.holder is not None

    @property
    def holder(self) -> Holder | None:
        """Who holds it: a Holder, or None. The answer may be old when it arrives."""
        return self._holder(quick.syncmgr_mutex_held_by)

    def _state(self):
        holder = self.holder
        return f"held by {holder}" if holder else "free"


class Within:
    """The context manager of Mutex.within."""

    __slots__ = ("_mutex", "_limit")

    def __init__(self, mutex, timeout):
        timeout_ns(timeout)
        self._mutex = mutex
        self._limit = timeout

    def __enter__(self):
        mutex = self._mutex
        if mutex.acquire(True, self._limit):
            return mutex
        raise Timeout(f"mutex '{mutex.name}' was not free within {self._limit} seconds")

    __exit__ = property(attrgetter("_mutex._here.exit"))
