"""Events: notices as they come, for loops.

    for event in space.events("deadlock", objects="db*"):
        ...
    async for event in space.events(min_priority="high"):
        ...
"""

from __future__ import annotations

import asyncio
import os
import select
import time

from . import _process
from ._arguments import timeout_ns
from .errors import Closed, SyncError
from .notices import LOOK_MS, NoticeIterator, NoticeQueue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .notices import Notice


class Events(NoticeIterator):
    """The notices of a space that were asked for, from now on, for `for` and `async for`.

    The loop ends when the events or their manager are closed. It is a context manager that closes
    at the end. Of those that wait the ones of higher priority come first, equal ones in order.
    """

    def __init__(self, manager, mask, objects, workstreams, min_priority):
        self._queue = NoticeQueue(manager, mask, objects, workstreams, min_priority)
        self._look = None if manager.has_threads else LOOK_MS
        self._born = _process.generation()
        self._waiting: list[Notice] = []
        self._wake = os.eventfd(0, os.EFD_CLOEXEC)
        self._closed = False
        manager._streams.add(self)

    def next(self, timeout: float | None = None) -> Notice | None:
        """The next notice; None when `timeout` seconds pass first. Closed when it was closed."""
        limit = timeout_ns(timeout)
        end = None if limit < 0 else time.monotonic_ns() + limit
        poll = None
        while True:
            notice = self._take()
            if notice is not None:
                return notice
            left = None if end is None else max(0, end - time.monotonic_ns())
            if left == 0:
                return None
            if poll is None:
                poll = select.poll()
                poll.register(self._queue, select.POLLIN)
                poll.register(self._wake, select.POLLIN)
            spans = [span for span in (self._look, left and left / 1e6) if span is not None]
            poll.poll(min(spans) + 0.999 if spans else None)

    def _take(self):
        if self._closed:
            raise Closed("the events were closed")
        if not self._waiting:
            try:
                self._waiting = self._queue.notices()
            except SyncError:
                if self._closed:
                    raise Closed("the events were closed") from None
                raise
        return self._waiting.pop(0) if self._waiting else None

    async def wait(self, timeout: float | None = None) -> Notice | None:
        """The asyncio form of `next`. Cancelling it loses no notice."""
        limit = timeout_ns(timeout)
        loop = asyncio.get_running_loop()
        end = None if limit < 0 else loop.time() + limit / 1e9
        while True:
            notice = self._take()
            if notice is not None:
                return notice
            left = None if end is None else end - loop.time()
            if left is not None and left <= 0:
                return None
            await self._readable(loop, left)

    async def _readable(self, loop, left):
        """Waits until something came, the events were closed, or `left` seconds have passed."""
        future = loop.create_future()

        def come():
            if not future.done():
                future.set_result(None)

        # Descriptors of its own: others of this loop may watch the same events.
        watched = [os.dup(self._queue.fileno()), os.dup(self._wake)]
        spans = [span for span in (self._look and self._look / 1000, left) if span is not None]
        timer = loop.call_later(min(spans), come) if spans else None
        for descriptor in watched:
            loop.add_reader(descriptor, come)
        try:
            await future
        finally:
            for descriptor in watched:
                loop.remove_reader(descriptor)
                os.close(descriptor)
            if timer is not None:
                timer.cancel()

    def close(self) -> None:
        """Ends the events. Loops that wait for one end. Closing twice does nothing."""
        if self._closed:
            return
        self._closed = True
        if self._born == _process.generation():
            os.eventfd_write(self._wake, 1)
        self._queue.close()

    @property
    def closed(self) -> bool:
        """Whether it was closed, by itself or with its manager."""
        return self._closed

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if hasattr(self, "_closed"):
            self.close()
            os.close(self._wake)
