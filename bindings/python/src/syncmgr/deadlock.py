"""Deadlocks: how they are looked for, what was found, and what is done so that none happens."""

from __future__ import annotations

from collections import namedtuple
from ctypes import byref, c_size_t, c_uint32, create_string_buffer

from . import _ffi
from ._arguments import integer, text, timeout_ns
from ._native import library, quick
from .errors import NotFound, check

ALGORITHMS = {"wait_for_graph": _ffi.DETECT_WAIT_FOR_GRAPH,
              "resource_allocation_graph": _ffi.DETECT_RESOURCE_ALLOCATION,
              "banker_algorithm": _ffi.DETECT_BANKER, "timeout_based": _ffi.DETECT_TIMEOUT}
VICTIMS = {"youngest": _ffi.VICTIM_YOUNGEST, "oldest": _ffi.VICTIM_OLDEST,
           "lowest_priority": _ffi.VICTIM_LOWEST_PRIORITY,
           "fewest_locks": _ffi.VICTIM_FEWEST_LOCKS, "requester": _ffi.VICTIM_REQUESTER}
STRATEGIES = {"nothing": _ffi.PREVENT_NOTHING, "ranks": _ffi.PREVENT_RANKS,
              "wait_die": _ffi.PREVENT_WAIT_DIE, "wound_wait": _ffi.PREVENT_WOUND_WAIT,
              "timeout": _ffi.PREVENT_TIMEOUT, "avoidance": _ffi.PREVENT_AVOIDANCE}
KINDS = {_ffi.DEADLOCK_ACTUAL: "actual", _ffi.DEADLOCK_POSSIBLE: "possible",
         _ffi.DEADLOCK_UNSAFE: "unsafe"}
RESOLUTIONS = {_ffi.RESOLUTION_NONE: None, _ffi.RESOLUTION_VICTIM: "victim",
               _ffi.RESOLUTION_BY_HAND: "by_hand", _ffi.RESOLUTION_ENDED: "ended"}
RELATIONS = {_ffi.RELATION_HELD: "held", _ffi.RELATION_BEHIND: "behind",
             _ffi.RELATION_TOOK: "took", _ffi.RELATION_MAY_ASK: "may_ask",
             _ffi.RELATION_ABSENT: "absent"}


class DeadlockMember(namedtuple(
        "DeadlockMember", "name pid workstream object relation other holder holder_pid")):
    """One workstream of a deadlock: `name` waits for `object`, held by `other` or `behind` it, or
    at the sync point `object` for `other`, who is `absent`.

    For a possible deadlock it `took` the object while it held the one that `other` names.
    `workstream` and `holder` are ids.
    """

    __slots__ = ()


class DeadlockRecord(namedtuple(
        "DeadlockRecord", "id kind algorithm policy found resolved resolution victim workstreams "
        "members text")):
    """A deadlock that was found.

    `kind` is "actual", "possible" or "unsafe". `found` and `resolved` are seconds since 1970;
    `resolved` and `resolution` are None while it stands. `victim` is the id of the workstream
    whose wait was ended, None for none. `members` are the cycle, `text` is it in words.
    """

    __slots__ = ()


def _chosen(value, choices, what):
    if value not in choices:
        raise ValueError(f"{what} must be one of {', '.join(choices)}, not {value!r}")
    return choices[value]


def _name_of(value, choices):
    return next((name for name, number in choices.items() if number == value), "?")


def words_of(address, number):
    """The deadlock of that id in words; empty when its record is gone."""
    length = c_size_t()
    if quick.syncmgr_deadlock_text(address, number, None, 0, byref(length)) < 0:
        return ""
    buffer = create_string_buffer(length.value + 1)
    quick.syncmgr_deadlock_text(address, number, buffer, len(buffer), None)
    return buffer.value.decode("utf-8", "replace")


