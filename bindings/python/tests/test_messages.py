"""Messages from workstream to workstream."""

import asyncio
import os
import signal
import threading
import time
import unittest

from support import Background, SpaceTest, wait_until
import syncmgr


class Messages(SpaceTest):
    def setUp(self):
        super().setUp()
        self.me = self.space.workstream("me")
        self.you = self.space.workstream("you")

    def statuses(self, sent):
        return [one.status for one in self.space.message_status(sent.id)]

    def test_a_message_arrives(self):
        sent = self.me.send("you", "hello", {"n": 1}, kind="data_available", priority="high")
        self.assertEqual(sent.missing, ())
        self.assertEqual(self.statuses(sent), ["pending"])
        message = self.you.inbox.next(0)
        self.assertEqual(
            (message.kind, message.workstream, message.name, message.text, message.detail,
             message.priority, message.message, message.pid),
            ("data_available", self.me.id, "me", "hello", {"n": 1}, "high", sent.id,
             os.getpid()))
        self.assertEqual(self.statuses(sent), ["read"])
        self.assertIsNone(self.you.inbox.next(0))
        self.assertIsNone(self.me.inbox.next(0.01))

    def test_an_acknowledgement(self):
        sent = self.me.send(["you", "me"], "please", require_ack=True)
        message = self.you.inbox.next()
        self.assertEqual(self.statuses(sent), ["delivered", "pending"])
        self.you.inbox.read(message)
        self.me.inbox.read(sent.id)
        self.assertEqual(self.statuses(sent), ["read", "read"])
        with self.assertRaises(syncmgr.NotFound):
            self.me.inbox.read(sent.id + 1)

    def test_nothing_is_delivered_to_nobody(self):
        with self.assertRaises(syncmgr.NotFound):
            self.me.send("stranger", "hello")
        with self.assertRaises(syncmgr.NotFound):
            self.me.send(None, "hello")
        sent = self.me.send(["stranger", "you"], "hello")
        self.assertEqual(sent.missing, ("stranger",))
        self.assertEqual(self.statuses(sent), ["failed", "pending"])

    def test_what_cannot_be_sent(self):
        for recipients, error in (("a/b", syncmgr.InvalidName), ("", syncmgr.InvalidName),
                                  (["you", "you"], syncmgr.InvalidArgument), (5, TypeError)):
            with self.assertRaises(error):
                self.me.send(recipients, "hello")
        for options in ({"kind": "died"}, {"priority": "urgent"}, {"ttl": -5}):
            with self.assertRaises(syncmgr.InvalidArgument):
                self.me.send("you", "hello", **options)
        with self.assertRaises(syncmgr.InvalidArgument):
            self.me.send(None, "hello", require_ack=True)

    def test_a_ttl(self):
        sent = self.me.send("you", "soon", ttl=0.02)
        self.assertEqual(self.statuses(sent), ["pending"])
        time.sleep(0.03)
        self.assertEqual(self.statuses(sent), ["expired"])
        self.assertIsNone(self.you.inbox.next(0))

    def test_a_recipient_that_closes(self):
        sent = self.me.send("you", "too late")
        self.you.close()
        self.assertEqual(self.statuses(sent), ["failed"])
        self.assertRaises(syncmgr.Closed, self.you.inbox.next)

    def test_an_inbox_in_a_loop_ends_with_its_workstream(self):
        background = Background(lambda: [message.text for message in self.you.inbox])
        self.me.send("you", "one")
        self.me.send("you", "two")
        wait_until(lambda: self.statuses(self.me.send("you")) == ["read"], "they were read")
        self.you.close()
        self.assertEqual(background.result()[:2], ["one", "two"])

    def test_ctrl_c_ends_a_wait(self):
        # A shell starts what runs in the background with it ignored.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        self.assertRaises(KeyboardInterrupt, self.you.inbox.next)

    def test_between_processes(self):
        child = self.child("""
            space = syncmgr.open(arguments[0])
            worker = space.workstream("worker")
            say("ready")
            for message in worker.inbox:
                if message.text == "die":
                    os.kill(os.getpid(), signal.SIGKILL)
                worker.send(message.name, message.text.upper(), message.detail)
        """, self.url)
        child.line()
        self.me.send("worker", "work", [1, 2])
        answer = self.me.inbox.next(10)
        self.assertEqual((answer.text, answer.detail, answer.name, answer.pid),
                         ("WORK", [1, 2], "worker", child.pid))
        sent = self.me.send("worker", "die", require_ack=True)
        wait_until(lambda: self.statuses(sent) == ["failed"], "the recipient died")

    def test_only_its_recipient_gets_it_as_a_notice(self):
        child = self.child("""
            space = syncmgr.open(arguments[0])
            stranger = space.workstream("stranger")
            events = space.events("custom")
            say("ready")
            say(events.next().text)
        """, self.url)
        child.line()
        with self.space.events("custom") as events:
            sent = self.me.send("you", "private")
            notice = events.next(5)
            self.assertEqual((notice.text, notice.message), ("private", sent.id))
            self.assertEqual(self.statuses(sent), ["delivered"])
            self.me.send(None, "public")
            self.assertEqual(events.next(5).text, "public")
        self.assertEqual(child.line(), "public")


class AsyncMessages(SpaceTest):
    def test_async_for(self):
        async def main():
            me, you = self.space.workstream("me"), self.space.workstream("you")
            texts = []

            async def read():
                async for message in you.inbox:
                    texts.append(message.text)
                    if len(texts) == 3:
                        return

            me.send("you", "before")
            task = asyncio.create_task(read())
            await asyncio.sleep(0.02)
            me.send("you", "while it waits")
            me.send("you", "and once more")
            await asyncio.wait_for(task, 5)
            return texts

        self.assertEqual(asyncio.run(main()), ["before", "while it waits", "and once more"])

    def test_a_wait_has_a_timeout_and_can_be_cancelled(self):
        async def main():
            me, you = self.space.workstream("me"), self.space.workstream("you")
            self.assertIsNone(await you.inbox.wait(0))
            self.assertIsNone(await you.inbox.wait(0.02))
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(you.inbox.wait(), 0.02)
            me.send("you", "kept")
            self.assertEqual((await you.inbox.wait(5)).text, "kept")

        asyncio.run(main())

    def test_a_loop_ends_with_its_workstream(self):
        async def main():
            you = self.space.workstream("you")

            async def read():
                return [message.text async for message in you.inbox]

            task = asyncio.create_task(read())
            await asyncio.sleep(0.02)
            you.close()
            self.assertEqual(await asyncio.wait_for(task, 5), [])

        asyncio.run(main())


if __name__ == "__main__":
    unittest.main()
