"""Message: what came through a channel."""

from __future__ import annotations

import json
from ctypes import c_uint64, c_void_p
from functools import partial
from struct import Struct

from . import _ffi
from ._arguments import NANOSECONDS, text
from ._native import raw
from ._sending import MUCH, bytes_of, length_argument, options_of
from .errors import NOTHING_TO_CLOSE, check, error_of
from .notices import PRIORITIES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self, Unpack

    from _typeshed import ReadableBuffer

    from ._sending import SendOptions

_acknowledge = raw("syncmgr_message_acknowledge")
_reject = raw("syncmgr_message_reject")
_reply = raw("syncmgr_channel_reply")
_reply_much = raw("syncmgr_channel_reply", releases=True)

# The numbers of syncmgr_message_t, which stand behind its pointers.
NUMBERS = Struct("=QQQQQQqqIIII")
SENDER_ID, SEQUENCE, CORRELATION, REPLY_TO, RECEIPT, DROPPED, WALL, TTL, PRIORITY, DELIVERIES, \
    FLAGS, _ = range(12)


class Received:
    """What messages and views have in common.

    As a context manager it is acknowledged at the end, and rejected when an exception ends it, if
    its channel has acknowledgements and neither was done before.
    """

    __slots__ = ("_handle", "_texts", "_metadata", "_numbers", "_settled")

    def _number(self, place):
        return NUMBERS.unpack(self._numbers)[place]

    def _flag(self, flag):
        return self._number(FLAGS) & flag != 0

    # ---- what it is

    @property
    def sender(self) -> str:
        """The name of the workstream that sent it."""
        return self._texts.split(b"\0", 1)[0].decode("utf-8", "replace")

    @property
    def topic(self) -> str:
        """The topic, empty when there is none."""
        return self._texts.split(b"\0", 2)[1].decode("utf-8", "replace")

    @property
    def metadata(self) -> Any:
        """What the sender gave with it: a dict, empty when there is none. Senders in other
        languages may give anything that JSON can say."""
        return {} if self._metadata is None else json.loads(self._metadata)

    @property
    def sender_id(self) -> int:
        """The id of the workstream that sent it."""
        return self._number(SENDER_ID)

    @property
    def sequence(self) -> int:
        """Its number in the channel: it grows by one with each message that is sent."""
        return self._number(SEQUENCE)

    @property
    def correlation(self) -> int:
        """The number that the sender gave with it."""
        return self._number(CORRELATION)

    @property
    def reply_to(self) -> int:
        """The number of the request; 0 when nobody waits for a reply."""
        return self._number(REPLY_TO)

    @property
    def dropped(self) -> int:
        """How many messages this mailbox has lost since the one before: full, or too old."""
        return self._number(DROPPED)

    @property
    def wall_ns(self) -> int:
        """When it was sent, in nanoseconds since 1970."""
        return self._number(WALL)

    @property
    def ttl(self) -> float | None:
        """How many seconds it was still of interest when it was taken; None for ever."""
        left = self._number(TTL)
        return None if left < 0 else left / NANOSECONDS

    @property
    def priority(self) -> str:
        """"low", "medium", "high" or "critical"."""
        return PRIORITIES[min(self._number(PRIORITY), 3)]

    @property
    def deliveries(self) -> int:
        """How often it was given out, this time included."""
        return self._number(DELIVERIES)

    @property
    def wants_reply(self) -> bool:
        """Whether its sender waits for a reply."""
        return self._flag(_ffi.MESSAGE_REPLY_WANTED)

    @property
    def retained(self) -> bool:
        """Whether it was the last of its topic when the receiver subscribed."""
        return self._flag(_ffi.MESSAGE_RETAINED)

    @property
    def history(self) -> bool:
        """Whether it was sent before the receiver subscribed."""
        return self._flag(_ffi.MESSAGE_HISTORY)

    @property
    def returned(self) -> bool:
        """Whether the receiver itself had sent it, and it could not be delivered."""
        return self._flag(_ffi.MESSAGE_RETURNED)

    @property
    def has_receipt(self) -> bool:
        """Whether it is to be acknowledged, or was."""
        return self._number(RECEIPT) != 0

    # ---- what is done with it

    def acknowledge(self) -> None:
        """It is done. NotFound when this workstream does not have it any more."""
        check(_acknowledge(self._handle, c_uint64(self._number(RECEIPT))))
        self._settled = True

    def reject(self, reason: str | None = None, *, dead: bool = False) -> None:
        """It is not done: it goes back to its old place.

        When it was tried often enough, or with `dead`, it goes to the dead letters, with `reason`.
        """
        encoded = None if reason is None else text(reason, "a reason")
        check(_reject(self._handle, c_uint64(self._number(RECEIPT)), _ffi.REJECT_DEAD * bool(dead),
                      encoded))
        self._settled = True

    def reply(self, data: ReadableBuffer, **options: Unpack[SendOptions]) -> None:
        """Replies to its sender. NotFound when that does not wait any more."""
        argument, length = bytes_of(data)
        check((_reply if length <= MUCH else _reply_much)(
            self._handle, c_uint64(self.reply_to), argument, length_argument(length),
            options_of(**options) if options else None))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind, error, _):
        if self._settled or not self.has_receipt:
            return
        if error is None:
            self.acknowledge()
        else:
            reason = f"{kind.__name__}: {error}".encode("utf-8", "replace")[:_ffi.TOPIC_MAX]
            self.reject(reason.replace(b"\0", b" ").decode("utf-8", "ignore"))

    def __repr__(self):
        topic = f" about {self.topic!r}" if self.topic else ""
        return f"<syncmgr.{type(self).__name__} {self.sequence} from {self.sender!r}{topic}>"


