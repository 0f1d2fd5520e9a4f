"""A subnet changes hands, and nobody gets an address that another machine has."""

from __future__ import annotations

import unittest

from lab.dhcp import Client
from lab.dora import Outcome, Wire, lease
from lab.site import Rack
from lab.tests.rack_case import RackCase, mac
from lab.timeline import until

# A link of both hosts, each on a switch of its own, for the subnet that moves.
INTERFACE = "eno3"
FIRST, SECOND = "10.7.0.100", "10.7.0.101"


class Handover(RackCase):
    @classmethod
    def prepare(cls) -> None:
        cls.probes = {}
        for number, rack in enumerate(cls.site.racks.values(), start=1):
            cls.probes[rack.name] = rack.network.add_link(INTERFACE, f"10.7.0.{number}/24")
            rack.network.raise_link(INTERFACE)
            configuration = rack.configuration
            configuration.write_text(
                configuration.read_text().replace("{eno2: default}", f"{{eno2: default, {INTERFACE}: default}}"))

    def ask_hall7(self, rack: Rack, number: int, timeout: float = 5) -> Outcome:
        with Wire(rack.network.wire, self.probes[rack.name]) as wire:
            return lease(wire, Client(mac(number)), timeout)

    def owner(self) -> str:
        return str(self.operator.json("subnet", "show", "hall7")["status"]["owner"])

    def test_pool_addresses_are_not_given_again_by_the_next_owner(self) -> None:
        self.operator.run(
            "subnet", "add", "hall7", "10.7.0.0/24", "--gateway", "10.7.0.254", "--pool", f"{FIRST}-{SECOND}",
            "--agents", "rack1")
        self.operator.run("subnet", "update", "hall7", "--dhcp", "on", "--wait")
        self.assertEqual(self.ask_hall7(self.rack1, 0xC00001).address, FIRST)

        moved = self.operator.run("subnet", "update", "hall7", "--agents", "rack2", "--wait")
        self.assertRegex(moved.errors, r"(?m)^rack2 applied generation \d+ in .*, 1 lease handed over$")
        until("hall7 is rack2's", lambda: self.owner() == "rack2", timeout=20)
        self.assert_settled()
        self.assertEqual(self.rack2.leases().get(FIRST), mac(0xC00001), "rack2's Kea does not know the lease")
        self.assertIsNone(self.ask_hall7(self.rack1, 0xC00009, timeout=1).lease, "rack1 still answers")
        self.assertEqual(self.ask_hall7(self.rack2, 0xC00002).address, SECOND)
        self.assertIsNone(self.ask_hall7(self.rack2, 0xC00003, timeout=2).lease, "an address was given twice")
        self.assertEqual(self.ask_hall7(self.rack2, 0xC00001).address, FIRST, "its owner keeps it")

        # Removed and made again, by way of the other rack: the leases come along.
        self.operator.run("subnet", "remove", "hall7", "--yes")

        def made_again() -> bool:
            return self.operator.run(
                "subnet", "add", "hall7", "10.7.0.0/24", "--gateway", "10.7.0.254", "--pool", f"{FIRST}-{SECOND}",
                "--agents", "rack1", expect=None).status == 0

        until("its prefix is free again", made_again, timeout=20)
        self.operator.run("subnet", "update", "hall7", "--dhcp", "on", "--wait")
        self.assertIsNone(self.ask_hall7(self.rack1, 0xC00003, timeout=2).lease, "an address was given twice")
        self.assertEqual(self.ask_hall7(self.rack1, 0xC00002).address, SECOND)


if __name__ == "__main__":
    unittest.main()
