"""Manager: this process's attachment to a space."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable
from ctypes import byref, c_size_t, c_uint32, c_void_p, create_string_buffer

from . import _ffi, _process
from ._arguments import integer, text
from ._factory import ObjectFactory
from ._native import library
from .deadlock import DeadlockWatch
from .errors import Closed, Forked, check, close_quietly
from .workstream import Workstream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .events import Events
    from .messages import Recipient
    from .notices import Notice, Subscription

_TYPES = {"mutex": _ffi.TYPE_MUTEX, "semaphore": _ffi.TYPE_SEMAPHORE, "latch": _ffi.TYPE_LATCH,
          "barrier": _ffi.TYPE_BARRIER, "event": _ffi.TYPE_EVENT, "rwlock": _ffi.TYPE_RWLOCK,
          "condition": _ffi.TYPE_CONDITION, "election": _ffi.TYPE_ELECTION,
          "resource": _ffi.TYPE_RESOURCE, "sync_point": _ffi.TYPE_SYNC_POINT,
          "channel": _ffi.TYPE_CHANNEL}


def open(url: str, *, open_only: bool = False, create_only: bool = False,
         persistent: bool = False, threads: bool = True, counters: bool = True,
         mode: int = 0o600,
         group: int | None = None, owner: int | None = None) -> Manager:
    """Attaches this process to the space that `url` names, and returns its Manager.

    "local:" is a new private space, "local:NAME" one per name in this process, "shm:NAME" one that
    the processes of this machine share. "?store=FILE" behind it names the file that the space's
    store is kept in; `Manager.url` has its absolute name.

    `open_only`: the space must exist, else NotFound. `create_only`: it must not, else
    AlreadyExists. `persistent`: it stays when its last process leaves. `threads=False`: no
    background thread in this process, at a cost that the C header tells. `counters=False`: a
    new space counts no waits, see `Manager.snapshot`. `mode` is 0o600 or, with a `group` id,
    0o660. `owner` is a user id that may own the segment besides this user.
    """
    flags = (_ffi.OPEN_ONLY * bool(open_only) | _ffi.CREATE_ONLY * bool(create_only)
             | _ffi.PERSISTENT * bool(persistent) | _ffi.OPEN_NO_THREADS * (not threads)
             | _ffi.OPEN_NO_COUNTERS * (not counters))
    return Manager(url, (
        flags,
        integer(mode, "mode", 0, 0o7777),
        _ffi.ANY if group is None else integer(group, "group", 0, _ffi.ANY - 1),
        _ffi.ANY if owner is None else integer(owner, "owner", 0, _ffi.ANY - 1),
    ))


def unlink(url: str) -> None:
    """Removes the name of a shm: space. Processes that have it open keep it."""
    check(library.syncmgr_unlink(text(url, "a URL")))


class Manager(ObjectFactory, DeadlockWatch):
    """An open space. `syncmgr.open` makes it; it is a context manager that closes at the end.

    Objects opened through it act for the workstream of the thread that uses them. Each thread gets
    one when it first needs it, and it ends with the thread: what the thread still held is released.
    A manager that nothing refers to any more, neither a variable nor an object, is closed.
    """

    __slots__ = ("url", "_options", "_address", "_born", "_objects", "_implicit", "_sessions",
                 "_notices", "_feeds", "_streams", "_loops", "_tasks", "_idle_sessions", "_guard",
                 "_watches_order", "_handlers", "_conflict_handlers",
                 "_validators",
                 "__weakref__")

    is_workstream = False

    def __init__(self, url, options):
        self._address = None
        self._born = _process.generation()
        encoded = text(url, "a URL")
        flags, mode, group, owner = options
        raw_options = _ffi.OpenOptions.defaults()
        raw_options.flags, raw_options.mode = flags, mode
        raw_options.group, raw_options.owner = group, owner
        self.url = url
        self._options = options
        self._watches_order = False
        # What executes and undoes operations of transactions, by name.
        self._handlers = {}
        # Those that are asked to decide conflicts, in order.
        self._conflict_handlers = []
        # Those that the library may call.
        self._validators = set()
        self._objects = weakref.WeakValueDictionary()
        self._implicit = weakref.WeakSet()
        self._sessions = threading.local()
        self._notices = None
        self._feeds = set()
        self._streams = weakref.WeakSet()
        self._loops = weakref.WeakKeyDictionary()
        self._tasks = weakref.WeakKeyDictionary()
        self._idle_sessions = []
        self._guard = threading.Lock()
        out = c_void_p()
        check(library.syncmgr_open(encoded, byref(raw_options), byref(out)))
        self._address = out.value
        # With the absolute name of the store's file: good in any working directory.
        room, length = create_string_buffer(4096), c_size_t()
        check(library.syncmgr_url(self._address, room, len(room), byref(length)))
        self.url = room.value.decode()
        _process.register(self)

    @property
    def manager(self):
        """Itself: objects ask their owner, which may be a workstream."""
        return self

    @property
    def has_threads(self):
        """Whether the library may use a background thread in this process."""
        return not self._options[0] & _ffi.OPEN_NO_THREADS

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._address is None

    def _require_open(self):
        """Raises unless the manager is open and of this process."""
        if self._born != _process.generation():
            raise Forked(f"{self.url} was opened by the process this one was forked from")
        if self._address is None:
            raise Closed(f"{self.url} was closed")

    # ---- workstreams and objects

    def workstream(self, name: str | None = None) -> Workstream:
        """Opens a workstream: an owner apart from threads. Without a name one is made up."""
        self._require_open()
        return Workstream(self, name)

    def this_workstream(self) -> Workstream:
        """The workstream of the calling thread, made when there is none yet."""
        self._require_open()
        session = getattr(self._sessions, "session", None)
        if session is None:
            session = self._sessions.session = _Session(self._implicit_workstream())
        return session.workstream

    def _implicit_workstream(self):
        """A workstream for a thread or task that did not ask for it."""
        workstream = Workstream(self, keep_manager=False)
        self._implicit.add(workstream)
        return workstream

    def _object(self, kind, name, parameters):
        """One Python object for each name, kind and parameters, while anybody uses it.

        The handle stays with the workstream, which has one for all of them.
        """
        self._require_open()
        text(name, "a name")
        if parameters and callable(parameters[-1]):
            # A barrier with an action, which is often made anew for each call.
            return kind(self, name, parameters)
        key = kind, name, parameters
        shared = self._objects.get(key)
        if shared is None:
            shared = kind(self, name, parameters)
            shared = self._objects.setdefault(key, shared)
        else:
            # The first use in this thread, so that an error shows here and not later.
            shared._here.address
        return shared

    def _forget(self, shared):
        """Closes the handles that threads and tasks have of an object."""
        self._objects.pop((type(shared), shared.name, shared._parameters), None)
        for workstream in list(self._implicit):
            workstream._forget(shared)

    def remove(self, kind: str, name: str) -> None:
        """Removes an object from the space. `kind` is "mutex", "semaphore" and so on.

        Busy while a workstream has it open.
        """
        if kind not in _TYPES:
            raise ValueError(f"kind must be one of {', '.join(_TYPES)}, not {kind!r}")
        self._require_open()
        check(library.syncmgr_object_remove(self._address, _TYPES[kind], text(name, "a name")))

    def set_rank(self, kind: str, name: str, rank: int) -> None:
        """Gives an object a rank, for prevent_deadlocks("ranks"); 0 takes it off."""
        if kind not in _TYPES:
            raise ValueError(f"kind must be one of {', '.join(_TYPES)}, not {kind!r}")
        self._require_open()
        self._set_rank(_TYPES[kind], name, rank)

    # ---- the dead, and what is told about others

    def cleanup(self) -> int:
        """Releases what dead processes left behind. Returns how many dead ones were found."""
        self._require_open()
        found = c_uint32()
        check(library.syncmgr_cleanup(self._address, byref(found)))
        return found.value

    def check(self) -> None:
        """Checks the whole segment, for tests and diagnosis. Raises Corrupt with a fault."""
        self._require_open()
        check(library.syncmgr_check(self._address))

    def snapshot(self) -> dict[str, Any]:
        """What the space looks like: who holds what, who waits for what, and since when.

        The members are those of the JSON document that the C header describes.
        """
        self._require_open()
        size, length = 1 << 16, c_size_t()
        while True:
            buffer = create_string_buffer(size)
            status = library.syncmgr_snapshot_json(self._address, 0, buffer, size, byref(length))
            if status != _ffi.E_OVERFLOW:
                check(status)
                import json

                return json.loads(buffer.raw[:length.value])
            # The space goes on between the calls.
            size = length.value + (length.value >> 1) + (1 << 16)

    def on(self, kinds: str | Iterable[str], function: Callable[[Notice], object], *,
           objects: str | None = None, workstreams: str | None = None,
           min_priority: str = "low") -> Subscription:
        """Has `function(notice)` called for what happens from now on.

        `kinds` is one or several of "granted", "deadlock", "died" and so on (`notices.KINDS`), or
        "all". `objects` and `workstreams` are patterns of names with `*` and `?`; `min_priority` is
        "low", "medium", "high" or "critical". That notices were lost, "gap", is always told. The
        calls come one at a time, from a Python thread that the first subscription starts; they may
        call anything. What they raise goes to threading.excepthook. Returns a subscription, whose
        `close()` ends it.
        """
        from .notices import Dispatcher, NoticeQueue, mask_of

        mask = mask_of(kinds)
        if not callable(function):
            raise TypeError(f"function must be callable, not {type(function).__name__}")
        self._require_open()
        queue = NoticeQueue(self, mask, objects, workstreams, min_priority)
        with self._guard:
            if self._notices is None:
                self._notices = Dispatcher(self)
        return self._notices.subscribe(queue, function)

    def events(self, kinds: str | Iterable[str] = "all", *, objects: str | None = None,
               workstreams: str | None = None, min_priority: str = "low") -> Events:
        """What happens from now on, for `for` and `async for`; chosen as by `on`."""
        from .events import Events
        from .notices import mask_of

        mask = mask_of(kinds)
        self._require_open()
        return Events(self, mask, objects, workstreams, min_priority)

    def message_status(self, message: int) -> list[Recipient]:
        """How far a message is with each of its recipients, by its id."""
        from .messages import status_of

        return status_of(self, message)

    # ---- the end

    def close(self) -> None:
        """Closes everything opened through it. Holds are released, waits end with Closed.

        Closing twice does nothing, nor does closing in a forked child.
        """
        if self._born != _process.generation():
            # Before the guard: a thread of the parent may have held it during the fork.
            self._address = None
            return
        with self._guard:
            address, self._address = self._address, None
        if address is None:
            return
        if self._notices is not None:
            self._notices.stop()
        for dispatcher in list(self._feeds):
            dispatcher.stop()
        for stream in list(self._streams):
            stream.close()
        for line in list(self._loops.values()):
            line.stop()
        close_quietly(library.syncmgr_close, address)
        self._validators.clear()
        self._objects.clear()
        self._idle_sessions.clear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if self._address is not None:
            self.close()

    def __reduce__(self):
        if not self.url.startswith("shm:"):
            raise TypeError(f"{self.url!r} cannot be pickled: it is private to its process")
        return _attach, (self.url, self._options)

    def __repr__(self):
        return f"<syncmgr.Manager {self.url} {'closed' if self.closed else 'open'}>"


class _Session:
    """Ends a thread's workstream with the thread, whose locals are the only reference to this."""

    __slots__ = ("workstream",)

    def __init__(self, workstream):
        self.workstream = workstream

    def __del__(self):
        self.workstream.close()


# Unpickled objects of one space share one manager in a process, which lives as long as they do.
_attached: weakref.WeakValueDictionary = weakref.WeakValueDictionary()


def _attach(url, options):
    manager = _attached.get(url)
    if manager is None or manager.closed:
        flags, *rest = options
        manager = _attached[url] = Manager(url, (flags & ~_ffi.CREATE_ONLY, *rest))
    return manager


@_process.run_in_child
def _forget_attached():
    _attached.clear()
