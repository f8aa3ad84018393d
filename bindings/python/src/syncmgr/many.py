"""Several locks at once: all or none, in an order that is the same for the whole space."""

from __future__ import annotations

from collections import namedtuple
from ctypes import addressof, c_uint32
from functools import partial

from . import _ffi
from ._arguments import clock_of, limit_ns, timeout_ns
from ._native import exit_form, kept_handle, quick
from ._wait import NEVER, Wait
from .errors import InvalidArgument, Outcomes, Timeout, check, error_of
from .mutex import Mutex
from .rwlock import Held, RWLock
from .semaphore import Permits, Semaphore

_exit = exit_form("syncmgr_unlock_many", 1, Outcomes({_ffi.OK: None}))

NOTHING = ()

# How one lock of several is taken: by `start(limit, wait, queue, user_data)`, see Wait and Line.
Part = namedtuple("Part", "address amount start undo note owner")


def part_of(lock, find=lambda shared: shared):
    """The Part for a lock; `find` finds the object that acts for the caller."""
    if isinstance(lock, Mutex):
        mine = find(lock)
        here = mine._here
        return Part(here.address, 0, partial(mine._start, here), here.undo, here.note_recovery,
                    mine._owner)
    if isinstance(lock, Held):
        mine, mode = find(lock._rwlock), lock._mode
        here = mine._here
        return Part(here.address, mode, partial(mine._start, here, mode), here.undo[mode],
                    here.note_recovery, mine._owner)
    if isinstance(lock, (Permits, Semaphore)):
        semaphore, count = ((lock._semaphore, lock._count) if isinstance(lock, Permits)
                            else (lock, 1))
        mine = find(semaphore)
        here = mine._here
        return Part(here.address, count, partial(mine._start, here, count),
                    mine._undo(here, count), NOTHING, mine._owner)
    if isinstance(lock, RWLock):
        raise TypeError(f"say how: rwlock.read() or rwlock.write(), for '{lock.name}'")
    raise TypeError(f"a {type(lock).__name__} cannot be locked with others")


class ItemList:
    """The library's list of the locks, and what is known of each."""

    __slots__ = ("items", "locks", "parts", "held")

    def __init__(self, locks):
        if not locks:
            raise InvalidArgument("there is nothing to lock")
        self.locks = locks
        self.items = (_ffi.LockItem * len(locks))()
        self.parts = []
        # What was taken so far: the statuses, in the order of the space.
        self.held = []

    def prepare(self, find=lambda shared: shared):
        """Finds the handles for this caller and sorts them into the order of the space."""
        parts = {}
        for item, lock in zip(self.items, self.locks):
            part = part_of(lock, find)
            item.handle, item.amount, item.status = part.address, part.amount, 0
            parts[part.address] = part
        self.held = []
        check(quick.syncmgr_lock_many_order(self.items, len(self.items)))
        self.parts = [parts[item.handle] for item in self.items]

    def give_back(self):
        """Gives back what was taken, the last first. Again after a signal: it finds less to do."""
        count = len(self.held)
        for item, status in zip(self.items, self.held):
            item.status = status
        for _ in iter(partial(quick.syncmgr_lock_many_undo, self.items, count), NEVER):
            self.held = []
            return

    def note(self):
        """Keeps, for `recovered`, which of them were inherited from a dead owner."""
        for item, part, status in zip(self.items, self.parts, self.held):
            item.status = status
            if status == _ffi.OWNER_DIED:
                for _ in part.note:
                    break

    @property
    def recovered(self):
        """Whether any of them was inherited from an owner that died."""
        return any(item.status == _ffi.OWNER_DIED for item in self.items)


class LockMany:
    """Several locks that are taken together: `with syncmgr.lock_many(a, b) as held:`.

    For one `with`, or one `acquire`, at a time.
    """

    # As a slot `__exit__` is a prepared call, found by C code alone: see _native.exit_form.
    __slots__ = ("_list", "_timeout", "_limit", "__exit__")

    def __init__(self, locks, timeout):
        self._list = ItemList(locks)
        self._timeout = timeout
        self._limit = timeout_ns(timeout)
        self.__exit__ = partial(
            _exit, kept_handle(addressof(self._list.items), self._list), c_uint32(len(locks)))

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """Takes all of them. Returns False when it could not in time; none of them is held then.

        None or -1 waits without end, 0 or `blocking=False` only tries.
        """
        return self._take(limit_ns(blocking, timeout))

    def _take(self, limit):
        many = self._list
        many.prepare()
        left = clock_of(limit)
        held = many.held
        try:
            for part in many.parts:
                wait = Wait(part.undo)
                start = part.start(left(), wait)
                status = wait.run(start)
                # From here to where it is noted nothing may call anything: see _wait.py.
                if status >= 0:
                    held += (status,)
                    continue
                if status == _ffi.E_TIMEOUT:
                    break
                raise error_of(status)
            if len(held) == len(many.parts):
                many.note()
                return True
            many.give_back()
            return False
        except BaseException:
            # A second signal may interrupt this too; what is done is not repeated.
            while held:
                try:
                    many.give_back()
                    break
                except BaseException:
                    pass
            raise

    def __enter__(self):
        if self._take(self._limit):
            return self
        raise Timeout(f"{len(self._list.locks)} locks were not free together within "
                      f"{self._timeout} seconds")

    def release(self) -> None:
        """Releases all of them. One that cannot be released keeps no other from it."""
        check(quick.syncmgr_unlock_many(self._list.items, len(self._list.items)))

    @property
    def recovered(self) -> bool:
        """Whether any of them was inherited from an owner that died."""
        return self._list.recovered


def lock_many(*locks: Mutex | Semaphore | Permits | Held, timeout: float | None = None) -> LockMany:
    """`with syncmgr.lock_many(a, b, s.permits(2), rw.read(), timeout=1):` holds all or none.

    They are taken in an order that is the same for the whole space, so that callers who hold
    nothing else never deadlock, in whichever order they list them. Timeout when `timeout` seconds
    pass first. For asyncio see `syncmgr.aio.lock_many`.
    """
    return LockMany(locks, timeout)
