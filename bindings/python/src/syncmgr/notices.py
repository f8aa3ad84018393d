"""Notices: functions that are called when workstreams come, go or die.

The library puts notices into a queue, and a Python thread takes them out and makes the calls. The
library's own threads never run Python code: each such call would make and drop a thread state, and
what it raises would vanish.
"""

import os
import select
import sys
import threading
from collections import namedtuple

from . import _ffi, _process
from .errors import SyncError
from .queue import Queue

KINDS = {"opened": _ffi.NOTICE_OPENED, "closed": _ffi.NOTICE_CLOSED, "died": _ffi.NOTICE_DIED,
         "hold_lost": _ffi.NOTICE_HOLD_LOST, "gap": _ffi.NOTICE_GAP, "all": _ffi.NOTICE_ALL}
NAMES = {bit: name for name, bit in KINDS.items() if name != "all"}

# Without the library's thread nobody signals the queue for other processes: it is looked at.
LOOK_MS = 10


class Notice(namedtuple("Notice", "kind workstream pid")):
    """What happened: `kind` is "opened", "closed", "died", "hold_lost" or "gap".

    `workstream` is the id of the workstream it is about and `pid` its process; 0 for a gap.
    """

    __slots__ = ()


def mask_of(kinds):
    """The bits for a kind or several."""
    names = [kinds] if isinstance(kinds, str) else list(kinds)
    unknown = [name for name in names if name not in KINDS]
    if unknown or not names:
        raise ValueError(f"kinds must be some of {', '.join(KINDS)}, not {kinds!r}")
    mask = 0
    for name in names:
        mask |= KINDS[name]
    return mask


class Subscription:
    """One function that is called for notices of some kinds."""

    def __init__(self, dispatcher, mask, function):
        self._dispatcher = dispatcher
        self.mask = mask
        self.function = function

    def close(self):
        """Ends it. Waits for a running call, unless it is called from within it."""
        self._dispatcher.unsubscribe(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Dispatcher:
    """The queue and the thread behind the subscriptions of a manager."""

    def __init__(self, manager):
        self._queue = Queue(manager)
        self._born = _process.generation()
        self._subscriptions = ()
        self._guard = threading.Lock()
        # Held while a function runs, so that the end of a subscription can wait for it.
        self._running = threading.RLock()
        self._stopped = self._stopped_inside = False
        self._wake = os.eventfd(0, os.EFD_CLOEXEC)
        self._look = None if manager.has_threads else LOOK_MS
        self._thread = threading.Thread(
            target=self._run, name=f"syncmgr notices of {manager.url}", daemon=True)
        self._thread.start()

    def subscribe(self, mask, function):
        subscription = Subscription(self, mask, function)
        self._change(lambda present: present + (subscription,))
        return subscription

    def unsubscribe(self, subscription):
        self._change(lambda present: tuple(one for one in present if one is not subscription))
        if self._born == _process.generation():
            with self._running:
                pass

    def _change(self, change):
        """Replaces the subscriptions, and asks the library for just the kinds that are wanted."""
        if self._born != _process.generation():
            return
        with self._guard:
            self._subscriptions = change(self._subscriptions)
            mask = 0
            for subscription in self._subscriptions:
                mask |= subscription.mask
            if not self._stopped:
                self._queue.watch(mask)

    def _run(self):
        poll = select.poll()
        poll.register(self._queue, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        while not self._stopped:
            poll.poll(self._look)
            try:
                records = [] if self._stopped else self._queue.drain()
            except SyncError:
                return
            for record in records:
                self._tell(record)
        if self._stopped_inside:
            os.close(self._wake)

    def _tell(self, record):
        notice = Notice(NAMES.get(record.kind, record.kind), record.value, record.index)
        wanted = record.kind | (_ffi.NOTICE_ALL if record.kind == _ffi.NOTICE_GAP else 0)
        for subscription in self._subscriptions:
            with self._running:
                if not subscription.mask & wanted or subscription not in self._subscriptions:
                    continue
                try:
                    subscription.function(notice)
                except BaseException:
                    threading.excepthook(
                        threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))

    def stop(self):
        """Ends the thread; waits for it, unless it is the one that calls."""
        with self._guard:
            if self._stopped:
                return
            self._stopped = True
            self._subscriptions = ()
        if threading.current_thread() is self._thread:
            self._stopped_inside = True
        else:
            os.eventfd_write(self._wake, 1)
            self._thread.join()
            os.close(self._wake)
        self._queue.close()
