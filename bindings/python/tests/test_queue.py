"""Queue: the low-level way to wait, for event loops of other kinds."""

import select
import unittest

from support import SpaceTest
import syncmgr
from syncmgr import _ffi
from syncmgr._line import Started


class Records(SpaceTest):
    def setUp(self):
        super().setUp()
        self.queue = syncmgr.Queue(self.space)
        self.addCleanup(self.queue.close)
        self.mutex = self.space.mutex("db")
        self.other = self.space.workstream("other").mutex("db")

    def readable(self, seconds=0):
        return bool(select.select([self.queue], [], [], seconds)[0])

    def start(self, number):
        started = Started(None, {})
        start = self.other._start(self.other._here, -1, started, self.queue.address, number)
        self.assertEqual(start(), _ffi.PENDING)
        return started

    def test_a_finished_wait_arrives(self):
        self.mutex.acquire()
        started = self.start(7)
        self.assertEqual(self.queue.drain(), [])
        self.assertFalse(self.readable())
        self.mutex.release()
        self.assertTrue(self.readable(5))
        [record] = self.queue.drain()
        self.assertEqual(record, (started.ticket.value, 7, 0, _ffi.TYPE_MUTEX, self.other.token, 0))
        self.assertFalse(self.readable())

    def test_user_data_has_64_bits(self):
        self.mutex.acquire()
        self.start(2**64 - 1)
        self.mutex.release()
        self.assertTrue(self.readable(5))
        self.assertEqual(self.queue.drain()[0].user_data, 2**64 - 1)

    def test_close_gives_back_what_was_not_drained(self):
        self.mutex.acquire()
        self.start(1)
        self.mutex.release()
        self.assertTrue(self.readable(5))
        self.queue.close()
        self.queue.close()
        self.assertTrue(self.mutex.acquire(timeout=5))
        self.assertRaises(syncmgr.Closed, self.queue.drain)

    def test_notices(self):
        self.queue.watch(_ffi.NOTICE_OPENED | _ffi.NOTICE_CLOSED, 9)
        with self.space.workstream("guest") as guest:
            identity = guest.id
        kinds = []
        while len(kinds) < 2:
            self.assertTrue(self.readable(5))
            for record in self.queue.drain():
                self.assertEqual((record.user_data, record.value), (9, identity))
                kinds.append(record.kind)
        self.assertEqual(kinds, [_ffi.NOTICE_OPENED, _ffi.NOTICE_CLOSED])
        self.assertRaises(ValueError, self.queue.watch, 2**40)
        self.assertRaises(syncmgr.InvalidArgument, self.queue.watch, 1)


if __name__ == "__main__":
    unittest.main()
