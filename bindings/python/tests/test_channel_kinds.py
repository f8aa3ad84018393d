"""Direct channels, broadcasts and topics: who gets a message, and requests."""

import unittest

from support import Background, SpaceTest, wait_until
import syncmgr


def data_of(messages):
    return [message.data for message in messages]


class Direct(SpaceTest):
    def setUp(self):
        super().setUp()
        self.a = self.space.workstream("a").direct("d", capacity=4)
        self.b = self.space.workstream("b").direct("d")

    def test_a_message_goes_to_whom_it_names(self):
        self.assertEqual(self.a.send(b"for b", target="b"), 1)
        self.b.send(b"for a", target=["a"])
        self.a.send(b"for myself", target="a")
        self.assertEqual(data_of(self.b.recv_many(9)), [b"for b"])
        self.assertEqual(data_of(self.a.recv_many(9)), [b"for a", b"for myself"])
        self.assertEqual({box.name for box in self.b.mailboxes()}, {"a", "b"})

    def test_nobody_of_that_name(self):
        with self.assertRaises(syncmgr.NotFound) as raised:
            self.a.send(b"x", target="c")
        self.assertMessage(raised, "'c'")
        self.assertRaises(syncmgr.InvalidArgument, self.a.send, b"x")
        self.assertRaises(syncmgr.InvalidName, self.a.send, b"x", target="a/b")

    def test_what_cannot_be_delivered_comes_back(self):
        self.a.send(b"one way", target="b")
        self.a.send(b"return", target="b", return_undelivered=True)
        self.b.close()
        message = self.a.recv(10)
        self.assertEqual((message.data, message.returned), (b"return", True))
        self.assertIsNone(self.a.try_recv())

    def test_a_full_mailbox_delays_nobody_else(self):
        c = self.space.workstream("c").direct("d")
        self.a.send_many([b"x"] * 4, target="b")
        self.assertRaises(syncmgr.Timeout, self.a.send, b"x", target="b", timeout=0.01)
        c_full = self.a.send_many([b"y"] * 4, target="c")
        sending = Background(lambda: self.a.send(b"more", target="c"))
        self.assertEqual(c_full, 4)
        c.recv()
        self.assertEqual(sending.result(), 1)


class Requests(SpaceTest):
    def setUp(self):
        super().setUp()
        self.client = self.space.workstream("client").direct("d", capacity=4)

    def serve(self, work, name="server", kind="direct", open=True):
        stream = self.space.workstream(name)
        channel = stream.channel("d" if kind == "direct" else "q", kind)

        def run():
            for message in channel:
                work(message)

        return channel, Background(run)

    def test_a_request_gets_its_response(self):
        channel, serving = self.serve(lambda message: message.reply(
            message.data.upper(), metadata={"for": message.sender}, correlation=message.correlation))
        for number in range(50):
            answer = self.client.call(b"word %d" % number, "server", correlation=number, timeout=10)
            self.assertEqual((answer.data, answer.sender), (b"WORD %d" % number, "server"))
            self.assertEqual((answer.metadata, answer.correlation), ({"for": "client"}, number))
        big = self.client.call(b"x" * 500_000, "server", timeout=10)
        self.assertTrue(big.data == b"X" * 500_000)
        channel.shut()
        serving.result()

    def test_the_asked_one_sees_that_a_reply_is_wanted(self):
        server = self.space.workstream("server").direct("d")
        calling = Background(self.client.call, b"?", "server")
        message = server.recv()
        self.assertTrue(message.wants_reply and message.reply_to)
        message.reply(b"!")
        self.assertRaises(syncmgr.NotFound, message.reply, b"once more")
        self.assertEqual(calling.result().data, b"!")
        self.client.send(b"no request", target="server")
        message = server.recv()
        self.assertFalse(message.wants_reply)
        self.assertRaises(syncmgr.NotFound, message.reply, b"!")

    def test_no_response_in_time(self):
        server = self.space.workstream("server").direct("d")
        with self.assertRaises(syncmgr.Timeout) as raised:
            self.client.call(b"?", "server", timeout=0.02)
        self.assertMessage(raised, "response")
        with self.assertRaises(syncmgr.NotFound):
            server.recv().reply(b"too late")

    def test_the_asked_one_ends(self):
        server = self.space.workstream("server")
        channel = server.direct("d")
        calling = Background(self.client.call, b"?", "server")
        channel.recv()
        server.close()
        self.assertRaises(syncmgr.Unavailable, calling.result)
        self.assertRaises(syncmgr.NotFound, self.client.call, b"?", "server")

    def test_the_asked_one_is_killed(self):
        child = self.child("""
            channel = syncmgr.open(arguments[0]).workstream("child").direct("d")
            say("ready")
            channel.recv()
            say("heard")
            hear()
        """, self.url)
        self.assertEqual(child.line(), "ready")
        calling = Background(self.client.call, b"?", "child")
        self.assertEqual(child.line(), "heard")
        child.kill()
        self.assertRaises(syncmgr.Unavailable, calling.result)

    def test_a_queue_of_requests(self):
        queue = self.space.workstream("asks").queue_channel("q")
        channel, serving = self.serve(lambda m: m.reply(m.data[::-1]), kind="queue")
        calls = [Background(self.space.workstream().queue_channel("q").call, b"%d" % number)
                 for number in range(12, 20)]
        self.assertEqual([call.result().data for call in calls],
                         [b"%d" % number for number in range(21, 99, 10)][:8])
        self.assertRaises(syncmgr.Unsupported, self.space.workstream().broadcast("x").call, b"?")
        queue.shut()
        serving.result()


