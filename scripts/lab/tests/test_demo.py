"""The demo itself, from the first line to the last, and what it leaves behind: nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import unittest

from lab import netns
from lab import run as runs

SECONDS_MAX = 120
# A machine without KVM is as fast as the processor it gets; on a busier host than this the time proves nothing.
LOAD_PER_CPU_MAX = 1.0


def demo(*arguments: str, timeout: float = 5 * SECONDS_MAX) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lab.demo", *arguments], capture_output=True, text=True, timeout=timeout, check=False)


class Demo(unittest.TestCase):
    def test_the_demo_holds_every_promise_and_leaves_nothing(self) -> None:
        began, is_busy = time.monotonic(), os.getloadavg()[0] > LOAD_PER_CPU_MAX * (os.cpu_count() or 1)
        done = demo()
        print(done.stdout, file=sys.stderr)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        last = done.stdout.strip().splitlines()[-1]
        self.assertRegex(last, r"^ *\d+\.\ds  PASS    (\d+) of \1 checks$")
        if not is_busy:
            self.assertLess(time.monotonic() - began, SECONDS_MAX)
        self.assertEqual(self.leftovers(), [])

    def test_a_kept_demo_can_be_talked_to_and_stopped(self) -> None:
        kept = demo("--keep")
        try:
            self.assertEqual(kept.returncode, 0, kept.stdout + kept.stderr)
            environment = re.search(r"Talk to it:  \. (\S+) ", kept.stdout)
            assert environment is not None, kept.stdout
            said = subprocess.run(
                ["sh", "-c", f". {environment.group(1)} && muster status --check"], capture_output=True, text=True,
                timeout=20, check=False)
            self.assertEqual(said.returncode, 0, said.stdout + said.stderr)
            self.assertIn("healthy", said.stdout)
        finally:
            stopped = demo("--stop")
        self.assertEqual(stopped.returncode, 0, stopped.stderr)
        self.assertEqual(self.leftovers(), [])

    @staticmethod
    def leftovers() -> list[str]:
        """Folders and namespaces of runs that nobody owns any more."""
        alive = tuple(runs.prefix(manifest.run) for manifest in runs.manifests() if manifest.is_owned)
        namespaces = [path.name for path in netns.NAMED.glob("muster-*")] if netns.NAMED.is_dir() else []
        dead = [manifest.run for manifest in runs.manifests() if not manifest.is_owned]
        return dead + [name for name in namespaces if not name.startswith(alive)]


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    unittest.main()
