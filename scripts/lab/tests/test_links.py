"""A link that is down keeps its own subnet off and nothing else."""

from __future__ import annotations

import unittest

from lab.dhcp import Client
from lab.dora import Wire, lease
from lab.squatter import ForeignServer
from lab.tests.rack_case import RackCase, mac
from lab.timeline import until

# A second interface of rack1's host for each test: a link starts for the first time only once.
LINKS = {"eno3": "10.3.0.1/24", "eno4": "10.4.0.1/24"}
FOREIGN = "10.4.0.254"


class Links(RackCase):
    @classmethod
    def prepare(cls) -> None:
        cls.probes = {name: cls.rack1.network.add_link(name, address) for name, address in LINKS.items()}
        configuration = cls.rack1.configuration
        names = "".join(f", {name}: default" for name in LINKS)
        configuration.write_text(configuration.read_text().replace("{eno2: default}", f"{{eno2: default{names}}}"))

    def add_hall(self, number: int) -> None:
        self.operator.run(
            "subnet", "add", f"hall{number}", f"10.{number}.0.0/24", "--gateway", f"10.{number}.0.2", "--agents", "rack1")
        self.operator.run("subnet", "update", f"hall{number}", "--dhcp", "on")

    def reason(self, subnet: str) -> str:
        return str(self.operator.json("subnet", "show", subnet)["status"]["reason"])

    def test_a_link_that_is_down_at_its_first_start_holds_up_no_other(self) -> None:
        self.add_hall(3)
        below = self.add_node("below", 0xB00001, subnet="hall3", wait=False)
        beside = self.add_node("beside", 0xB00002)
        self.assert_leased(self.rack1, 0xB00002, beside)
        until("the region says which link is down", lambda: "eno3 is down" in self.reason("hall3"), timeout=15)
        self.assertIn("eno3 is down", self.operator.run("explain", "below", expect=8).output)
        self.assert_settled()

        self.rack1.network.raise_link("eno3")
        until("hall3 is served", lambda: self.reason("hall3") == "", timeout=30)
        with Wire(self.rack1.network.wire, self.probes["eno3"]) as wire:
            self.assertEqual(lease(wire, Client(mac(0xB00001)), 5).address, below)
        self.assert_leased(self.rack1, 0xB00002, beside)

    def test_a_link_that_comes_up_beside_a_foreign_server_stays_off(self) -> None:
        self.add_hall(4)
        self.add_node("guarded", 0xB00003, subnet="hall4", wait=False)
        until("the region says which link is down", lambda: "eno4 is down" in self.reason("hall4"), timeout=15)
        squatter = ForeignServer(self.rack1.network.wire, "sw-eno4", FOREIGN, "10.4.0.99")
        try:
            self.rack1.network.raise_link("eno4")
            until("the region says which server it is", lambda: FOREIGN in self.reason("hall4"), timeout=30)
            with Wire(self.rack1.network.wire, self.probes["eno4"]) as wire:
                self.assertEqual(lease(wire, Client(mac(0xB00003)), 5, 1).servers, {FOREIGN}, "two servers answered")
        finally:
            squatter.close()


if __name__ == "__main__":
    unittest.main()
