"""Queues with acknowledgements: what is received is not gone before it is done."""

import time
import unittest

from support import Background, SpaceTest, wait_until
import syncmgr


class Acknowledgements(SpaceTest):
    def setUp(self):
        super().setUp()
        self.stream = self.space.workstream("a")

    def queue(self, **options):
        return self.stream.queue_channel("q", acknowledge=True, **options)

    def test_an_acknowledged_message_is_gone(self):
        queue = self.queue()
        queue.send_many([b"1", b"2"])
        message = queue.recv()
        self.assertEqual(queue.mailboxes()[0].taken, 1)
        message.acknowledge()
        self.assertEqual(queue.mailboxes()[0].taken, 0)
        self.assertRaises(syncmgr.NotFound, message.acknowledge)
        self.assertRaises(syncmgr.NotFound, message.reject)
        self.assertEqual(queue.recv().data, b"2")

    def test_a_rejected_message_goes_back_to_its_old_place(self):
        queue = self.queue()
        queue.send_many([b"1", b"2", b"3"])
        first, second = queue.recv(), queue.recv()
        second.reject()
        first.reject("not now")
        self.assertEqual([(m.data, m.deliveries) for m in queue.recv_many(3)],
                         [(b"1", 2), (b"2", 2), (b"3", 1)])

    def test_as_a_context_manager(self):
        queue = self.queue()
        queue.send_many([b"1", b"2"])
        with queue.recv() as message:
            self.assertEqual(message.data, b"1")
        with self.assertRaises(ZeroDivisionError), queue.recv() as message:
            1 / 0
        with queue.recv() as message:
            self.assertEqual((message.data, message.deliveries), (b"2", 2))
            message.acknowledge()
        mailbox = queue.mailboxes()[0]
        self.assertEqual((mailbox.waiting, mailbox.taken), (0, 0))

    def test_without_acknowledgements_there_is_nothing_to_do(self):
        queue = self.stream.queue_channel("plain")
        queue.send_many([b"1", b"2"])
        with queue.recv() as message:
            pass
        self.assertRaises(syncmgr.NotFound, message.acknowledge)
        self.assertRaises(syncmgr.Unsupported, message.reject)
        with self.assertRaises(ZeroDivisionError), queue.recv():
            1 / 0
        self.assertIsNone(queue.try_recv())

    def test_dead_letters(self):
        queue = self.queue(max_deliveries=2, dead_letters="dead")
        dead = self.stream.queue_channel("dead")
        queue.send(b"bad", metadata={"n": 1})
        queue.send(b"worse")
        queue.recv().reject("first")
        queue.recv().reject("second")
        queue.recv().reject("no hope", dead=True)
        self.assertIsNone(queue.try_recv())
        one, other = dead.recv(1), dead.recv(1)
        self.assertEqual((one.data, other.data), (b"bad", b"worse"))
        self.assertIn("second", str(one.metadata))
        self.assertIn("no hope", str(other.metadata))

    def test_the_words_of_an_exception_are_the_reason(self):
        queue = self.queue(max_deliveries=1, dead_letters="dead")
        queue.send(b"bad")
        with self.assertRaises(ValueError), queue.recv():
            raise ValueError("\u00e9" * 200)
        message = self.stream.queue_channel("dead").recv(1)
        self.assertIn("ValueError: \u00e9\u00e9", str(message.metadata))

    def test_a_message_whose_time_passes_goes_to_others(self):
        queue = self.queue(visibility=0.05)
        other = self.space.workstream("b").queue_channel("q")
        queue.send(b"1")
        message = queue.recv()
        again = other.recv(10)
        self.assertEqual((again.data, again.deliveries), (b"1", 2))
        self.assertRaises(syncmgr.NotFound, message.acknowledge)
        again.acknowledge()

    def test_a_closed_receiver_gives_back(self):
        queue = self.queue()
        queue.send_many([b"1", b"2"])
        other = self.space.workstream("b")
        taken = other.queue_channel("q").recv()
        self.assertEqual(queue.mailboxes()[0].taken, 1)
        other.close()
        self.assertRaises(syncmgr.Closed, taken.acknowledge)
        self.assertEqual([message.data for message in queue.recv_many(9)], [b"1", b"2"])

    def test_a_message_keeps_the_workstream_that_has_it(self):
        queue = self.queue()
        queue.send(b"1")
        message = self.space.workstream("b").queue_channel("q").recv()
        self.assertEqual(queue.mailboxes()[0].taken, 1)
        message.acknowledge()
        self.assertEqual(queue.mailboxes()[0].taken, 0)

    def test_what_a_killed_receiver_had_is_delivered_again(self):
        queue = self.queue()
        queue.send_many([b"1", b"2", b"3"])
        child = self.child("""
            queue = syncmgr.open(arguments[0]).workstream("child").queue_channel("q")
            queue.recv().acknowledge()
            say(queue.recv().data.decode())
            hear()
        """, self.url)
        self.assertEqual(child.line(), "2")
        child.kill()
        got = []
        wait_until(lambda: got.append(queue.recv(10)) or len(got) == 2, "both are back")
        self.assertEqual([(m.data, m.deliveries) for m in got], [(b"2", 2), (b"3", 1)])
        self.space.check()

    def test_each_message_goes_to_one(self):
        queue = self.queue(capacity=16)
        streams = [self.space.workstream(f"w{n}") for n in range(4)]

        def work(stream):
            got = []
            for message in stream.queue_channel("q"):
                with message:
                    got.append(int(message.data))
                    if len(got) % 7 == 0 and message.deliveries == 1:
                        got.pop()
                        message.reject()
            return got

        workers = [Background(work, stream) for stream in streams]
        for number in range(400):
            queue.send(b"%d" % number)
        box = queue.mailboxes
        wait_until(lambda: box()[0].waiting == box()[0].taken == 0, "all are done")
        queue.shut()
        got = [number for worker in workers for number in worker.result()]
        self.assertEqual(sorted(got), list(range(400)))


