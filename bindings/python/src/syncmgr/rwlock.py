"""Readers-writer lock: held by one exclusively, or shared by many."""

from __future__ import annotations

from ctypes import byref, c_uint64
from functools import partial
from operator import attrgetter

from . import _ffi
from ._arguments import integer, limit_ns, timeout_ns
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
from .errors import NotOwner, Outcomes, Timeout, check, error_of
from .holder import Holder, holder_of, raw_holders
from .lease import Leased

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


class RWLock(Leased, SharedObject):
    """A readers-writer lock: `with rwlock.read():`, `with rwlock.write():`.

    Neither side starves. When a process dies that holds it for writing, all who get it are told by
    `recovered`, until somebody has had it for writing.
    """

    __slots__ = ()

    _close_handle = "syncmgr_rwlock_close"

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
        if status == E_TIMEOUT and (limit or here.is_watched):
            wait = Wait(here.undo[mode])
            status = wait.run(self._start(here, mode, limit, wait))
        # Up to `return` nothing here may call anything: see _wait.py.
        if status == OWNER_DIED:
            for _ in here.note_recovery:
                return True
        if not status:
            return True
        if status == E_TIMEOUT:
            return False
        raise error_of(status)

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
            break
        if status == E_TIMEOUT and limit:
            wait = Wait(self._undo_upgrade(here))
            status = wait.run(self._start_upgrade(here, limit, wait))
        # Up to `return` nothing here may call anything: see _wait.py.
        if status == OWNER_DIED:
            for _ in here.note_recovery:
                return True
        if not status:
            return True
        if status == E_TIMEOUT:
            return False
        raise error_of(status)

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

    def owned(self) -> bool:
        """Whether this workstream holds it, for reading or for writing."""
        token = c_uint64()
        status = quick.syncmgr_rwlock_token(self._here.address, byref(token))
        return status != _ffi.E_NOT_OWNER and check(status) == _ffi.OK

    def _holds(self):
        return self.owned()

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

    @property
    def previous_owner(self) -> Holder | None:
        """The last writer that died or was forced out, or None."""
        found = _ffi.Holder()
        status = check(quick.syncmgr_rwlock_previous_owner(self._here.address, byref(found)))
        return None if status == _ffi.FREE else holder_of(found)._replace(amount=1)

    @property
    def token(self) -> int:
        """The fencing token of this workstream's latest grant: it only ever grows.

        NotOwner without a hold.
        """
        token = c_uint64()
        check(quick.syncmgr_rwlock_token(self._here.address, byref(token)))
        return token.value

    def is_valid(self, token: int) -> bool:
        """Whether this workstream still holds the lock by the grant with this token."""
        token = integer(token, "token", 0, (1 << 64) - 1)
        status = quick.syncmgr_rwlock_is_valid(self._here.address, token)
        return status != _ffi.E_LOST and check(status) == _ffi.OK

    @property
    def recovered(self) -> bool:
        """Whether a writer died, or was forced out, whose work nobody has looked after since."""
        try:
            return self.token == self._here.recovered_token.value
        except NotOwner:
            return False

    def force_release(self) -> bool:
        """Takes the lock away from all who hold it. Returns False when nobody did."""
        return check(quick.syncmgr_rwlock_force_release(self._here.address)) != _ffi.FREE

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
