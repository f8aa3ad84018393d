"""Who holds something."""

from collections import namedtuple


class Holder(namedtuple("Holder", "name pid workstream token amount")):
    """A workstream that holds a mutex or permits.

    `name` and `workstream` (its id) tell which, `pid` its process. `token` is the fencing token of
    a mutex, 0 for a semaphore. `amount` counts permits, or how often a mutex was acquired.
    """

    __slots__ = ()

    def __str__(self):
        return f"'{self.name}' (pid {self.pid})"


def holder_of(raw):
    """The Holder for the structure of the C interface."""
    return Holder(raw.name.decode("utf-8", "replace"), raw.pid, raw.workstream, raw.token,
                  raw.amount)
