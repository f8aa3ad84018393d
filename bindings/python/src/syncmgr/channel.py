"""Channel: messages between workstreams."""

from __future__ import annotations

from ctypes import byref, c_uint32, c_uint64, c_void_p
from functools import partial

from . import _ffi
from ._arguments import count as checked_count
from ._arguments import clock_of, integer, text, timeout_ns
from ._batch import Batch
from ._channel_parts import KINDS, ONE, Mailbox, reached
from ._native import TRY, library, quick, raw
from ._receiving import READABLE, WRITABLE, Left, Port, take, take_many, take_response, take_view
from ._sending import MUCH, bytes_of, length_argument, options_of
from ._shared import SharedObject
from ._wait import NOTHING, Wait
from .errors import Closed, Timeout, check, error_of
from .loan import Loan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Self, Unpack

    from _typeshed import ReadableBuffer

    from ._channel_parts import Reached
    from ._sending import CallOptions, SendOptions
    from .message import Message, View
    from .notices import Subscription
    from .queue import Queue

_send = raw("syncmgr_channel_send")
_send_much = raw("syncmgr_channel_send", releases=True)
_request = raw("syncmgr_channel_request")
_room = raw("syncmgr_channel_room")
_request_much = raw("syncmgr_channel_request", releases=True)

E_TIMEOUT = _ffi.E_TIMEOUT
# Of room that is waited for: the time is over; or it is gone, of which the next try tells.
NO_ROOM_YET = (_ffi.E_TIMEOUT, _ffi.E_NOT_FOUND, _ffi.E_CLOSED)
LACKS = "channel '{}' had no {} within {} seconds"


