"""send, recv, call, reply and shut, and how channels are shown."""

import base64
import ctypes
import subprocess

from support import COMMAND, SOON, CommandTest, json, os, signal, syncmgr, unittest, until


class Channels(CommandTest):
    def send(self, *words, given=b"", exit=0):
        """Sends what is given on the standard input."""
        done = subprocess.run([COMMAND, "send", *words], input=given, capture_output=True,
                              env=self.environment(), timeout=60, check=False)
        self.assertEqual(done.returncode, exit, done.stderr)
        self.errors = done.stderr.decode()
        return done.stdout

    def recv(self, *words):
        """Receives in the background, once the receiver is there."""
        space = self.open()
        receiver = self.start("recv", *words)
        self.wait_waiters(space, words[0])
        return receiver

    def memory(self, name):
        """Opens a channel of cells by the calls of the header."""
        ffi, handles = syncmgr._ffi, [ctypes.c_void_p() for _ in range(3)]
        library = syncmgr._native.library
        opened = (library.syncmgr_open(self.url.encode(), None, ctypes.byref(handles[0])),
                  library.syncmgr_workstream_open(handles[0], None, ctypes.byref(handles[1])),
                  library.syncmgr_channel_open(handles[1], name.encode(), ffi.CHANNEL_MEMORY, None,
                                               ctypes.byref(handles[2])))
        self.addCleanup(library.syncmgr_close, handles[0])
        self.assertEqual(opened, (0, 0, 0))
        return handles[2]

    def set_cell(self, memory, key, value):
        ffi = syncmgr._ffi
        cell = ffi.Cell(key=key, data=ctypes.cast(value, ctypes.c_void_p), length=len(value),
                        type=ffi.CELL_TEXT)
        return syncmgr._native.library.syncmgr_channel_set(
            memory, ctypes.byref(cell), ffi.VERSION_ANY, None)

    def state(self, space, name):
        return self.object(space, name)["state"]