class Broadcasts(SpaceTest):
    def setUp(self):
        super().setUp()
        self.streams = [self.space.workstream(name) for name in ("a", "b", "c")]
        self.channels = [stream.broadcast("news", capacity=4, history=3)
                         for stream in self.streams]

    def test_everybody_but_the_sender(self):
        a, b, c = self.channels
        self.assertEqual(a.send(b"nobody listens"), 0)
        for channel in self.channels:
            channel.subscribe()
        reached = a.send(b"1")
        self.assertEqual((reached, reached.partial), (2, False))
        a.send(b"2", include_self=True)
        a.send(b"3", target=["c", "b"])
        a.send(b"4", target="c")
        self.assertEqual(data_of(a.recv_many(9)), [b"2"])
        self.assertEqual(data_of(b.recv_many(9)), [b"1", b"2", b"3"])
        self.assertEqual(data_of(c.recv_many(9)), [b"1", b"2", b"3", b"4"])

    def test_who_comes_late_may_ask_for_the_last(self):
        a, b, c = self.channels
        for number in range(5):
            a.send(b"%d" % number)
        b.subscribe(last=2)
        c.subscribe()
        a.send(b"new")
        got = b.recv_many(9)
        self.assertEqual([(m.data, m.history) for m in got],
                         [(b"3", True), (b"4", True), (b"new", False)])
        self.assertEqual(data_of(c.recv_many(9)), [b"new"])
        self.assertRaises(ValueError, a.subscribe, last=4)
        self.assertRaises(ValueError, a.subscribe, last=-1)

    def test_subscriptions(self):
        a, b, _ = self.channels
        self.assertRaises(syncmgr.NotFound, b.recv)
        b.subscribe()
        self.assertRaises(syncmgr.AlreadyArrived, b.subscribe)
        a.send(b"1")
        b.unsubscribe()
        self.assertRaises(syncmgr.NotFound, b.recv)
        self.assertRaises(syncmgr.NotFound, b.unsubscribe)
        self.assertEqual(a.send(b"2"), 0)
        self.assertRaises(syncmgr.Unsupported, self.streams[0].queue_channel("q").subscribe)

    def test_a_slow_one_loses_its_own_only(self):
        a, b, c = self.channels
        b.subscribe()
        c.subscribe()
        for number in range(6):
            self.assertEqual(a.send(b"%d" % number), 2)
            self.assertEqual(c.recv().data, b"%d" % number)
        first = b.recv()
        self.assertEqual((first.data, first.dropped), (b"2", 2))
        lag = {box.name: (box.waiting, box.dropped) for box in a.mailboxes()}
        self.assertEqual(lag["b"], (3, 2))
        self.assertEqual(lag["c"], (0, 0))

    def test_a_part_of_them_is_full(self):
        a, b, c = [stream.broadcast("other", capacity=1, overflow="drop_newest")
                   for stream in self.streams]
        b.subscribe()
        c.subscribe()
        self.assertEqual(a.send(b"1"), 2)
        c.recv()
        reached = a.send(b"2")
        self.assertEqual((reached, reached.partial), (1, True))
        self.assertRaises(syncmgr.Full, a.send, b"3")


