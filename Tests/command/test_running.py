"""lock, semaphore, election: a command runs while something is held."""

import pathlib
import tempfile

from support import CommandTest, is_alive, os, signal, syncmgr, time, unittest, until


class Lock(CommandTest):
    def test_it_ends_as_the_command_does(self):
        self.run_command("lock", "db", "true")
        self.run_command("lock", "db", "--", "sh", "-c", "exit 7", exit=7)
        self.run_command("lock", "db", "sh", "-c", "kill -TERM $$", exit=128 + signal.SIGTERM)
        self.run_command("lock", "db", "no-such-command", exit=127)
        self.run_command("lock", "db", "/etc/passwd", exit=126)
        self.assertFalse(self.path.exists())

    def test_the_command_gets_its_words_and_what_it_holds(self):
        output = self.run_command("lock", "db", "--", "printf", "%s|", "a b", "--json", "-t")
        self.assertEqual(output, "a b|--json|-t|")
        output = self.run_command(
            "lock", "db", "sh", "-c", 'echo "$SYNCMGR_SPACE $SYNCMGR_TOKEN $SYNCMGR_OWNER_DIED"')
        self.assertEqual(output, f"{self.url} 1 0\n")

    def test_it_excludes_and_is_released(self):
        space = self.open()
        holder = self.start("lock", "db", "sleep", "60")
        who = self.wait_held(space, "db")
        self.assertEqual(who["pid"], holder.pid)
        self.assertEqual(who["name"], f"sleep-{holder.pid}")
        self.run_command("lock", "-t", "0", "db", "true", exit=124)
        self.run_command("lock", "--timeout=50ms", "db", "true", exit=124)
        self.run_command("lock", "-t0", "-E", "9", "db", "true", exit=9)
        self.run_command("lock", "-t0", "-E1", "db", "true", exit=1)
        waiter = self.start("lock", "db", "echo", "mine")
        self.wait_waiters(space, "db")
        holder.terminate()
        self.finish(holder, 128 + signal.SIGTERM)
        self.assertEqual(self.finish(waiter), "mine\n")
        space.mutex("db").acquire(timeout=0)
        space.mutex("db").release()

    def test_signals_go_to_the_command(self):
        with tempfile.TemporaryDirectory() as directory:
            ready = pathlib.Path(directory, "ready")
            process = self.start(
                "lock", "db", "sh", "-c",
                f"trap 'echo got; exit 5' INT; touch {ready}; while :; do sleep 0.01; done")
            until(ready.exists, "the command runs")
            process.send_signal(signal.SIGINT)
            self.assertEqual(self.finish(process, 5), "got\n")

    def test_a_signal_ends_the_wait_and_takes_it_out_of_the_line(self):
        space = self.open()
        mutex = space.mutex("db")
        mutex.acquire()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            waiter = self.start("lock", "db", "true")
            self.wait_waiters(space, "db")
            waiter.send_signal(number)
            self.finish(waiter, -number)
            self.assertEqual(self.object(space, "db")["waiters"], [])
        mutex.release()
        self.assertEqual(len(space.snapshot()["processes"]), 1)

    def test_killing_the_command_releases(self):
        space = self.open()
        process = self.start("lock", "db", "sh", "-c", "echo $$; exec sleep 60")
        child = int(process.stdout.readline())
        os.kill(child, signal.SIGKILL)
        self.finish(process, 128 + signal.SIGKILL)
        self.assertEqual(self.object(space, "db")["holders"], [])

    def test_killing_syncmgr_kills_the_command_and_releases(self):
        space = self.open()
        process = self.start("lock", "db", "sh", "-c", "echo $$; exec sleep 60")
        child = int(process.stdout.readline())
        process.kill()
        until(lambda: not is_alive(child), "the command is killed")
        output = self.run_command("lock", "-t", "10", "db", "sh", "-c", "echo $SYNCMGR_OWNER_DIED")
        self.assertEqual(output, "1\n")
        self.assertIn(f"process {process.pid}", self.errors)
        self.assertEqual(self.object(space, "db")["counters"]["owner_deaths"], 1)

    def test_shared_holds_are_shared(self):
        space = self.open()
        readers = [self.start("lock", "--shared", "file", "sleep", "60") for _ in range(2)]
        until(lambda: (found := self.object(space, "file")) and len(found["holders"]) == 2,
              "both hold it")
        self.run_command("lock", "--exclusive", "-t", "0", "file", "true", exit=124)
        for reader in readers:
            reader.terminate()
            self.finish(reader, 128 + signal.SIGTERM)
        self.run_command("lock", "--exclusive", "file", "true")
        self.run_command("lock", "file", "true", exit=125)
        self.assertIn("readers-writer lock", self.errors)

    def test_a_lease_is_kept_while_it_runs_and_lost_when_it_is_stopped(self):
        space = self.open()
        self.run_command("lock", "--lease", "100ms", "db", "sleep", "0.4")
        process = self.start("lock", "--lease", "100ms", "db", "sh", "-c", "sleep 1")
        self.wait_held(space, "db")
        process.send_signal(signal.SIGSTOP)
        until(lambda: not self.object(space, "db")["holders"], "the lease is over")
        process.send_signal(signal.SIGCONT)
        self.finish(process, 125)

    def test_it_takes_the_parameters_of_an_existing_mutex(self):
        space = self.open()
        space.mutex("db", recursive=True)
        self.run_command("lock", "db", "true")
        self.run_command("lock", "--fair", "db", "true", exit=125)
        self.assertIn("flags", self.errors)

    def test_names_with_odd_characters(self):
        space = self.open()
        for name in ('a b', 'quo"te', "back\\slash", "é漢字", "$(x)`y`", "-"):
            self.run_command("lock", name, "true")
            self.assertIn(name, [one["name"] for one in self.json("ls")])
            self.assertEqual(self.json("show", name)["name"], name)
        space.close()
        self.run_command("lock", "a/b", "true", exit=125)
        self.run_command("lock", "", "true", exit=125)

    def test_many_at_once_are_one_after_the_other(self):
        self.open()
        with tempfile.TemporaryDirectory() as directory:
            count = pathlib.Path(directory, "count")
            count.write_text("0")
            script = f"n=$(cat {count}); sleep 0.01; echo $((n + 1)) > {count}"
            for process in [self.start("lock", "db", "sh", "-c", script) for _ in range(12)]:
                self.finish(process)
            self.assertEqual(count.read_text(), "12\n")

    def test_the_command_inherits_ignored_signals_and_no_descriptor(self):
        output = self.run_command(
            "lock", "db", "sh", "-c", "ls /proc/self/fd | wc -l; grep -c '^SigBlk:.*0$' "
            "/proc/self/status")
        self.assertEqual(output.split(), ["4", "1"])


