"""Checks what callers pass, before ctypes can cut it short without a word."""

import math
import operator
import time

from . import _ffi
from .errors import InvalidArgument, InvalidName

NANOSECONDS = 1_000_000_000
LONGEST_NS = (1 << 63) - 1


def _shown(value):
    """The value for a message, shortened."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def text(value, what):
    """The UTF-8 bytes of a name or URL. What is legal in it is the library's to say."""
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a str, not {type(value).__name__}")
    if "\0" in value:
        raise InvalidName(f"{what} {_shown(value)} contains a NUL character")
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise InvalidName(f"{what} {_shown(value)} cannot be written in UTF-8") from None


def workstream_names(names):
    """One or several names of workstreams, as the library takes them: with a '/' between."""
    encoded = [text(name, "the name of a workstream")
               for name in ([names] if isinstance(names, str) else names)]
    if any(b"/" in name for name in encoded):
        raise InvalidName("the name of a workstream contains a '/'")
    return b"/".join(encoded)


def integer(value, what, low, high):
    """An int from `low` to `high`. A bool is a mistake here, as in `acquire(False)`."""
    if isinstance(value, bool):
        raise TypeError(f"{what} must be an int, not a bool")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be an int, not {type(value).__name__}") from None
    if not low <= number <= high:
        raise InvalidArgument(f"{what} must be {low} to {high}, not {_shown(number)}")
    return number


def count(value, what):
    """A count that the library accepts or refuses itself; only its width is checked here."""
    return integer(value, what, 0, _ffi.COUNT_MAX)


def count_or_any(value, what):
    """The same, where None stands for whatever the existing object has."""
    return _ffi.ANY if value is None else count(value, what)


def timeout_ns(timeout, what="a timeout"):
    """Nanoseconds for a timeout in seconds: None and -1 are without end, 0 is a try."""
    if timeout is None:
        return _ffi.FOREVER
    if isinstance(timeout, (bool, str, bytes)):
        raise TypeError(f"{what} is a number of seconds, not a {type(timeout).__name__}")
    try:
        seconds = float(timeout)
    except OverflowError:
        seconds = math.inf if timeout > 0 else -math.inf
    except (TypeError, ValueError):
        raise TypeError(
            f"{what} is a number of seconds, not a {type(timeout).__name__}") from None
    if seconds == -1:
        return _ffi.FOREVER
    if math.isnan(seconds) or seconds < 0:
        raise InvalidArgument(f"{what} is 0 or more seconds, or -1 or None, not {seconds}")
    nanoseconds = seconds * NANOSECONDS
    if nanoseconds >= LONGEST_NS:
        return _ffi.FOREVER
    # Rounded up: the shortest wait is still a wait, only 0 is a try.
    return math.ceil(nanoseconds)


def limit_ns(blocking, timeout):
    """The limit for `acquire(blocking, timeout)`, by the rules of `threading`."""
    limit = timeout_ns(timeout)
    if blocking:
        return limit
    if limit not in (_ffi.FOREVER, 0):
        raise InvalidArgument("a timeout has no meaning for a call that does not block")
    return 0


def clock_of(limit):
    """A function that tells how many nanoseconds of `limit` are left."""
    if limit <= 0:
        return lambda: limit
    end = time.monotonic_ns() + limit
    return lambda: max(end - time.monotonic_ns(), 0)
