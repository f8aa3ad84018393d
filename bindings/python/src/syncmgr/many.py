"""Several locks at once: all or none, in an order that is the same for the whole space."""

from __future__ import annotations

from collections import namedtuple
from ctypes import addressof, c_uint32
from functools import partial

from . import _ffi
from ._arguments import limit_ns, timeout_ns
from ._native import exit_form, kept_handle, quick
from ._wait import NEVER, Wait
from .errors import InvalidArgument, Outcomes, Timeout, check, error_of
from .mutex import Mutex
from .rwlock import Held, RWLock
from .semaphore import Permits, Semaphore

_exit = exit_form("syncmgr_unlock_many", 1, Outcomes({_ffi.OK: None}))

NOTHING = ()

# What the library is told of one lock of several. `note` is an iterator whose next item is asked
# for when the lock comes from a dead owner.
Part = namedtuple("Part", "address amount note owner")


def part_of(lock, find=lambda shared: shared):
    """The Part for a lock; `find` finds the object that acts for the caller."""
    if isinstance(lock, Mutex):
        mine = find(lock)
        return Part(mine._here.address, 0, mine._here.note_recovery, mine._owner)
    if isinstance(lock, Held):
        mine = find(lock._rwlock)
        return Part(mine._here.address, lock._mode, mine._here.note_recovery, mine._owner)
    if isinstance(lock, (Permits, Semaphore)):
        semaphore, count = ((lock._semaphore, lock._count) if isinstance(lock, Permits)
                            else (lock, 1))
        mine = find(semaphore)
        return Part(mine._here.address, count, NOTHING, mine._owner)
    if isinstance(lock, RWLock):
        raise TypeError(f"say how: rwlock.read() or rwlock.write(), for '{lock.name}'")
    raise TypeError(f"a {type(lock).__name__} cannot be locked with others")


class ItemList:
    """The library's list of the locks, and what is known of each."""

    __slots__ = ("items", "locks", "parts", "give_back", "undo")

    def __init__(self, locks):
        if not locks:
            raise InvalidArgument("there is nothing to lock")
        self.locks = locks
        self.items = (_ffi.LockItem * len(locks))()
        self.parts = []
        # Made before anything is locked, so that giving back needs no step of Python code. They
        # keep the list for as long as the library may write to it.
        self.give_back = partial(quick.syncmgr_lock_many_undo, self.items, len(locks))
        self.undo = {_ffi.OK: (self.give_back,), _ffi.OWNER_DIED: (self.give_back,)}

    def prepare(self, find=lambda shared: shared):
        """Finds the handles for this caller."""
        self.parts = [part_of(lock, find) for lock in self.locks]
        for item, part in zip(self.items, self.parts):
            item.handle, item.amount, item.status = part.address, part.amount, 0

    def start(self, limit, wait, queue=None, user_data=0):
        """The call that starts the wait, for Wait.run or for a queue."""
        return partial(quick.syncmgr_lock_many_start, self.items, len(self.items), limit, queue,
                       user_data, wait.ticket_out)

    def note(self):
        """Keeps, for `recovered`, which of them were inherited from a dead owner."""
        for item, part in zip(self.items, self.parts):
            if item.status == _ffi.OWNER_DIED:
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
        wait = Wait(many.undo)
        start = many.start(limit, wait)
        held = False
        try:
            status = wait.run(start)
            # From here to where it is noted nothing may call anything: see _wait.py.
            held = status >= 0
            if held:
                many.note()
                return True
            if status == _ffi.E_TIMEOUT:
                return False
            raise error_of(status)
        except BaseException:
            # A second signal may interrupt this too; what is done is not repeated.
            while held:
                try:
                    for _ in iter(many.give_back, NEVER):
                        held = False
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
