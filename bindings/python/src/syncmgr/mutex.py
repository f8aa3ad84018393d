"""Mutex: one owner at a time, and a word when the owner before died."""

from __future__ import annotations

from ctypes import byref, c_uint64
from functools import partial
from operator import attrgetter

from . import _ffi
from ._arguments import integer, limit_ns, timeout_ns
from ._native import TRY, exit_form, kept_handle, library, pointer_argument, quick, raw
from ._shared import SharedObject
from ._wait import NEVER, Wait
from .errors import Lost, NotOwner, Outcomes, Timeout, check, error_of
from .holder import Holder, holder_of
from .lease import Leased

_lock = raw("syncmgr_mutex_lock")
_unlock = raw("syncmgr_mutex_unlock")
_token = raw("syncmgr_mutex_token")
_force_release = raw("syncmgr_mutex_force_release")
_exit = exit_form("syncmgr_mutex_unlock", 0, Outcomes({_ffi.OK: None}))

E_TIMEOUT = _ffi.E_TIMEOUT
OWNER_DIED = _ffi.OWNER_DIED


class Mutex(Leased, SharedObject):
    """A mutex owned by a workstream.

    `with mutex:` acquires and releases it, and never leaves it held, whatever signal arrives.
    When an owner died the next one still gets the mutex, and `recovered` tells: look at the data
    before using it.
    """

    __slots__ = ()

    _close_handle = "syncmgr_mutex_close"

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
        here = self._here
        if status == E_TIMEOUT:
            limit = limit_ns(blocking, timeout)
            if limit or here.is_watched:
                wait = Wait(here.undo)
                status = wait.run(self._start(here, limit, wait))
        # Up to `return` nothing here may call anything: see _wait.py.
        if status == OWNER_DIED:
            for _ in here.note_recovery:
                return True
        if not status:
            return True
        if status == E_TIMEOUT:
            return False
        raise error_of(status)

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

    def owned(self) -> bool:
        """Whether this workstream holds it."""
        token = c_uint64()
        status = quick.syncmgr_mutex_token(self._here.address, byref(token))
        return status != _ffi.E_NOT_OWNER and check(status) == _ffi.OK

    def _holds(self):
        return self.owned()

    @property
    def holder(self) -> Holder | None:
        """Who holds it: a Holder, or None. The answer may be old when it arrives."""
        return self._holder(quick.syncmgr_mutex_held_by)

    @property
    def previous_owner(self) -> Holder | None:
        """The last owner that died or was forced out while it held the mutex, or None."""
        return self._holder(quick.syncmgr_mutex_previous_owner)

    def _holder(self, function):
        found = _ffi.Holder()
        status = check(function(self._here.address, byref(found)))
        return None if status == _ffi.FREE else holder_of(found)

    @property
    def token(self) -> int:
        """The fencing token of this workstream's hold: it only ever grows. NotOwner without one."""
        token = c_uint64()
        check(quick.syncmgr_mutex_token(self._here.address, byref(token)))
        return token.value

    def is_valid(self, token: int) -> bool:
        """Whether this workstream still holds the mutex by the grant with this token."""
        token = integer(token, "token", 0, (1 << 64) - 1)
        status = quick.syncmgr_mutex_is_valid(self._here.address, token)
        return status != Lost.default_status and check(status) == _ffi.OK

    @property
    def recovered(self) -> bool:
        """Whether the present hold was inherited from an owner that died or was forced out."""
        try:
            return self.token == self._here.recovered_token.value
        except NotOwner:
            return False

    def force_release(self) -> bool:
        """Takes the mutex away from whoever holds it. Returns False when nobody did.

        The old owner keeps running and learns of it by Lost; `token` protects the data from it.
        """
        return check(quick.syncmgr_mutex_force_release(self._here.address)) != _ffi.FREE

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
