"""What mutex and readers-writer lock have in common: tokens, and owners that died."""

from __future__ import annotations

from ctypes import byref, c_uint64

from . import _ffi
from ._arguments import integer
from .errors import NotOwner, check
from .holder import Holder, holder_of
from .lease import Leased


class Fenced(Leased):
    """A lock whose grants carry tokens, and whose next owner hears of a dead one."""

    __slots__ = ()

    # The library's functions for this type.
    _ask_token = _ask_is_valid = _ask_previous_owner = _ask_force_release = None

    def owned(self) -> bool:
        """Whether this workstream holds it, in whichever way."""
        token = c_uint64()
        status = self._ask_token(self._here.address, byref(token))
        return status != _ffi.E_NOT_OWNER and check(status) == _ffi.OK

    def _holds(self):
        return self.owned()

    @property
    def previous_owner(self) -> Holder | None:
        """The last exclusive owner that died or was forced out, or None."""
        return self._holder(self._ask_previous_owner)

    def _holder(self, function):
        found = _ffi.Holder()
        status = check(function(self._here.address, byref(found)))
        return None if status == _ffi.FREE else holder_of(found)

    @property
    def token(self) -> int:
        """The fencing token of this workstream's latest grant: it only ever grows.

        NotOwner without a hold.
        """
        token = c_uint64()
        check(self._ask_token(self._here.address, byref(token)))
        return token.value

    def is_valid(self, token: int) -> bool:
        """Whether this workstream has held it ever since its grant with this token."""
        token = integer(token, "token", 0, (1 << 64) - 1)
        status = self._ask_is_valid(self._here.address, token)
        return status != _ffi.E_LOST and check(status) == _ffi.OK

    @property
    def recovered(self) -> bool:
        """Whether the present hold was inherited from an owner that died or was forced out.

        Of a readers-writer lock all are told, until somebody has had it for writing.
        """
        try:
            return self.token == self._here.recovered_token.value
        except NotOwner:
            return False

    def force_release(self) -> bool:
        """Takes the lock away from all who hold it. Returns False when nobody did.

        They keep running and learn of it by Lost; `token` protects the data from them.
        """
        return check(self._ask_force_release(self._here.address)) != _ffi.FREE
