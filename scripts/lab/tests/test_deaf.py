"""A configuration by which Kea answers nobody hurts the one who made it, and nobody else."""

from __future__ import annotations

import unittest
from pathlib import Path

from lab.tests.rack_case import RackCase
from lab.timeline import until

RELAY = "10.99.0.1"


class Deaf(RackCase):
    def test_a_subnet_that_kea_cannot_serve_is_found_and_left_out(self) -> None:
        # Kea takes two subnets of one relay, and serves only the first of them.
        for number in (21, 22):
            self.operator.run(
                "subnet", "add", f"far{number}", f"10.{number}.0.0/24", "--relay", RELAY, "--agents", "rack1")
            self.add_node(f"far{number}n1", 0xD00000 + number, subnet=f"far{number}", wait=False)
            self.operator.run("subnet", "update", f"far{number}", "--dhcp", "on")
        address = self.add_node("beside", 0xD00001, wait=False)

        def reasons() -> list[str]:
            shown = [self.operator.json("subnet", "show", f"far{number}")["status"]["reason"] for number in (21, 22)]
            return [str(reason) for reason in shown if reason]

        until("one of them is named", lambda: len(reasons()) == 1 and "answers nobody" in reasons()[0], timeout=90)
        until("the rest applies", lambda: self.ask(self.rack1, 0xD00001, timeout=2).address == address, timeout=60)
        self.assertEqual(len(self.rack1.daemon("kea-dhcp4")), 1)

    def test_kea_is_not_root(self) -> None:
        for rack in (self.rack1, self.rack2):
            for pid in rack.daemon("kea-dhcp4"):
                status = Path(f"/proc/{pid}/status").read_text()
                uids = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]
                self.assertNotIn("0", uids, "Kea runs as root")


if __name__ == "__main__":
    unittest.main()
