"""The election for asyncio, and once."""

import inspect
from functools import partial

from . import _ffi
from ._arguments import timeout_ns
from ._form import LEASE, Form
from .election import Remaining, decode, encode
from .errors import Timeout


class AioElection(Form):
    """An election for tasks: `async with election.aio:` leads."""

    __slots__ = ()
    _passed = ("resign", "finish", "result", "reset", "term", "leading", "leader", "is_valid",
               "force_release", "name", *LEASE)

    async def campaign(self, timeout=None):
        """Stands for election. Returns True when elected, also when this task leads already.

        Returns False when `timeout` seconds pass first, or when there is a `result`.
        """
        limit = timeout_ns(timeout)
        mine = self._mine()
        here = mine._here
        status, _ = await self._wait(partial(mine._start, here, limit), here.undo)
        return status == _ffi.LEADER

    def lead(self, timeout=None):
        """`async with election.aio.lead(5):` leads within that time or raises Timeout.

        Like `async with election.aio:` it raises Late when there is a result.
        """
        return AioLead(self, timeout)

    async def __aenter__(self):
        return await AioLead(self, None).__aenter__()

    async def __aexit__(self, *what):
        self._step_down(*what)

    def _step_down(self, *what):
        """Resigns, unless a result was published."""
        self._mine()._here.exit(*what)


class AioLead:
    """The context manager of AioElection.lead."""

    __slots__ = ("_election", "_timeout")

    def __init__(self, election, timeout):
        timeout_ns(timeout)
        self._election = election
        self._timeout = timeout

    async def __aenter__(self):
        if await self._election.campaign(self._timeout):
            return self._election
        raise self._election._mine()._not_elected(self._timeout)

    async def __aexit__(self, *what):
        self._election._step_down(*what)


async def once(space, name, function, timeout=None):
    """Calls `function()` once in the whole space, and returns its result in all who ask for it.

    The form of syncmgr.once for tasks: what the function returns is awaited when it can be.
    """
    if not callable(function):
        raise TypeError(f"function must be callable, not {type(function).__name__}")
    election, remaining = space.election(name).aio, Remaining(timeout)
    while True:
        left = remaining.seconds()
        if await election.campaign(left):
            try:
                value = function()
                if inspect.isawaitable(value):
                    value = await value
                result = encode(value)
                election.finish(result)
                return decode(result)
            except BaseException as error:
                election._step_down(type(error), error, None)
                raise
        result = election.result
        if result is not None:
            return decode(result)
        # A result that was forgotten before it was read elects anew.
        if left == 0:
            raise Timeout(f"election '{name}' had no result within {timeout} seconds")