class Views(SpaceTest):
    def setUp(self):
        super().setUp()
        self.stream = self.space.workstream("a")

    def test_a_view_lies_in_the_segment(self):
        queue = self.stream.queue_channel("q", capacity=2)
        for data in (b"small", b"x" * 100_000, b""):
            with self.subTest(size=len(data)):
                queue.send(data, topic="t", metadata={"n": 1})
                with queue.view() as view:
                    self.assertEqual((bytes(view.data), view.data.readonly), (data, True))
                    self.assertEqual((view.sender, view.topic, view.metadata),
                                     ("a", "t", {"n": 1}))
                    self.assertEqual(queue.mailboxes()[0].taken, 1)
                self.assertEqual(queue.mailboxes()[0].taken, 0)
                with self.assertRaises(ValueError):
                    view.data[0]
        self.assertRaises(syncmgr.Timeout, queue.view, 0)

    def test_it_cannot_be_given_back_while_others_look(self):
        queue = self.stream.queue_channel("q")
        queue.send(b"abcdef")
        view = queue.view()
        part = view.data[2:4]
        with self.assertRaises(BufferError):
            view.release()
        self.assertEqual(bytes(part), b"cd")
        self.assertEqual(queue.mailboxes()[0].taken, 1)
        del part
        view.release()
        self.assertEqual(queue.mailboxes()[0].taken, 0)
        view.release()

    def test_a_with_block_says_so_too(self):
        queue = self.stream.queue_channel("q")
        queue.send(b"abcdef")
        with self.assertRaises(BufferError):
            with queue.view() as view:
                part = memoryview(view.data)
        self.assertEqual(bytes(part), b"abcdef")
        del view
        self.assertEqual(queue.mailboxes()[0].taken, 1)
        del part
        self.assertEqual(queue.mailboxes()[0].taken, 0, "it went back with the last use")

    def test_an_exception_is_not_hidden_by_slices(self):
        queue = self.stream.queue_channel("q")
        queue.send(b"abcdef")
        with self.assertRaises(ZeroDivisionError):
            with queue.view() as view:
                part = view.data[1:]
                1 / 0
        self.assertEqual(bytes(part), b"bcdef")
        self.assertEqual(queue.mailboxes()[0].taken, 1)
        del part
        self.assertEqual(queue.mailboxes()[0].taken, 0)

    def test_a_forgotten_view_goes_back(self):
        queue = self.stream.queue_channel("q")
        queue.send(b"1")
        queue.view()
        self.assertEqual(queue.mailboxes()[0].taken, 0)
        self.assertIsNone(queue.try_recv())

    def test_with_acknowledgements(self):
        queue = self.stream.queue_channel("q", acknowledge=True)
        queue.send_many([b"1", b"2", b"3", b"4"])
        with queue.view() as view:
            view.acknowledge()
        with self.assertRaises(ZeroDivisionError), queue.view() as view:
            1 / 0
        with queue.view() as view:
            self.assertEqual((bytes(view.data), view.deliveries), (b"2", 2))
            view.reject()
        queue.view()
        with queue.view() as view:
            self.assertEqual((bytes(view.data), view.deliveries), (b"2", 4))
        self.assertEqual([message.data for message in queue.recv_many(9)], [b"3", b"4"])

    def test_a_view_whose_time_passed(self):
        queue = self.stream.queue_channel("q", acknowledge=True, visibility=0.01)
        queue.send(b"1")
        view = queue.view()
        time.sleep(0.02)
        self.assertEqual(queue.recv(5).deliveries, 2)
        self.assertRaises(syncmgr.NotFound, view.release)
        view.release()

    def test_a_channel_that_was_closed_meanwhile(self):
        queue = self.stream.queue_channel("q")
        queue.send(b"1")
        with queue.view():
            queue.close()


