"""The waits of one event loop: one queue, watched by the loop, however many tasks wait."""

import asyncio
import itertools
import threading
import weakref
from ctypes import byref, c_void_p

from . import _ffi
from ._native import quick
from .deadlock import words_of
from .errors import Closed, error_of
from .queue import Queue

# Without the library's thread nobody signals the queue for other processes: it is looked at.
LOOK_SECONDS = 0.01

# So long another thread that closes the manager waits for a loop that may be busy.
LONGEST_STOP_SECONDS = 1


class Started:
    """One wait that was started and has not been collected."""

    __slots__ = ("ticket", "record", "ticket_out", "record_out", "future", "undo", "abandoned",
                 "withdrawn")

    def __init__(self, future, undo):
        self.ticket = c_void_p()
        self.record = _ffi.Record()
        self.ticket_out = byref(self.ticket)
        self.record_out = byref(self.record)
        self.future = future
        self.undo = undo
        self.abandoned = self.withdrawn = False

    def give_back(self, status):
        """Undoes a grant that its task will never hear of."""
        for step in reversed(self.undo.get(status, ())):
            step()


class Line:
    """Queue and unfinished waits of one manager in one loop."""

    def __init__(self, manager, loop):
        self._queue = Queue(manager)
        # The manager keeps the line by its loop, weakly: the line must not keep the loop.
        self._loop = weakref.ref(loop)
        self._url = manager.url
        self._address = manager._address
        self._waits = {}
        self._numbers = itertools.count(1)
        self._looks = not manager.has_threads
        self._look_is_due = False
        loop.add_reader(self._queue.fileno(), self._drain)

    async def wait(self, start, undo):
        """Starts a wait by `start(started, queue, user_data)()`; returns its status and record.

        The status is a grant or E_TIMEOUT; everything else is raised.
        When the task is cancelled the wait is withdrawn. When it had just been granted, the grant
        is given back: nothing is lost and nothing stays held.
        """
        started = Started(self._loop().create_future(), undo)
        number = next(self._numbers)
        self._waits[number] = started
        status = start(started, self._queue.address, number)()
        if status != _ffi.PENDING:
            del self._waits[number]
            if status < 0 and status != _ffi.E_TIMEOUT:
                raise error_of(status)
            return status, started.record
        try:
            self._look_later()
            record = await started.future
        except BaseException:
            self._withdraw(number, started)
            raise
        if record.status < 0 and record.status != _ffi.E_TIMEOUT:
            text = quick.syncmgr_status_text(record.status).decode()
            if record.status == _ffi.E_DEADLOCK:
                text = f"deadlock: {words_of(self._address, record.value)}"
            raise error_of(record.status, f"{self._url}: {text}")
        return record.status, record

    def _withdraw(self, number, started):
        started.abandoned = True
        if number in self._waits:
            if quick.syncmgr_ticket_cancel(started.ticket) == _ffi.FINISHED:
                # Its record is in the queue or will be; taking it out gives the grant back.
                self._drain()
            else:
                del self._waits[number]
                started.withdrawn = True
            return
        future = started.future
        if future.done() and not future.cancelled() and future.exception() is None:
            started.give_back(future.result().status)

    def _drain(self):
        try:
            records = self._queue.drain()
        except Closed:
            # The loop had seen the descriptor just before the manager was closed.
            return
        for record in records:
            started = self._waits.pop(record.user_data, None)
            if started is None:
                continue
            if started.abandoned or started.future.done():
                started.give_back(record.status)
            else:
                started.future.set_result(record)

    def _look_later(self):
        """Has the queue looked at again and again while anybody waits, if nobody signals it."""
        if self._looks and self._waits and not self._look_is_due:
            self._look_is_due = True
            self._loop().call_later(LOOK_SECONDS, self._look)

    def _look(self):
        self._look_is_due = False
        self._drain()
        self._look_later()

    def stop(self):
        """Ends all waits with Closed. Called before the manager closes, from any thread."""
        loop = self._loop()
        if loop is None or loop.is_closed():
            self._queue.close()
            return
        try:
            inside = asyncio.get_running_loop() is loop
        except RuntimeError:
            inside = False
        if inside or not loop.is_running():
            self._stop(loop)
        else:
            # The loop lets go of the descriptor before its number can be used anew.
            stopped = threading.Event()
            loop.call_soon_threadsafe(self._stop, loop, stopped)
            stopped.wait(LONGEST_STOP_SECONDS)

    def _stop(self, loop, stopped=None):
        loop.remove_reader(self._queue.fileno())
        self._queue.close()
        if stopped is not None:
            stopped.set()
        waits, self._waits = self._waits, {}
        for started in waits.values():
            started.abandoned = True
            if not started.future.done():
                started.future.set_exception(Closed(f"{self._url} was closed"))


def line_of(manager):
    """The line of the running loop."""
    loop = asyncio.get_running_loop()
    line = manager._loops.get(loop)
    if line is None:
        manager._require_open()
        line = manager._loops[loop] = Line(manager, loop)
    return line
