"""Operations of a transaction, and the handlers that execute and undo them by name."""

from __future__ import annotations

import json
import weakref
from ctypes import byref, c_size_t, c_uint32, create_string_buffer
from typing import Any, NamedTuple

from . import _ffi
from ._arguments import text
from ._native import quick
from .errors import AlreadyExists, Closed, InvalidArgument, check
from .memory import decoded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ._aio_transaction import AioTransaction
    from .transaction import Transaction

TYPES = ("read", "write", "create", "delete", "lock", "unlock", "custom")
STATES = ("waiting", "executing", "executed", "failed", "late", "undoing", "undone", "undo_failed",
          "left_out")
# The longest result that others can read.
RESULT_MAX = 65536


class Handler(NamedTuple):
    """What executes and undoes the operations of a name in this process."""

    execute: Callable[[Operation], Any] | None
    undo: Callable[[Operation], Any] | None


class Handling:
    """A handler that is registered; it is a context manager that ends at the end."""

    def __init__(self, handlers, name, execute, undo):
        text(name, "the name of a handler")
        if not name:
            raise InvalidArgument("a handler has a name")
        for function in (execute, undo):
            if function is not None and not callable(function):
                raise TypeError(f"a handler is callable, not {type(function).__name__}")
        if name in handlers:
            raise AlreadyExists(f"'{name}' has a handler in this process")
        self._handlers = handlers
        self._name = name
        self._handler = handlers[name] = Handler(execute, undo)

    def close(self):
        """Ends it: operations of the name have no handler here any more."""
        if self._handlers.get(self._name) is self._handler:
            del self._handlers[self._name]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Operation:
    """One operation of a transaction, as it is given to what executes and undoes it.

    `type` is "read", "write", "create", "delete", "lock", "unlock" or "custom". `result` is what
    its execution returned: others, and whoever undoes it after a crash, have what JSON or bytes can
    say of it.
    """

    __slots__ = ("_transaction", "index", "type", "name", "id", "target", "parameters", "value",
                 "_execute", "_undo", "_result", "_last")

    def __init__(self, transaction, index, kind, name, id, target, parameters, value,
                 execute=None, undo=None):
        # Weak, so that a transaction that nobody refers to any more ends at once.
        self._transaction = weakref.ref(transaction)
        self.index = index
        self.type = kind
        self.name = name
        self.id = id
        self.target = target
        self.parameters = parameters
        self.value = value
        self._execute = execute
        self._undo = undo
        # A list of the one thing that it returned in this process.
        self._result = None
        # State and result when the transaction was closed.
        self._last = None

    @property
    def transaction(self) -> Transaction | AioTransaction:
        """Its transaction, to read and write by while it is executed."""
        transaction = self._transaction()
        if transaction is None:
            raise Closed("the transaction of this operation is gone")
        return transaction

    @property
    def result(self) -> Any:
        """What came of its execution; of a "read" the value of its target."""
        if self._result is not None:
            return self._result[0]
        return self._stored()[1]

    @property
    def state(self) -> str:
        """How far it is: "waiting", "executing", "executed", "failed", "late", "undoing", "undone",
        "undo_failed" or "left_out"."""
        return STATES[self._stored()[0]]

    def _stored(self):
        if self._last is not None:
            return self._last
        size, state, length = 1024, c_uint32(), c_size_t()
        while True:
            buffer = create_string_buffer(size)
            status = quick.syncmgr_transaction_result(
                self.transaction._live_address(), self.index, byref(state), buffer, size,
                byref(length))
            if status != _ffi.E_TOO_LARGE:
                break
            size = length.value
        check(status)
        data = buffer.raw[:length.value]
        if self.type == "read":
            return state.value, decoded(self.transaction._store._look(self.target).type, data)
        return state.value, result_of(data)

    def _executes(self, handlers):
        """What executes it; None: nothing is to be done."""
        if self.name is None:
            return self._execute
        handler = handlers.get(self.name)
        if handler is None or handler.execute is None:
            raise InvalidArgument(f"no handler of this process executes '{self.name}'")
        return handler.execute

    def _undoes(self, handlers):
        if self.name is None:
            if self.transaction._is_adopted:
                raise InvalidArgument("it has no name: only its process knew how to undo it")
            return self._undo
        handler = handlers.get(self.name)
        if handler is None:
            raise InvalidArgument(f"no handler of this process has the name '{self.name}'")
        return handler.undo

    def __repr__(self):
        words = [self.type, *(repr(word) for word in (self.name, self.target) if word is not None)]
        return f"<syncmgr.Operation {self.index}: {' '.join(words)}>"


def result_bytes(result):
    """A result as others can read it; None when it cannot be written."""
    if result is None:
        return b""
    if isinstance(result, (bytes, bytearray)):
        data = bytes(result)
    else:
        try:
            data = json.dumps(result, separators=(",", ":"), allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError):
            return None
    return data if len(data) <= RESULT_MAX else None


def result_of(data):
    """The result that somebody wrote: JSON, else bytes."""
    if not data:
        return None
    try:
        return json.loads(data)
    except ValueError:
        return data
