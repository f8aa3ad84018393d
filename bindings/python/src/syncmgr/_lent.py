"""Memory of the segment that is lent to this process, as memoryviews."""

import weakref
from ctypes import c_ubyte
from functools import lru_cache

# Those that are given back when their last memoryview is gone: nothing else refers to them.
_last_uses: dict = {}


@lru_cache(maxsize=None)
def _array_type(bits):
    """Types of arrays are made once for each power of two: making one costs more than a view."""
    return c_ubyte * (1 << bits)


class Lent:
    """A piece of memory, and the memoryview of it. It tells whether others look at it too.

    A memoryview knows of the objects that were made of it, but not of its own slices. All of them
    keep the array, though, which nothing else does.
    """

    __slots__ = ("view", "_array")

    def __init__(self, address, size, writable, owner=None):
        array = _array_type(max(size - 1, 0).bit_length()).from_address(address)
        # Kept as long as anybody looks at the memory.
        array.owner = owner
        view = memoryview(array).cast("B")[:size]
        self._array = weakref.ref(array)
        self.view = view if writable else view.toreadonly()

    def release(self):
        """Ends the memoryview. BufferError while others look at the memory; then it can be tried
        again."""
        self.view.release()
        if self._array() is not None:
            raise BufferError("the memory cannot be given back: memoryviews of it are in use")

    def at_last_use(self, give_back):
        """Calls `give_back()` when nobody looks at the memory any more, which may be at once."""
        array = self._array()
        if array is None:
            give_back()
        else:
            _LastUse(array, give_back)
            self.view = None


class _LastUse(weakref.ref):
    """Calls a function when an array is gone."""

    __slots__ = ("give_back",)

    def __new__(cls, array, give_back):
        return super().__new__(cls, array, _LastUse.over)

    def __init__(self, array, give_back):
        super().__init__(array, _LastUse.over)
        self.give_back = give_back
        _last_uses[id(self)] = self

    def over(self):
        _last_uses.pop(id(self), None)
        self.give_back()
