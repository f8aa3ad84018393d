"""Watch: the changes of a store, each once, in order."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import cast

from . import _ffi
from ._arguments import clock_of, integer, timeout_ns
from ._form import TURN
from ._line import line_of
from ._wait import Wait
from .entry import Entries, Entry, range_of, read_changes
from .errors import Closed, check, error_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


class Watch:
    """The changes of some keys of a store, for `for` and `async for`, which wait for the next one.

    It costs the others nothing, however slow it is. Who falls so far behind that the log has some
    of the changes no more gets Gap instead of the next one, again and again until it calls
    `resynchronize`. The loop ends when the store is closed. For one loop at a time.
    """

    def __init__(self, store, prefix, glob, since):
        # So that errors show here.
        range_of(prefix, glob)
        self._store = store
        self._prefix = prefix
        self._glob = glob
        self._revision = (store.info().revision if since is None
                          else integer(since, "a revision", 0, (1 << 64) - 1))
        # What was read and has yet to be taken, the next one last.
        self._pending: list[Entry] = []
        self._calls = 0

    @property
    def revision(self) -> int:
        """Up to which revision all changes were taken: another watch can go on from it."""
        return self._pending[-1].revision - 1 if self._pending else self._revision

    def next(self, timeout: float | None = None) -> Entry | None:
        """The next change; None when `timeout` seconds pass first."""
        if not self._arrives(timeout_ns(timeout)):
            return None
        # No call from here to `return`: a signal would lose the change.
        change = self._pending[-1]
        del self._pending[-1]
        return change

    def _arrives(self, limit):
        """Waits until there is a change to take. False when the time passes first."""
        left = clock_of(limit)
        while not self._is_there():
            span = left()
            if span == 0:
                return False
            wait = Wait()
            status = wait.run(self._start(span, wait))
            if status == _ffi.E_TIMEOUT:
                return False
            check(status)
        return True

    async def wait(self, timeout: float | None = None) -> Entry | None:
        """The asyncio form of `next`. Cancelling it loses no change."""
        left = clock_of(timeout_ns(timeout))
        self._calls += 1
        if self._calls % TURN == 0:
            await asyncio.sleep(0)
        while not self._is_there():
            span = left()
            if span == 0:
                return None
            line = line_of(self._store._owner.manager)
            status, _ = await line.wait(partial(self._start, span), {})
            if status == _ffi.E_TIMEOUT:
                return None
        return self._pending.pop()

    def resynchronize(self) -> Entries[Entry]:
        """All entries that there are, of one moment. The watch goes on from their revision: what
        was not taken by then does not come any more."""
        entries = self._store.range(self._prefix, glob=self._glob)
        self._pending, self._revision = [], entries.revision
        return entries

    def _is_there(self):
        """Whether there is a change to take, after a look."""
        if not self._pending:
            wanted = range_of(self._prefix, self._glob, revision=self._revision)
            changes = read_changes(self._store._here.address, wanted)
            if type(changes) is int:
                raise error_of(changes)
            changes.reverse()
            reached = wanted.revision
            self._pending, self._revision = changes, reached
        return bool(self._pending)

    def _start(self, limit, wait, queue=None, user_data=0):
        return self._store._start(None, self._revision, limit, wait, queue, user_data)

    def __iter__(self) -> Iterator[Entry]:
        return self

    def __next__(self) -> Entry:
        try:
            self._arrives(_ffi.FOREVER)
        except Closed:
            raise StopIteration from None
        change = self._pending[-1]
        del self._pending[-1]
        return change

    def __aiter__(self) -> AsyncIterator[Entry]:
        return self

    async def __anext__(self) -> Entry:
        try:
            return cast("Entry", await self.wait())
        except Closed:
            raise StopAsyncIteration from None
