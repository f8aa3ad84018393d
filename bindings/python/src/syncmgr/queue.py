"""Queue: where started waits finish and notices arrive, with a descriptor to wait on.

Programs rarely need it: `aio` and `manager.on` stand on it. It is here for event loops of other
kinds, which watch `fileno()` and call `drain()`.
"""

from __future__ import annotations

from collections import namedtuple
from ctypes import byref, c_int32, c_uint32, c_void_p
from struct import Struct

from . import _ffi, _process
from ._arguments import integer
from ._native import library, quick
from .errors import Closed, check, close_quietly

DRAIN_CAPACITY = 256

# The fields of syncmgr_record_t. Unpacking many at once is several times faster than reading each.
LAYOUT = Struct("=QQiIQI4x")


class Record(namedtuple("Record", "ticket user_data status kind value index")):
    """A finished wait, or a notice; the fields are those of syncmgr_record_t."""

    __slots__ = ()


class Queue:
    """A completion queue of a manager."""

    def __init__(self, manager):
        self._address = None
        self._born = _process.generation()
        self._records = (_ffi.Record * DRAIN_CAPACITY)()
        self._bytes = memoryview(self._records).cast("B")
        self._count = c_uint32()
        self._count_out = byref(self._count)
        out = c_void_p()
        check(library.syncmgr_queue_open(manager._address, 0, -1, byref(out)))
        self._address = out.value
        fd = c_int32()
        check(quick.syncmgr_queue_fd(self._address, byref(fd)))
        self._fd = fd.value

    @property
    def address(self):
        """The library's handle, for start functions."""
        if self._address is None:
            raise Closed("the queue was closed")
        return self._address

    def fileno(self) -> int:
        """The descriptor that is readable while records wait."""
        return self._fd

    def drain(self) -> list[Record]:
        """Takes records, of tickets first: a list, empty when there are none.

        One call takes a bounded number. While more wait the descriptor stays readable.
        """
        check(quick.syncmgr_queue_drain(
            self.address, self._records, DRAIN_CAPACITY, self._count_out))
        return list(map(Record._make, LAYOUT.iter_unpack(
            self._bytes[:self._count.value * LAYOUT.size])))

    def watch(self, mask: int, user_data: int = 0) -> None:
        """Has notices of the kinds in `mask` arrive here from now on; 0 stops that."""
        mask = integer(mask, "mask", 0, 0xffffffff)
        user_data = integer(user_data, "user_data", 0, (1 << 64) - 1)
        check(quick.syncmgr_queue_watch(self.address, mask, user_data))

    def close(self) -> None:
        """Closes the queue: its unfinished waits are cancelled. Closing twice does nothing."""
        address, self._address = self._address, None
        if address is not None and self._born == _process.generation():
            close_quietly(library.syncmgr_queue_close, address)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if self._address is not None:
            self.close()
