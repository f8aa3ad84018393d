"""The base of the named objects: mutex, semaphore, latch, barrier and so on.

An object belongs to an owner. Opened through a workstream it acts for that one, whatever thread
uses it. Opened through a manager it acts for the workstream of the thread that uses it, which is
made when it is needed: one Python object, shared by all threads, and each thread an owner of its
own. `_here` hides the difference. It has the library's handle and the calls prepared for it.
"""

from __future__ import annotations

import threading
import weakref

from .errors import Closed, SyncError


class Bound:
    """Handle and prepared calls for one workstream."""


class PerThread(threading.local):
    """Handle and prepared calls for each thread. Each thread's first use calls `__init__`."""

    def __init__(self, reference):
        # Weak, so that objects, and the managers they keep, end when nobody uses them any more.
        shared = reference()
        shared._bind(self, shared._owner.this_workstream())


class SharedObject:
    """A named object of a space, as one owner sees it."""

    __slots__ = ("_owner", "_name", "_parameters", "_here", "_closed", "__weakref__")

    # Whether a workstream leaves something behind in it that it does not hold.
    arrives = False

    def __init__(self, owner, name, parameters):
        self._owner = owner
        self._name = name
        self._parameters = parameters
        self._closed = False
        if owner.is_workstream:
            self._here = Bound()
            self._bind(self._here, owner)
        else:
            self._here = PerThread(weakref.ref(self))
            # The first use, so that an error in the name or the parameters shows at once.
            self._here.address

    def _bind(self, here, workstream):
        """Fills `here` with the workstream's handle of this object."""
        if not self._closed:
            here.address = workstream._handle(self)
        if self._closed:
            # Looked at again: a close in another thread may not have seen the new handle.
            workstream._forget(self)
            raise Closed(f"{type(self).__name__.lower()} '{self._name}' was closed")
        self._prepare(here)

    def _key(self):
        """Handles of one workstream with the same key are the same handle."""
        return type(self), self._name, self._parameters

    def _open(self, workstream_address, name, out_handle):
        """Calls the library's open function; returns its status."""
        raise NotImplementedError

    def _prepare(self, here):
        """Adds the calls that are worth preparing to `here`."""

    @property
    def name(self) -> str:
        """The name in the space."""
        return self._name

    @property
    def closed(self) -> bool:
        """Whether the object was closed, by itself or with its owner."""
        return self._closed or self._owner.closed

    @property
    def aio(self):
        """The same object for asyncio: `async with mutex.aio`, `await event.aio.wait()`.

        Through a manager each task is an owner of its own.
        """
        from . import aio

        return aio.form_of(self)

    def close(self) -> None:
        """Gives up the handle, and what is held through it, in every thread that has one.

        Python objects of the same name and parameters, opened through the same owner, share it.
        Closing twice does nothing.
        """
        if not self._closed:
            self._closed = True
            self._owner._forget(self)

    def __reduce__(self):
        manager = self._owner.manager
        return _rebuild, (manager, type(self), self._name, self._parameters)

    def _holds(self):
        """Whether this owner holds it, so that it would be released when the owner closes."""
        return False

    def _workstream_id(self):
        """The id of the workstream for which the object acts here."""
        owner = self._owner
        return (owner if owner.is_workstream else owner.this_workstream()).id

    def _state(self):
        """A few words about the state, for repr."""
        return "open"

    def __repr__(self):
        try:
            state = "closed" if self.closed else self._state()
        except SyncError as error:
            state = error.code
        kind, url = type(self).__name__, self._owner.manager.url
        return f"<syncmgr.{kind} {self._name!r} in {url}: {state}>"


def _rebuild(manager, kind, name, parameters):
    """Opens a pickled object in this process: each thread that uses it is an owner of its own."""
    return manager._object(kind, name, parameters)
