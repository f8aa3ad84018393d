"""Resolving: one value out of several, whatever their order; and the order of vector clocks."""

from __future__ import annotations

import json
from ctypes import byref, c_uint32
from functools import partial
from typing import Any, NamedTuple

from ._native import library, quick
from .entry import json_of
from .errors import InvalidArgument, check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

STRATEGIES = ("first_wins", "last_wins", "priority_based", "merge", "custom", "manual", "abort",
              "version_wins", "union", "max", "min")
ORDERS = ("equal", "before", "after", "concurrent")


class Resolution(NamedTuple):
    """What several values were resolved to.

    `value` is None also when it was `deleted`. `winner` tells whose it was, where the strategy
    chooses one: its workstream, version, time and priority. `discarded` has every value that is not
    in the result, with where it was (`path`), why it is not, and whose it was. `clock` knows what
    all of them knew. `aborted`: there is no value.
    """

    strategy: str
    value: Any = None
    deleted: bool = False
    winner: dict[str, Any] | None = None
    clock: dict[str, Any] | None = None
    discarded: tuple[dict[str, Any], ...] = ()
    aborted: bool = False


def resolution_of(members, strategy="custom"):
    """The Resolution for the members of a JSON object."""
    return Resolution(
        members.get("strategy", strategy), members.get("value"), members.get("deleted", False),
        members.get("winner"), members.get("clock"), tuple(members.get("discarded", ())),
        members.get("aborted", False))


def number_in(names, value, what):
    """The number of a name."""
    if value not in names:
        raise InvalidArgument(f"{what} is one of {', '.join(names)}, not {value!r}")
    return names.index(value)


def json_text(value):
    """The JSON of a value, for the library; no value is NULL."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def resolve(strategy: str, candidates: Iterable[dict[str, Any]], *, base: Any = None,
            id: str | None = None) -> Resolution:
    """Decides between values: the same answer whatever their order.

    `strategy` is "first_wins", "last_wins", "version_wins", "priority_based", "merge", "union",
    "max" or "min". Each candidate has any of "value" (without it: it was deleted), "time",
    "version", "workstream", "priority" and "clock". `base` is what all began with, for "merge";
    `id` the member by which two objects are the same element, for "union".
    """
    given: dict[str, Any] = {"candidates": list(candidates)}
    if base is not None:
        given["base"] = base
    if id is not None:
        given["id"] = id
    number = number_in(STRATEGIES, strategy, "a strategy")
    return resolution_of(json_of(partial(library.syncmgr_resolve, number, json_text(given))))


def compare_clocks(left: dict[str, Any], right: dict[str, Any]) -> str:
    """What a vector clock is to another: "equal", "before", "after" or "concurrent"."""
    order = c_uint32()
    check(quick.syncmgr_clock_compare(json_text(left), json_text(right), byref(order)))
    return ORDERS[order.value]


def merge_clocks(left: dict[str, Any] | None, right: dict[str, Any] | None = None,
                 replica: str | None = None) -> dict[str, Any]:
    """The vector clock that knows what both know, and has one more change of `replica`."""
    texts = [None if clock is None else json_text(clock) for clock in (left, right)]
    return json_of(partial(quick.syncmgr_clock_merge, *texts,
                           None if replica is None else replica.encode()))