class Loans(SpaceTest):
    def setUp(self):
        super().setUp()
        self.queue = self.space.workstream("a").queue_channel("q", capacity=2)

    def test_what_is_written_in_place_is_sent(self):
        with self.queue.loan(1_000_000) as loan:
            self.assertEqual((loan.size, len(loan.data), loan.data.readonly),
                             (1_000_000, 1_000_000, False))
            loan.data[:3] = b"abc"
            loan.data[-3:] = b"xyz"
            self.assertEqual(loan.publish(metadata={"n": 1}), 1)
            with self.assertRaises(syncmgr.NotFound):
                loan.publish()
            with self.assertRaises(syncmgr.NotFound):
                loan.data
        with self.queue.view() as view:
            self.assertEqual((len(view.data), view.metadata), (1_000_000, {"n": 1}))
            self.assertEqual((bytes(view.data[:3]), bytes(view.data[-3:])), (b"abc", b"xyz"))
        with self.queue.loan(100) as loan:
            loan.data[:5] = b"hello"
            loan.publish(5)
        self.assertEqual(self.queue.recv().data, b"hello")

    def test_one_that_others_write_to_is_not_published(self):
        loan = self.queue.loan(10)
        part = loan.data[:4]
        with self.assertRaises(BufferError):
            loan.publish()
        with self.assertRaises(BufferError):
            loan.give_back()
        part[:] = b"abcd"
        del part
        loan.publish(4)
        self.assertEqual(self.queue.recv().data, b"abcd")
        loan.give_back()

    def test_errors_leave_the_loan(self):
        self.queue.send_many([b"1", b"2"])
        with self.queue.loan(10) as loan:
            loan.data[:2] = b"ok"
            with self.assertRaises(syncmgr.Timeout):
                loan.publish(2, timeout=0.01)
            with self.assertRaises(ValueError):
                loan.publish(11, timeout=0)
            with self.assertRaises(ValueError):
                loan.publish(2, priority="none")
            self.assertEqual(bytes(loan.data[:2]), b"ok")
            publishing = Background(loan.publish, 2)
            self.queue.recv(), self.queue.recv()
            self.assertEqual(publishing.result(), 1)
        self.assertEqual(self.queue.recv(5).data, b"ok")

    def test_memory_comes_back(self):
        size = 8 << 20

        def given_back():
            with self.queue.loan(size) as loan:
                loan.data[0] = 1

        def forgotten():
            self.queue.loan(size).data[0] = 1

        def failed():
            try:
                with self.queue.loan(size) as loan:
                    part = loan.data[5:]
                    1 / 0
            except ZeroDivisionError:
                del part

        def published():
            with self.queue.loan(size) as loan:
                loan.publish()
            self.queue.recv()

        def viewed():
            with self.queue.loan(size) as loan:
                loan.publish()
            self.queue.view()

        for function in (given_back, forgotten, failed, published, viewed):
            with self.subTest(function=function.__name__):
                for _ in range(40):
                    function()
        self.space.check()

    def test_sizes(self):
        for size in (0, -1, 1 << 64):
            self.assertRaises(ValueError, self.queue.loan, size)
        self.assertRaises(TypeError, self.queue.loan, "1")
        self.assertRaises(syncmgr.TooLarge, self.queue.loan, 1 << 50)


if __name__ == "__main__":
    unittest.main()
