"""Channels and cells for asyncio."""

import asyncio
from functools import partial

from . import _ffi
from ._arguments import clock_of, integer, timeout_ns
from ._channel_parts import reached
from ._form import TURN, Form
from ._receiving import take, take_many, take_response, take_view
from .channel import LACKS
from .errors import Closed, NotFound, Timeout, error_of
from .loan import Loan


class AioChannel(Form):
    """A channel for tasks: `await channel.aio.recv()`, `async for message in channel.aio`.

    Through a manager each task is a workstream, and so a receiver, of its own. Cancelling a task
    that waits loses no message.
    """

    __slots__ = ()
    _passed = ("try_recv", "subscribe", "unsubscribe", "on_message", "mailboxes", "shut", "kind",
               "name")

    async def _mine_in_turn(self):
        """The channel of this task. Lets other tasks run now and then, also when there is always
        something to do."""
        mine = self._mine()
        port = mine._here.port
        port.calls += 1
        if port.calls >= TURN:
            port.calls = 0
            await asyncio.sleep(0)
        return mine

    async def _until(self, mine, what, left):
        """Waits until it is worth a look, or the time is over."""
        port = mine._here.port
        port.calls = 0
        await self._wait(partial(mine._start, port, what, left), port.turn(what))

    # ---- sending

    async def send(self, data, *, timeout=None, **options):
        """Sends a message, as Channel.send does."""
        mine = await self._mine_in_turn()
        port, made, count, attempt = mine._start_sending(data, options)
        return reached(await self._send_until(mine, port, attempt, made, timeout), count.value)

    async def send_many(self, messages, *, timeout=None, **options):
        """Sends several messages with the same options, as Channel.send_many does."""
        mine = await self._mine_in_turn()
        clock = clock_of(timeout_ns(timeout))
        batch = mine._start_batch(messages, options)
        while not batch.is_over:
            try:
                await self._send_until(
                    mine, batch.port, batch.attempt, batch.options, timeout, clock)
            except Exception:
                if batch.sent:
                    break
                raise
            batch.go_on()
        return batch.sent

    async def _send_until(self, mine, port, attempt, options, timeout, clock=None):
        clock = clock or clock_of(timeout_ns(timeout))
        full = 0
        while True:
            status = attempt()
            if status < 0 and status != _ffi.E_TIMEOUT:
                error = error_of(status)
                if full:
                    port.pass_on(full)
                raise error
            if status >= 0:
                return status
            left = clock()
            if left == 0:
                raise Timeout(LACKS.format(mine.name, "room", timeout))
            full = mine._full(port, options)
            if full:
                try:
                    await self._until(mine, full, left)
                except (NotFound, Closed):
                    # It is gone: the next try tells what that means.
                    pass

    def loan(self, size):
        """Lends memory of the segment, as Channel.loan does; its `publish` is awaited."""
        mine = self._mine()
        return AioLoan(mine, mine._here.port, size, self)

    # ---- receiving

    async def recv(self, timeout=None):
        """Takes the next message. Timeout when `timeout` seconds pass first."""
        return await self._receive(take, timeout)

    async def recv_many(self, most, timeout=None):
        """Takes messages that are there, as Channel.recv_many does."""
        most = integer(most, "most", 1, _ffi.COUNT_MAX)
        try:
            return await self._receive(lambda port: take_many(port, most), timeout)
        except Timeout:
            return []

    async def view(self, timeout=None):
        """Takes the next message without copying it: `with await channel.aio.view() as message:`"""
        return await self._receive(take_view, timeout)

    async def _receive(self, take_one, timeout):
        limit = timeout_ns(timeout)
        mine = await self._mine_in_turn()
        port = mine._here.port
        message = take_one(port)
        if message:
            return message
        clock = clock_of(limit)
        while True:
            left = clock()
            if left == 0:
                raise Timeout(LACKS.format(mine.name, "message", timeout))
            await self._until(mine, _ffi.READABLE, left)
            try:
                message = take_one(port)
            except BaseException:
                port.pass_on(_ffi.READABLE)
                raise
            if message:
                return message

    def __aiter__(self):
        return self

    async def __anext__(self):
        try:
            return await self._receive(take, None)
        except Closed:
            raise StopAsyncIteration from None

    # ---- requests

    async def call(self, data, target=None, *, timeout=None, **options):
        """Sends a request and returns the response, as Channel.call does."""
        clock = clock_of(timeout_ns(timeout))
        mine = self._mine()
        port = mine._here.port
        made, number, attempt = mine._start_request(port, data, target, options)
        try:
            await self._send_until(mine, port, attempt, made, timeout, clock)
            while True:
                message = take_response(port, number.value)
                if message is not None:
                    return message
                left = clock()
                if left == 0:
                    raise Timeout(LACKS.format(mine.name, "response", timeout))
                await self._until(mine, number.value, left)
        except BaseException:
            mine._forget_request(port, number)
            raise


class AioLoan(Loan):
    """A loan whose `publish` does not block the loop."""

    __slots__ = ("_form",)

    def __init__(self, channel, port, size, form):
        self._form = form
        super().__init__(channel, port, size)

    async def publish(self, length=None, *, timeout=None, **options):
        """Sends the first `length` bytes, as Loan.publish does."""
        made, count, attempt = self._start_publishing(length, options)
        status = await self._form._send_until(self._channel, self._port, attempt, made, timeout)
        return self._published(status, count)


class AioMemory(Form):
    """Cells for tasks: `await memory.aio.changed("key")`."""

    __slots__ = ()
    _passed = ("get", "cell", "snapshot", "set", "compare_and_set", "delete", "region", "shut",
               "name")

    async def changed(self, key, seen=0, timeout=None):
        """Waits until the version of a cell is not `seen`, as Memory.changed does."""
        limit = timeout_ns(timeout)
        mine = self._mine()
        status, record = await self._wait(
            partial(mine._start, mine._here, key, seen, limit), {})
        return mine._version_seen(key, seen, status, record)

    def __getitem__(self, key):
        return self._mine()[key]

    def __setitem__(self, key, value):
        self._mine()[key] = value

    def __delitem__(self, key):
        del self._mine()[key]

    def __contains__(self, key):
        return key in self._mine()