class Queue(Channels):
    def test_messages_come_in_their_order(self):
        self.open()
        for word in "abc":
            self.run_command("send", "jobs", word)
        self.assertEqual(self.run_command("recv", "jobs"), "a\n")
        self.assertEqual(self.run_command("recv", "jobs", "-c", "2"), "b\nc\n")
        self.run_command("recv", "jobs", "-t", "0", exit=124)
        self.run_command("recv", "jobs", "-t", "0", "-E", "9", exit=9)

    def test_a_receiver_waits_and_is_woken(self):
        receiver = self.recv("jobs")
        self.run_command("send", "jobs", "late")
        self.assertEqual(self.finish(receiver), "late\n")

    def test_data_is_the_standard_input(self):
        self.open()
        everything = bytes(range(256)) * 300
        for words in (("jobs",), ("jobs", "-")):
            self.send(*words, given=everything)
            done = subprocess.run([COMMAND, "recv", "--raw", "jobs"], capture_output=True,
                                  env=self.environment(), timeout=60, check=False)
            self.assertEqual(done.stdout, everything)
        self.send("jobs", "--lines", given=b"one\n\ntwo\nlast")
        self.assertEqual(self.run_command("recv", "jobs", "-c4"), "one\n\ntwo\nlast\n")

    def test_lines_are_sent_as_they_come(self):
        receiver = self.recv("jobs", "--count", "2")
        sender = subprocess.Popen([COMMAND, "send", "--lines", "jobs"], stdin=subprocess.PIPE,
                                  env=self.environment())
        self.started.append(sender)
        for line in (b"first\n", b"second\n"):
            sender.stdin.write(line)
            sender.stdin.flush()
        self.assertEqual(self.finish(receiver), "first\nsecond\n")
        self.assertIsNone(sender.poll())

    def test_json(self):
        self.open()
        sent = self.json("send", "jobs", "text \u00e4", "--priority", "high", "--metadata",
                         '{"a": [1, "b"]}', "--as", "me")
        self.assertEqual(sent, {"sent": 1, "delivered": 1, "nobody": 0, "partial": 0})
        found = self.json("recv", "jobs")
        self.assertEqual(
            {key: found[key] for key in ("data", "sender", "priority", "metadata", "deliveries")},
            {"data": "text \u00e4", "sender": "me", "priority": "high",
             "metadata": {"a": [1, "b"]}, "deliveries": 1})
        for length in range(5):
            data = b"\xff\x00\xfe\x01\x80"[:length + 1]
            self.send("jobs", given=data)
            found = self.json("recv", "jobs")
            self.assertNotIn("data", found)
            self.assertEqual(base64.b64decode(found["base64"], validate=True), data)

    def test_a_full_queue_is_waited_for(self):
        space = self.open()
        self.run_command("send", "jobs", "a", "--with", "capacity=1,priorities")
        self.run_command("send", "jobs", "b", "-t", "20ms", exit=124)
        sender = self.start("send", "jobs", "c")
        self.wait_waiters(space, "jobs")
        self.assertEqual(self.run_command("recv", "jobs"), "a\n")
        self.finish(sender)
        self.assertEqual(self.run_command("recv", "jobs"), "c\n")
        sender = self.start("send", "jobs", "d", "e")
        self.finish(sender, 2)

    def test_a_signal_ends_the_wait(self):
        receiver = self.recv("jobs", "--follow")
        receiver.terminate()
        self.finish(receiver, -signal.SIGTERM)

    def test_what_was_not_written_goes_back(self):
        self.open()
        self.run_command("send", "jobs", "a", "--with", "acknowledge")
        with open("/dev/full", "wb") as full:
            done = subprocess.run([COMMAND, "recv", "jobs", "--ack"], env=self.environment(),
                                  stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"could not be written", done.stderr)
        # Without --ack it is only looked at.
        self.assertEqual(self.run_command("recv", "jobs"), "a\n")
        self.assertEqual(self.json("recv", "jobs", "--ack")["deliveries"], 3)
        self.run_command("recv", "jobs", "--ack", "-t", "0", exit=124)
        self.run_command("send", "others", "a")
        self.run_command("recv", "others", "--ack", exit=1)
        self.assertIn("no acknowledgements", self.errors)

    def test_a_killed_one_gives_back_what_it_took(self):
        space = self.open()
        self.run_command("send", "jobs", "a", "--with", "acknowledge,deliveries=2,dead_letters=x")
        for _ in range(2):
            taker = self.start("recv", "jobs", "--follow")
            self.wait_waiters(space, "jobs")
            taker.kill()
            taker.wait(SOON)
            # A queue has one mailbox.
            until(lambda: self.state(space, "jobs")["mailboxes"][0]["taken"] == 0, "it is back")
        self.assertEqual(self.run_command("recv", "x"), "a\n")
        self.run_command("recv", "jobs", "-t", "0", exit=124)

    def test_what_is_not_had_comes_when_its_time_has_passed(self):
        self.open()
        self.run_command("send", "jobs", "a", "--with", "acknowledge,visibility=50ms")
        taker = self.recv("jobs", "--follow")
        self.assertEqual(self.run_command("recv", "jobs", "--ack", "-t", "10s"), "a\n")
        taker.terminate()
        self.finish(taker, -signal.SIGTERM)

    def test_the_time_of_a_message_passes(self):
        space = self.open()
        self.run_command("send", "jobs", "old", "--ttl", "1ms")
        self.run_command("send", "jobs", "new", "--ttl", "1h")
        self.assertEqual(self.run_command("recv", "jobs"), "new\n")
        self.assertEqual(self.state(space, "jobs")["mailboxes"][0]["expired"], 1)

    def test_it_says_when_the_messages_go_with_the_process(self):
        self.run_command("send", "jobs", "a")
        self.assertIn("--persistent", self.errors)
        self.run_command("send", "jobs", "a", "--persistent")
        self.assertEqual(self.errors, "")
        self.assertEqual(self.run_command("recv", "jobs"), "a\n")


