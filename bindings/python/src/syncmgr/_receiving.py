"""Taking messages out of a channel, without losing one.

A signal handler may raise between any two calls. A message that had been taken then, and did not
get to whoever asked for it, is kept, and is the next to be received. The library fills the head of
a slot when it takes a message; the head is emptied in the step before the message is returned, and
between these two there is no call.
"""

from __future__ import annotations

from ctypes import (
    byref,
    c_int64,
    c_size_t,
    c_uint32,
    c_uint64,
    create_string_buffer,
    string_at,
)
from functools import partial
from struct import Struct

from . import _ffi
from ._lent import Lent
from ._native import TRY, kept_handle, pointer_argument, raw
from ._sending import MUCH
from .errors import error_of
from .message import RECEIPT, Message, View

_recv = raw("syncmgr_channel_recv")
_recv_much = raw("syncmgr_channel_recv", releases=True)
_recv_many = raw("syncmgr_channel_recv_many")
_recv_many_much = raw("syncmgr_channel_recv_many", releases=True)
_response = raw("syncmgr_channel_response")
_response_much = raw("syncmgr_channel_response", releases=True)
_acknowledge = raw("syncmgr_message_acknowledge")
_reject = raw("syncmgr_message_reject")
_wait = raw("syncmgr_channel_wait")
_wait_for_a_moment = raw("syncmgr_channel_wait", releases=True)
_view = raw("syncmgr_channel_view")

# Too short to sleep: the library looks for some microseconds, if that can help.
MOMENT = c_int64(1)
READABLE, WRITABLE = c_uint64(_ffi.READABLE), c_uint64(_ffi.WRITABLE)

# syncmgr_message_t: data, length, metadata and, in one piece, the numbers.
HEAD = Struct("=QQ16xQ80s")
_unpack = HEAD.unpack_from

SMALL = 4096
# Slots that grew beyond this are not kept.
LARGEST_KEPT = 1 << 20
BATCH = 64
BATCH_MOST = 1024
BATCH_ROOM = 1 << 16

E_TIMEOUT = _ffi.E_TIMEOUT
E_TOO_LARGE = _ffi.E_TOO_LARGE


class Left:
    """What is kept for a handle, whatever Python objects there are of it: messages that nobody got,
    and the function that gets messages."""

    __slots__ = ("unread", "feed")

    def __init__(self):
        self.unread = []
        self.feed = None


class Port:
    """The handle of a channel in one workstream, and what is needed for each call."""

    __slots__ = ("address", "pointer", "handle", "left", "unread", "slot", "batch", "calls")

    def __init__(self, address, owner, left):
        self.address = address
        self.pointer = pointer_argument(address)
        # Messages keep the workstream that has them.
        self.handle = kept_handle(address, owner)
        self.left = left
        self.unread = left.unread
        # Slots that nobody uses now.
        self.slot = None
        self.batch = None
        # Calls in a loop that did not have to wait.
        self.calls = 0

    def turn(self, what):
        """What is to be done when a wait for this ended, and its caller never hears of it: somebody
        else who waits for the same is woken."""
        return {_ffi.OK: (partial(_wait, self.pointer, c_uint64(what), TRY),)}

    def is_soon(self, what):
        """Whether what is waited for comes in a moment. Most of the time it does, between two that
        are busy, and that is much less work than a wait. Takes nothing; raises nothing."""
        return not _wait_for_a_moment(self.pointer, what, MOMENT)

    def pass_on(self, what):
        """Wakes somebody else, when this one was woken and does not look."""
        _wait(self.pointer, c_uint64(what), TRY)


class Slot:
    """Room for messages that the library copies; `take` is the call that takes them.

    `fields` are the heads as numbers. The first is the address of the first message; it is 0 when
    there is none that nobody got.
    """

    __slots__ = ("take", "size", "count", "number", "buffer", "room", "heads", "fields", "_bytes")

    def __init__(self, count, size):
        self.size = size
        self.count = count
        self.number = c_uint32(1)
        self.buffer = create_string_buffer(size)
        self.room = c_size_t(size)
        self.heads = (_ffi.Message * count)()
        self._bytes = memoryview(self.heads).cast("B")
        self.fields = self._bytes.cast("Q")

    @property
    def needed(self):
        """After E_TOO_LARGE: how large it has to be."""
        return self.fields[1]

    def first(self, handle):
        """The first message."""
        data, length, metadata, numbers = _unpack(self._bytes)
        buffer = self.buffer
        texts = buffer[length:metadata - data + 1]
        return Message(buffer[:length], texts, string_at(metadata) if texts[-1] else None,
                       numbers, handle)

    def messages(self, handle):
        """All messages."""
        heads = list(HEAD.iter_unpack(self._bytes[:self.number.value * HEAD.size]))
        base, last = heads[0][0], heads[-1][2]
        whole = self.buffer[:last - base + 1]
        return [
            Message(whole[(start := data - base):(end := start + length)],
                    texts := whole[end:metadata - base + 1],
                    string_at(metadata) if texts[-1] else None, numbers, handle)
            for data, length, metadata, numbers in heads]


