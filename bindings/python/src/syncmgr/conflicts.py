"""Conflicts: declared, decided once, seen by all processes of a space."""

from __future__ import annotations

import inspect
import sys
import threading
from ctypes import byref, c_uint32, c_uint64
from functools import partial
from typing import Any, NamedTuple

from . import _ffi
from ._arguments import integer, text, timeout_ns, workstream_names
from ._native import library, quick
from ._wait import Wait
from .entry import json_of
from .errors import Busy, NotActive, NotFound, Timeout, Unresolvable, check, error_of
from .notices import PRIORITIES
from .resolving import STRATEGIES, json_text, number_in, resolution_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .resolving import Resolution

TYPES = ("data_conflict", "resource_conflict", "timing_conflict", "dependency_conflict",
         "state_conflict", "priority_conflict")
STATUSES = ("detected", "analyzing", "resolving", "resolved", "unresolvable", "ignored")
OPEN = STATUSES[:3]

# Stands for no value, where None is one.
NOTHING: Any = object()

# Somebody else was faster, or nobody has an answer: the status of the conflict tells.
OFF_HAND = (Busy, NotActive, NotFound, Unresolvable)


class Conflict(NamedTuple):
    """A conflict as it was when it was read. Times are nanoseconds since 1970."""

    id: int
    type: str
    severity: str
    status: str
    strategy: str
    workstreams: tuple[str, ...]
    reason: str
    detected_at: int
    detected_by: str
    sync_point: str | None = None
    data: Any = None
    deadline: int | None = None
    claimed_by: str | None = None
    key: str | None = None
    resolved_at: int | None = None
    resolved_by: str | None = None
    result: Resolution | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is neither resolved, ignored nor unresolvable."""
        return self.status in OPEN


def conflict_of(members):
    """The Conflict for the members of a JSON object."""
    given = {name: members[name] for name in Conflict._fields if name in members}
    given["workstreams"] = tuple(given.get("workstreams", ()))
    given.setdefault("reason", "")
    for name in ("detected_by", "claimed_by", "resolved_by"):
        if isinstance(given.get(name), dict):
            given[name] = given[name].get("name")
    if "result" in given:
        given["result"] = resolution_of(given["result"], members["strategy"])
    return Conflict(**given)


def error_in(status):
    """The exception for a negative status of a call about a conflict."""
    better = {_ffi.E_FAILED: Unresolvable, _ffi.E_ALREADY: NotActive}.get(status)
    error = error_of(status)
    return error if better is None else better(str(error), status)


def checked(status):
    """Raises for a negative status, returns any other."""
    if status < 0:
        raise error_in(status)
    return status


def mask_of(names, given, what):
    """The bits for a name or several; None is all."""
    if given is None:
        return 0xffffffff
    bits = 0
    for name in [given] if isinstance(given, str) else given:
        bits |= 1 << number_in(names, name, what)
    return bits


def number_of(conflict):
    """The id of a conflict, which may be given as a whole."""
    if isinstance(conflict, Conflict):
        return conflict.id
    return integer(conflict, "the id of a conflict", 0, (1 << 64) - 1)


def name_or_null(value, what):
    """A name for the library."""
    return None if value is None else text(value, what)


class ConflictHandler:
    """A function that is asked; it is a context manager that ends at the end."""

    def __init__(self, handlers, types, function):
        if not callable(function):
            raise TypeError(f"a handler is callable, not {type(function).__name__}")
        self.types = mask_of(TYPES, types, "a type of conflicts")
        self.function = function
        self._handlers = handlers
        handlers.append(self)

    def close(self):
        """Ends it. A call that runs goes on."""
        if self in self._handlers:
            self._handlers.remove(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def failed():
    """Tells, of a handler that raised, what it was: the next one is asked."""
    threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))


class ConflictsBase:
    """What does not wait."""

    __slots__ = ("_store",)

    def __init__(self, store):
        self._store = store

    @property
    def _address(self):
        return self._store._here.address

    def _handlers(self, conflict_type=None):
        """The handlers of this process, in order: all, or those of a type."""
        handlers = self._store._owner.manager._conflict_handlers
        if conflict_type is None:
            return handlers
        bit = 1 << TYPES.index(conflict_type)
        return [handler for handler in handlers if handler.types & bit]

    # ---- looking

    def get(self, conflict: int | Conflict) -> Conflict | None:
        """The conflict of this id, as it is now; None when there is none."""
        try:
            return conflict_of(json_of(partial(
                library.syncmgr_conflict_get, self._address, number_of(conflict))))
        except NotFound:
            return None

    def list(self, *, type: str | Iterable[str] | None = None,
             status: str | Iterable[str] | None = None,
             severity: str | Iterable[str] | None = None, sync_point: str | None = None,
             workstream: str | None = None) -> list[Conflict]:
        """The conflicts of these types, statuses ("open" is all that are) and severities, at this
        sync point, in which this workstream is; in the order in which they were declared."""
        wanted = _ffi.ConflictFilter.defaults()
        wanted.types = mask_of(TYPES, type, "a type of conflicts")
        wanted.statuses = (_ffi.CONFLICT_OPEN if status == "open"
                           else mask_of(STATUSES, status, "a status"))
        wanted.severities = mask_of(PRIORITIES, severity, "a severity")
        wanted.sync_point = name_or_null(sync_point, "the name of a sync point")
        wanted.workstream = name_or_null(workstream, "the name of a workstream")
        found = json_of(partial(library.syncmgr_conflict_list, self._address, byref(wanted)))
        return [conflict_of(members) for members in found]

    # ---- declaring

    def _declare(self, reason, workstreams, sync_point, type, severity, strategy, data, timeout,
                 auto, notify):
        """Declares a conflict; its id, and whether handlers of this process are to be asked."""
        options = _ffi.ConflictOptions.defaults()
        options.type = number_in(TYPES, type, "a type of conflicts")
        options.severity = number_in(PRIORITIES, severity, "a severity")
        options.strategy = number_in(STRATEGIES, strategy, "a strategy")
        asks = bool(auto) and bool(self._handlers(type))
        options.flags = (_ffi.CONFLICT_AUTO * (bool(auto) and not asks)
                         | _ffi.CONFLICT_NOTIFY * bool(notify))
        options.timeout_ns = timeout_ns(timeout)
        options.sync_point = name_or_null(sync_point, "the name of a sync point")
        if workstreams is not None:
            options.workstreams = workstream_names(workstreams)
        options.reason = text(reason, "a reason")
        if data is not None:
            options.data = json_text(data)
        number = c_uint64()
        status = library.syncmgr_conflict_detect(self._address, byref(options), byref(number))
        if status < 0 and status != _ffi.E_FAILED:
            raise error_in(status)
        return number.value, asks

    def on(self, types: str | Iterable[str] | None,
           function: Callable[[Conflict], Any]) -> ConflictHandler:
        """Has `function(conflict)` asked for conflicts of these types, None all, that are detected
        or resolved by this process: one after the other, in the order in which they were given.

        What it returns is the result; None, or an exception, which is told by
        threading.excepthook, means that the next one is asked, and in the end the strategy. Returns
        what ends it by `close()`.
        """
        return ConflictHandler(self._handlers(), types, function)

    # ---- deciding

    def _asks(self, number, strategy, value):
        """Whether handlers of this process are to be asked."""
        if strategy != "custom" or value is not NOTHING or not self._handlers():
            return False
        found = self.get(number)
        return found is not None and bool(self._handlers(found.type))

    def _resolve(self, number, strategy, value, by):
        """Decides at once what needs no handlers of this process."""
        checked(library.syncmgr_conflict_resolve(
            self._address, number, number_in(STRATEGIES, strategy, "a strategy"),
            None if value is NOTHING else json_text(value), name_or_null(by, "a name")))

    def claim(self, conflict: int | Conflict) -> None:
        """Claims an open conflict for this workstream, so that nobody else lets handlers decide it:
        until it is settled or released, or the workstream ends. Busy when somebody else has it."""
        checked(library.syncmgr_conflict_claim(self._address, number_of(conflict)))

    def settle(self, conflict: int | Conflict, value: Any = NOTHING) -> None:
        """Ends a conflict that was claimed, with its result; without a value its strategy decides.
        Unresolvable when that does not."""
        checked(library.syncmgr_conflict_settle(
            self._address, number_of(conflict), None if value is NOTHING else json_text(value)))

    def release(self, conflict: int | Conflict) -> None:
        """Gives a claim back."""
        checked(library.syncmgr_conflict_release(self._address, number_of(conflict)))

    def _let_go(self, number):
        """Gives a claim back, if it is there."""
        quick.syncmgr_conflict_release(self._address, number)

    def ignore(self, conflict: int | Conflict, by: str | None = None) -> None:
        """Ends a conflict without a result: somebody said that it is none."""
        checked(library.syncmgr_conflict_ignore(
            self._address, number_of(conflict), name_or_null(by, "a name")))

    def clear(self) -> int:
        """Forgets the conflicts that are resolved or ignored. Returns how many there were."""
        count = c_uint32()
        checked(library.syncmgr_conflict_clear(self._address, byref(count)))
        return count.value

    # ---- waiting

    def _start(self, number, limit, wait, queue=None, user_data=0):
        """The call that starts a wait for the end, for Wait.run or for a queue."""
        return partial(quick.syncmgr_conflict_wait_start, self._address, number, limit, queue,
                       user_data, wait.ticket_out)

    def _ended(self, number, status):
        """The conflict that was waited for."""
        if status == _ffi.E_TIMEOUT:
            raise Timeout(f"conflict {number} has not ended in time")
        check(status)
        found = self.get(number)
        if found is None:
            raise NotFound(f"conflict {number} is forgotten")
        return found


class Conflicts(ConflictsBase):
    """The conflicts of a space, `store.conflicts`."""

    __slots__ = ()

    def detect(self, reason: str = "", *, workstreams: str | Iterable[str] | None = None,
               sync_point: str | None = None, type: str = "data_conflict",
               severity: str = "medium", strategy: str = "last_wins", data: Any = None,
               timeout: float | None = 30, auto: bool = True, notify: bool = False) -> Conflict:
        """Declares a conflict, and with `auto` resolves it: by the handlers of this process for its
        type, see `on`, and where none has an answer by the strategy. Returns it as it is then: look
        at its `status`.

        `workstreams` are those between which it is, by default this one; `data` has the
        `candidates`, see `syncmgr.resolve`. "manual" leaves it open to whoever resolves it later,
        and "custom" to handlers alone. After `timeout` seconds what is open is unresolvable.
        `notify`: its workstreams get a message.
        """
        number, asks = self._declare(reason, workstreams, sync_point, type, severity, strategy,
                                     data, timeout, auto, notify)
        if asks:
            try:
                self._ask(number)
            except OFF_HAND:
                pass
        return self._ended(number, _ffi.OK)

    def _ask(self, number):
        """Lets the handlers of this process decide."""
        self.claim(number)
        try:
            conflict = self._ended(number, _ffi.OK)
            answer = NOTHING
            for handler in list(self._handlers(conflict.type)):
                try:
                    found = handler.function(conflict)
                    if inspect.iscoroutine(found):
                        found.close()
                        raise TypeError("a coroutine function is a handler for store.aio.conflicts")
                except Exception:
                    failed()
                    continue
                if found is not None:
                    answer = found
                    break
            self.settle(number, answer)
        except BaseException:
            self._let_go(number)
            raise

    def resolve(self, conflict: int | Conflict, strategy: str = "custom", value: Any = NOTHING, *,
                by: str | None = None) -> Conflict:
        """Decides a conflict, from any process, and returns it.

        "custom" and "manual" with a value: that is the result. "manual" without one leaves it to
        somebody. "custom" without one asks the handlers of this process, and where none has an
        answer the conflict's own strategy. Any other decides between its candidates. NotActive when
        it has ended, Busy when the handlers of another are being asked, Unresolvable when there is
        no answer.
        """
        number = number_of(conflict)
        if self._asks(number, strategy, value):
            self._ask(number)
        else:
            self._resolve(number, strategy, value, by)
        self._store.sync()
        return self._ended(number, _ffi.OK)

    def wait(self, conflict: int | Conflict, timeout: float | None = None) -> Conflict:
        """Waits until a conflict has ended, and returns it. Timeout when the time passes first."""
        number = number_of(conflict)
        wait = Wait()
        return self._ended(number, wait.run(self._start(number, timeout_ns(timeout), wait)))
