"""ls, show, top, graph, events, doctor."""

import contextlib
import pty
import select
import subprocess
import threading

from support import COMMAND, CommandTest, json, os, signal, syncmgr, time, unittest, until


class Looking(CommandTest):
    def scene(self):
        """One holds "db" and waits for "cache", which another holds."""
        space = self.open()
        first, second = space.workstream("first"), space.workstream("second")
        self.kept = [first.mutex("db"), second.mutex("cache"), first, second]
        self.kept[0].acquire()
        self.kept[1].acquire()
        waiter = self.start("lock", "db", "true")
        self.wait_waiters(space, "db")
        return space, waiter

    def test_ls(self):
        self.scene()
        shown = {one["name"]: one for one in self.json("ls")}
        self.assertEqual(set(shown), {"db", "cache"})
        self.assertEqual(shown["db"]["holders"][0]["name"], "first")
        lines = self.run_command("ls").splitlines()
        self.assertEqual(len(lines), 3)
        self.assertIn("first", next(line for line in lines if line.startswith("db")))
        self.assertEqual(sorted(self.run_command("ls", "--names").split()), ["cache", "db"])

    def test_ls_without_a_space_lists_the_spaces(self):
        self.open()
        found = {one["url"]: one for one in self.json("ls", "--spaces")}
        self.assertEqual(found[self.url]["pids"], [os.getpid()])
        self.assertIn(self.url, self.run_command("ls", SYNCMGR_SPACE=""))

    def test_looking_makes_no_space_and_removes_none(self):
        for words in (("ls",), ("show", "db"), ("top",), ("graph",), ("force-release", "db"),
                      ("clean",)):
            self.run_command(*words, exit=1)
            self.assertIn("does not exist", self.errors)
            self.assertFalse(self.path.exists())

    def test_show(self):
        self.scene()
        self.assertEqual(self.json("show", "db")["state"]["locked"], True)
        text = self.run_command("show", "db")
        for part in ("mutex db: locked", "first", "waits", "contended"):
            self.assertIn(part, text)
        self.run_command("show", "nothing", exit=1)
        self.assertIn("there is no 'nothing'", self.errors)

    def test_show_draws_the_histogram_of_waits(self):
        space, waiter = self.scene()
        self.kept[0].release()
        self.finish(waiter)
        self.assertIn("on average", self.run_command("show", "db"))
        self.assertIn("#", self.run_command("show", "db"))

    def test_top(self):
        self.scene()
        text = self.run_command("top", "-n", "2", "-i", "10ms")
        self.assertEqual(text.count("LONGEST"), 2)
        lines = self.run_command("top", "-n", "2", "-i", "10ms", "--json").splitlines()
        self.assertEqual([json.loads(line)["space"]["url"] for line in lines], [self.url] * 2)

    def test_top_ends_by_a_signal(self):
        self.open()
        process = self.start("top", "-i", "10ms")
        process.stdout.readline()
        process.terminate()
        process.communicate(timeout=15)
        self.assertEqual(process.returncode, 0)

    def test_graph(self):
        self.scene()
        edges = self.json("graph")["edges"]
        self.assertEqual(sorted(edge["kind"] for edge in edges), ["held", "held", "waits"])
        dot = self.run_command("graph")
        self.assertTrue(dot.startswith("digraph"))
        self.assertIn("mutex db", dot)
        self.assertNotIn("cache", dot)
        self.assertIn("cache", self.run_command("graph", "--all"))
        drawing = self.run_command("graph", "--draw")
        self.assertRegex(drawing, r"waits .* for mutex db\n.*held by first")

    @contextlib.contextmanager
    def circle(self):
        """Two wait for each other, and nobody ends that unasked."""
        space = self.open()
        space.configure_deadlocks(auto_resolve=False)
        one, two = space.workstream("one"), space.workstream("two")
        a, b = one.mutex("a"), two.mutex("b")
        a.acquire()
        b.acquire()
        ends = []

        def wait(mutex):
            try:
                ends.append(mutex.acquire(timeout=20))
                mutex.release()
            except syncmgr.Deadlock as error:
                ends.append(str(error))

        waits = [threading.Thread(target=wait, args=(mutex,))
                 for mutex in (one.mutex("b"), two.mutex("a"))]
        for thread in waits:
            thread.start()
        self.wait_waiters(space, "a")
        self.wait_waiters(space, "b")
        yield ends
        a.release()
        b.release()
        for thread in waits:
            thread.join()

    def test_graph_of_a_circle(self):
        with self.circle():
            self.assertIn("a circle", self.run_command("graph", "--draw"))

    def test_deadlocks(self):
        with self.circle() as ends:
            (found,) = self.json("deadlocks", "--detect", exit=1)
            self.assertTrue(found["stands"])
            self.assertIn("one waits for", found["text"])
            self.assertIn("STANDS", self.run_command("deadlocks", exit=1))
            self.run_command("deadlocks", "--resolve", found["id"])
            until(lambda: ends, "the victim hears of it")
            self.assertIn("waits for", ends[0])
            (found,) = self.json("deadlocks")
            self.assertEqual(found["resolution"], "by_hand")
            self.assertIn("by hand", self.run_command("deadlocks"))
            self.assertEqual(self.json("deadlocks", "--clear"), [])
            self.run_command("deadlocks", "--resolve", "99", exit=1)
        self.assertEqual(len(ends), 2)

    def test_events(self):
        space = self.open()
        process = self.start("events", "--json", "-n", "2")
        until(lambda: len(space.snapshot()["processes"]) == 2, "it listens")
        time.sleep(0.1)
        space.workstream("news").close()
        lines = [json.loads(line) for line in self.finish(process).splitlines()]
        self.assertEqual([(line["kind"], line["name"]) for line in lines],
                         [("opened", "news"), ("closed", "news")])
        self.run_command("events", "-t", "50ms", exit=124)

    def test_events_follow_until_a_signal(self):
        space = self.open()
        process = self.start("events", "--follow")
        until(lambda: len(space.snapshot()["processes"]) == 2, "it listens")
        time.sleep(0.1)
        for name in ("a1", "b2"):
            space.workstream(name).close()
        for part in ("opened      a1", "closed      a1", "opened      b2"):
            self.assertIn(part, process.stdout.readline())
        process.send_signal(signal.SIGINT)
        self.finish(process)

    def test_colours_only_in_a_terminal(self):
        self.open().mutex("m")
        self.assertNotIn("\x1b", self.run_command("ls"))
        self.assertIn("\x1b[", self.in_terminal("ls"))
        self.assertNotIn("\x1b", self.in_terminal("ls", NO_COLOR="1"))
        self.assertNotIn("\x1b", self.in_terminal("ls", TERM="dumb"))
        self.assertNotIn("\x1b", self.in_terminal("ls", "--json"))

    def in_terminal(self, *words, **more):
        ours, theirs = pty.openpty()
        process = subprocess.Popen([COMMAND, *words], stdin=theirs, stdout=theirs, stderr=theirs,
                                   env=self.environment(**more))
        os.close(theirs)
        text = b""
        while select.select([ours], [], [], 15)[0]:
            try:
                part = os.read(ours, 4096)
            except OSError:
                break
            text += part
        os.close(ours)
        self.assertEqual(process.wait(), 0)
        return text.decode()

    def test_a_damaged_space(self):
        self.path.write_bytes(b"no segment" * 1000)
        for words in (("ls",), ("show", "db"), ("clean",)):
            self.run_command(*words, exit=1)
        self.run_command("lock", "db", "true", exit=125)
        self.assertIn("no segment", self.errors)
        failure = self.run_command("lock", "--json", "db", "true", exit=125) or self.errors
        self.assertEqual(json.loads(failure)["error"], "E_CORRUPT")
        self.run_command("ls", "--spaces")
        self.assertTrue(self.path.exists())

    def test_doctor(self):
        findings = {one["subject"]: one for one in self.json("doctor")}
        self.assertEqual(findings["trial"]["grade"], "good")
        for subject in ("version", "kernel", "/dev/shm", "room", "futex_waitv", "membarrier"):
            self.assertTrue(findings[subject]["fact"])
        self.assertIn("a space was made", self.run_command("doctor"))


if __name__ == "__main__":
    unittest.main()
