"""The methods of a store that are about transactions, conflicts and rules."""

from __future__ import annotations

import json
import random
import time
from contextlib import closing
from ctypes import byref, c_uint32
from functools import partial
from typing import Any

from . import _ffi
from ._arguments import clock_of, integer, text, timeout_ns
from ._native import library
from .entry import json_of
from .errors import Changed, Deadlock, NotFound, Preempted, check
from .operation import Handling
from .validator import Validator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypedDict, Unpack

    from .conflicts import Conflicts
    from .merging import Merged
    from .operation import Operation
    from .transaction import Transaction

    class TransactionOptions(TypedDict, total=False):
        """The keywords of a transaction but its timeout, see Store.transaction."""

        isolation: str
        optimistic: bool
        read_only: bool
        strict: bool
        priority: int
        operation_timeout: float | None
        workstreams: Iterable[str] | None
        metadata: Any

# Stands for no value, where None is one.
UNKNOWN: Any = object()

# What is worth beginning anew.
AGAIN = (Changed, Deadlock, Preempted)
# So many times as long as the first one is the longest delay before a new beginning.
LONGEST_DELAY = 100


class Attempts:
    """The attempts of one transaction: how long each may take, and how long to wait between."""

    def __init__(self, retries, retry_delay, timeout):
        self._retries = integer(retries, "retries", 0, (1 << 32) - 1)
        timeout_ns(retry_delay, "a delay")
        self._delay = self._first = retry_delay or 0
        self._left = clock_of(timeout_ns(timeout))

    def timeout(self):
        """Seconds that are left for all."""
        left = self._left()
        return None if left < 0 else left / 1e9

    def pause(self):
        """Seconds to wait before the next attempt; None when there is none."""
        left = self.timeout()
        if self._retries == 0 or left == 0:
            return None
        self._retries -= 1
        # Not all who were in each other's way come back at the same time.
        pause = self._delay * random.uniform(0.5, 1.5)
        self._delay = min(self._delay * 2, self._first * LONGEST_DELAY)
        return pause if left is None else min(pause, left)


