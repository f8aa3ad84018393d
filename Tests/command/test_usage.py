"""Options, help, the manual page and the completions: they agree, and wrong usage is told."""

import re
import shutil
import subprocess

from support import COMMAND, ROOT, SOON, CommandTest, json, unittest

MANUAL = ROOT / "share/man/man1/syncmgr.1"
BASH = ROOT / "share/bash-completion/completions/syncmgr"
ZSH = ROOT / "share/zsh/site-functions/_syncmgr"


class Usage(CommandTest):
    def commands(self):
        return re.findall(r"^  ([a-z-]+)  +[A-Z]", self.run_command("--help"), re.M)

    def test_wrong_usage_is_2(self):
        for words in ((), ("nothing",), ("lock",), ("lock", "db"), ("ls", "more"), ("--wrong",),
                      ("ls", "--wrong"), ("lock", "-t"), ("lock", "-t", "soon", "db", "true"),
                      ("lock", "-t", "-1", "db", "true"), ("lock", "-E", "256", "db", "true"),
                      ("semaphore", "-p", "0", "s", "true"), ("graph", "--dot", "--draw"),
                      ("lock", "--shared", "--exclusive", "db", "true"), ("ls", "--json=1")):
            self.run_command(*words, exit=2)
            self.assertTrue(self.errors)
        self.run_command("lock", "--json", "-t", "soon", "db", "true", exit=2)
        self.assertEqual(json.loads(self.errors)["exit"], 2)

    def test_a_space_is_named_in_three_ways(self):
        space = self.open()
        space.mutex("here")
        for words in (("--space", self.url), ("-s", self.name), (f"--space={self.name}",)):
            self.assertEqual(self.run_command("ls", *words, "--names", SYNCMGR_SPACE=""), "here\n")
        self.run_command("ls", "--space", "ftp:x", exit=1)

    def test_what_cannot_be_written_is_no_success(self):
        self.open().mutex("here")
        for words in (("ls",), ("--help",), ("ls", "--json"), ("show", "here"), ("doctor",)):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([COMMAND, *words], env=self.environment(), stdout=full,
                                      stderr=subprocess.PIPE, timeout=SOON, check=False)
            self.assertEqual(done.returncode, 1, words)
            self.assertIn(b"could not be written", done.stderr)
        # The exit status of COMMAND stays what it is, and so does the success without any output.
        with open("/dev/full", "wb") as full:
            done = subprocess.run([COMMAND, "lock", "here", "true"], env=self.environment(),
                                  stdout=full, timeout=SOON, check=False)
        self.assertEqual(done.returncode, 0)

    def test_times(self):
        space = self.open()
        space.mutex("db").acquire()
        for text in ("0", "0.001", "1ms", "1000us", "0.001s", "0.00001m", "0h", "0d"):
            self.run_command("lock", "-t", text, "db", "true", exit=124)
        space.mutex("db").release()

    def test_help_and_version(self):
        self.assertEqual(len(self.commands()), 21)
        for command in self.commands():
            text = self.run_command(command, "--help")
            self.assertIn(f"Usage: syncmgr {command}", text)
            self.assertEqual(self.run_command("help", command), text)
            self.assertTrue(all(len(line) <= 110 for line in text.splitlines()))
        self.assertRegex(self.run_command("--version"), r"^syncmgr \d+\.\d+\.\d+\n$")

    def test_manual_and_completions_have_every_option(self):
        manual = re.sub(r"\\(-|f[BIRP])", lambda found: "-" if found[1] == "-" else "",
                        MANUAL.read_text())
        for command in self.commands():
            for place in (manual, BASH.read_text(), ZSH.read_text()):
                self.assertRegex(place, rf"\b{command}\b")
            for option in re.findall(r"--[a-z-]+", self.run_command(command, "--help")):
                self.assertIn(option, manual)
                self.assertIn(option, BASH.read_text())
                self.assertIn(option, ZSH.read_text())

    def test_the_manual_renders_without_warnings(self):
        if shutil.which("groff") is None:
            self.skipTest("groff is not installed")
        done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", str(MANUAL)],
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_zsh_reads_its_completion(self):
        if shutil.which("zsh") is None:
            self.skipTest("zsh is not installed")
        script = ("autoload -Uz compinit; compinit -D -u; autoload -Uz _syncmgr; "
                  "autoload +X _syncmgr && print ${_comps[syncmgr]}")
        done = subprocess.run(["zsh", "-f", "-c", f"fpath=({ZSH.parent} $fpath); {script}"],
                              capture_output=True, text=True)
        self.assertEqual((done.stdout.strip(), done.stderr), ("_syncmgr", ""))

    def complete(self, *words):
        """What bash offers for the last of the words."""
        script = (f"PATH={ROOT / '.build/bin'}:$PATH; source {BASH}; COMP_WORDS=(\"$@\"); "
                  "COMP_CWORD=$(($# - 1)); _syncmgr; printf '%s\\n' \"${COMPREPLY[@]}\"")
        done = subprocess.run(["bash", "--norc", "-c", script, "bash", "syncmgr", *words],
                              capture_output=True, text=True, env=self.environment())
        self.assertEqual(done.stderr, "")
        return done.stdout.split("\n")[:-1]

    def test_bash_completes(self):
        space = self.open()
        kept = [space.mutex("db"), space.mutex("d e$"), space.mutex("other")]
        self.assertEqual(len(kept), 3)
        self.assertEqual(sorted(self.complete("sh")), ["show", "shut"])
        self.assertEqual(self.complete("lock", "--sh"), ["--shared"])
        self.assertEqual(sorted(self.complete("show", "d")), ["d\\ e\\$", "db"])
        self.assertEqual(self.complete("lock", "-t", "5", "o"), ["other"])
        self.assertIn("sleep", self.complete("lock", "db", "slee"))
        self.assertEqual(self.complete("ls", "-s", self.name[:-1]), [self.name])
        self.assertEqual(self.complete("lock", "-t", ""), [""])
        self.assertEqual(sorted(self.complete("help", "se")), ["semaphore", "send"])
        self.assertEqual(self.complete("recv", "--kind", "b"), ["broadcast"])
        self.assertEqual(self.complete("send", "--ttl", "1s", "o"), ["other"])
        self.assertEqual(self.complete("send", "db", "-p", "cr"), [""])
        self.assertEqual(self.complete("call", "--priority", "cr"), ["critical"])


if __name__ == "__main__":
    unittest.main()
