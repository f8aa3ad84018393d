"""What a channel is opened with, and what its calls return."""

from __future__ import annotations

from collections import namedtuple

from . import _ffi
from ._arguments import count as checked_count
from ._arguments import text, timeout_ns
from .errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict

    class QueueOptions(TypedDict, total=False):
        """The options of queues."""

        capacity: int | None
        inline_size: int | None
        overflow: str | None
        priorities: bool
        acknowledge: bool
        max_deliveries: int | None
        visibility: float | None
        dead_letters: str | None

    class DirectOptions(TypedDict, total=False):
        """The options of direct channels."""

        capacity: int | None
        inline_size: int | None
        overflow: str | None
        priorities: bool

    class BroadcastOptions(DirectOptions, total=False):
        """The options of broadcasts."""

        history: int | None

    class TopicsOptions(BroadcastOptions, total=False):
        """The options of topics."""

        retain: bool

KINDS = {"queue": _ffi.CHANNEL_QUEUE, "direct": _ffi.CHANNEL_DIRECT,
         "broadcast": _ffi.CHANNEL_BROADCAST, "topics": _ffi.CHANNEL_PUBSUB}
OVERFLOWS = {None: _ffi.OVERFLOW_DEFAULT, "block": _ffi.OVERFLOW_BLOCK,
             "fail": _ffi.OVERFLOW_FAIL, "drop_oldest": _ffi.OVERFLOW_DROP_OLDEST,
             "drop_newest": _ffi.OVERFLOW_DROP_NEWEST}


class Reached(int):
    """How many mailboxes have a message; 0: there is nobody to get it.

    `partial`: others were full and do not have it.
    """

    partial = False


class ReachedPartly(Reached):
    """The same, when some mailboxes were full."""

    partial = True


ONE = Reached(1)


def reached(status, count):
    """The result of a send."""
    if status == _ffi.PARTIAL:
        return ReachedPartly(count)
    return ONE if count == 1 else Reached(count)


class Mailbox(namedtuple(
        "Mailbox", "name workstream pid waiting taken received dropped expired")):
    """How a mailbox is: whose it is ("" and 0 for a queue's), how many messages are `waiting` in it
    and how many are given out (`taken`); how many it has given, lost, and kept beyond their time.
    """

    __slots__ = ()


def parameters_of(kind, capacity, inline_size, overflow, acknowledge, priorities, retain, history,
                  max_deliveries, visibility, dead_letters):
    """What a channel is opened with, in the form that is compared and pickled: kind and options.

    Without any option it is opened as it is.
    """
    if kind not in KINDS:
        raise InvalidArgument(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
    if overflow not in OVERFLOWS:
        names = ", ".join(name for name in OVERFLOWS if name)
        raise InvalidArgument(f"overflow must be one of {names}, not {overflow!r}")
    flags = (_ffi.CHANNEL_ACKNOWLEDGE * bool(acknowledge)
             | _ffi.CHANNEL_PRIORITIES * bool(priorities) | _ffi.CHANNEL_RETAIN * bool(retain))
    given = (capacity, inline_size, overflow, history, max_deliveries, visibility, dead_letters)
    if not flags and all(value is None for value in given):
        return KINDS[kind], None
    usual = _ffi.ChannelOptions.defaults()

    def number(value, what):
        return getattr(usual, what) if value is None else checked_count(value, what)

    return KINDS[kind], (
        usual.size, flags, number(capacity, "capacity"), number(inline_size, "inline_size"),
        OVERFLOWS[overflow], number(history, "history"),
        number(max_deliveries, "max_deliveries"), 0, timeout_ns(visibility, "the visibility"),
        None if dead_letters is None else text(dead_letters, "the name of a queue"))
