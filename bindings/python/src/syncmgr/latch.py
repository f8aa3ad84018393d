"""Latch: counts down to zero once, and stays open."""

from __future__ import annotations

from ctypes import byref, c_uint32
from functools import partial

from . import _ffi
from ._arguments import count as checked_count
from ._arguments import timeout_ns
from ._native import library, quick
from ._shared import SharedObject
from ._wait import Wait
from .errors import check


class Latch(SharedObject):
    """A latch. What was counted stays counted when a process dies."""

    __slots__ = ()

    _close_handle = "syncmgr_latch_close"

    def _open(self, workstream_address, name, out_handle):
        return library.syncmgr_latch_open(
            workstream_address, name, self._parameters[0], out_handle)

    def count_down(self, n: int = 1) -> int:
        """Counts down by `n` and returns what remains. OutOfRange when fewer remain."""
        remaining = c_uint32()
        check(quick.syncmgr_latch_count_down(
            self._here.address, checked_count(n, "n"), byref(remaining)))
        return remaining.value

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until the latch is at zero. Returns False when `timeout` seconds pass first."""
        wait = Wait()
        status = wait.run(self._start(self._here, timeout_ns(timeout), wait))
        return status != _ffi.E_TIMEOUT and check(status) == _ffi.OK

    def _start(self, here, limit, wait, queue=None, user_data=0):
        """The call that starts a wait, for Wait.run or for a queue."""
        return partial(quick.syncmgr_latch_wait_start, here.address, limit, queue, user_data,
                       wait.ticket_out)

    @property
    def count(self) -> int:
        """The remaining count."""
        remaining = c_uint32()
        check(quick.syncmgr_latch_count(self._here.address, byref(remaining)))
        return remaining.value

    def _state(self):
        remaining = self.count
        return f"{remaining} remaining" if remaining else "open"