class Kinds(Channels):
    def test_the_kind_is_that_of_the_channel(self):
        self.open()
        for kind in ("queue", "direct", "broadcast", "topics"):
            self.run_command("recv", kind, "--kind", kind, "-t", "0", exit=124)
            self.run_command("recv", kind, "-t", "0", exit=124)
        self.run_command("recv", "queue", "--kind", "direct", "-t", "0", exit=1)
        self.assertIn("it has kind", self.errors)
        self.run_command("recv", "queue", "--topic", "a", exit=1)
        self.run_command("recv", "queue", "--last", "1", exit=1)
        kinds = [one["parameters"]["kind"] for one in self.json("ls")]
        self.assertEqual(sorted(kinds), ["broadcast", "direct", "publish_subscribe", "queue"])

    def test_a_direct_message_goes_to_one(self):
        others = [self.recv("mail", "--kind", "direct", "--as", name) for name in ("a", "b")]
        self.run_command("send", "mail", "to b", "--target", "b")
        self.assertEqual(self.finish(others[1]), "to b\n")
        self.run_command("send", "mail", "to b", "--target", "b", exit=1)
        self.assertIsNone(others[0].poll())
        # A new one that somebody is named for is direct.
        self.run_command("send", "new", "x", "--target", "nobody", exit=1)
        self.assertEqual(self.json("show", "new")["parameters"]["kind"], "direct")

    def test_a_broadcast_goes_to_all(self):
        self.run_command("send", "news", "x", "--kind", "broadcast", exit=1)
        self.assertIn("nobody was there", self.errors)
        space = self.open()
        receivers = [self.start("recv", "news", "--kind", "broadcast") for _ in range(3)]
        self.wait_waiters(space, "news", 3)
        self.assertEqual(self.json("send", "news", "x")["delivered"], 3)
        for receiver in receivers:
            self.assertEqual(self.finish(receiver), "x\n")

    def test_topics_match(self):
        jobs = self.recv("log", "--topic", "jobs/*/done")
        self.run_command("send", "log", "no", "--topic", "jobs/a", exit=1)
        self.run_command("send", "log", "no", exit=1)
        self.run_command("send", "log", "yes", "--topic", "jobs/a/done")
        self.assertEqual(self.finish(jobs), "yes\n")

    def test_late_ones_get_what_was_kept(self):
        self.open()
        for word in "abc":
            self.run_command("send", "log", word, "--topic", "t", "--with", "history=2,retain",
                             *(["--retain"] if word == "a" else []))
        found = self.run_command("recv", "log", "--last", "2", "-c", "3", "--json").splitlines()
        found = [json.loads(line) for line in found]
        self.assertEqual({(one["data"], one["history"], one["retained"]) for one in found},
                         {("b", True, False), ("c", True, False), ("a", False, True)})

    def test_a_stopped_one_delays_nobody_and_is_told_what_it_lost(self):
        space = self.open()
        slow = self.recv("news", "-f", "--json", "--as", "slow", "--kind", "broadcast",
                         "--with", "capacity=2")
        os.kill(slow.pid, signal.SIGSTOP)
        for number in range(5):
            self.run_command("send", "news", number)
        [mailbox] = self.state(space, "news")["mailboxes"]
        self.assertEqual((mailbox["waiting"], mailbox["dropped"]), (2, 3))
        shown = self.run_command("ls")
        self.assertIn("broadcast, 1 receiver, lag up to 2 of 2, 3 dropped", shown)
        self.assertIn("slow: 2 waiting, 0 received, 3 dropped", self.run_command("show", "news"))
        self.assertIn("1 receiver", self.run_command("top", "-n", "1"))
        self.run_command("shut", "news", "--drain")
        os.kill(slow.pid, signal.SIGCONT)
        found = [json.loads(line) for line in self.finish(slow).splitlines()]
        self.assertEqual([(one["data"], one["dropped"]) for one in found], [("3", 3), ("4", 0)])

    def test_shared_memory_keeps_no_messages(self):
        memory = self.memory("cells")
        self.assertIn("shared memory, 0 cells", self.run_command("ls"))
        self.assertEqual(self.set_cell(memory, b"size", b"12"), 0)
        self.assertIn("shared memory, 1 cell\n", self.run_command("show", "cells"))
        for words in (("send", "cells", "x"), ("recv", "cells"), ("call", "cells", "x"),
                      ("recv", "cells", "--kind", "queue")):
            self.run_command(*words, exit=1)
        self.run_command("send", "cells", "x", exit=1)
        self.assertIn("keeps no messages", self.errors)

    def test_shut(self):
        receivers = [self.recv("jobs"), self.recv("jobs", "--follow")]
        self.run_command("shut", "jobs")
        self.finish(receivers[0], 1)
        self.finish(receivers[1], 0)
        self.run_command("send", "jobs", "x", exit=1)
        self.assertIn("shut", self.run_command("ls"))
        self.run_command("shut", "nothing", exit=1)
        self.assertNotIn("nothing", self.run_command("ls"))


