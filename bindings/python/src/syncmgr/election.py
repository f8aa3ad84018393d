"""Election: one leads, the others wait; once: one does it, the others get the result."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from ctypes import byref, c_size_t, create_string_buffer
from functools import partial
from operator import attrgetter

from . import _ffi
from ._arguments import integer, timeout_ns
from ._native import exit_form, kept_handle, library, pointer_argument, quick, raw
from ._shared import SharedObject
from ._wait import Wait
from .errors import InvalidArgument, Late, NotOwner, Outcomes, Timeout, check, error_of
from .holder import Holder, holder_of
from .lease import Leased

_resign = raw("syncmgr_election_resign")
# Who has published a result does not lead any more, and need not resign.
_exit = exit_form("syncmgr_election_resign", 0,
                  Outcomes({_ffi.OK: None, _ffi.E_NOT_OWNER: None}))


class Election(Leased, SharedObject):
    """An election. `with election:` waits to be elected, leads, and resigns at the end.

    A leader leads until it resigns, closes, dies, or publishes a result. Then the longest candidate
    is elected; once there is a result nobody is.
    """

    __slots__ = ()

    _close_handle = "syncmgr_election_close"

    def _open(self, workstream_address, name, out_handle):
        return library.syncmgr_election_open(workstream_address, name, out_handle)

    def _prepare(self, here):
        here.undo = {_ffi.LEADER: (partial(_resign, pointer_argument(here.address)),)}
        here.exit = partial(_exit, kept_handle(here.address, self._owner))

    # ---- leading

    def campaign(self, timeout: float | None = None) -> bool:
        """Stands for election. Returns True when elected, also when it leads already.

        Returns False when `timeout` seconds pass first, or when there is a `result`. A timeout of 0
        only tries.
        """
        return self._campaign(timeout_ns(timeout))

    def _campaign(self, limit):
        wait = Wait(self._here.undo)
        status = wait.run(self._start(self._here, limit, wait))
        # Up to `return` nothing here may call anything: see _wait.py.
        if status == _ffi.LEADER:
            return True
        if status == _ffi.OK or status == _ffi.E_TIMEOUT:
            return False
        raise error_of(status)

    def _start(self, here, limit, wait, queue=None, user_data=0):
        """The call that starts a wait, for Wait.run or for a queue."""
        return partial(quick.syncmgr_election_campaign_start, here.address, limit, queue,
                       user_data, wait.ticket_out, wait.record_out)

    def resign(self) -> None:
        """Steps down: the next candidate is elected. NotOwner when this workstream does not lead,
        Lost when its term was ended by others."""
        check(quick.syncmgr_election_resign(self._here.address))

    def __enter__(self):
        if self._campaign(_ffi.FOREVER):
            return self
        raise self._not_elected(None)

    # Gets the prepared call of this thread by C code alone, see _native.exit_form.
    __exit__ = property(attrgetter("_here.exit"))

    def lead(self, timeout: float | None = None) -> Lead:
        """`with election.lead(5):` leads within that time or raises Timeout.

        Like `with election:` it raises Late when there is a result.
        """
        return Lead(self, timeout)

    def _not_elected(self, timeout):
        """The exception for a `with` that needs a leader."""
        if self.result is None:
            return Timeout(f"election '{self.name}' did not elect within {timeout} seconds")
        return Late(f"election '{self.name}' has a result: nobody is elected any more")

    @property
    def term(self) -> int:
        """The fencing token of this workstream's term: it only ever grows. NotOwner without one."""
        leader = self.leader
        if leader is None or leader.workstream != self._workstream_id():
            raise NotOwner(f"this workstream does not lead in election '{self.name}'")
        return leader.token

    def is_valid(self, term: int) -> bool:
        """Whether this workstream still leads in this term."""
        term = integer(term, "term", 0, (1 << 64) - 1)
        status = quick.syncmgr_election_is_valid(self._here.address, term)
        return status != _ffi.E_LOST and check(status) == _ffi.OK

    def leading(self) -> bool:
        """Whether this workstream leads."""
        leader = self.leader
        return leader is not None and leader.workstream == self._workstream_id()

    def _holds(self):
        return self.leading()

    @property
    def leader(self) -> Holder | None:
        """Who leads: a Holder, whose token is the term, or None. It may be old when it arrives."""
        found = _ffi.Holder()
        status = check(quick.syncmgr_election_leader(self._here.address, byref(found)))
        return None if status == _ffi.FREE else holder_of(found)

    def force_release(self) -> bool:
        """Takes the leadership away from whoever leads. Returns False when nobody did."""
        return check(quick.syncmgr_election_force_release(self._here.address)) != _ffi.FREE

    # ---- the result

    def finish(self, result: bytes | str = b"") -> None:
        """Publishes the result, 256 bytes at most, and ends the term and the election.

        All candidates get it, those who wait and those who come later. Only the leader may.
        """
        if isinstance(result, str):
            result = result.encode()
        elif not isinstance(result, bytes):
            raise TypeError(f"a result must be bytes or a str, not {type(result).__name__}")
        check(quick.syncmgr_election_finish(self._here.address, result, len(result)))

    @property
    def result(self) -> bytes | None:
        """The result, or None while there is none."""
        buffer, length = create_string_buffer(_ffi.RESULT_MAX), c_size_t()
        status = check(quick.syncmgr_election_result(
            self._here.address, buffer, len(buffer), byref(length)))
        return None if status == _ffi.PENDING else buffer.raw[:length.value]

    def reset(self) -> None:
        """Forgets the result: the election begins anew."""
        check(quick.syncmgr_election_reset(self._here.address))

    def _state(self):
        leader = self.leader
        if leader:
            return f"led by {leader}"
        return "nobody leads" if self.result is None else "has a result"