class Message(Received):
    """A message that was received. `data` are its bytes."""

    __slots__ = ("data",)

    data: bytes

    def __init__(self, data, texts, metadata, numbers, handle):
        self.data = data
        self._texts = texts
        self._metadata = metadata
        self._numbers = numbers
        self._handle = handle
        self._settled = False


class Copied:
    """Bytes in the place of memory that is lent."""

    __slots__ = ("view",)

    def __init__(self, data):
        self.view = memoryview(data)

    def release(self):
        self.view.release()

    def at_last_use(self, give_back):
        give_back()


class View(Received):
    """A message that lies in the segment, as a read-only memoryview `data`.

    It lives until `release`, or until the end of a `with`. As long as there are slices or other
    views of the data it cannot be given back: that is a BufferError.
    """

    __slots__ = ("_lent",)

    def __init__(self, lent, texts, metadata, numbers, handle):
        self._lent = lent
        self._texts = texts
        self._metadata = metadata
        self._numbers = numbers
        self._handle = handle
        # Until it is on its way to whoever asked for it: then there is something to give back.
        self._settled = True

    @classmethod
    def of(cls, message: Message) -> View:
        """A message that was copied, in the form of a view. It gives nothing back by itself."""
        return cls(Copied(message.data), message._texts, message._metadata, message._numbers,
                   message._handle)

    @property
    def data(self) -> memoryview:
        """The bytes."""
        return self._lent.view

    def release(self) -> None:
        """Gives the memory back, and acknowledges the message. Once more does nothing.

        BufferError while others look at the data; NotFound when its time had passed.
        """
        if self._settled:
            return
        self._lent.release()
        self._settled = True
        status = _acknowledge(self._handle, c_uint64(self._number(RECEIPT)))
        if status < 0 and status not in NOTHING_TO_CLOSE:
            raise error_of(status)

    def acknowledge(self) -> None:
        """The same as `release`, but once more is NotFound."""
        self._lent.release()
        super().acknowledge()

    def reject(self, reason: str | None = None, *, dead: bool = False) -> None:
        """It is not done, see Message.reject; gives the memory back."""
        self._lent.release()
        super().reject(reason, dead=dead)

    def __exit__(self, kind, error, trace):
        if self._settled:
            return
        if error is None:
            self.release()
            return
        # Others that look at it, in the frames of the exception, are no reason to hide it.
        self._settled = True
        self._lent.at_last_use(partial(_undo, self._handle, self._number(RECEIPT)))

    def __del__(self):
        if not getattr(self, "_settled", True):
            self._lent.at_last_use(partial(_undo, self._handle, self._number(RECEIPT)))


def _undo(handle: c_void_p, receipt: int):
    """Gives a view back that was not done with. Where nothing goes back it is over."""
    if _reject(handle, c_uint64(receipt), 0, None) == _ffi.E_UNSUPPORTED:
        _acknowledge(handle, c_uint64(receipt))
