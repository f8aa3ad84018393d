"""Blocking waits that a signal can interrupt without losing a grant.

Python runs signal handlers between the steps of a program, and a handler may raise
(KeyboardInterrupt). When that happens right after a call of the library, an assignment such as
`status = lock(...)` is never carried out, and nobody knows that the lock was taken. CPython looks
for signals after calls, at the start of functions and at the end of loop rounds, and never when a
`for` fetches its next item. So a call whose result must not be lost is made by a `for` over
`iter(call, NEVER)`: the result is in the variable before a handler can run. From there to `return`
there is no call either, and a return is no such point.
"""

import threading
from ctypes import byref, c_void_p
from functools import partial

from . import _ffi
from ._native import library, quick
from .errors import error_of

# No status has this value, so that `iter(call, NEVER)` never ends.
NEVER = 1 << 40

# A signal that arrives between Python's last look and the sleep in the library wakes nobody. Only
# the main thread runs handlers; it looks again after this time at the latest.
MAIN_THREAD_SLICE_NS = 1_000_000_000

# What there is to give back after a wait that takes nothing.
NOTHING: dict = {}

UNFINISHED = (_ffi.PENDING, _ffi.INTERRUPTED)


class Wait:
    """One wait of one thread.

    `undo` has, for each status that grants something, the calls that give it back when the caller
    will never hear of it, the last one first. They are calls into the library, made by C alone.
    `ticket_out` and `record_out` are the last arguments of the library's start functions.
    """

    __slots__ = ("undo", "ticket", "record", "ticket_out", "record_out", "withdrawn", "outcome",
                 "steps")

    def __init__(self, undo=NOTHING):
        self.undo = undo
        self.ticket = c_void_p()
        self.record = _ffi.Record()
        self.ticket_out = byref(self.ticket)
        self.record_out = byref(self.record)
        self.withdrawn = self.outcome = self.steps = None

    def run(self, start):
        """Returns the status of the wait that `start()` starts, once it has ended.

        Raises only what a signal handler raised; nothing is held or waited for then.
        """
        try:
            return self._outcome_of(start)
        except BaseException:
            # A second signal may interrupt this too; what is done stays done and is not repeated.
            while True:
                try:
                    self.withdraw()
                    break
                except BaseException:
                    pass
            raise

    def take(self, start, note):
        """Waits for a lock by the call that `start(self)` makes. False when the time passed.

        `note` is an iterator whose next item is asked for when the lock comes from a dead owner.
        """
        status = self.run(start(self))
        # Up to `return` nothing here, and nothing in the caller, may call anything.
        if status == _ffi.OWNER_DIED:
            for _ in note:
                return True
        if not status:
            return True
        if status == _ffi.E_TIMEOUT:
            return False
        raise error_of(status)

    def _outcome_of(self, start):
        # A function of its own: the end of a loop's round need not be inside the loop's `try`.
        main = threading.get_ident() == threading.main_thread().ident
        look = MAIN_THREAD_SLICE_NS if main else _ffi.FOREVER
        for status in iter(start, NEVER):
            if status != _ffi.PENDING:
                return status
            break
        wait = partial(library.syncmgr_ticket_wait, self.ticket, look, self.record_out)
        for status in iter(wait, NEVER):
            if status not in UNFINISHED:
                return status

    def withdraw(self):
        """Leaves the line; when the wait had just been granted, gives the grant back."""
        if not self.ticket:
            return
        if self.withdrawn is None:
            for self.withdrawn in iter(partial(quick.syncmgr_ticket_cancel, self.ticket), NEVER):
                break
        if self.withdrawn != _ffi.FINISHED:
            return
        if self.outcome is None or self.outcome in UNFINISHED:
            collect = partial(library.syncmgr_ticket_wait, self.ticket, 0, None)
            for self.outcome in iter(collect, NEVER):
                if self.outcome not in UNFINISHED:
                    break
        if self.steps is None:
            self.steps = list(self.undo.get(self.outcome, ()))
        while self.steps:
            for _ in iter(self.steps[-1], NEVER):
                del self.steps[-1]
                break
