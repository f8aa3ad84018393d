"""Messages of a channel for a function, which a thread of its own calls."""

from functools import partial

from . import _ffi
from ._line import Started
from ._receiving import take
from .errors import Busy, SyncError, error_of
from .notices import Dispatcher, Subscription
from .queue import Queue


class Feed:
    """The messages of one workstream in a channel, in the form in which notices come.

    It takes one message for each call, so that none is lost when the calls end.
    """

    def __init__(self, channel, port):
        self._channel = channel
        self._port = port
        self._manager = channel._owner.manager
        self._queue = Queue(self._manager)
        self._started = None
        # Whether it is to be looked at although the descriptor is not readable. The first wait is
        # started here, so that an error shows.
        self.more = self._starts()
        self.dispatcher = Dispatcher(self._manager, f"messages of {channel.name} in")

    def fileno(self):
        """The descriptor that is readable when there is something to take."""
        return self._queue.fileno()

    def notices(self):
        """Takes a message: a list of one, or empty when there is none or there will be none."""
        try:
            if self._queue.drain():
                self._started = None
            message = take(self._port)
            self.more = message is not None or self._started is None and self._starts()
        except SyncError:
            # It was closed or shut, or nothing is subscribed any more.
            self.more = False
            self.dispatcher.stop()
            return []
        return [] if message is None else [message]

    def _starts(self):
        """Starts to wait. True when there is no need to."""
        started = Started(None, {})
        status = self._channel._start(
            self._port, _ffi.READABLE, _ffi.FOREVER, started, self._queue.address)()
        if status == _ffi.PENDING:
            self._started = started
        elif status < 0:
            raise error_of(status)
        return status == _ffi.OK

    def close(self):
        """Ends the wait."""
        self._queue.close()
        # When it had just ended, somebody else is to take what came.
        self._port.pass_on(_ffi.READABLE)
        self._port.left.feed = None
        self._manager._feeds.discard(self.dispatcher)


class FeedSubscription(Subscription):
    """One function that is called for messages."""

    def close(self):
        """Ends it. Waits for a running call, unless it is called from within it."""
        super().close()
        self._dispatcher.stop()


def require(channel, port, function):
    """Raises unless the messages can go to that function."""
    if not callable(function):
        raise TypeError(f"function must be callable, not {type(function).__name__}")
    if port.left.feed is not None:
        raise Busy(f"the messages of this workstream in channel '{channel.name}' go to a function "
                   "already: another workstream can have another function")


def subscribe(channel, port, function):
    """Has the function called for each message; returns the subscription."""
    require(channel, port, function)
    port.left.feed = feed = Feed(channel, port)
    manager = channel._owner.manager
    manager._feeds.add(feed.dispatcher)
    subscription = feed.dispatcher.subscribe(
        feed, partial(_tell, function), FeedSubscription)
    if manager.closed:
        # It may not have seen the new thread.
        subscription.close()
    return subscription


def _tell(function, message):
    with message:
        function(message)
