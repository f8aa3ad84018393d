"""force-release and clean."""

from support import CommandTest, is_alive, signal, syncmgr, unittest, until


class ForceRelease(CommandTest):
    def test_it_takes_a_lock_away(self):
        space = self.open()
        holder = self.start("lock", "db", "sleep", "1")
        self.wait_held(space, "db")
        result = self.json("force-release", "db")
        self.assertTrue(result["released"])
        self.assertEqual(result["holders"][0]["pid"], holder.pid)
        self.assertFalse(self.json("force-release", "db")["released"])
        self.assertEqual(self.run_command("lock", "-t0", "db", "sh", "-c",
                                          "echo $SYNCMGR_OWNER_DIED"), "1\n")
        self.finish(holder, 125)

    def test_of_other_types(self):
        space = self.open()
        leader = self.start("election", "boss", "sleep", "1")
        self.wait_held(space, "boss")
        self.assertIn("taken from", self.run_command("force-release", "boss"))
        self.finish(leader, 125)
        space.latch("l", 1)
        self.run_command("force-release", "l", exit=1)
        self.assertIn("latch", self.errors)
        self.run_command("force-release", "nothing", exit=1)


class Clean(CommandTest):
    def test_an_abandoned_space_is_removed(self):
        process = self.start("lock", "db", "sh", "-c", "echo $$; exec sleep 60")
        child = int(process.stdout.readline())
        process.kill()
        process.wait()
        until(lambda: not is_alive(child), "both are dead")
        self.assertTrue(self.path.exists())
        self.assertEqual(self.json("clean"),
                         [{"url": self.url, "dead": 0, "removed": True, "error": None}])
        self.assertFalse(self.path.exists())

    def test_the_dead_are_recovered(self):
        space = self.open(threads=False)
        process = self.start("lock", "db", "sleep", "60")
        self.wait_held(space, "db")
        process.kill()
        process.wait()
        (result,) = self.json("clean")
        self.assertFalse(result["removed"])
        self.assertIn(result["dead"], (0, 1))
        self.assertEqual(self.object(space, "db")["holders"], [])

    def test_a_persistent_space_stays_unless_all_are_asked_for(self):
        self.run_command("signal", "--persistent", "go")
        self.assertIn("nobody dead", self.run_command("clean"))
        self.assertTrue(self.path.exists())
        self.run_command("wait", "-t", "0", "go")
        with syncmgr.open(self.url):
            self.run_command("clean", "--all")
            self.assertTrue(self.path.exists())
        self.assertIn("removed", self.run_command("clean", "--all"))
        self.assertFalse(self.path.exists())

    def test_a_damaged_space_only_by_force(self):
        self.path.write_bytes(b"")
        self.run_command("clean", exit=1)
        self.run_command("clean", "--force")
        self.assertFalse(self.path.exists())


if __name__ == "__main__":
    unittest.main()