def _single(port, size):
    """A slot for one message."""
    slot = Slot(1, size)
    slot.take = partial(_recv if size <= MUCH else _recv_much, port.pointer, slot.buffer,
                        slot.room, TRY, slot.heads)
    return slot


def _several(port, count, size):
    """A slot for several messages. Its call takes how many, and where to tell how many it took."""
    slot = Slot(count, size)
    slot.take = partial(_recv_many if size <= MUCH else _recv_many_much, port.pointer,
                        slot.buffer, slot.room, slot.heads)
    return slot


def take(port):
    """The next message, or None when there is none."""
    unread = port.unread
    while unread:
        message = _first_unread(port)
        if unread and unread[0] is message:
            del unread[0]
            return message
    slot, port.slot = port.slot, None
    if slot is None:
        slot = _single(port, SMALL)
    try:
        while (status := slot.take()) == E_TOO_LARGE:
            slot = _single(port, slot.needed)
        if not status:
            message = slot.first(port.handle)
            slot.fields[0] = 0
            if slot.size <= LARGEST_KEPT:
                port.slot = slot
            return message
    except BaseException:
        if slot.fields[0]:
            port.unread.append(slot)
        raise
    port.slot = slot
    return _nothing(status)


def take_many(port, most):
    """The messages that are there, up to so many: a list."""
    unread = port.unread
    while unread:
        message = _first_unread(port)
        messages = [message]
        if unread and unread[0] is message:
            del unread[0]
            return messages
    most = min(most, BATCH_MOST)
    slot, port.batch = port.batch, None
    if slot is None or slot.count < most:
        slot = _several(port, max(most, BATCH), max(BATCH_ROOM, most * 384))
    try:
        while (status := slot.take(c_uint32(most), byref(slot.number))) == E_TOO_LARGE:
            slot = _several(port, slot.count, slot.needed)
        if not status:
            messages = slot.messages(port.handle)
            slot.fields[0] = 0
            if slot.size <= LARGEST_KEPT:
                port.batch = slot
            return messages
    except BaseException:
        if slot.fields[0]:
            port.unread.append(slot)
        raise
    port.batch = slot
    return _nothing(status) or []


def take_view(port):
    """The next message as a view, or None."""
    unread = port.unread
    while unread:
        message = _first_unread(port)
        view = None if message is None else View.of(message)
        settled = message is None or not message.has_receipt
        if unread and unread[0] is message:
            view._settled = settled
            del unread[0]
            return view
    head = _ffi.Message()
    try:
        status = _view(port.pointer, TRY, byref(head))
        if not status:
            parts = _parts(head)
            view = View(Lent(head.data, head.length, False), *parts, port.handle)
            view._settled = False
            head.data = None
            return view
    except BaseException:
        if head.data:
            port.unread.append(head)
        raise
    return _nothing(status)


def take_response(port, request):
    """The response to a request, or None while there is none."""
    slot, port.slot = port.slot, None
    if slot is None:
        slot = _single(port, SMALL)
    number = c_uint64(request)
    while (status := (_response if slot.size <= MUCH else _response_much)(
            port.pointer, number, slot.buffer, slot.room, TRY, slot.heads)) == E_TOO_LARGE:
        slot = _single(port, slot.needed)
    # Whoever is interrupted here gives the request up: nobody else is to have the response.
    message = None if status else slot.first(port.handle)
    slot.fields[0] = 0
    if slot.size <= LARGEST_KEPT:
        port.slot = slot
    return message if message is not None else _nothing(status)


def _nothing(status):
    if status == E_TIMEOUT:
        return None
    raise error_of(status)


def _parts(head):
    """The texts, metadata and numbers of a message that lies in the segment."""
    texts = b"\0".join((head.sender, head.topic, b""))
    numbers = bytes(head)[HEAD.size - 80:]
    return texts, head.metadata or None, numbers


def _without_receipt(numbers):
    return numbers[:8 * RECEIPT] + bytes(8) + numbers[8 * RECEIPT + 8:]


def _first_unread(port):
    """The first of the messages that were taken before, and did not get to whoever asked for them.

    It stays in the list, until the step in which it is returned: when another thread was faster it
    is not the first any more. None when there is none.
    """
    unread = port.unread
    while unread:
        first = unread[0]
        if isinstance(first, Message):
            return first
        if isinstance(first, Slot):
            messages = first.messages(port.handle)
            if unread and unread[0] is first:
                unread[:1] = messages
            continue
        # Nobody has seen the view: it goes back, or becomes a message. Whatever of this is done
        # twice, because a signal came, changes nothing any more.
        receipt = c_uint64(first.receipt)
        texts, metadata, numbers = _parts(first)
        message = Message(string_at(first.data, first.length), texts, metadata,
                          _without_receipt(numbers), port.handle)
        goes_back = _reject(port.pointer, receipt, 0, None) != _ffi.E_UNSUPPORTED
        if unread and unread[0] is first:
            if goes_back:
                del unread[0]
            else:
                unread[0] = message
                _acknowledge(port.pointer, receipt)
    return None
