"""Many at once: threads that share one channel object, processes, forked children."""

import os
import unittest

from support import Background, SpaceTest, wait_until
import syncmgr

EACH = 600


def numbers_of(messages):
    return [tuple(map(int, bytes(message.data).split())) for message in messages]


class Together(SpaceTest):
    def check_all(self, got, producers):
        """Each message came once, and of each producer in order to each consumer."""
        for one in got:
            for producer in range(producers):
                numbers = [number for who, number in one if who == producer]
                self.assertEqual(numbers, sorted(numbers))
        self.assertEqual(sorted(pair for one in got for pair in one),
                         [(who, number) for who in range(producers) for number in range(EACH)])

    def test_threads_share_an_object(self):
        queue = self.space.workstream("all").queue_channel("q", capacity=32)

        def one_by_one(who):
            for number in range(EACH):
                queue.send(b"%d %d" % (who, number))

        def in_batches(who):
            for first in range(0, EACH, 20):
                sent, batch = 0, [b"%d %d" % (who, first + place) for place in range(20)]
                while sent < 20:
                    sent += queue.send_many(batch[sent:])

        def by_loans(who):
            for number in range(EACH):
                data = b"%d %d" % (who, number)
                with queue.loan(100) as loan:
                    loan.data[:len(data)] = data
                    loan.publish(len(data))

        def iterate():
            return numbers_of(queue)

        def several():
            got = []
            try:
                while True:
                    got += numbers_of(queue.recv_many(7))
            except syncmgr.Closed:
                return got

        def viewed():
            got = []
            try:
                while True:
                    with queue.view() as view:
                        got += numbers_of([view])
            except syncmgr.Closed:
                return got

        consumers = [Background(function) for function in (iterate, several, viewed, iterate)]
        producers = [Background(function, who)
                     for who, function in enumerate((one_by_one, in_batches, by_loans))]
        for producer in producers:
            producer.result(40)
        queue.shut(drain=True)
        self.check_all([consumer.result(40) for consumer in consumers], len(producers))
        self.space.check()

    def test_processes(self):
        queue = self.space.workstream("parent").queue_channel("q", capacity=16)
        producer = """
            queue = syncmgr.open(arguments[0]).workstream().queue_channel("q")
            for number in range(int(arguments[2])):
                queue.send(b"%d %d" % (int(arguments[1]), number))
        """
        consumer = """
            queue = syncmgr.open(arguments[0]).workstream().queue_channel("q")
            say("ready")
            for message in queue:
                say(message.data.decode())
        """
        consumers = [self.child(consumer, self.url) for _ in range(2)]
        for child in consumers:
            self.assertEqual(child.line(), "ready")
        producers = [self.child(producer, self.url, who, EACH) for who in range(3)]
        for child in producers:
            self.assertEqual(child.finish(40), 0)
        queue.shut(drain=True)
        got = []
        for child in consumers:
            self.assertEqual(child.finish(40), 0)
            got.append([])
            while (line := child.line()) is not None:
                got[-1].append(tuple(map(int, line.split())))
        self.check_all(got, len(producers))

    def test_a_forked_child_opens_its_own(self):
        queue = self.space.workstream("parent").queue_channel("q", acknowledge=True)
        queue.send_many([b"1", b"2"])
        message, view = queue.recv(), queue.view()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                for call in (queue.recv, lambda: queue.send(b"x"), message.acknowledge,
                             queue.mailboxes, lambda: queue.loan(5), queue.view):
                    try:
                        call()
                        os._exit(2)
                    except syncmgr.Forked:
                        pass
                del view
                with syncmgr.open(self.url) as space:
                    space.workstream("child").queue_channel("q").send(b"3")
                status = 0
            finally:
                os._exit(status)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        self.assertEqual(queue.mailboxes()[0].taken, 2)
        message.acknowledge()
        view.release()
        self.assertEqual(queue.recv(5).data, b"3")

    def test_a_thread_that_ends_gives_back(self):
        queue = self.space.queue_channel("q", acknowledge=True)
        queue.send(b"1")
        self.assertEqual(Background(lambda: queue.recv().data).result(), b"1")
        wait_until(lambda: queue.mailboxes()[0].taken == 0, "it went back")
        message = queue.recv(5)
        self.assertEqual((message.data, message.deliveries), (b"1", 2))
        message.acknowledge()


if __name__ == "__main__":
    unittest.main()
