"""Readers-writer lock: held by one exclusively, or shared by many."""

from __future__ import annotations

from ctypes import byref, c_uint64
from functools import partial
from operator import attrgetter

from . import _ffi
from ._arguments import limit_ns, timeout_ns
from ._fenced import Fenced
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
from ._shared import SharedObject
from ._wait import NEVER, Wait
from .errors import Outcomes, Timeout, error_of
from .holder import Holder, holder_of, raw_holders

_lock = raw("syncmgr_rwlock_lock")
_unlock = raw("syncmgr_rwlock_unlock")
_upgrade = raw("syncmgr_rwlock_upgrade")
_downgrade = raw("syncmgr_rwlock_downgrade")
_token = raw("syncmgr_rwlock_token")
_force_release = raw("syncmgr_rwlock_force_release")
_exit = exit_form("syncmgr_rwlock_unlock", 0, Outcomes({_ffi.OK: None}))

E_TIMEOUT = _ffi.E_TIMEOUT
OWNER_DIED = _ffi.OWNER_DIED
SHARED = _ffi.SHARED
EXCLUSIVE = _ffi.EXCLUSIVE


class RWLock(Fenced, SharedObject):
    """A readers-writer lock: `with rwlock.read():`, `with rwlock.write():`.

    Neither side starves. When a process dies that holds it for writing, all who get it are told by
    `recovered`, until somebody has had it for writing.
    """

    __slots__ = ()

    _close_handle = "syncmgr_rwlock_close"
    _ask_token = quick.syncmgr_rwlock_token
    _ask_is_valid = quick.syncmgr_rwlock_is_valid
    _ask_previous_owner = quick.syncmgr_rwlock_previous_owner
    _ask_force_release = quick.syncmgr_rwlock_force_release

    def _open(self, workstream_address, name, out_handle):
        options = _ffi.RwlockOptions.defaults()
        options.flags = self._parameters[0]
        return library.syncmgr_rwlock_open(workstream_address, name, byref(options), out_handle)

    def _prepare(self, here):
        here.pointer = pointer = pointer_argument(here.address)
        # As with a mutex: a try is no order.
        here.is_watched = self._owner.manager._watches_order
        here.attempts = tuple(
            iter(partial(int, E_TIMEOUT) if here.is_watched
                 else partial(_lock, pointer, count_argument(mode), TRY), NEVER)
            for mode in (SHARED, EXCLUSIVE))
        here.upgrades = iter(partial(_upgrade, pointer, TRY), NEVER)
        unlock, force = partial(_unlock, pointer), partial(_force_release, pointer)
        # Giving back what a dead writer left must not hide its death from the next one. That a
        # reader was told changes nothing.
        here.undo = ({_ffi.OK: (unlock,), OWNER_DIED: (unlock,)},
                     {_ffi.OK: (unlock,), OWNER_DIED: (unlock, force)})
        here.recovered_token = c_uint64(0)
        here.note_recovery = iter(
            partial(_token, pointer, byref(here.recovered_token)), NEVER)
        here.exit = partial(_exit, kept_handle(here.address, self._owner))

    def acquire_read(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """Acquires the lock with other readers. Returns False when it could not in time.

        None or -1 waits without end, 0 or `blocking=False` only tries. Who reads already may
        acquire again, and releases as often.
        """
        return self._acquire(SHARED, limit_ns(blocking, timeout))

    def acquire_write(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """Acquires the lock alone. Returns False when it could not in time.

        Deadlock when this workstream has it already: `upgrade` makes a writer of a reader.
        """
        return self._acquire(EXCLUSIVE, limit_ns(blocking, timeout))

    def _acquire(self, mode, limit):
        here = self._here
        for status in here.attempts[mode]:
            if not status:
                return True
            break
        # With OWNER_DIED it is held: up to `return` nothing may call anything then, see _wait.py.
        if status == OWNER_DIED:
            for _ in here.note_recovery:
                return True
        if status != E_TIMEOUT:
            raise error_of(status)
        if not limit and not here.is_watched:
            return False
        return Wait(here.undo[mode]).take(
            partial(self._start, here, mode, limit), here.note_recovery)

    def _start(self, here, mode, limit, wait, queue=None, user_data=0):
        """The call that starts a wait, for Wait.run or for a queue."""
        return partial(quick.syncmgr_rwlock_lock_start, here.address, mode, limit, queue,
                       user_data, wait.ticket_out)

    def release(self) -> None:
        """Ends the hold for writing, or one for reading.

        NotOwner when this workstream has none, Lost when it was taken away.
        """
        if status := _unlock(self._here.pointer):
            raise error_of(status)

    def read(self, timeout: float | None = None) -> Held:
        """`with rwlock.read():` holds it for reading; Timeout when `timeout` seconds pass."""
        return Held(self, SHARED, timeout)

    def write(self, timeout: float | None = None) -> Held:
        """`with rwlock.write():` holds it for writing; Timeout when `timeout` seconds pass."""
        return Held(self, EXCLUSIVE, timeout)

    def upgrade(self, timeout: float | None = None) -> bool:
        """Turns this workstream's holds for reading into the one for writing.

        Nobody writes in between. Returns False when other readers did not leave within `timeout`
        seconds; the holds for reading then stay, as they do when it raises. Deadlock when another
        workstream is upgrading: each would wait for the other.
        """
        limit = timeout_ns(timeout)
        here = self._here
        for status in here.upgrades:
            if not status:
                return True
            break
        # As in _acquire.
        if status == OWNER_DIED:
            for _ in here.note_recovery:
                return True
        if status != E_TIMEOUT:
            raise error_of(status)
        if not limit:
            return False
        return Wait(self._undo_upgrade(here)).take(
            partial(self._start_upgrade, here, limit), here.note_recovery)

    def _start_upgrade(self, here, limit, wait, queue=None, user_data=0):
        """The call that starts to upgrade, for Wait.run or for a queue."""
        return partial(quick.syncmgr_rwlock_upgrade_start, here.address, limit, queue, user_data,
                       wait.ticket_out)

    def _undo_upgrade(self, here):
        """What makes a reader of an upgraded one again, with as many holds as it has now."""
        me = self._workstream_id()
        amount = sum(holder.amount for holder in self.readers if holder.workstream == me)
        read = partial(_lock, here.pointer, count_argument(SHARED), TRY)
        # The last step comes first. A writer that inherited lets go of it, so that the next one is
        # told, and reads again.
        return {_ffi.OK: (read,) * (amount - 1) + (partial(_downgrade, here.pointer),),
                OWNER_DIED: (read,) * amount + here.undo[EXCLUSIVE][OWNER_DIED]}

    def downgrade(self) -> None:
        """Turns the hold for writing into one for reading. Nobody writes in between."""
        if status := _downgrade(self._here.pointer):
            raise error_of(status)

    @property
    def readers(self) -> list[Holder]:
        """Who holds it for reading: a list of Holder. The answer may be old when it arrives."""
        return [holder_of(found) for found in self._holders() if found.amount != _ffi.COUNT_MAX]

    @property
    def writer(self) -> Holder | None:
        """Who holds it for writing: a Holder, or None. The answer may be old when it arrives."""
        for found in self._holders():
            if found.amount == _ffi.COUNT_MAX:
                return holder_of(found)._replace(amount=1)
        return None

    def _holders(self):
        return raw_holders(quick.syncmgr_rwlock_holders, self._here.address)

    def _state(self):
        writer = self.writer
        if writer:
            return f"written by {writer}"
        count = len(self.readers)
        return f"{count} readers" if count else "free"


class Held:
    """The context manager of RWLock.read and RWLock.write."""

    __slots__ = ("_rwlock", "_mode", "_timeout", "_limit")

    def __init__(self, rwlock, mode, timeout):
        self._rwlock = rwlock
        self._mode = mode
        self._timeout = timeout
        self._limit = timeout_ns(timeout)

    def __enter__(self):
        rwlock = self._rwlock
        if rwlock._acquire(self._mode, self._limit):
            return rwlock
        raise Timeout(f"readers-writer lock '{rwlock.name}' was not free within "
                      f"{self._timeout} seconds")

    # Gets the prepared call of this thread by C code alone, see _native.exit_form.
    __exit__ = property(attrgetter("_rwlock._here.exit"))
