"""Barrier: all parties meet, then all go on; again and again."""

from __future__ import annotations

from ctypes import byref, c_uint64
from functools import partial

from . import _ffi
from ._arguments import timeout_ns
from ._native import library, quick
from ._shared import SharedObject
from ._wait import NEVER, Wait
from .errors import check


class Barrier(SharedObject):
    """A cyclic barrier. It breaks when a party gives up or dies; `reset` makes it whole again.

    A process that dies with the barrier open also breaks it for those who wait: they might wait
    for it for ever. In a phaser parties join and leave between the phases.
    """

    __slots__ = ()

    arrives = True

    _close_handle = "syncmgr_barrier_close"

    def _key(self):
        # The action is run by this class; for the library the leader merely releases by itself.
        parties, flags, action = self._parameters
        return type(self), self._name, parties, flags, action is None

    def _open(self, workstream_address, name, out_handle):
        parties, flags, action = self._parameters
        options = _ffi.BarrierOptions.defaults()
        options.flags = flags
        if action is not None:
            options.flags |= _ffi.BARRIER_LEADER_RELEASES
        return library.syncmgr_barrier_open(
            workstream_address, name, parties, byref(options), out_handle)

    def wait(self, timeout: float | None = None) -> int:
        """Arrives and waits for the others. Returns the order of arrival: 0 for the first.

        The last one runs its action before the others go on. When `timeout` seconds pass the
        barrier breaks: this call raises Timeout, all others BrokenBarrier. A timeout of 0 only
        tries: it arrives if it is the last, and otherwise nothing changes.
        """
        here = self._here
        wait = Wait()
        here.released = None
        status = wait.run(self._start(here, timeout_ns(timeout), wait))
        # Nobody but the leader lets the others go on: from here it leads or breaks the barrier.
        if status == _ffi.LEADER and self._parameters[-1] is not None:
            try:
                self._lead(here)
            except BaseException:
                if here.released is None:
                    quick.syncmgr_barrier_abort(here.address)
                raise
        check(status)
        return wait.record.index

    def _start(self, here, limit, wait, queue=None, user_data=0):
        """The call that starts a wait, for Wait.run or for a queue."""
        return partial(quick.syncmgr_barrier_wait_start, here.address, limit, queue, user_data,
                       wait.ticket_out, wait.record_out)

    def _lead(self, here):
        """Runs the action and lets the others go on."""
        self.action()
        for here.released in iter(partial(quick.syncmgr_barrier_release, here.address), NEVER):
            break
        check(here.released)

    def _release(self):
        """Lets the others go on after a status LEADER."""
        check(quick.syncmgr_barrier_release(self._here.address))

    def arrive(self) -> int:
        """Arrives without waiting, and returns the generation. The last one runs its action."""
        generation = c_uint64()
        here = self._here
        here.released = None
        arrive = partial(quick.syncmgr_barrier_arrive, here.address, byref(generation))
        for status in iter(arrive, NEVER):
            break
        if status == _ffi.LEADER and self._parameters[-1] is not None:
            try:
                self._lead(here)
            except BaseException:
                if here.released is None:
                    quick.syncmgr_barrier_abort(here.address)
                raise
        check(status)
        return generation.value

    def join(self) -> None:
        """Makes this workstream a party of a phaser, from the phase under way on.

        AlreadyArrived when it is one. One whose process dies, or that closes, is a party no more.
        """
        check(quick.syncmgr_barrier_join(self._here.address))

    def leave(self) -> None:
        """Takes this workstream out of the parties of a phaser.

        When all others have arrived they go on; no action runs then.
        """
        check(quick.syncmgr_barrier_leave(self._here.address))

    def abort(self) -> None:
        """Breaks the barrier: who waits and who arrives gets BrokenBarrier, until `reset`."""
        check(quick.syncmgr_barrier_abort(self._here.address))

    def reset(self) -> None:
        """Makes the barrier whole and empty again. Who waits in it gets BrokenBarrier."""
        check(quick.syncmgr_barrier_reset(self._here.address))

    @property
    def action(self):
        """What the last to arrive through this object runs, or None."""
        return self._parameters[-1]

    @property
    def state(self):
        """Generation, parties, arrived, waiting and broken, as they were at one moment."""
        state = _ffi.BarrierInfo()
        check(quick.syncmgr_barrier_state(self._here.address, byref(state)))
        return state

    @property
    def parties(self) -> int:
        """How many must meet; those of a phaser change."""
        return self.state.parties

    @property
    def n_waiting(self) -> int:
        """How many wait in it now."""
        return self.state.waiting

    @property
    def broken(self) -> bool:
        """Whether it is broken."""
        return self.state.broken != 0

    @property
    def generation(self) -> int:
        """How often all parties have met."""
        return self.state.generation

    def _state(self):
        state = self.state
        condition = "broken" if state.broken else f"{state.arrived} of {state.parties} arrived"
        return f"{condition}, generation {state.generation}"

