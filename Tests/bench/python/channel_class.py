"""What users of the package call: the class Channel. See KINDS in channel_pair.py.

SPDX-License-Identifier: MIT
"""

import syncmgr

SET = 64
ROOM = 1024


class Managed:
    """A queue of ours. A set is what one call sends, and at most what one takes."""

    def __init__(self, name, is_set):
        self.name = name
        self.is_set = is_set

    def _open(self):
        """Returns a channel of this process."""
        return syncmgr.open(self.name).queue_channel("pair", capacity=ROOM)

    def sender(self):
        channel = self._open()
        return channel.send_many if self.is_set else channel.send

    def receiver(self):
        channel = self._open()
        if self.is_set:
            return lambda: [message.data for message in channel.recv_many(SET)]
        return lambda: channel.recv().data

    def close(self):
        """The last process that leaves the space removes it."""