class Channel(SharedObject):
    """A channel: a queue, or direct, a broadcast, or topics.

    It can be iterated, by `for` and on its `aio` by `async for`, until it is shut or closed.
    Opened through a manager each thread is a workstream, and so a receiver, of its own.
    """

    __slots__ = ()

    _close_handle = "syncmgr_channel_close"

    def _open(self, workstream_address, name, out_handle):
        kind, options = self._parameters
        made = None if options is None else byref(_ffi.ChannelOptions(*options))
        return library.syncmgr_channel_open(workstream_address, name, kind, made, out_handle)

    def _bind(self, here, workstream):
        super()._bind(here, workstream)
        left = workstream._left.setdefault(here.address, Left())
        here.port = Port(here.address, self._owner, left)

    @property
    def arrives(self):
        """Whether a workstream leaves something behind in it: a mailbox, what it took."""
        return self._parameters != (_ffi.CHANNEL_QUEUE, None)

    @property
    def kind(self) -> str:
        """"queue", "direct", "broadcast" or "topics"."""
        return next(name for name, kind in KINDS.items() if kind == self._parameters[0])

    # ---- sending

    def send(self, data: ReadableBuffer, *, timeout: float | None = None,
             **options: Unpack[SendOptions]) -> Reached:
        """Sends a message: bytes, or whatever has them. Returns how many mailboxes have it.

        `topic`: of topics it is required. `target`: for whom, a name or several; direct channels
        require one. `priority` is "low", "medium", "high" or "critical". After `ttl` seconds it is
        not delivered any more. `metadata` is a dict for JSON, `correlation` a number; both are
        passed on. `retain` keeps it as the last of its topic, `include_self` has the sender get it
        too, and with `return_undelivered` it comes back when its one receiver ends before it took
        it. While a mailbox is full it waits, if the channel blocks; Timeout when `timeout` seconds
        pass. Full when the channel fails.
        """
        if not options and timeout is None and type(data) is bytes and not self._parameters[0]:
            # A queue, and nothing to convert: the same without any step that is not needed.
            length = len(data)
            if length <= MUCH:
                status = _send(self._here.port.pointer, data, length_argument(length), None, TRY,
                               None)
                if not status:
                    return ONE
                if status != E_TIMEOUT:
                    raise error_of(status)
                self._here.port.is_soon(WRITABLE)
        port, made, count, attempt = self._start_sending(data, options)
        return reached(self._send_by(port, attempt, made, timeout), count.value)

    def _start_sending(self, data, options):
        """Port, options, where it is told how many get the message, and the call that sends it."""
        port = self._here.port
        made = options_of(**options) if options else None
        argument, length = bytes_of(data)
        count = c_uint32(1)
        return port, made, count, partial(
            _send if length <= MUCH else _send_much, port.pointer, argument,
            length_argument(length), made, TRY, byref(count))

    def send_many(self, messages: Iterable[ReadableBuffer], *, timeout: float | None = None,
                  **options: Unpack[SendOptions]) -> int:
        """Sends several messages with the same options, and returns how many were sent.

        These are the first ones, when the time passes or something fails after it sent any.
        """
        clock = clock_of(timeout_ns(timeout))
        batch = self._start_batch(messages, options)
        while not batch.is_over:
            try:
                self._send_until(batch.port, batch.attempt, batch.options, clock, timeout)
            except Exception:
                if batch.sent:
                    break
                raise
            batch.go_on()
        return batch.sent

    def _start_batch(self, messages, options):
        return Batch(self._here.port, messages, options)

    def _send_by(self, port, attempt, options, timeout):
        """Makes the call until it does not have to wait for room any more. Returns its status."""
        if timeout is None:
            status = attempt()
            if status >= 0:
                return status
            if status != E_TIMEOUT:
                raise error_of(status)
        return self._send_until(port, attempt, options, clock_of(timeout_ns(timeout)), timeout)

    def _send_until(self, port, attempt, options, clock, timeout):
        full, hopes = 0, True
        while True:
            try:
                status = attempt()
                if status < 0 and status != E_TIMEOUT:
                    raise error_of(status)
            except BaseException:
                if full:
                    port.pass_on(full)
                raise
            if status >= 0:
                return status
            left = clock()
            if left == 0:
                raise Timeout(LACKS.format(self._name, "room", timeout))
            hopes = hopes and port.is_soon(WRITABLE)
            if hopes:
                hopes = False
                continue
            hopes = True
            full = self._full(port, options)
            if full:
                wait = Wait(port.turn(full))
                status = wait.run(self._start(port, full, left, wait))
                if status < 0 and status not in NO_ROOM_YET:
                    raise error_of(status)

    @staticmethod
    def _full(port, options):
        """The number of a mailbox for whose room a message has to wait; 0 for none."""
        full = c_uint64()
        check(_room(port.pointer, options, byref(full)))
        return full.value

    def loan(self, size: int) -> Loan:
        """Lends memory of the segment for a message of up to `size` bytes:

            with channel.loan(1000) as loan:
                loan.data[:5] = b"hello"
                loan.publish(5)
        """
        return Loan(self, self._here.port, size)

    # ---- receiving

    def recv(self, timeout: float | None = None) -> Message:
        """Takes the next message. Timeout when `timeout` seconds pass first."""
        return self._receive(take, timeout)

    def try_recv(self) -> Message | None:
        """Takes the next message if there is one."""
        return take(self._here.port)

    def recv_many(self, most: int, timeout: float | None = None) -> list[Message]:
        """Takes messages that are there, up to `most` and no more than 1,024: a list.

        Waits for the first one; the list is empty when `timeout` seconds pass before it comes.
        """
        most = integer(most, "most", 1, _ffi.COUNT_MAX)

        def take_some(port):
            return take_many(port, most)

        try:
            return self._receive(take_some, timeout)
        except Timeout:
            return []

    def view(self, timeout: float | None = None) -> View:
        """Takes the next message without copying it. Timeout when `timeout` seconds pass first.

            with channel.view() as message:
                work(message.data)
        """
        return self._receive(take_view, timeout)

    def _receive(self, take_one, timeout):
        limit = _ffi.FOREVER if timeout is None else timeout_ns(timeout)
        port = self._here.port
        message = take_one(port)
        if message:
            return message
        clock = clock_of(limit)
        if limit and port.is_soon(READABLE):
            message = take_one(port)
            if message:
                return message
        while True:
            left = clock()
            if left == 0:
                raise Timeout(LACKS.format(self._name, "message", timeout))
            wait = Wait(port.turn(_ffi.READABLE))
            status = wait.run(self._start(port, _ffi.READABLE, left, wait))
            if status < 0 and status != E_TIMEOUT:
                raise error_of(status)
            try:
                message = take_one(port)
            except BaseException:
                port.pass_on(_ffi.READABLE)
                raise
            if message:
                return message

    def _start(self, port, what, limit, wait, queue=None, user_data=0):
        """The call that starts a wait, for Wait.run or for a queue."""
        return partial(quick.syncmgr_channel_wait_start, port.address, what, limit, queue,
                       user_data, wait.ticket_out)

    def ready(self, queue: Queue, user_data: int = 0) -> bool:
        """Whether a message can be taken. If not, a record with `user_data` arrives in `queue` once
        it can: this is for event loops that watch the queue's descriptor."""
        user_data = integer(user_data, "user_data", 0, (1 << 64) - 1)
        ticket = c_void_p()
        return check(quick.syncmgr_channel_wait_start(
            self._here.port.address, _ffi.READABLE, _ffi.FOREVER, queue.address, user_data,
            byref(ticket))) == _ffi.OK

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Message:
        try:
            return self._receive(take, None)
        except Closed:
            raise StopIteration from None

    # ---- requests

    def call(self, data: ReadableBuffer, target: str | None = None, *,
             timeout: float | None = None, **options: Unpack[CallOptions]) -> Message:
        """Sends a request and returns the response: what the receiver gives to Message.reply.

        `target` is the workstream to ask, for direct channels. Timeout when there is no response
        within `timeout` seconds; Unavailable when who was asked ends before it replies.
        """
        clock = clock_of(timeout_ns(timeout))
        port = self._here.port
        made, number, attempt = self._start_request(port, data, target, options)
        try:
            self._send_until(port, attempt, made, clock, timeout)
            while True:
                message = take_response(port, number.value)
                if message is not None:
                    return message
                left = clock()
                if left == 0:
                    raise Timeout(LACKS.format(self._name, "response", timeout))
                wait = Wait(NOTHING)
                status = wait.run(self._start(port, number.value, left, wait))
                if status < 0 and status != E_TIMEOUT:
                    raise error_of(status)
        except BaseException:
            self._forget_request(port, number)
            raise

    @staticmethod
    def _start_request(port, data, target, options):
        """The options, where the number of the request will be, and the call that makes it."""
        if target is not None:
            options["target"] = target
        made = options_of(**options) if options else None
        argument, length = bytes_of(data)
        number = c_uint64()
        return made, number, partial(
            _request if length <= MUCH else _request_much, port.pointer, argument,
            length_argument(length), made, TRY, byref(number))

    @staticmethod
    def _forget_request(port, number):
        if number.value:
            quick.syncmgr_channel_forget(port.address, number.value)

    # ---- subscriptions

    def subscribe(self, topic: str | None = None, last: int = 0,
                  callback: Callable[[Message], object] | None = None) -> Subscription | None:
        """Subscribes to a broadcast, or to the topics that match a pattern.

        Patterns have segments between '/': `*` matches any characters of one segment, `**` any
        number of whole segments. First come up to `last` messages of the channel's history, and
        the retained ones. With `callback` the messages of this workstream go to that function from
        now on, see `on_message`.
        """
        port = self._here.port
        if callback is not None:
            from ._feed import require

            require(self, port, callback)
        check(quick.syncmgr_channel_subscribe(
            port.address, None if topic is None else text(topic, "a topic"),
            checked_count(last, "last")))
        return None if callback is None else self.on_message(callback)

    def unsubscribe(self, topic: str | None = None) -> None:
        """Takes a pattern back, or with None the whole subscription and what waits for it."""
        check(quick.syncmgr_channel_unsubscribe(
            self._here.port.address, None if topic is None else text(topic, "a topic")))

    def on_message(self, function: Callable[[Message], object]) -> Subscription:
        """Has `function(message)` called for each message that this workstream gets.

        The calls come one at a time, from a thread of their own; they may call anything. Where the
        channel has acknowledgements the message is acknowledged after the call, and rejected when
        it raises; what it raises goes to threading.excepthook. Returns a subscription, whose
        `close()` ends it. A workstream has one such function for a channel at a time.
        """
        from ._feed import subscribe

        return subscribe(self, self._here.port, function)

    # ---- the channel

    def mailboxes(self) -> list[Mailbox]:
        """The mailboxes of the channel: whose they are, and how far they lag."""
        found, capacity = c_uint32(), 16
        while True:
            boxes = (_ffi.Mailbox * capacity)()
            check(quick.syncmgr_channel_mailboxes(
                self._here.port.address, boxes, capacity, byref(found)))
            if found.value <= capacity:
                return [Mailbox(one.name.decode("utf-8", "replace"), one.workstream, one.pid,
                                one.waiting, one.taken, one.received, one.dropped, one.expired)
                        for one in boxes[:found.value]]
            capacity = found.value + 16

    def shut(self, *, drain: bool = False) -> None:
        """Ends the channel for everybody: sends and receives raise Closed from now on.

        What was not taken is dropped; with `drain` it can still be received.
        """
        check(library.syncmgr_channel_shut(
            self._here.port.address, _ffi.CHANNEL_DRAIN * bool(drain)))

    def _state(self):
        waiting = sum(one.waiting for one in self.mailboxes())
        return f"{self.kind}, {waiting} waiting"