class Topics(SpaceTest):
    def setUp(self):
        super().setUp()
        self.out = self.space.workstream("out").topics("t", history=4, retain=True)
        self.into = self.space.workstream("in").topics("t")

    def test_patterns(self):
        self.into.subscribe("jobs/*/done")
        self.into.subscribe("**/error")
        self.assertRaises(syncmgr.AlreadyArrived, self.into.subscribe, "**/error")
        for topic, expected in (("jobs/1/done", 1), ("jobs/1/2/done", 0), ("jobs/1/error", 1),
                                ("error", 1), ("jobs", 0)):
            with self.subTest(topic=topic):
                self.assertEqual(self.out.send(b"x", topic=topic), expected)
        self.assertEqual([m.topic for m in self.into.recv_many(9)],
                         ["jobs/1/done", "jobs/1/error", "error"])
        self.into.unsubscribe("**/error")
        self.assertEqual(self.out.send(b"x", topic="error"), 0)
        self.assertRaises(syncmgr.NotFound, self.into.unsubscribe, "**/error")
        for topic in (None, "", "jobs/*"):
            with self.subTest(topic=topic), self.assertRaises(ValueError):
                self.out.send(b"x", topic=topic)
        self.assertRaises(TypeError, self.into.subscribe, b"jobs")

    def test_history_and_retained(self):
        for number in range(6):
            self.out.send(b"%d" % number, topic=f"n/{number % 2}")
        self.out.send(b"kept", topic="state", retain=True)
        self.into.subscribe("n/0", last=4)
        self.into.subscribe("state")
        self.out.send(b"new", topic="n/0")
        got = self.into.recv_many(9)
        self.assertEqual([(m.data, m.history, m.retained) for m in got if m.topic == "n/0"],
                         [(b"4", True, False), (b"new", False, False)])
        self.assertEqual([(m.data, m.retained) for m in got if m.topic == "state"],
                         [(b"kept", True)])
        self.out.send(b"", topic="state", retain=True)
        other = self.space.workstream("late").topics("t")
        other.subscribe("state")
        self.assertIsNone(other.try_recv())

    def test_a_batch_about_one_topic(self):
        self.into.subscribe("a")
        self.out.send_many([b"1", b"2"], topic="a", priority="high")
        got = self.into.recv_many(5)
        self.assertEqual([(m.data, m.topic, m.priority) for m in got],
                         [(b"1", "a", "high"), (b"2", "a", "high")])


class Across(SpaceTest):
    def test_processes_talk(self):
        parent = self.space.workstream("parent")
        direct, news = parent.direct("d"), parent.broadcast("news")
        child = self.child("""
            space = syncmgr.open(arguments[0])
            me = space.workstream("child")
            direct, news = me.direct("d"), me.broadcast("news")
            news.subscribe()
            say("ready")
            say(news.recv(20).data.decode())
            for message in direct:
                if message.wants_reply:
                    message.reply(message.data * 2)
                else:
                    break
        """, self.url)
        self.assertEqual(child.line(), "ready")
        wait_until(lambda: news.send(b"hello") == 1, "the child listens")
        self.assertEqual(child.line(), "hello")
        self.assertEqual(direct.call(b"ab", "child", timeout=20).data, b"abab")
        direct.send(b"", target="child")
        self.assertEqual(child.finish(), 0)

    def test_a_pickled_channel_opens_the_same(self):
        import pickle

        queue = self.space.queue_channel("q", capacity=5)
        queue.send(b"x")
        again = pickle.loads(pickle.dumps(queue))
        self.addCleanup(again._owner.manager.close)
        self.assertEqual(again.recv(5).data, b"x")


if __name__ == "__main__":
    unittest.main()