class Semaphore(CommandTest):
    def test_as_many_as_there_are_permits(self):
        space = self.open()
        holders = [self.start("semaphore", "-p", "2", "net", "sleep", "60") for _ in range(2)]
        until(lambda: (found := self.object(space, "net")) and len(found["holders"]) == 2,
              "both hold one")
        self.run_command("semaphore", "-t", "0", "net", "true", exit=124)
        holders[0].kill()
        self.run_command("semaphore", "-t", "10", "net", "true")
        holders[1].terminate()
        self.finish(holders[1], 128 + signal.SIGTERM)
        self.run_command("semaphore", "--count", "2", "net", "sh", "-c", "exit 3", exit=3)
        self.run_command("semaphore", "--count", "3", "net", "true", exit=125)
        self.run_command("semaphore", "-p", "3", "net", "true", exit=125)
        self.assertIn("2", self.errors)

    def test_without_permits_it_must_exist(self):
        self.run_command("semaphore", "net", "true", exit=125)


class Election(CommandTest):
    def test_one_leads_and_the_next_follows(self):
        space = self.open()
        leader = self.start("election", "boss", "sleep", "60")
        self.wait_held(space, "boss")
        self.assertIn(f"({leader.pid}), term 1", self.run_command("election", "boss"))
        self.assertEqual(self.json("election", "boss")["leader"]["pid"], leader.pid)
        follower = self.start("election", "boss", "sh", "-c", "echo term $SYNCMGR_TOKEN")
        self.wait_waiters(space, "boss")
        leader.kill()
        self.assertEqual(self.finish(follower), "term 2\n")
        self.run_command("election", "boss", exit=1)

    def test_once_a_success_is_the_last(self):
        self.open()
        self.run_command("election", "--once", "setup", "sh", "-c", "exit 4", exit=4)
        self.assertEqual(self.run_command("election", "--once", "setup", "echo", "did it"),
                         "did it\n")
        self.assertEqual(self.run_command("election", "--once", "setup", "echo", "again"), "")


if __name__ == "__main__":
    unittest.main()
