"""Queues: each message goes to one of those who receive, in order."""

import array
import time
import unittest

from support import Background, SpaceTest, wait_until
import syncmgr


class Messages(SpaceTest):
    def setUp(self):
        super().setUp()
        self.sender = self.space.workstream("sender")
        self.receiver = self.space.workstream("receiver")

    def pair(self, **options):
        return (self.sender.queue_channel("q", **options),
                self.receiver.queue_channel("q", **options))

    def test_what_was_sent_is_received_in_order(self):
        out, into = self.pair()
        for number in range(100):
            self.assertEqual(out.send(b"%d" % number), 1)
        self.assertEqual([into.recv().data for _ in range(100)], [b"%d" % n for n in range(100)])
        self.assertIsNone(into.try_recv())

    def test_a_message_tells_where_it_comes_from(self):
        out, into = self.pair()
        out.send(b"first")
        out.send(b"second", topic="jobs/new", priority="high", ttl=100, correlation=2**64 - 1,
                 metadata={"a": [1, None], "name": "Zo\u00eb"})
        plain, message = into.recv(), into.recv()
        self.assertEqual(message.data, b"second")
        self.assertEqual((message.sender, message.sender_id), ("sender", self.sender.id))
        self.assertEqual((message.topic, message.priority), ("jobs/new", "high"))
        self.assertEqual(message.metadata, {"a": [1, None], "name": "Zo\u00eb"})
        self.assertEqual(message.correlation, 2**64 - 1)
        self.assertEqual(message.sequence, plain.sequence + 1)
        self.assertTrue(90 < message.ttl <= 100)
        self.assertGreater(message.wall_ns, 10**18)
        self.assertEqual((message.deliveries, message.dropped), (1, 0))
        self.assertFalse(message.retained or message.history or message.returned
                         or message.wants_reply)
        self.assertEqual((plain.topic, plain.metadata, plain.correlation), ("", {}, 0))
        self.assertEqual((plain.priority, plain.ttl, plain.reply_to), ("medium", None, 0))
        self.assertIn("sender", repr(message))
        self.assertIn("jobs/new", repr(message))

    def test_whatever_has_bytes_can_be_sent(self):
        out, into = self.pair()
        words = array.array("H", [1, 2, 515])
        for data, expected in (
                (b"", b""), (b"a\0b", b"a\0b"), (bytearray(b"xyz"), b"xyz"), (bytearray(), b""),
                (memoryview(b"read-only")[2:4], b"ad"), (memoryview(bytearray(b"abcdef"))[::2],
                                                         b"ace"),
                (words, words.tobytes()), (memoryview(words), words.tobytes())):
            with self.subTest(data=data):
                out.send(data)
                self.assertEqual(into.recv(1).data, expected)
        pieces = [b"one", bytearray(b"two"), b"", memoryview(b"three"), words]
        self.assertEqual(out.send_many(pieces), 5)
        self.assertEqual([message.data for message in into.recv_many(10)],
                         [b"one", b"two", b"", b"three", words.tobytes()])

    def test_a_buffer_is_not_held_after_the_call(self):
        out, _ = self.pair()
        data = bytearray(b"abc")
        out.send(data)
        data.extend(b"def")

    def test_what_is_no_bytes_is_refused(self):
        out, _ = self.pair()
        for data in ("text", 7, None, [b"a"]):
            with self.subTest(data=data):
                with self.assertRaises(TypeError) as raised:
                    out.send(data)
                self.assertMessage(raised, "bytes", type(data).__name__)
                self.assertRaises(TypeError, out.send_many, [b"a", data])
        for messages in ("text", b"bytes", bytearray(b"a")):
            self.assertRaises(TypeError, out.send_many, messages)
        self.assertEqual(out.mailboxes()[0].waiting, 0)

    def test_bad_options_are_refused(self):
        out, _ = self.pair()
        for options, error in (
                ({"priority": "urgent"}, ValueError), ({"priority": 1}, ValueError),
                ({"ttl": -5}, ValueError), ({"ttl": "1"}, TypeError), ({"topic": b"t"}, TypeError),
                ({"topic": "a\0b"}, ValueError), ({"topic": "x" * 256}, ValueError),
                ({"metadata": "{}"}, TypeError), ({"metadata": {"x": "y" * 1100}}, ValueError),
                ({"metadata": {1: object()}}, TypeError), ({"correlation": -1}, ValueError),
                ({"correlation": 2**64}, ValueError), ({"correlation": True}, TypeError),
                ({"target": "somebody"}, ValueError), ({"target": 5}, TypeError),
                ({"include_self": True}, ValueError), ({"retain": True}, Exception),
                ({"other": 1}, TypeError), ({"timeout": -3}, ValueError)):
            with self.subTest(options=options), self.assertRaises(error):
                out.send(b"x", **options)
        self.assertEqual(out.mailboxes()[0].waiting, 0)

    def test_all_sizes_arrive_whole(self):
        out, into = self.pair()
        for size in (0, 1, 255, 256, 257, 4095, 4096, 65_535, 65_536, 65_537, 3_000_000):
            data = bytes(range(256)) * (size // 256) + bytes(size % 256)
            with self.subTest(size=size):
                out.send(data, metadata={"size": size})
                message = into.recv(1)
                self.assertEqual((message.data == data, message.metadata), (True, {"size": size}))
                out.send(bytearray(data))
                [message] = into.recv_many(5)
                self.assertTrue(message.data == data)
        out.send(b"small again")
        self.assertEqual(into.recv().data, b"small again")

    def test_larger_than_the_segment(self):
        out, _ = self.pair()
        with self.assertRaises(syncmgr.TooLarge):
            out.loan(1 << 45)

    def test_batches(self):
        out, into = self.pair(capacity=2000)
        data = [b"%d" % number for number in range(1500)]
        self.assertEqual(out.send_many(data, topic="t", metadata={"n": 1}), 1500)
        got = []
        while len(got) < 1500:
            batch = into.recv_many(2000)
            self.assertTrue(0 < len(batch) <= 1024)
            got += batch
        self.assertEqual([message.data for message in got], data)
        self.assertEqual({message.sender for message in got}, {"sender"})
        self.assertEqual({message.topic for message in got}, {"t"})
        self.assertEqual([m.sequence - got[0].sequence for m in got], list(range(1500)))
        self.assertEqual(into.recv_many(5, timeout=0.01), [])
        self.assertEqual(out.send_many([]), 0)
        out.send_many([b"a", b"b", b"c"])
        self.assertEqual([message.data for message in into.recv_many(2)], [b"a", b"b"])
        self.assertEqual([message.data for message in into.recv_many(2)], [b"c"])
        for most in (0, -1, True, 1.0):
            self.assertRaises((ValueError, TypeError), into.recv_many, most)

    def test_metadata_of_each_in_a_batch(self):
        out, into = self.pair()
        for number in range(5):
            out.send(b"x" * number, metadata={"n": number} if number % 2 else None)
        self.assertEqual([message.metadata for message in into.recv_many(5)],
                         [{}, {"n": 1}, {}, {"n": 3}, {}])

    def test_a_receiver_waits_for_a_message(self):
        out, into = self.pair()
        waiting = Background(into.recv)
        batch = Background(into.recv_many, 10)
        out.send(b"one")
        out.send(b"two")
        self.assertEqual({waiting.result().data, batch.result()[0].data}, {b"one", b"two"})

    def test_a_sender_waits_for_room(self):
        out, into = self.pair(capacity=2)
        out.send_many([b"1", b"2"])
        with self.assertRaises(syncmgr.Timeout) as raised:
            out.send(b"3", timeout=0)
        self.assertMessage(raised, "'q'", "room")
        self.assertRaises(TimeoutError, out.send, b"3", timeout=0.01)
        sending = Background(out.send, b"3")
        many = Background(out.send_many, [b"%d" % number for number in range(4, 9)])
        got = [into.recv(10).data for _ in range(8)]
        self.assertEqual((sending.result(), many.result()), (1, 5))
        self.assertEqual(got[:2], [b"1", b"2"])
        self.assertEqual(sorted(got), [b"%d" % number for number in range(1, 9)])
        self.assertEqual([one for one in got if one in b"45678"], [b"4", b"5", b"6", b"7", b"8"])

    def test_of_several_as_many_are_sent_as_there_is_room_for(self):
        out, into = self.pair(capacity=3)
        self.assertEqual(out.send_many([b"1", b"2", b"3", b"4"], timeout=0), 3)
        self.assertRaises(syncmgr.Timeout, out.send_many, [b"4"], timeout=0.01)
        self.assertEqual([message.data for message in into.recv_many(9)], [b"1", b"2", b"3"])

    def test_what_is_full_fails_or_drops(self):
        for overflow, expected in (("fail", [b"1", b"2"]), ("drop_oldest", [b"2", b"3"]),
                                   ("drop_newest", [b"1", b"2"])):
            with self.subTest(overflow=overflow):
                queue = self.sender.queue_channel(overflow, capacity=2, overflow=overflow)
                queue.send_many([b"1", b"2"])
                if overflow == "drop_oldest":
                    self.assertEqual(queue.send(b"3"), 1)
                else:
                    with self.assertRaises(syncmgr.Full) as raised:
                        queue.send(b"3")
                    self.assertMessage(raised, overflow)
                got = queue.recv_many(5)
                self.assertEqual([message.data for message in got], expected)
                if overflow != "fail":
                    self.assertEqual((got[0].dropped, queue.mailboxes()[0].dropped), (1, 1))

    def test_priorities(self):
        out, into = self.pair(priorities=True)
        for priority in ("low", "critical", "medium", "high", "low"):
            out.send(priority.encode(), priority=priority)
        self.assertEqual([message.priority for message in into.recv_many(9)],
                         ["critical", "high", "medium", "low", "low"])

    def test_what_is_too_old_is_not_delivered(self):
        out, into = self.pair()
        out.send(b"old", ttl=0.001)
        out.send(b"new", ttl=100)
        time.sleep(0.003)
        message = into.recv()
        self.assertEqual((message.data, message.dropped), (b"new", 1))
        self.assertEqual(out.mailboxes()[0].expired, 1)


class Channels(SpaceTest):
    def test_the_options_belong_to_the_channel(self):
        self.space.workstream("a").queue_channel("q", capacity=7, inline_size=64)
        other = self.space.workstream("b")
        other.queue_channel("q").send(b"it is opened as it is")
        other.queue_channel("q", capacity=7, inline_size=64)
        with self.assertRaises(syncmgr.Mismatch) as raised:
            other.queue_channel("q", capacity=8, inline_size=64)
        self.assertMessage(raised, "7", "8")
        self.assertRaises(syncmgr.Mismatch, other.direct, "q")
        self.assertRaises(syncmgr.Mismatch, other.memory, "q")

    def test_bad_options(self):
        stream = self.space.workstream()
        for options in ({"capacity": 0}, {"capacity": 65_537}, {"capacity": -1},
                        {"inline_size": 65_537}, {"overflow": "explode"}, {"kind": "pipe"},
                        {"kind": "memory"}, {"history": 3}, {"retain": True},
                        {"max_deliveries": 2}, {"visibility": 1}, {"dead_letters": "d"},
                        {"kind": "topics", "acknowledge": True}):
            with self.subTest(options=options), self.assertRaises(ValueError):
                stream.channel("bad", **options)
        self.assertRaises(TypeError, stream.channel, "bad", capacity=True)
        self.assertRaises(TypeError, stream.channel, b"bad")
        self.assertRaises(syncmgr.InvalidName, stream.channel, "a/b")

    def test_each_thread_of_a_manager_is_a_workstream(self):
        queue = self.space.queue_channel("q")
        queue.send(b"from here")
        message = Background(queue.recv).result()
        self.assertEqual(message.sender, self.space.this_workstream().name)

    def test_a_loop_ends_when_the_channel_is_shut(self):
        queue = self.space.workstream("a").queue_channel("q")
        other = self.space.workstream("b").queue_channel("q")
        loop = Background(lambda: [message.data for message in queue])
        other.send_many([b"1", b"2"])
        wait_until(lambda: other.mailboxes()[0].waiting == 0, "both are received")
        other.shut()
        self.assertEqual(loop.result(), [b"1", b"2"])
        self.assertRaises(syncmgr.Closed, other.send, b"3")
        self.assertRaises(syncmgr.Closed, queue.recv)
        other.shut()

    def test_draining(self):
        queue = self.space.workstream().queue_channel("q")
        queue.send_many([b"1", b"2"])
        queue.shut(drain=True)
        self.assertRaises(syncmgr.Closed, queue.send, b"3")
        self.assertEqual([message.data for message in queue], [b"1", b"2"])

    def test_closing_ends_waits(self):
        queue = self.space.workstream("a").queue_channel("q", capacity=1)
        receiving = Background(queue.recv)
        wait_until(lambda: self.waits() == 1, "it waits")
        queue.close()
        self.assertRaises(syncmgr.Closed, receiving.result)
        self.assertTrue(queue.closed)
        full = self.space.workstream("b").queue_channel("q")
        full.send(b"1")
        sending = Background(full.send, b"2")
        wait_until(lambda: self.waits() == 1, "it waits")
        full.close()
        self.assertRaises(syncmgr.Closed, sending.result)

    def waits(self):
        objects = self.space.snapshot()["objects"]
        return sum(len(one.get("waiters", ())) for one in objects)

    def test_mailboxes_and_repr(self):
        queue = self.space.workstream("a").queue_channel("q")
        self.assertIn("queue, 0 waiting", repr(queue))
        queue.send_many([b"x"] * 3)
        queue.recv()
        [mailbox] = queue.mailboxes()
        self.assertEqual((mailbox.name, mailbox.workstream), ("", 0))
        self.assertEqual((mailbox.waiting, mailbox.taken, mailbox.received), (2, 0, 1))
        self.assertIn("2 waiting", repr(queue))

    def test_it_can_be_removed_when_nobody_has_it_open(self):
        stream = self.space.workstream()
        queue = stream.queue_channel("q", capacity=3)
        self.assertRaises(syncmgr.Busy, self.space.remove, "channel", "q")
        queue.close()
        self.space.remove("channel", "q")
        stream.queue_channel("q", capacity=4)


if __name__ == "__main__":
    unittest.main()
