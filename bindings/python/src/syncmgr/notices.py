"""Notices: what happens in a space, told to functions.

The library puts notices into a queue for each subscription, and a Python thread takes them out and
makes the calls. The library's own threads never run Python code: each such call would make and drop
a thread state, and what it raises would vanish.
"""

from __future__ import annotations

import json
import os
import select
import sys
import threading
from typing import NamedTuple

from . import _ffi, _process
from ._arguments import text as name_bytes
from ._native import quick
from .errors import Closed, InvalidArgument, SyncError, check
from .queue import Queue

KINDS = {name.lower(): getattr(_ffi, f"NOTICE_{name}") for name in (
    "OPENED", "CLOSED", "DIED", "HOLD_LOST", "GAP", "GRANTED", "RELEASED", "TIMED_OUT",
    "OWNER_DIED", "BARRIER_TRIPPED", "BARRIER_BROKEN", "SYNC_COMPLETE", "SYNC_PARTIAL",
    "SYNC_TIMEOUT", "DEADLOCK", "POSSIBLE_DEADLOCK", "PREEMPTED", "LEASE_LOST", "CONFLICT",
    "DATA_AVAILABLE", "RESOURCE_AVAILABLE", "COMPLETED", "FAILED", "CUSTOM", "ALL")}
NAMES = {bit: name for name, bit in KINDS.items() if name != "all"}

PRIORITIES = ("low", "medium", "high", "critical")
TYPES = {getattr(_ffi, name): name.removeprefix("TYPE_").lower()
         for name in dir(_ffi) if name.startswith("TYPE_")}

# Without the library's thread nobody signals the queue for other processes: it is looked at.
LOOK_MS = 10


class Notice(NamedTuple):
    """What happened. The C header tells what `value` is for each kind; of a gap, how many notices
    were lost. `workstream` and `pid` are 0, and texts are empty, where there is none."""

    kind: str
    workstream: int
    pid: int
    name: str = ""
    object: str = ""
    type: str = ""
    priority: str = "low"
    value: int = 0
    text: str = ""
    detail: object = None
    message: int = 0
    sequence: int = 0
    time_ns: int = 0
    wall_ns: int = 0


def _shown(field):
    return field.decode("utf-8", "replace")


def notice_of(raw):
    """A Notice for the library's structure. A detail that somebody has spoiled stays a text."""
    detail = None
    if raw.detail:
        try:
            detail = json.loads(raw.detail)
        except ValueError:
            detail = _shown(raw.detail)
    return Notice(
        NAMES.get(raw.kind, str(raw.kind)), raw.workstream, raw.pid, _shown(raw.name),
        _shown(raw.object), TYPES.get(raw.type, ""), PRIORITIES[min(raw.priority, 3)], raw.value,
        _shown(raw.text), detail, raw.message, raw.sequence, raw.time_ns, raw.wall_ns)


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


def priority_of(name):
    """The number of a priority."""
    if name not in PRIORITIES:
        raise InvalidArgument(f"a priority is one of {', '.join(PRIORITIES)}, not {name!r}")
    return PRIORITIES.index(name)


class NoticeIterator:
    """Loops over what has `next()` and `wait()`, until it is closed."""

    def __iter__(self):
        return self

    def __next__(self) -> Notice:
        try:
            return self.next()
        except Closed:
            raise StopIteration from None

    def __aiter__(self):
        return self

    async def __anext__(self) -> Notice:
        try:
            return await self.wait()
        except Closed:
            raise StopAsyncIteration from None


class NoticeQueue(Queue):
    """A queue of the notices that are chosen by kinds, names and priority."""

    CAPACITY = 32

    # Whether there is something to tell although the descriptor is not readable.
    more = False

    def __init__(self, manager, mask, objects=None, workstreams=None, min_priority="low"):
        self._address = None  # until there is a queue: for __del__
        priority = priority_of(min_priority)
        patterns = [None if pattern is None else name_bytes(pattern, "a pattern")
                    for pattern in (objects, workstreams)]
        super().__init__(manager)
        self._notices = (_ffi.Notice * self.CAPACITY)()
        check(quick.syncmgr_queue_filter(self.address, priority, *patterns))
        self.watch(mask)

    def notices(self):
        """Takes notices: a list, empty when there are none."""
        check(quick.syncmgr_queue_notices(
            self.address, self._notices, self.CAPACITY, self._count_out))
        return [notice_of(raw) for raw in self._notices[:self._count.value]]


class Subscription:
    """One function that is called for notices."""

    def __init__(self, dispatcher, queue, function):
        self._dispatcher = dispatcher
        self.queue = queue
        self.function = function

    def close(self):
        """Ends it. Waits for a running call, unless it is called from within it."""
        self._dispatcher.unsubscribe(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Dispatcher:
    """The thread behind the subscriptions of a manager."""

    def __init__(self, manager, what="notices of"):
        self._born = _process.generation()
        self._subscriptions = ()
        self._guard = threading.Lock()
        # Held while a function runs, so that the end of a subscription can wait for it.
        self._running = threading.RLock()
        self._stopped = self._stopped_inside = False
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._look = None if manager.has_threads else LOOK_MS
        self._thread = threading.Thread(
            target=self._run, name=f"syncmgr {what} {manager.url}", daemon=True)
        self._thread.start()

    def subscribe(self, queue, function, kind=Subscription):
        subscription = kind(self, queue, function)
        self._change(lambda present: present + (subscription,))
        return subscription

    def unsubscribe(self, subscription):
        if self._born != _process.generation():
            return
        self._change(lambda present: tuple(one for one in present if one is not subscription))
        with self._running:
            subscription.queue.close()

    def _change(self, change):
        with self._guard:
            if not self._stopped:
                self._subscriptions = change(self._subscriptions)
                os.eventfd_write(self._wake, 1)

    def _run(self):
        while not self._stopped:
            poll = select.poll()
            poll.register(self._wake, select.POLLIN)
            present = self._subscriptions
            for subscription in present:
                poll.register(subscription.queue, select.POLLIN)
            while not self._stopped and self._subscriptions is present:
                more = any(one.queue.more for one in present)
                ready = {fd for fd, _ in poll.poll(0 if more else self._look)}
                if self._wake in ready:
                    self._quiet()
                for subscription in present:
                    queue = subscription.queue
                    if self._look is not None or queue.more or queue.fileno() in ready:
                        while self._tell(subscription):
                            pass
        if self._stopped_inside:
            os.close(self._wake)

    def _quiet(self):
        try:
            os.eventfd_read(self._wake)
        except (BlockingIOError, OSError):
            pass  # stop() has closed it, or read it

    def _tell(self, subscription):
        """Tells what there is. True when there is more, without a look at the descriptor."""
        with self._running:
            # Looked at again for each: it may have been ended meanwhile, or by the call before.
            if subscription not in self._subscriptions:
                return False
            try:
                notices = subscription.queue.notices()
            except SyncError:
                return False
            # Still held: what was taken is told, at least the first.
            if notices:
                self._call(subscription, notices[0])
        for notice in notices[1:]:
            with self._running:
                if subscription not in self._subscriptions:
                    return False
                self._call(subscription, notice)
        return subscription.queue.more

    @staticmethod
    def _call(subscription, notice):
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
            ended, self._subscriptions = self._subscriptions, ()
        if threading.current_thread() is self._thread:
            self._stopped_inside = True
        else:
            os.eventfd_write(self._wake, 1)
            self._thread.join()
            os.close(self._wake)
        for subscription in ended:
            subscription.queue.close()
