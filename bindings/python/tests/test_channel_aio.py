"""Channels for asyncio: nothing blocks the loop, and cancelling loses no message."""

import asyncio
import threading
import unittest

from support import SOON, cancelled, settle
from test_aio import AioTest
import syncmgr


class Channels(AioTest):
    def setUp(self):
        super().setUp()
        self.a, self.b = self.space.workstream("a"), self.space.workstream("b")

    def test_tasks_send_and_receive(self):
        out, into = self.a.queue_channel("q", capacity=4).aio, self.b.queue_channel("q").aio

        async def produce():
            for number in range(200):
                self.assertEqual(await out.send(b"%d" % number, metadata={"n": number}), 1)
            self.assertEqual(await out.send_many([b"x"] * 50), 50)
            out.shut(drain=True)

        async def main():
            producing = asyncio.create_task(produce())
            got = [message async for message in into]
            await producing
            self.assertEqual([m.metadata["n"] for m in got[:200]], list(range(200)))
            self.assertEqual([m.data for m in got[200:]], [b"x"] * 50)
            with self.assertRaises(syncmgr.Closed):
                await into.recv()

        self.run_in_loop(main())

    def test_times_that_pass(self):
        queue = self.a.queue_channel("q", capacity=1)

        async def main():
            with self.assertRaises(syncmgr.Timeout):
                await queue.aio.recv(0.01)
            with self.assertRaises(syncmgr.Timeout):
                await queue.aio.recv(0)
            self.assertEqual(await queue.aio.recv_many(5, 0.01), [])
            with self.assertRaises(syncmgr.Timeout):
                await queue.aio.view(0.01)
            await queue.aio.send(b"1", timeout=0)
            with self.assertRaises(syncmgr.Timeout):
                await queue.aio.send(b"2", timeout=0.01)
            with self.assertRaises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await queue.aio.send(b"2")
            with self.assertRaises(syncmgr.Timeout):
                await queue.aio.send_many([b"2"], timeout=0.01)
            self.assertEqual((await queue.aio.recv()).data, b"1")
            self.assertIsNone(queue.aio.try_recv())

        self.run_in_loop(main())

    def test_the_loop_runs_while_tasks_wait(self):
        queue = self.a.queue_channel("q")
        other = self.b.queue_channel("q")

        async def main():
            waiting = [asyncio.create_task(queue.aio.recv()) for _ in range(20)]
            await asyncio.sleep(0.01)
            self.assertFalse(any(task.done() for task in waiting))
            threading.Thread(target=other.send_many, args=([b"x"] * 20,)).start()
            got = await asyncio.gather(*waiting)
            self.assertEqual([message.data for message in got], [b"x"] * 20)

        threads = threading.active_count()
        self.run_in_loop(main())
        self.assertLessEqual(threading.active_count(), threads + 1)

    def test_a_busy_channel_lets_other_tasks_run(self):
        queue = self.a.queue_channel("q", capacity=1000)
        queue.send_many([b"x"] * 1000)

        async def main():
            turns = 0

            async def other():
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)

            task = asyncio.create_task(other())
            for _ in range(1000):
                await queue.aio.recv()
            self.assertGreater(turns, 5)
            self.assertTrue(await cancelled(task))

        self.run_in_loop(main())

    def test_a_cancelled_receiver_leaves_the_message_to_others(self):
        queue = self.a.queue_channel("q")
        other = self.b.queue_channel("q")

        async def main():
            for round in range(30):
                waiting = [asyncio.create_task(queue.aio.recv()) for _ in range(3)]
                await asyncio.sleep(0)
                data = b"%d" % round
                other.send(data)
                # The first was woken, or is about to be; it ends without taking the message.
                if round % 3:
                    await asyncio.sleep(0)
                if round % 2:
                    waiting[0].cancel()
                else:
                    waiting[0].cancel()
                    waiting[1].cancel()
                done, _ = await asyncio.wait(waiting, timeout=SOON,
                                             return_when=asyncio.FIRST_COMPLETED)
                got = []
                await settle(lambda: got.extend(
                    task for task in waiting if task.done() and not task.cancelled()) or got)
                self.assertEqual({task.result().data for task in got}, {data})
                for task in waiting:
                    if not task.done():
                        self.assertTrue(await cancelled(task))
                self.assertIsNone(queue.try_recv())

        self.run_in_loop(main())

    def test_a_cancelled_sender_leaves_the_room_to_others(self):
        queue = self.a.queue_channel("q", capacity=1)
        other = self.b.queue_channel("q")

        async def main():
            for round in range(20):
                await queue.aio.send(b"first")
                waiting = [asyncio.create_task(queue.aio.send(b"%d" % n)) for n in range(2)]
                await asyncio.sleep(0)
                self.assertEqual(other.recv().data, b"first")
                for _ in range(round % 3):
                    await asyncio.sleep(0)
                if not waiting[0].done():
                    waiting[0].cancel()
                    await asyncio.wait_for(waiting[1], SOON)
                    self.assertEqual(other.recv(SOON).data, b"1")
                    self.assertTrue(waiting[0].cancelled())
                else:
                    self.assertEqual(other.recv(SOON).data, b"0")
                    await asyncio.wait_for(waiting[1], SOON)
                    self.assertEqual(other.recv(SOON).data, b"1")

        self.run_in_loop(main())

    def test_nothing_is_lost_or_doubled_when_tasks_are_cancelled(self):
        queue = self.a.queue_channel("q", capacity=8)
        count, got = 400, []

        async def receive():
            async with asyncio.timeout(SOON):
                got.append(int((await queue.aio.recv()).data))

        async def main():
            async def produce():
                for number in range(count):
                    await queue.aio.send(b"%d" % number)

            producing = asyncio.create_task(produce())
            number = 0
            async with asyncio.timeout(25):
                while len(got) < count:
                    number += 1
                    task = asyncio.create_task(receive())
                    for _ in range(number % 4):
                        await asyncio.sleep(0)
                    if number % 3 == 0:
                        task.cancel()
                    await asyncio.wait([task])
            await producing
            self.assertEqual(got, list(range(count)))

        self.run_in_loop(main())

    def test_tasks_of_a_manager_are_receivers_of_their_own(self):
        news = self.space.broadcast("n")
        out = self.a.broadcast("n")

        async def listen(started):
            channel = news.aio
            channel.subscribe()
            started.set()
            return (await channel.recv()).data

        async def main():
            events = [asyncio.Event() for _ in range(3)]
            tasks = [asyncio.create_task(listen(event)) for event in events]
            for event in events:
                await event.wait()
            self.assertEqual(await out.aio.send(b"x"), 3)
            self.assertEqual(await asyncio.gather(*tasks), [b"x"] * 3)
            await settle(lambda: not news.mailboxes())

        self.run_in_loop(main())

    def test_requests(self):
        server, client = self.a.direct("d"), self.b.direct("d")

        async def serve():
            async for message in server.aio:
                message.reply(message.data.upper())

        async def main():
            serving = asyncio.create_task(serve())
            answers = await asyncio.gather(
                *(client.aio.call(b"n%d" % number, "a") for number in range(20)))
            self.assertEqual([one.data for one in answers], [b"N%d" % n for n in range(20)])
            self.assertTrue(await cancelled(serving))
            with self.assertRaises(syncmgr.Timeout):
                await client.aio.call(b"?", "a", timeout=0.01)
            task = asyncio.create_task(client.aio.call(b"!", "a"))
            await asyncio.sleep(0.01)
            self.assertTrue(await cancelled(task))
            late = await server.aio.recv_many(5)
            for message in late:
                with self.assertRaises(syncmgr.NotFound):
                    message.reply(b"nobody waits")
            task = asyncio.create_task(client.aio.call(b"?", "a"))
            await server.aio.recv()
            self.a.close()
            with self.assertRaises(syncmgr.Unavailable):
                await task

        self.run_in_loop(main())

    def test_a_stuck_receiver_delays_only_those_who_send_to_it(self):
        sender = self.a.direct("d", capacity=1)
        good, stuck = self.b.direct("d"), self.space.workstream("stuck").direct("d")

        async def main():
            for target in ("b", "stuck"):
                await sender.aio.send(b"full", target=target)
            to_stuck = asyncio.create_task(sender.aio.send(b"x", target="stuck"))
            to_good = asyncio.create_task(sender.aio.send(b"y", target="b"))
            await asyncio.sleep(0.01)
            self.assertFalse(to_good.done())
            good.recv()
            self.assertEqual(await to_good, 1)
            self.assertFalse(to_stuck.done())
            stuck.close()
            with self.assertRaises(syncmgr.NotFound):
                await to_stuck

        self.run_in_loop(main())

    def test_views_and_loans(self):
        queue = self.a.queue_channel("q", capacity=1)

        async def main():
            with queue.aio.loan(100) as loan:
                loan.data[:5] = b"hello"
                self.assertEqual(await loan.publish(5), 1)
            with queue.aio.loan(100) as loan:
                loan.data[:5] = b"again"
                publishing = asyncio.create_task(loan.publish(5))
                await asyncio.sleep(0.01)
                self.assertFalse(publishing.done())
                with await queue.aio.view() as view:
                    self.assertEqual(bytes(view.data), b"hello")
                self.assertEqual(await publishing, 1)
            self.assertEqual((await queue.aio.recv()).data, b"again")

        self.run_in_loop(main())

    def test_closing_ends_waits(self):
        queue = self.a.queue_channel("q")

        async def main():
            waiting = asyncio.create_task(queue.aio.recv())
            looping = asyncio.create_task(self.collect(queue.aio))
            await asyncio.sleep(0.01)
            queue.close()
            with self.assertRaises(syncmgr.Closed):
                await waiting
            self.assertEqual(await looping, [])

        self.run_in_loop(main())

    @staticmethod
    async def collect(channel):
        return [message async for message in channel]

    def test_without_the_library_s_thread(self):
        child = None

        async def main():
            with syncmgr.open(self.url, threads=False) as other:
                queue = other.queue_channel("q")
                waiting = asyncio.create_task(queue.aio.recv())
                await asyncio.sleep(0.01)
                nonlocal child
                child = self.child("""
                    syncmgr.open(arguments[0]).queue_channel("q").send(b"x")
                """, self.url)
                self.assertEqual((await waiting).data, b"x")

        self.run_in_loop(main())
        self.assertEqual(child.finish(), 0)


if __name__ == "__main__":
    unittest.main()