class Requests(Channels):
    def test_a_call_gets_its_response(self):
        space = self.open()
        caller = self.start("call", "sums", "1+1")
        asked = self.json("recv", "sums", "-t", "10s")
        self.assertEqual(asked["data"], "1+1")
        self.assertEqual(self.json("reply", "sums", asked["reply_to"], "2"), {"replied": True})
        self.assertEqual(self.finish(caller), "2\n")
        self.run_command("reply", "sums", asked["reply_to"], "2", exit=1)
        self.assertEqual(self.state(space, "sums")["mailboxes"][0]["waiting"], 0)

    def test_a_large_response_comes_whole(self):
        self.open()
        caller = self.start("call", "sums", "?", "--json")
        asked = self.json("recv", "sums", "-t", "10s")
        large = "x" * 100_000
        done = subprocess.run([COMMAND, "reply", "sums", str(asked["reply_to"])],
                              input=large.encode(), env=self.environment(), timeout=60, check=False)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(json.loads(self.finish(caller))["data"], large)

    def test_a_call_ends_when_its_time_passes_or_the_other_dies(self):
        server = self.recv("ask", "--kind", "direct", "--as", "server", "--follow", "--json")
        self.run_command("call", "ask", "?", "--target", "server", "-t", "50ms", exit=124)
        caller = self.start("call", "ask", "?", "--target", "server")
        server.stdout.readline()
        asked = json.loads(server.stdout.readline())
        server.kill()
        server.wait(SOON)
        self.finish(caller, 1)
        self.run_command("reply", "ask", asked["reply_to"], "late", exit=1)


class ChannelUsage(Channels):
    def test_wrong_usage(self):
        for words in (("send",), ("send", "a", "b", "c"), ("send", "a", "b", "--lines"),
                      ("send", "a", "b", "--kind", "mail"), ("send", "a", "b", "-p", "most"),
                      ("send", "a", "b", "--metadata", "{"),
                      ("send", "a", "b", "--metadata", "1 2"),
                      ("send", "a", "b", "--ttl", "soon"), ("send", "a", "b", "--with", "capacity"),
                      ("send", "a", "b", "--with", "size=1"),
                      ("send", "a", "b", "--with", "retain=1"),
                      ("send", "a", "b", "--with", "overflow=most"), ("recv",),
                      ("recv", "a", "-c", "0"), ("recv", "a", "--last", "-1"), ("reply", "a"),
                      ("reply", "a", "x"), ("shut",)):
            self.run_command(*words, exit=2)
        self.assertFalse(self.path.exists())

    def test_parameters(self):
        self.open()
        wanted = ("capacity=7,inline=99,overflow=fail,history=3,priorities,retain")
        self.run_command("recv", "a", "--kind", "topics", "--with", wanted, "-t", "0", exit=124)
        found = self.json("show", "a")["parameters"]
        self.assertEqual((found["capacity"], found["inline_size"], found["overflow"],
                          found["history"], found["priorities"], found["retain"]),
                         (7, 99, "fail", 3, True, True))
        self.run_command("recv", "a", "--with", wanted, "-t", "0", exit=124)
        self.run_command("recv", "a", "--with", wanted.replace("7", "8"), "-t", "0", exit=1)
        self.assertIn("capacity 7, not 8", self.errors)


if __name__ == "__main__":
    unittest.main()
