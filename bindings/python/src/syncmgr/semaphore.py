"""Semaphore: a number of permits whose holders are known."""

from __future__ import annotations

from ctypes import byref, c_uint32
from functools import partial
from operator import attrgetter

from . import _ffi
from ._arguments import count as checked_count
from ._arguments import limit_ns, timeout_ns
from ._native import (
    TRY,
    count_argument,
    exit_form,
    kept_handle,
    library,
    pointer_argument,
    quick,
    raw,
)
from ._shared import Bound, SharedObject
from ._wait import NEVER, Wait
from .errors import Outcomes, Timeout, check, error_of
from .holder import Holder, holder_of, raw_holders
from .lease import Leased

_acquire = raw("syncmgr_semaphore_acquire")
_release = raw("syncmgr_semaphore_release")
_exit = exit_form("syncmgr_semaphore_release", 1, Outcomes({_ffi.OK: None}))

# The usual count, and its converted form. Compared by identity, so that True does not pass for it.
ONE = 1
_ONE = count_argument(ONE)


class Semaphore(Leased, SharedObject):
    """A semaphore. What a workstream holds returns when it closes or its process dies.

    `with semaphore:` holds one permit, `with semaphore.permits(3):` three.
    """

    __slots__ = ()

    _close_handle = "syncmgr_semaphore_close"

    def _open(self, workstream_address, name, out_handle):
        permits, flags = self._parameters
        options = _ffi.SemaphoreOptions.defaults()
        options.flags = flags
        return library.syncmgr_semaphore_open(
            workstream_address, name, permits, byref(options), out_handle)

    def _prepare(self, here):
        pointer = pointer_argument(here.address)
        here.pointer = pointer
        # As with a mutex: a try is no order.
        attempt = partial(_acquire, pointer, _ONE, TRY)
        if self._owner.manager._watches_order:
            attempt = partial(int, _ffi.E_TIMEOUT)
        here.attempts = iter(attempt, NEVER)
        here.exit = partial(_exit, kept_handle(here.address, self._owner), c_uint32(1))

    def acquire(self, count: int = 1, blocking: bool = True,
                timeout: float | None = None) -> bool:
        """Acquires `count` permits, all or none. Returns False when it could not in time.

        None or -1 waits without end, 0 or `blocking=False` only tries.
        """
        here = self._here
        if count is ONE and timeout is None and blocking is True:
            for status in here.attempts:
                if not status:
                    return True
                break
        return self._take(here, checked_count(count, "count"), limit_ns(blocking, timeout))

    def _take(self, here, count, limit):
        """Acquires through `here`; returns whether it did within `limit` nanoseconds."""
        wait = Wait(self._undo(here, count))
        status = wait.run(self._start(here, count, limit, wait))
        # Up to `return` nothing here may call anything: see _wait.py.
        if not status:
            return True
        if status == _ffi.E_TIMEOUT:
            return False
        raise error_of(status)

    def _undo(self, here, count):
        """What gives `count` permits back, see Wait."""
        return {_ffi.OK: (partial(_release, here.pointer, count_argument(count)),)}

    def _start(self, here, count, limit, wait, queue=None, user_data=0):
        """The call that starts a wait, for Wait.run or for a queue."""
        return partial(quick.syncmgr_semaphore_acquire_start, here.address, count, limit, queue,
                       user_data, wait.ticket_out)

    def release(self, count: int = 1) -> None:
        """Gives permits back. NotOwner when this workstream holds fewer; nothing is released."""
        amount = _ONE if count is ONE else count_argument(checked_count(count, "count"))
        status = _release(self._here.pointer, amount)
        if status:
            raise error_of(status)

    def __enter__(self):
        self.acquire()
        return self

    # Gets the prepared call of this thread by C code alone, see _native.exit_form.
    __exit__ = property(attrgetter("_here.exit"))

    def permits(self, count: int = 1, timeout: float | None = None) -> Permits:
        """`with semaphore.permits(3):` holds that many; Timeout when `timeout` seconds pass."""
        return Permits(self, checked_count(count, "count"), timeout)

    def within(self, timeout: float | None) -> Permits:
        """`with semaphore.within(0.5):` holds one permit; Timeout when the time passes."""
        return Permits(self, 1, timeout)

    @property
    def available(self) -> int:
        """How many permits are free."""
        return self._number(quick.syncmgr_semaphore_available)

    @property
    def held(self) -> int:
        """How many permits this workstream holds; 0 for a signalling semaphore."""
        return self._number(quick.syncmgr_semaphore_held)

    def _holds(self):
        return self.held > 0

    def _number(self, function):
        number = c_uint32()
        check(function(self._here.address, byref(number)))
        return number.value

    @property
    def holders(self) -> list[Holder]:
        """Who holds permits: a list of Holder."""
        return [holder_of(holder) for holder in
                raw_holders(quick.syncmgr_semaphore_holders, self._here.address)]

    def _state(self):
        return f"{self.available} available, {self.held} held here"


class Permits:
    """The context manager of Semaphore.permits, for the thread that called it.

    Each `with` that uses it holds `count` more.
    """

    # As a slot `__exit__` is a prepared call, found by C code alone: see _native.exit_form.
    __slots__ = ("_semaphore", "_here", "_count", "_timeout", "_limit", "__exit__")

    def __init__(self, semaphore, count, timeout):
        self._semaphore = semaphore
        self._here = here = Bound()
        here.__dict__.update(vars(semaphore._here))
        self._count = count
        self._timeout = timeout
        self._limit = timeout_ns(timeout)
        self.__exit__ = partial(
            _exit, kept_handle(here.address, semaphore._owner), c_uint32(count))

    def __enter__(self):
        semaphore = self._semaphore
        if semaphore._take(self._here, self._count, self._limit):
            return semaphore
        raise Timeout(f"semaphore '{semaphore.name}' had not {self._count} permits within "
                      f"{self._timeout} seconds")
