"""Lease: a hold that ends by itself."""

from __future__ import annotations

from ctypes import byref, c_int64

from . import _ffi
from ._arguments import NANOSECONDS, timeout_ns
from ._native import library, quick
from .errors import check


class Leased:
    """What locks have in common: their holds can be limited in time."""

    __slots__ = ()

    def lease(self, seconds: float | None, *, renew: bool = False) -> None:
        """Ends this workstream's hold in so many seconds, unless it is renewed; None never does.

        The hold is then taken away as by force: the next owner of a mutex is told, this one gets
        Lost and a "hold_lost" notice. A lease belongs to one hold and is gone with it.
        `renew`: it is renewed in the background as long as this process runs, so that a process
        that is stopped loses its hold, and one that works does not.
        """
        flags = _ffi.LEASE_RENEW * bool(renew)
        check(library.syncmgr_lease_set(
            self._here.address, timeout_ns(seconds, "a lease"), flags))

    def renew(self) -> None:
        """Begins the lease anew with its length. Lost when it has ended, NotOwner without one."""
        check(quick.syncmgr_lease_renew(self._here.address))

    @property
    def lease_remaining(self) -> float | None:
        """How many seconds the lease still runs; None without one. Lost when it has ended."""
        remaining = c_int64()
        status = quick.syncmgr_lease_remaining(self._here.address, byref(remaining))
        if status == _ffi.E_NOT_OWNER:
            return None
        check(status)
        return remaining.value / NANOSECONDS
