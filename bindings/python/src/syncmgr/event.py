"""Event: set by one, waited for by others."""

from __future__ import annotations

from ctypes import byref, c_uint32
from functools import partial

from . import _ffi
from ._arguments import timeout_ns
from ._native import library, pointer_argument, quick, raw
from ._shared import SharedObject
from ._wait import NOTHING, Wait
from .errors import check

_set = raw("syncmgr_event_set")


class Event(SharedObject):
    """An event. With auto reset each set lets one waiter go on; a manual one lets all go on."""

    __slots__ = ()

    _close_handle = "syncmgr_event_close"

    def _open(self, workstream_address, name, out_handle):
        options = _ffi.EventOptions.defaults()
        options.flags = self._parameters[0]
        return library.syncmgr_event_open(workstream_address, name, byref(options), out_handle)

    def _prepare(self, here):
        here.pointer = pointer_argument(here.address)
        # A set that was consumed by a wait whose caller never hears of it is set again.
        manual = self._parameters[0] & _ffi.EVENT_MANUAL_RESET
        here.undo = NOTHING if manual else {_ffi.OK: (partial(_set, here.pointer),)}

    def set(self) -> None:
        """Sets the event. Setting a set event changes nothing."""
        check(_set(self._here.pointer))

    def clear(self) -> None:
        """Resets the event."""
        check(quick.syncmgr_event_reset(self._here.address))

    def is_set(self) -> bool:
        """Whether the event is set."""
        answer = c_uint32()
        check(quick.syncmgr_event_is_set(self._here.address, byref(answer)))
        return answer.value != 0

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until the event is set. Returns False when `timeout` seconds pass first."""
        here = self._here
        wait = Wait(here.undo)
        status = wait.run(self._start(here, timeout_ns(timeout), wait))
        # Up to `return` nothing here may call anything: see _wait.py.
        if not status:
            return True
        if status == _ffi.E_TIMEOUT:
            return False
        return check(status) == _ffi.OK

    def _start(self, here, limit, wait, queue=None, user_data=0):
        """The call that starts a wait, for Wait.run or for a queue."""
        return partial(quick.syncmgr_event_wait_start, here.address, limit, queue, user_data,
                       wait.ticket_out)

    def _state(self):
        return "set" if self.is_set() else "not set"