class DeadlockWatch:
    """What a manager knows of deadlocks in its space."""

    __slots__ = ()

    def deadlocks(self) -> list[DeadlockRecord]:
        """The records of what was found, oldest first. There are 64 at most."""
        self._require_open()
        found, capacity = c_uint32(), 64
        records = (_ffi.Deadlock * capacity)()
        check(library.syncmgr_deadlock_list(self._address, records, capacity, byref(found)))
        return [self._record(record) for record in records[:found.value]]

    def _record(self, raw):
        return DeadlockRecord(
            raw.id, KINDS.get(raw.kind, "?"), _name_of(raw.algorithm, ALGORITHMS),
            _name_of(raw.policy, VICTIMS), raw.found_ns / 1e9,
            raw.resolved_ns / 1e9 if raw.resolved_ns else None, RESOLUTIONS.get(raw.resolution),
            raw.victim or None, raw.workstreams, self._members(raw.id),
            words_of(self._address, raw.id))

    def _members(self, number):
        members, count = (_ffi.DeadlockMember * 64)(), c_uint32()
        try:
            check(library.syncmgr_deadlock_members(
                self._address, number, members, len(members), byref(count)))
        except NotFound:
            # It was cleared, or made room for another, just now.
            return ()
        return tuple(DeadlockMember(
            raw.name.decode("utf-8", "replace"), raw.pid, raw.workstream,
            raw.object.decode("utf-8", "replace"), RELATIONS.get(raw.relation, "?"),
            raw.other.decode("utf-8", "replace"), raw.holder or None, raw.holder_pid or None,
        ) for raw in members[:count.value])

    def detect_deadlocks(self, algorithm: str = "wait_for_graph") -> int:
        """Looks now; returns how many there are. They are ended if that is configured.

        `algorithm`: "wait_for_graph", "resource_allocation_graph" (what was recorded by hand),
        "banker_algorithm" (whether all could end if each asked for what it declared) or
        "timeout_based" (waits older than the limit).
        """
        self._require_open()
        count = c_uint32()
        check(library.syncmgr_deadlock_detect(
            self._address, _chosen(algorithm, ALGORITHMS, "algorithm"), byref(count)))
        return count.value

    def resolve_deadlock(self, number: int, victim: str = "youngest") -> None:
        """Ends the wait of a victim of the deadlock with that id, which raises Deadlock there."""
        self._require_open()
        check(library.syncmgr_deadlock_resolve(
            self._address, integer(number, "the id", 0, (1 << 64) - 1),
            _chosen(victim, VICTIMS, "victim")))

    def clear_deadlocks(self) -> int:
        """Forgets the records of what has ended or was only possible. Returns how many."""
        self._require_open()
        count = c_uint32()
        check(library.syncmgr_deadlock_clear(self._address, byref(count)))
        return count.value

    def configure_deadlocks(self, *, auto_resolve: bool = True, victim: str = "youngest",
                            delay: float | None = 0.02, interval: float | None = 5.0,
                            limit: float | None = 30.0) -> None:
        """Sets for the whole space how deadlocks are looked for, and what is done with them.

        A wait is looked into after `delay` seconds, and besides all are every `interval` seconds;
        None is never. `limit` is the age of a wait that "timeout_based" takes for a deadlock.
        """
        self._require_open()
        options = _ffi.DeadlockOptions.defaults()
        options.flags = _ffi.DEADLOCK_AUTO_RESOLVE * bool(auto_resolve)
        options.victim = _chosen(victim, VICTIMS, "victim")
        options.delay_ns = timeout_ns(delay)
        options.interval_ns = timeout_ns(interval)
        options.limit_ns = timeout_ns(limit)
        check(library.syncmgr_deadlock_configure(self._address, byref(options)))

    def prevent_deadlocks(self, strategy: str = "nothing", *, watch_order: bool = False,
                          grace: float = 0.1, timeout: float = 30.0) -> None:
        """Chooses what this manager does so that none happens, for objects opened from now on.

        `strategy`: "nothing", "ranks" (RankOrder when a lock's rank is not above those held),
        "wait_die" (Preempted for who would wait for an older workstream), "wound_wait" (Preempted
        for a younger holder's waits; what it keeps beyond `grace` seconds is taken away),
        "timeout" (waits without one get `timeout` seconds) or "avoidance" (Unsafe for what the
        banker refuses to allocate). `watch_order`: records that locks were taken in both orders,
        as a "possible" deadlock.
        """
        self._require_open()
        options = _ffi.PreventionOptions.defaults()
        options.flags = _ffi.PREVENTION_WATCH_ORDER * bool(watch_order)
        options.strategy = _chosen(strategy, STRATEGIES, "strategy")
        options.grace_ns = timeout_ns(grace)
        options.timeout_ns = timeout_ns(timeout)
        check(library.syncmgr_prevention_configure(self._address, byref(options)))
        self._watches_order = bool(watch_order)

    def _set_rank(self, type_number, name, rank):
        check(library.syncmgr_object_set_rank(
            self._address, type_number, text(name, "a name"),
            integer(rank, "rank", 0, (1 << 32) - 1)))
