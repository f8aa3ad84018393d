"""Workstream: who owns and who waits."""

from __future__ import annotations

import weakref
from ctypes import byref, c_uint64, c_void_p, create_string_buffer

from . import _ffi, _process
from ._arguments import integer, text
from ._factory import ObjectFactory
from ._native import library, quick
from .errors import Closed, check, close_quietly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .messages import Inbox, Sent


class Workstream(ObjectFactory):
    """A session in a space. It owns what is taken through it, whatever thread does it.

    When it closes, or its process dies, all it holds is released and its waits are withdrawn.
    It is a context manager that closes at the end. One that nothing refers to any more, neither a
    variable nor an object opened through it, is closed as well.
    """

    __slots__ = ("_manager", "_kept", "_address", "_handles", "_born", "_left",
                 "__weakref__")

    is_workstream = True

    def __init__(self, manager, name=None, keep_manager=True):
        self._address = None
        encoded = None if name is None else text(name, "the name of a workstream")
        self._handles = {}
        # What channels keep for a handle.
        self._left = {}
        self._born = _process.generation()
        # Threads keep their workstreams: with them they would keep managers nobody uses any more.
        self._manager = weakref.ref(manager)
        self._kept = manager if keep_manager else None
        out = c_void_p()
        check(library.syncmgr_workstream_open(manager._address, encoded, byref(out)))
        self._address = out.value

    @property
    def manager(self):
        """The manager through which it was opened."""
        manager = self._manager()
        if manager is None:
            raise Closed("the manager of this workstream was closed")
        return manager

    def _live_address(self):
        """The handle, for a call; a closed workstream has none."""
        if self._address is None:
            raise Closed("the workstream was closed")
        return self._address

    @property
    def name(self) -> str:
        """The name in the space."""
        buffer = create_string_buffer(_ffi.NAME_MAX + 1)
        check(quick.syncmgr_workstream_name(self._live_address(), buffer, len(buffer)))
        return buffer.value.decode("utf-8", "replace")

    @property
    def id(self) -> int:
        """The id: unique in the space while the workstream lives, and long after."""
        number = c_uint64()
        check(quick.syncmgr_workstream_id(self._live_address(), byref(number)))
        return number.value

    def set_priority(self, priority: int) -> None:
        """Sets the priority, 0 at first: the lowest may be chosen as a deadlock's victim."""
        check(quick.syncmgr_workstream_set_priority(
            self._live_address(), integer(priority, "priority", -(1 << 31), (1 << 31) - 1)))

    # ---- telling others

    def send(self, recipients: str | Iterable[str] | None, message: str = "",
             detail: object = None, *, kind: str = "custom", priority: str = "medium",
             ttl: float | None = None, require_ack: bool = False) -> Sent:
        """Sends a message to the workstreams of these names; None tells everybody who listens.

        `detail` is what JSON can say. `kind` is "custom", "conflict", "data_available",
        "resource_available"; for a message also "sync_complete", "sync_timeout", "deadlock",
        "completed" and "failed". After `ttl` seconds it is of no interest any more. With
        `require_ack` a recipient has read it when it says so by `inbox.read`. NotFound when there
        is nobody to hear of it; returns its id and who of several is missing.
        """
        from .messages import send

        return send(self, recipients, message, detail, kind, priority, ttl, require_ack)

    @property
    def inbox(self) -> Inbox:
        """The messages that were sent to this workstream."""
        from .messages import Inbox

        return Inbox(self)

    def complete(self, detail: object = None) -> None:
        """Tells everybody that it has completed its work. It stays open."""
        from .messages import json_bytes

        check(quick.syncmgr_workstream_complete(self._live_address(), json_bytes(detail)))

    def fail(self, reason: str = "") -> None:
        """Tells everybody that it has failed, and why. It stays open."""
        check(quick.syncmgr_workstream_fail(self._live_address(), text(reason, "a reason")))

    @property
    def closed(self) -> bool:
        """Whether it was closed, by itself or with its manager."""
        manager = self._manager()
        return self._address is None or manager is None or manager.closed

    def _handle(self, shared):
        """The library's handle of an object in this workstream; opened when there is none yet."""
        key = shared._key()
        address = self._handles.get(key)
        if address is not None:
            return address
        out = c_void_p()
        check(shared._open(self._live_address(), text(shared.name, "a name"), byref(out)))
        address = self._handles.setdefault(key, out.value)
        if address != out.value:
            # Another thread was faster. A second handle would outlive a close of the first.
            close_quietly(getattr(library, shared._close_handle), out.value)
        return address

    def _forget(self, shared):
        """Closes the handle of an object, if this workstream has one."""
        address = self._handles.pop(shared._key(), None)
        if address is not None:
            self._left.pop(address, None)
            close_quietly(getattr(library, shared._close_handle), address)

    def close(self) -> None:
        """Closes the workstream: what it holds is released. Closing twice does nothing."""
        address, self._address = self._address, None
        self._handles, self._left = {}, {}
        if address is not None and self._born == _process.generation():
            close_quietly(library.syncmgr_workstream_close, address)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        # Nobody can release through it any more; its name and its holds must not stay.
        if self._address is not None:
            self.close()

    def __reduce__(self):
        raise TypeError("a workstream cannot be pickled: it belongs to its process. "
                        "Objects can, they then act for the threads that use them")

    def __repr__(self):
        state = "closed" if self.closed else repr(self.name)
        return f"<syncmgr.Workstream {state}>"
