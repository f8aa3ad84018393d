"""latch, barrier, wait and signal."""

from support import CommandTest, json, signal, unittest


class Latch(CommandTest):
    def test_it_opens_at_zero(self):
        space = self.open()
        waiter = self.start("latch", "ready", "--count", "3")
        self.wait_waiters(space, "ready")
        self.assertEqual(self.json("latch", "ready", "--down", "2"), {"remaining": 1})
        self.run_command("latch", "ready", "-t", "0", exit=124)
        self.run_command("latch", "ready", "-d", "2", exit=1)
        self.run_command("latch", "ready", "-d1")
        self.finish(waiter)
        self.run_command("latch", "ready")

    def test_it_says_when_the_count_goes_with_the_process(self):
        self.run_command("latch", "ready", "-c", "3", "-d", "1")
        self.assertIn("--persistent", self.errors)
        self.run_command("latch", "ready", "-c", "3", "-d", "1", "--persistent")
        self.assertEqual(self.errors, "")
        self.assertEqual(self.json("latch", "ready", "-d", "1"), {"remaining": 1})


class Barrier(CommandTest):
    def test_all_meet(self):
        space = self.open()
        others = [self.start("barrier", "meet", "--parties", "3", "--json") for _ in range(2)]
        self.wait_waiters(space, "meet", 2)
        last = self.json("barrier", "meet")
        self.assertEqual(last, {"generation": 0, "index": 2, "leader": True})
        found = sorted(json.loads(self.finish(other))["index"] for other in others)
        self.assertEqual(found, [0, 1])

    def test_it_breaks_when_one_gives_up(self):
        space = self.open()
        other = self.start("barrier", "meet", "-p", "3")
        self.wait_waiters(space, "meet")
        self.run_command("barrier", "meet", "-t", "50ms", exit=124)
        self.finish(other, 1)
        self.run_command("barrier", "meet", exit=1)
        self.run_command("barrier", "meet", "--reset")
        self.run_command("barrier", "meet", "-t", "0", exit=124)

    def test_a_killed_one_breaks_it(self):
        space = self.open()
        others = [self.start("barrier", "meet", "-p", "3") for _ in range(2)]
        self.wait_waiters(space, "meet", 2)
        others[0].kill()
        self.finish(others[1], 1)


class Event(CommandTest):
    def test_a_signal_lets_one_go(self):
        space = self.open()
        waiters = [self.start("wait", "go") for _ in range(2)]
        self.wait_waiters(space, "go", 2)
        self.run_command("signal", "go")
        self.run_command("signal", "go")
        for waiter in waiters:
            self.finish(waiter)
        self.run_command("wait", "go", "-t", "0", exit=124)
        self.run_command("signal", "go")
        self.assertEqual(self.json("wait", "go", "-t", "0"), {"set": True})

    def test_a_manual_one_stays_set(self):
        space = self.open()
        waiters = [self.start("wait", "--manual", "go") for _ in range(2)]
        self.wait_waiters(space, "go", 2)
        self.run_command("signal", "go")
        for waiter in waiters:
            self.finish(waiter)
        self.run_command("wait", "go")
        self.run_command("signal", "--reset", "go")
        self.run_command("wait", "go", "-t", "0.01", exit=124)

    def test_a_signal_to_the_process_ends_its_wait(self):
        space = self.open()
        waiter = self.start("wait", "go")
        self.wait_waiters(space, "go")
        waiter.terminate()
        self.finish(waiter, -signal.SIGTERM)

    def test_it_says_when_nobody_is_there(self):
        self.run_command("signal", "go")
        self.assertIn("--persistent", self.errors)


if __name__ == "__main__":
    unittest.main()