class Transacting:
    """What a store has of transactions and conflicts."""

    __slots__ = ()

    _here: Any
    _owner: Any
    sync: Any

    def transaction(self, *, isolation: str = "serializable", optimistic: bool = False,
                    read_only: bool = False, strict: bool = False, priority: int = 0,
                    timeout: float | None = None, operation_timeout: float | None = None,
                    workstreams: Iterable[str] | None = None,
                    metadata: Any = None) -> Transaction:
        """Begins a transaction: `with store.transaction() as tx:` commits it at the end.

        `isolation` is "serializable", "repeatable_read" (ranges that it has read may get others)
        or "read_committed" (what it has read may change). It locks what it touches, one transaction
        of a workstream at a time, unless it is `optimistic`: then all is checked at the commit.
        `strict`: what it has read has to be the same at any level, and names of operations need a
        handler here. `timeout`: it is rolled back when it takes longer; `operation_timeout` is for
        each lock and operation. `workstreams` are the names of all that take part and vote, see
        `join`. `metadata`, what JSON can say, is kept in its record.
        """
        from ._transaction_parts import begin
        from .transaction import Transaction

        return begin(Transaction, self, isolation=isolation, optimistic=optimistic,
                     read_only=read_only, strict=strict, priority=priority, timeout=timeout,
                     operation_timeout=operation_timeout, workstreams=workstreams,
                     metadata=metadata)

    def transact(self, function: Callable[[Transaction], Any], *, retries: int = 10,
                 retry_delay: float = 0.001, timeout: float | None = None,
                 **options: Unpack[TransactionOptions]) -> Any:
        """Calls `function(tx)` in a transaction and commits it; returns what it returned.

        After Changed, Deadlock and Preempted it is begun anew, up to `retries` times, in all within
        `timeout` seconds; before the first time it waits for `retry_delay` seconds, which doubles,
        up to 100 times. Everything else that the function raises rolls it back.
        """
        attempts = Attempts(retries, retry_delay, timeout)
        while True:
            try:
                with self.transaction(timeout=attempts.timeout(), **options) as transaction:
                    result = function(transaction)
                return result
            except AGAIN:
                pause = attempts.pause()
                if pause is None:
                    raise
            time.sleep(pause)

    def join(self, transaction: int | str) -> Transaction:
        """Joins the transaction of this id, of another workstream, as the part of this one: with
        reads, writes and operations of its own. Its `commit` votes and waits for the decision."""
        from ._transaction_parts import join
        from .transaction import Transaction

        return join(Transaction, self, transaction)

    # ---- records

    def transactions(self, status: str | Iterable[str] | None = None,
                     workstream: str | None = None) -> list[dict[str, Any]]:
        """The records of transactions, oldest first, with these statuses, and in which the
        workstream of that name takes part; of those that have ended the last 1,024 at least."""
        from ._transaction_parts import statuses_of

        wanted = _ffi.TransactionFilter.defaults()
        if status is not None:
            wanted.statuses = statuses_of(status)
        if workstream is not None:
            wanted.workstream = text(workstream, "the name of a workstream")
        return json_of(partial(
            library.syncmgr_transaction_list, self._here.address, byref(wanted)))

    def transaction_record(self, transaction: int | str) -> dict[str, Any] | None:
        """The record of one transaction, by its id: status, owner, operations and their states,
        votes, times. None when there is none."""
        from ._transaction_parts import number_of

        number = number_of(transaction)
        try:
            return json_of(partial(library.syncmgr_transaction_show, self._here.address, number))
        except NotFound:
            return None

    def clear_transactions(self, age: float = 0) -> int:
        """Forgets the records of transactions that ended more than `age` seconds ago. Returns how
        many."""
        count = c_uint32()
        check(library.syncmgr_transaction_clear(
            self._here.address, timeout_ns(age, "an age"), byref(count)))
        return count.value

    # ---- handlers, and what the dead have left

    def handler(self, name: str, execute: Callable[[Operation], Any] | None = None,
                undo: Callable[[Operation], Any] | None = None) -> Handling:
        """Has this process execute and undo the operations of a name, for all transactions of the
        space, also those of dead processes: see `recover`. Returns what ends it by `close()`.

        That such an operation begins is known before it does, on disk where there is a file.
        `undo(operation)` may come for one that was executed half-way, or was undone half-way.
        """
        return Handling(self._owner.manager._handlers, name, execute, undo)

    def recover(self) -> dict[str, Any]:
        """Ends what dead processes have left: commits what all had voted for, and rolls back the
        rest, by the handlers of this process.

        Returns {"recovered": [{"id", "status"}], "left": [{"id", "operation", "name", "reason"}]}:
        what is left has a name without a handler here, or its undo raised. Each is done by one
        process; when that one dies, by another.
        """
        from .transaction import Transaction

        report = self._recover_alone()
        while (transaction := self._adopt(Transaction)) is not None:
            with closing(transaction):
                transaction._roll_back()
                transaction._tell(report)
        return report

    def _recover_alone(self):
        """Ends what needs no handlers of this language."""
        return json_of(partial(library.syncmgr_transaction_recover, self._here.address))

    def _adopt(self, kind):
        """Takes over a transaction of the dead, None when there is none."""
        try:
            transaction = kind(self, partial(
                library.syncmgr_transaction_adopt, self._here.address))
        except NotFound:
            return None
        transaction._is_adopted = True
        return transaction

    # ---- conflicts

    @property
    def conflicts(self) -> Conflicts:
        """The conflicts of the space."""
        from .conflicts import Conflicts

        return Conflicts(self)

    def merge(self, key: str, value: Any = None, *, expected: int, base: Any = UNKNOWN,
              strategy: str = "merge", severity: str = "low", id: str | None = None,
              delete: bool = False, queued: bool = False) -> Merged:
        """Puts a JSON value that was made from the version `expected`, or with `delete` deletes it.

        When somebody else has changed it meanwhile both are resolved by the strategy, see
        `syncmgr.resolve`, the result is put, and the conflict is recorded: what was discarded is in
        both. `base` is what the version `expected` had, for "merge"; `id` is for "union". "manual"
        and "custom" leave the conflict open, to put its result when it is resolved; "abort" is
        Changed.
        """
        from .merging import merge, options_of

        merged = merge(self, key, value, expected, delete, options_of(strategy, severity, base, id))
        if not queued:
            self.sync()
        return merged

    # ---- what may be written

    def validator(self, pattern: str, function: Callable[[str, Any], Any]) -> Validator:
        """Has `function(key, value)` called before this process commits a change of a key that
        matches the pattern; of a deletion the value is None. What it raises refuses the change,
        and is raised there; so does False, by ValueError. Returns what ends it by `close()`."""
        return Validator(self, pattern, function)

    def constraint(self, pattern: str, rule: dict[str, Any] | None, *,
                   queued: bool = False) -> None:
        """Declares what keys that match may be changed to, for every process from now on, also
        after a restart where the space has a file. None takes that back.

        The rule is any of {"type", "minimum", "maximum", "min_length", "max_length", "required",
        "values", "immutable"}, see syncmgr_store_constraint. What it refuses is InvalidArgument.
        """
        encoded = None if rule is None else json.dumps(rule, allow_nan=False).encode()
        check(library.syncmgr_store_constraint(
            self._here.address, text(pattern, "a pattern"), encoded,
            _ffi.PUT_QUEUED * bool(queued)))
