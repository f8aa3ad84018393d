"""Messages: from one workstream to others, by their names."""

from __future__ import annotations

import json
from ctypes import byref, c_uint32, c_uint64
from functools import partial
from typing import NamedTuple

from . import _ffi
from ._arguments import clock_of, integer, text, timeout_ns, workstream_names
from ._line import line_of
from ._native import library, quick
from ._wait import Wait
from .errors import InvalidArgument, check
from .notices import KINDS, Notice, NoticeIterator, notice_of, priority_of

STATUSES = ("pending", "delivered", "read", "failed", "expired")
EVERYBODY = ("custom", "conflict", "data_available", "resource_available")
SOME = (*EVERYBODY, "sync_complete", "sync_timeout", "deadlock", "completed", "failed")


class Sent(NamedTuple):
    """What became of a message at once: its id, 0 when it went to everybody; and the names of
    those recipients that do not exist."""

    id: int
    missing: tuple


class Recipient(NamedTuple):
    """How far a message is with one of its recipients: "pending", "delivered", "read", "failed" or
    "expired"."""

    name: str
    status: str
    workstream: int
    pid: int


def json_bytes(detail):
    """The JSON of a detail, None for none."""
    return None if detail is None else json.dumps(detail, separators=(",", ":")).encode()


def send(workstream, recipients, message, detail, kind, priority, ttl, require_ack):
    """Sends a message, or a notice to everybody when `recipients` is None."""
    allowed = EVERYBODY if recipients is None else SOME
    if kind not in allowed:
        raise InvalidArgument(f"kind must be one of {', '.join(allowed)}, not {kind!r}")
    options = _ffi.NotifyOptions.defaults()
    options.kind = KINDS[kind]
    options.priority = priority_of(priority)
    options.flags = _ffi.NOTIFY_REQUIRE_ACK * bool(require_ack)
    options.ttl_ns = timeout_ns(ttl)
    names = None
    if recipients is not None:
        names = workstream_names(recipients)
    number = c_uint64()
    status = check(library.syncmgr_notify(
        workstream._live_address(), names, byref(options), text(message, "a message"),
        json_bytes(detail), byref(number)))
    missing = ()
    if status == _ffi.PARTIAL:
        missing = tuple(one.name for one in status_of(workstream.manager, number.value)
                        if one.workstream == 0)
    return Sent(number.value, missing)


def status_of(manager, number):
    """The recipients of a message."""
    manager._require_open()
    number = integer(number, "the id of a message", 0, (1 << 64) - 1)
    found = (_ffi.Recipient * _ffi.RECIPIENTS_MAX)()
    count = c_uint32()
    check(quick.syncmgr_notification_status(
        manager._address, number, found, len(found), byref(count)))
    return [Recipient(one.name.decode("utf-8", "replace"), STATUSES[one.status], one.workstream,
                      one.pid) for one in found[:count.value]]


class Inbox(NoticeIterator):
    """The messages that were sent to a workstream: the most urgent first, equal ones in order.

    It can be iterated, by `for` and `async for`, and never ends while the workstream is open.
    """

    def __init__(self, workstream):
        self._workstream = workstream

    def next(self, timeout: float | None = None) -> Notice | None:
        """Takes the next message; None when `timeout` seconds pass first."""
        left = clock_of(timeout_ns(timeout))
        message = _ffi.Notice()
        # A wait that has ended leaves the message where it is: the next round takes it.
        while not message.kind:
            wait = Wait()
            status = wait.run(self._start(message, left(), wait))
            if status == _ffi.E_TIMEOUT:
                return None
            check(status)
        return notice_of(message)

    async def wait(self, timeout: float | None = None) -> Notice | None:
        """The asyncio form of `next`. Cancelling it loses no message."""
        left = clock_of(timeout_ns(timeout))
        message = _ffi.Notice()
        while not message.kind:
            status, _ = await line_of(self._workstream.manager).wait(
                partial(self._start, message, left()), {})
            if status == _ffi.E_TIMEOUT:
                return None
        return notice_of(message)

    def _start(self, message, limit, wait, queue=None, user_data=0):
        """The call that takes a message or starts a wait, for Wait.run or for a queue."""
        return partial(quick.syncmgr_inbox_next_start, self._workstream._live_address(), limit,
                       queue, user_data, wait.ticket_out, byref(message))

    def read(self, message: Notice | int) -> None:
        """Acknowledges a message that asked for it, by itself or by its id."""
        number = message.message if isinstance(message, Notice) else message
        check(quick.syncmgr_notification_read(
            self._workstream._live_address(),
            integer(number, "the id of a message", 0, (1 << 64) - 1)))
