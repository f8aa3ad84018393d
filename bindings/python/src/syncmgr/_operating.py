"""The operations of a transaction: how they are added, and read back of those of dead processes."""

from __future__ import annotations

import json
from ctypes import (
    addressof,
    byref,
    c_size_t,
    c_uint32,
    create_string_buffer,
    sizeof,
    string_at,
)
from typing import Any

from . import _ffi
from ._arguments import text, timeout_ns
from ._native import quick
from .entry import held
from .errors import NotFound
from .memory import decoded
from .operation import TYPES, Operation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def _nothing(_):
    """What executes or undoes an operation of which nothing is to be done."""


class Operating:
    """What a transaction has of operations."""

    _operations: list[Operation]
    _handlers: Any
    _is_strict: bool
    _check: Any
    _live_address: Any

    @property
    def operations(self) -> list[Operation]:
        """What was added, in order."""
        return list(self._operations)

    def add(self, type: str = "custom", target: str | None = None, value: Any = None, *,
            execute: Callable[[Operation], Any] | None = None,
            undo: Callable[[Operation], Any] | None = None, name: str | None = None,
            id: str | None = None, parameters: Any = None,
            timeout: float | None = -2) -> Operation:
        """Adds an operation, which the commit executes before its changes are seen.

        `type` is "read", "write", "create" (of a key that is not there), "delete" (of one that is),
        "lock", "unlock" or "custom". `execute(operation)` does what is to be done besides, and
        `undo(operation)` takes it back, if the transaction does not come to be: of all that were
        executed, the newest first, each once. With a `name` the handlers of that name do it (see
        Store.handler), also those of another process after a crash. An operation that takes longer
        than `timeout` seconds is undone when it has come back; -2 is the transaction's
        `operation_timeout`.
        """
        if type not in TYPES:
            raise ValueError(f"type must be one of {', '.join(TYPES)}, not {type!r}")
        for function in (execute, undo):
            if function is not None and not callable(function):
                raise TypeError(f"it must be callable, not {type(function).__name__}")
        if name is not None and self._is_strict and name not in self._handlers:
            raise NotFound(f"no handler of this process has the name '{name}'")
        raw = _ffi.Operation()
        raw.size = sizeof(raw)
        raw.type = TYPES.index(type)
        by_steps = name is not None or execute is not None or undo is not None
        raw.flags = _ffi.OPERATION_BY_STEPS * by_steps
        for field, given in (("name", name), ("id", id), ("target", target)):
            if given is not None:
                setattr(raw, field, text(given, f"the {field} of an operation"))
        if parameters is not None:
            raw.parameters = json.dumps(
                parameters, separators=(",", ":"), allow_nan=False).encode()
        if value is not None or type in ("write", "create"):
            raw.data_type, kept, raw.length = held(value)
            raw.data = addressof(kept)
        raw.timeout_ns = (_ffi.OPERATION_TIMEOUT if timeout == -2
                          else timeout_ns(timeout, "an operation's timeout"))
        index = c_uint32()
        self._check(quick.syncmgr_transaction_add(
            self._live_address(), byref(raw), byref(index)))
        operation = Operation(self, index.value, type, name, id, target, parameters, value,
                              execute, undo)
        self._operations.append(operation)
        return operation

    def _kept_operation(self, index):
        """An operation as the library has it."""
        raw, size, length = _ffi.Operation(), 1024, c_size_t()
        raw.size = sizeof(raw)
        while True:
            buffer = create_string_buffer(size)
            status = quick.syncmgr_transaction_operation(
                self._live_address(), index, byref(raw), buffer, size, byref(length))
            if status != _ffi.E_TOO_LARGE:
                break
            size = length.value
        self._check(status)
        words = [None if word is None else word.decode("utf-8", "replace")
                 for word in (raw.name, raw.id, raw.target)]
        value = decoded(raw.data_type, string_at(raw.data, raw.length)) if raw.data else None
        return Operation(self, index, TYPES[raw.type], *words,
                         json.loads(raw.parameters) if raw.parameters else None, value)

    def _function(self, operation, is_undo):
        """What executes or undoes an operation."""
        function = (operation._undoes if is_undo else operation._executes)(self._handlers)
        return function or _nothing

    def _tell(self, report):
        """Tells, of one that was taken over, what became of it."""
        number, status = f"{self.id:016x}", self.status
        # Without this the library has tried, by handlers in C.
        report["left"] = [left for left in report["left"] if left["id"] != number]
        if status == "rolled_back":
            report["recovered"].append({"id": number, "status": status})
            return
        reason = str(self._undo_raised or self._failure)
        for operation in self._operations:
            if operation.state == "undo_failed":
                report["left"].append({"id": number, "operation": operation.index,
                                       "name": operation.name, "reason": reason})
