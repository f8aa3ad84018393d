"""Loan: memory of the segment that a message is written into, to be sent without copying it."""

from __future__ import annotations

from ctypes import byref, c_size_t, c_uint32, c_void_p
from functools import partial

from ._arguments import integer
from ._channel_parts import reached
from ._lent import Lent
from ._native import TRY, library, raw
from ._sending import options_of
from .errors import NOTHING_TO_CLOSE, NotFound, check, error_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self, Unpack

    from ._sending import SendOptions
    from ._channel_parts import Reached

_publish = raw("syncmgr_channel_publish")


class Loan:
    """Room for a message of up to `size` bytes, as a memoryview `data` that can be written to.

    `publish` sends it. At the end of a `with` it is given back, if it was not published.
    """

    __slots__ = ("_channel", "_port", "_address", "_size", "_lent")

    def __init__(self, channel, port, size):
        self._address = None
        self._channel = channel
        self._port = port
        self._size = integer(size, "the size of a loan", 0, (1 << 63) - 1)
        self._lent = None
        out = c_void_p()
        try:
            check(library.syncmgr_channel_loan(port.address, self._size, byref(out)))
            self._address = out.value
        except BaseException:
            # A signal came when it had just been lent.
            if out.value:
                library.syncmgr_channel_loan_return(port.address, out)
            raise

    @property
    def data(self) -> memoryview:
        """The memory. What is in it at first is not said."""
        if self._lent is None:
            self._lent = Lent(self._live_address(), self._size, True)
        return self._lent.view

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self._size

    def publish(self, length: int | None = None, *, timeout: float | None = None,
                **options: Unpack[SendOptions]) -> Reached:
        """Sends the first `length` bytes, None all of them, as Channel.send does.

        The loan is over then; on an error it stays. BufferError while there are slices or other
        views of the data: who has them could change what is read.
        """
        made, count, attempt = self._start_publishing(length, options)
        status = self._channel._send_by(self._port, attempt, made, timeout)
        return self._published(status, count)

    def _start_publishing(self, length, options):
        """The options, where it is told how many get the message, and the call that publishes."""
        address = self._live_address()
        length = (self._size if length is None
                  else integer(length, "the length", 0, (1 << 63) - 1))
        made = options_of(**options) if options else None
        self._let_go()
        count = c_uint32()
        return made, count, partial(
            _publish, self._port.pointer, c_void_p(address), c_size_t(length), made, TRY,
            byref(count))

    def _published(self, status, count):
        self._address = None
        return reached(status, count.value)

    def give_back(self) -> None:
        """Gives it back unused. Once more, or after `publish`, does nothing.

        BufferError while there are slices or other views of the data.
        """
        if self._address is not None:
            self._let_go()
            address, self._address = self._address, None
            status = library.syncmgr_channel_loan_return(self._port.address, address)
            if status < 0 and status not in NOTHING_TO_CLOSE:
                raise error_of(status)

    def _let_go(self):
        if self._lent is not None:
            self._lent.release()
            self._lent = None

    def _live_address(self):
        if self._address is None:
            raise NotFound("the loan was published or given back")
        return self._address

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind, error, _):
        if kind is None:
            self.give_back()
        else:
            # Others that look at it, in the frames of the exception, are no reason to hide it.
            self._give_back_at_last_use()

    def __del__(self):
        if getattr(self, "_address", None) is not None:
            self._give_back_at_last_use()

    def _give_back_at_last_use(self):
        address, self._address = self._address, None
        if address is None:
            return
        give_back = partial(
            library.syncmgr_channel_loan_return, self._port.handle, address)
        lent, self._lent = self._lent, None
        if lent is None:
            give_back()
        else:
            lent.at_last_use(give_back)

    def __repr__(self):
        state = "over" if self._address is None else "open"
        return f"<syncmgr.Loan of {self._size} bytes: {state}>"
