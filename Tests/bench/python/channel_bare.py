"""The floor for a binding on ctypes: the calls alone, with arguments that were made before.

SPDX-License-Identifier: MIT
"""

import ctypes
import struct

from syncmgr import _ffi
from syncmgr._native import library

SIZE = 64
SET = 64
TEXTS = 2048
ROOM = 1024
FOREVER = -1


class Bare:
    """A queue of ours, see KINDS in channel_pair.py. A set is what one call sends or takes."""

    def __init__(self, name, is_set):
        self.name = name
        self.is_set = is_set

    def _open(self):
        """Returns a channel of a workstream of this process."""

        def opened(function, *arguments):
            handle = ctypes.c_void_p()
            checked(function(*arguments, ctypes.byref(handle)))
            return handle

        options = _ffi.ChannelOptions.defaults()
        options.capacity = ROOM
        manager = opened(library.syncmgr_open, self.name.encode(), None)
        workstream = opened(library.syncmgr_workstream_open, manager, None)
        arguments = (workstream, b"pair", _ffi.CHANNEL_QUEUE, ctypes.byref(options))
        return opened(library.syncmgr_channel_open, *arguments)

    def sender(self):
        channel = self._open()
        send_one, send_many = library.syncmgr_channel_send, library.syncmgr_channel_send_many
        lengths = (ctypes.c_uint32 * SET)(*[SIZE] * SET)

        def send(message):
            checked(send_one(channel, message, SIZE, None, FOREVER, None))

        def send_set(messages):
            sent, total = 0, len(messages)
            while sent < total:
                count = ctypes.c_uint32(total - sent)
                data = b"".join(messages[sent:])
                checked(send_many(channel, data, lengths, ctypes.byref(count), None, FOREVER))
                sent += count.value

        return send_set if self.is_set else send

    def receiver(self):
        channel = self._open()
        receive_one, wait = library.syncmgr_channel_recv, library.syncmgr_channel_wait
        receive_many = library.syncmgr_channel_recv_many
        capacity = SET * (SIZE + TEXTS)
        buffer = ctypes.create_string_buffer(capacity)
        messages = (_ffi.Message * SET)()
        first = ctypes.byref(messages[0])
        count = ctypes.c_uint32()
        # Looking at a structure field by field takes ctypes longer than all the rest.
        begin, data = ctypes.addressof(buffer), memoryview(buffer)
        fields = memoryview(messages).cast("B")
        places = struct.Struct(f"PN{ctypes.sizeof(_ffi.Message) - 16}x")

        def receive():
            checked(receive_one(channel, buffer, capacity, FOREVER, first))
            return data[:SIZE]

        def receive_set():
            checked(wait(channel, _ffi.READABLE, FOREVER))
            checked(receive_many(channel, buffer, capacity, messages, SET, ctypes.byref(count)))
            found = places.iter_unpack(fields[: count.value * places.size])
            return [data[place - begin : place - begin + length] for place, length in found]

        return receive_set if self.is_set else receive

    def close(self):
        library.syncmgr_unlink(self.name.encode())


def checked(status):
    if status < 0:
        raise OSError(f"a call returned {status}")
