"""Several messages that are sent with one call, or with a few when there is not room for all."""

from ctypes import byref, c_uint32

from ._native import TRY, raw
from ._sending import MUCH, lengths_argument, options_of, pieces_of

_send_many = raw("syncmgr_channel_send_many")
_send_many_much = raw("syncmgr_channel_send_many", releases=True)


class Batch:
    """Several messages on their way, of which a part is sent with each call."""

    __slots__ = ("port", "sent", "_data", "_lengths", "options", "_count")

    def __init__(self, port, messages, options):
        self.port = port
        self._data, self._lengths = pieces_of(messages)
        self.options = options_of(**options) if options else None
        self._count = c_uint32(0)
        self.sent = 0

    @property
    def is_over(self):
        """Whether all were sent."""
        return self.sent == len(self._lengths)

    def attempt(self):
        """Sends as many as there is room for; returns the status."""
        self._count.value = len(self._lengths) - self.sent
        return (_send_many if len(self._data) <= MUCH else _send_many_much)(
            self.port.pointer, self._data, lengths_argument(self._lengths, self.sent),
            byref(self._count), self.options, TRY)

    def go_on(self):
        """Notes what was sent."""
        done = self.sent + self._count.value
        self._data = self._data[sum(self._lengths[self.sent:done]):]
        self.sent = done
