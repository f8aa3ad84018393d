"""Resource: something that is not ours, recorded by hand, so that deadlocks over it are found."""

from __future__ import annotations

from ctypes import byref, c_uint32

from . import _ffi
from ._arguments import count as checked_count
from ._native import library, quick
from ._shared import SharedObject
from .errors import check
from .holder import Holder, holder_of


class Resource(SharedObject):
    """So many instances of something. Nothing here waits: what happens elsewhere is recorded.

    When the search for deadlocks makes this workstream its victim, its request is cancelled, and
    the next `request` or `allocate` raises Deadlock, once.
    """

    __slots__ = ()

    _close_handle = "syncmgr_resource_close"

    def _open(self, workstream_address, name, out_handle):
        return library.syncmgr_resource_open(
            workstream_address, name, self._parameters[0], out_handle)

    def declare(self, most: int) -> None:
        """Declares the most that this workstream will ever have, for the banker's check."""
        check(quick.syncmgr_resource_declare(self._here.address, checked_count(most, "most")))

    def request(self, count: int = 1) -> bool:
        """Records that this workstream waits for so many. Returns whether so many are free."""
        status = library.syncmgr_resource_request(
            self._here.address, checked_count(count, "count"))
        return check(status) == _ffi.OK

    def allocate(self, count: int = 1) -> None:
        """Records that it has got so many, and ends its request.

        Busy when fewer are free, Unsafe when the manager avoids what is unsafe, and this is.
        """
        check(library.syncmgr_resource_allocate(
            self._here.address, checked_count(count, "count")))

    def release(self, count: int = 1) -> None:
        """Records that so many were given back. NotOwner when it has fewer."""
        check(library.syncmgr_resource_release(
            self._here.address, checked_count(count, "count")))

    def cancel(self) -> None:
        """Ends the request without an allocation. NotFound when there is none."""
        check(library.syncmgr_resource_cancel(self._here.address))

    @property
    def available(self) -> int:
        """How many are free."""
        number = c_uint32()
        check(quick.syncmgr_resource_available(self._here.address, byref(number)))
        return number.value

    @property
    def holders(self) -> list[Holder]:
        """Who has some: a list of Holder."""
        found, capacity = c_uint32(), 16
        while True:
            holders = (_ffi.Holder * capacity)()
            check(quick.syncmgr_resource_holders(
                self._here.address, holders, capacity, byref(found)))
            if found.value <= capacity:
                return [holder_of(holder) for holder in holders[:found.value]]
            capacity = found.value + 16

    def _state(self):
        return f"{self.available} available"
