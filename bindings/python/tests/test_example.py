"""The example works: four of them start together, and end well."""

import re
import unittest

from support import ROOT, WatchedTest, new_url, segment_files

EXAMPLE = ROOT / "examples" / "python" / "worker.py"


class Example(WatchedTest):
    def test_four_workers(self):
        url = new_url()
        source = EXAMPLE.read_text()
        self.assertIn('"shm:jobs"', source)
        workers = [self.child(source.replace("shm:jobs", url)) for _ in range(4)]
        numbers = []
        for worker in workers:
            self.assertRegex(worker.line(), r"^process \d+ waits for three others$")
        for worker in workers:
            number, token = self.matched(worker.line(), r"^number (\d) uses the data, token (\d+)$")
            numbers.append(number)
            self.assertEqual(worker.line(), f"number {number} prints, with one other at most")
            self.assertIsNone(worker.line())
            self.assertEqual(worker.finish(), 0)
        self.assertEqual(sorted(numbers), ["0", "1", "2", "3"])
        self.assertEqual(segment_files(url), [])

    def matched(self, line, pattern):
        self.assertRegex(line or "", pattern)
        return re.match(pattern, line).groups()


if __name__ == "__main__":
    unittest.main()
