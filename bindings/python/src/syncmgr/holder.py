"""Who holds something."""

from collections import namedtuple
from ctypes import byref, c_uint32

from . import _ffi
from .errors import check


class Holder(namedtuple("Holder", "name pid workstream token amount")):
    """A workstream that holds a lock or permits, or leads.

    `name` and `workstream` (its id) tell which, `pid` its process. `token` is the fencing token of
    the hold, 0 for a semaphore. `amount` counts permits, or how often a lock was acquired.
    """

    __slots__ = ()

    def __str__(self):
        return f"'{self.name}' (pid {self.pid})"


def holder_of(raw):
    """The Holder for the structure of the C interface."""
    return Holder(raw.name.decode("utf-8", "replace"), raw.pid, raw.workstream, raw.token,
                  raw.amount)


def raw_holders(function, address):
    """All holders that a function of the library knows for a handle, as structures of C."""
    found, capacity = c_uint32(), 16
    while True:
        holders = (_ffi.Holder * capacity)()
        check(function(address, holders, capacity, byref(found)))
        if found.value <= capacity:
            return holders[:found.value]
        capacity = found.value + 16
