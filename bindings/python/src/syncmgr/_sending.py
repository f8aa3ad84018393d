"""What a message is sent with: its bytes, and the options of the C interface."""

from __future__ import annotations

import json
from array import array
from ctypes import byref, c_char, c_size_t, c_uint32
from functools import lru_cache

from . import _ffi
from ._arguments import integer, text, timeout_ns, workstream_names
from .notices import priority_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TypedDict

    from _typeshed import ReadableBuffer

    class CallOptions(TypedDict, total=False):
        """The keywords of a request, see Channel.send."""

        topic: str | None
        priority: str
        ttl: float | None
        metadata: dict[str, Any] | None
        correlation: int
        retain: bool
        include_self: bool
        return_undelivered: bool

    class SendOptions(CallOptions, total=False):
        """The keywords of all that sends."""

        target: str | Iterable[str] | None

# Copying more than this is worth letting other threads run.
MUCH = 1 << 16

# Lengths that are often needed, converted once.
_lengths = tuple(map(c_size_t, range(1025)))


def length_argument(length):
    """A length for a raw function."""
    return _lengths[length] if length <= 1024 else c_size_t(length)


def bytes_of(data: ReadableBuffer):
    """What the library gets for the bytes of an object, and how many there are. Copies nothing that
    lies in one piece and can be written to."""
    if type(data) is bytes:
        return data, len(data)
    if isinstance(data, str):
        raise TypeError("data must be bytes, or something like them, not str: encode it first")
    try:
        view = memoryview(data)
    except TypeError:
        raise TypeError(
            f"data must be bytes, or something like them, not {type(data).__name__}") from None
    if view.readonly or not view.c_contiguous or not view.nbytes:
        copy = view.tobytes()
        return copy, len(copy)
    # The pointer keeps the object as it is, as long as the call lasts.
    return byref(c_char.from_buffer(view.cast("B"))), view.nbytes


def pieces_of(messages):
    """Several messages for the library: all their bytes in one object, and their lengths."""
    if isinstance(messages, (str, bytes, bytearray, memoryview)):
        raise TypeError(f"these are several messages, not one {type(messages).__name__}")
    pieces = list(messages)
    if {*map(type, pieces)} - {bytes}:
        pieces = [_copy(piece) for piece in pieces]
    return b"".join(pieces), array("I", map(len, pieces))


def _copy(data):
    copy, length = bytes_of(data)
    return copy if isinstance(copy, bytes) else memoryview(data).tobytes()


def lengths_argument(lengths, first=0):
    """The lengths from one on, for a raw function."""
    return byref(c_uint32.from_buffer(lengths, first * lengths.itemsize))


def options_of(topic=None, target=None, priority="medium", ttl=None, metadata=None, correlation=0,
               retain=False, include_self=False, return_undelivered=False):
    """The options of the C interface, for a raw function."""
    flags = (_ffi.SEND_RETAIN * bool(retain) | _ffi.SEND_SELF * bool(include_self)
             | _ffi.SEND_RETURN * bool(return_undelivered))
    if topic is not None:
        topic = text(topic, "a topic")
    if target is not None:
        target = workstream_names(target)
    limit = timeout_ns(ttl, "a ttl")
    priority = priority_of(priority)
    if metadata is None and correlation == 0:
        # Most senders use the same few all the time.
        return _kept_options(flags, priority, limit, target, topic)
    if metadata is not None:
        if not isinstance(metadata, dict):
            raise TypeError(f"metadata must be a dict, not {type(metadata).__name__}")
        metadata = json.dumps(metadata, separators=(",", ":")).encode()
    correlation = integer(correlation, "correlation", 0, (1 << 64) - 1)
    return _options(flags, priority, limit, target, topic, metadata, correlation)


def _options(flags, priority, limit, target, topic, metadata=None, correlation=0):
    options = _ffi.SendOptions.defaults()
    options.flags, options.priority, options.ttl_ns = flags, priority, limit
    options.target, options.topic, options.metadata = target, topic, metadata
    options.correlation = correlation
    return byref(options)


_kept_options = lru_cache(maxsize=256)(_options)
