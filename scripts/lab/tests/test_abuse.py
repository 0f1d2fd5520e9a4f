"""Hostile peers: scripts/abuse in its short form, each attack once and small."""

from __future__ import annotations

import subprocess
import sys
import unittest
from pathlib import Path

from lab.programs import REPOSITORY

ABUSE_SECONDS_MAX = 600.0


class Abuse(unittest.TestCase):
    def test_the_server_survives_every_attack(self) -> None:
        done = subprocess.run(
            [sys.executable, REPOSITORY / "scripts" / "abuse", "--short"], capture_output=True, text=True,
            timeout=ABUSE_SECONDS_MAX)
        self.assertEqual(done.returncode, 0, f"\n{done.stdout}\n{done.stderr}")


if __name__ == "__main__":
    unittest.main()
