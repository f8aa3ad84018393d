"""The methods that open objects: the same on a manager and on a workstream."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction

from . import _ffi
from ._arguments import count_or_any
from ._channel_parts import options_of as channel_options
from ._channel_parts import parameters_of as channel_parameters
from .barrier import Barrier
from .channel import Channel
from .condition import Condition, own_mutex
from .election import Election
from .errors import InvalidArgument
from .event import Event
from .latch import Latch
from .memory import Memory
from .mutex import Mutex
from .resource import Resource
from .rwlock import RWLock
from .semaphore import Semaphore
from .store import Store
from .store import options_of as store_options
from .sync_point import SyncPoint, parameters_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Unpack

    from ._channel_parts import BroadcastOptions, DirectOptions, QueueOptions, TopicsOptions


class ObjectFactory:
    """Opens objects by name, and creates those that are not there."""

    __slots__ = ()

    def _object(self, kind, name, parameters):
        """Returns the object of this kind, name and parameters that acts for this owner."""
        return kind(self, name, parameters)

    def mutex(self, name: str, *, recursive: bool = False, fair: bool = False) -> Mutex:
        """A mutex. `recursive`: the owner may acquire it again. `fair`: first come, first served.

        The flags belong to the mutex: opening it with others is a Mismatch.
        """
        flags = _ffi.MUTEX_RECURSIVE * bool(recursive) | _ffi.MUTEX_FAIR * bool(fair)
        return self._object(Mutex, name, (flags,))

    def semaphore(self, name: str, permits: int | None = None, *, signalling: bool = False,
                  fair: bool = False) -> Semaphore:
        """A semaphore of `permits`; None takes what the existing one has.

        `signalling`: anybody may release, also what it never acquired.
        """
        flags = _ffi.SEMAPHORE_SIGNALLING * bool(signalling) | _ffi.SEMAPHORE_FAIR * bool(fair)
        return self._object(Semaphore, name, (count_or_any(permits, "permits"), flags))

    def latch(self, name: str, count: int | None = None) -> Latch:
        """A latch that opens when it has been counted down from `count` to zero."""
        return self._object(Latch, name, (count_or_any(count, "count"),))

    def barrier(self, name: str, parties: int | None = None,
                action: Callable[[], object] | None = None, *, phaser: bool = False) -> Barrier:
        """A barrier for `parties`. The last to arrive runs `action()` before the others go on.

        The action belongs to this object, not to the barrier: the last one's own is run.
        `phaser`: parties join and leave between phases; `parties`, which may be 0, are there
        besides, without joining.
        """
        if action is not None and not callable(action):
            raise TypeError(f"action must be callable, not {type(action).__name__}")
        return self._object(Barrier, name, (
            count_or_any(parties, "parties"), _ffi.BARRIER_PHASER * bool(phaser), action))

    def event(self, name: str, *, manual: bool = False, initially_set: bool = False) -> Event:
        """An event. `manual`: once set it lets everybody go on until it is cleared.

        Otherwise each set lets one waiter go on.
        """
        flags = (_ffi.EVENT_MANUAL_RESET * bool(manual)
                 | _ffi.EVENT_INITIALLY_SET * bool(initially_set))
        return self._object(Event, name, (flags,))

    def rwlock(self, name: str, *, fair: bool = False) -> RWLock:
        """A readers-writer lock. `fair`: first come, first served."""
        return self._object(RWLock, name, (_ffi.RWLOCK_FAIR * bool(fair),))

    def condition(self, name: str, mutex: Mutex | None = None) -> Condition:
        """A condition over `mutex`, which was opened through the same manager or workstream.

        Without one it is the mutex that is called like the condition, with ".mutex" behind.
        """
        if mutex is None:
            mutex = self.mutex(own_mutex(name))
        elif not isinstance(mutex, Mutex):
            raise TypeError(f"mutex must be a Mutex, not {type(mutex).__name__}")
        elif mutex._owner is not self:
            raise InvalidArgument(
                f"the mutex '{mutex.name}' of the condition '{name}' was opened through another "
                "owner: a waiter is one workstream")
        condition = self._object(Condition, name, (mutex.name, *mutex._parameters))
        condition._mutex = mutex
        return condition

    def election(self, name: str) -> Election:
        """An election: one leads, the others wait until it has ended or there is a result."""
        return self._object(Election, name, ())

    def resource(self, name: str, instances: int | None = None) -> Resource:
        """Something that is not ours, of so many instances; None takes what the existing one has.

        It takes part in the search for deadlocks by what is recorded of it.
        """
        return self._object(Resource, name, (count_or_any(instances, "instances"),))

    def sync_point(self, name: str, expected: Iterable[str] | None = None, *,
                   minimum: int | float | Fraction | Callable[[int], int] | None = None,
                   required: Iterable[str] = (), timeout: float | None = None,
                   continue_on_timeout: bool = False, continue_on_failure: bool = False,
                   wait_for_all: bool = False) -> SyncPoint:
        """A sync point for the workstreams with the names `expected`; None takes what is there.

        `minimum` of them suffice, a number, a fraction (a float or Fraction) or a function of how
        many are expected, if the `required` ones are among them; None is all. `timeout` seconds
        after it was made its time is over. `continue_on_timeout`: then those who are there
        suffice, if they are enough. `continue_on_failure`: who died counts as missing.
        `wait_for_all`: the minimum suffices only when the time is over or nobody more can come.
        """
        flags = (_ffi.SYNC_CONTINUE_ON_TIMEOUT * bool(continue_on_timeout)
                 | _ffi.SYNC_CONTINUE_ON_FAILURE * bool(continue_on_failure)
                 | _ffi.SYNC_WAIT_FOR_ALL * bool(wait_for_all))
        return self._object(SyncPoint, name, parameters_of(
            expected, minimum, required, timeout, flags))

    # ---- channels

    def channel(self, name: str, kind: str = "queue", *, capacity: int | None = None,
                inline_size: int | None = None, overflow: str | None = None,
                acknowledge: bool = False, priorities: bool = False, retain: bool = False,
                history: int | None = None, max_deliveries: int | None = None,
                visibility: float | None = None, dead_letters: str | None = None) -> Channel:
        """A channel: `kind` is "queue", "direct", "broadcast" or "topics".

        Without any option it is opened as it is. `capacity`: so many messages a mailbox has room
        for. Those of up to `inline_size` bytes lie in the mailbox itself. `overflow` is "block",
        "fail", "drop_oldest" or "drop_newest". `priorities`: those of higher priority come first.
        `acknowledge`, for queues: what is received is not gone before it is acknowledged, and goes
        back when its receiver ends, or after `visibility` seconds; after `max_deliveries` it goes
        to the queue `dead_letters`. `history`: so many messages are kept for those who subscribe
        late. `retain`: the last message of a topic is kept, if it was sent so.
        """
        return self._object(Channel, name, channel_parameters(
            kind, capacity, inline_size, overflow, acknowledge, priorities, retain, history,
            max_deliveries, visibility, dead_letters))

    def queue_channel(self, name: str, **options: Unpack[QueueOptions]) -> Channel:
        """A queue: each message goes to one of those who receive. For options see `channel`."""
        return self.channel(name, "queue", **options)

    def direct(self, name: str, **options: Unpack[DirectOptions]) -> Channel:
        """A direct channel: a message goes to the workstream that its `target` names."""
        return self.channel(name, "direct", **options)

    def broadcast(self, name: str, **options: Unpack[BroadcastOptions]) -> Channel:
        """A broadcast: a message goes to everybody who subscribed, but its sender."""
        return self.channel(name, "broadcast", **options)

    def topics(self, name: str, **options: Unpack[TopicsOptions]) -> Channel:
        """Topics: a message goes to those who subscribed to a pattern that its topic matches."""
        return self.channel(name, "topics", **options)

    def memory(self, name: str, *, capacity: int | None = None,
               inline_size: int | None = None) -> Memory:
        """Cells and regions that all who open it share.

        There is room for `capacity` cells at first. Values of up to `inline_size` bytes lie in
        their cell. Without any option it is opened as it is.
        """
        return self._object(Memory, name, (channel_options(0, capacity, inline_size),))

    def store(self, *, capacity: int | None = None, inline_size: int | None = None,
              log_size: int | None = None) -> Store:
        """The store of the space: versioned entries that all who open it share.

        There is room for `capacity` keys at first. Entries of up to `inline_size` bytes lie in
        their place. The changes of the last `log_size` bytes can be read by those who watch.
        Without any option it is opened as it is.
        """
        return self._object(Store, "store", (store_options(capacity, inline_size, log_size),))