class Lead:
    """The context manager of Election.lead."""

    __slots__ = ("_election", "_timeout", "_limit")

    def __init__(self, election, timeout):
        self._election = election
        self._timeout = timeout
        self._limit = timeout_ns(timeout)

    def __enter__(self):
        election = self._election
        if election._campaign(self._limit):
            return election
        raise election._not_elected(self._timeout)

    __exit__ = property(attrgetter("_election._here.exit"))


class Candidacy(Lead):
    """The same for a block that asks whether it leads."""

    __slots__ = ()

    def __enter__(self):
        return self._election._campaign(self._limit)


# ---------------------------------------------------------------------- once


def encode(value):
    """The result for everybody: JSON in UTF-8, as other languages read it."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    if len(text) > _ffi.RESULT_MAX:
        raise InvalidArgument(f"the result has {len(text)} bytes as JSON: {_ffi.RESULT_MAX} are "
                              "the most")
    return text


def decode(text):
    """The value of a result. An empty one is how other languages write that there is no value."""
    return json.loads(text) if text else None


class Remaining:
    """What is left of a timeout."""

    def __init__(self, timeout):
        self._limit = timeout_ns(timeout)
        self._end = time.monotonic() + self._limit / 1e9

    def seconds(self):
        """For the next wait; None is without end."""
        return None if self._limit == _ffi.FOREVER else max(self._end - time.monotonic(), 0)


def once(space, name: str, function: Callable[[], object], timeout: float | None = None):
    """Calls `function()` once in the whole space, and returns its result in all who ask for it.

    `space` is a manager or a workstream, `name` that of an election. The result travels as JSON of
    at most 256 bytes; also the one who made it gets it as JSON makes it. When the function raises,
    or its process dies, the next one calls its own. Timeout when `timeout` seconds pass before
    there is a result. `reset()` of the election lets it be done again.
    """
    if not callable(function):
        raise TypeError(f"function must be callable, not {type(function).__name__}")
    election, remaining = space.election(name), Remaining(timeout)
    while True:
        left = remaining.seconds()
        with Candidacy(election, left) as is_leader:
            if is_leader:
                result = encode(function())
                election.finish(result)
                return decode(result)
        result = election.result
        if result is not None:
            return decode(result)
        # A result that was forgotten before it was read elects anew.
        if left == 0:
            raise Timeout(f"election '{name}' had no result within {timeout} seconds")
