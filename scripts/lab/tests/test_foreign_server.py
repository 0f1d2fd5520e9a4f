"""Never a surprise boot: DHCP is off until told, and never beside somebody else's."""

from __future__ import annotations

import unittest

from lab.squatter import ForeignServer
from lab.tests.rack_case import RackCase
from lab.timeline import until

FOREIGN = "10.1.0.254"
WAIT_TIMED_OUT = 7


class ForeignServers(RackCase):
    serves = False

    def test_dhcp_is_off_until_an_operator_turns_it_on(self) -> None:
        self.add_node("early", 0xA00001, subnet="hall2")
        self.assertIsNone(self.ask(self.rack2, 0xA00001, timeout=2).lease)

    def test_a_foreign_server_keeps_dhcp_off_and_is_named(self) -> None:
        address = self.add_node("guarded", 0xA00002)
        squatter = ForeignServer(self.rack1.network.wire, "sw0", FOREIGN, "10.1.9.9")
        try:
            self.operator.run(
                "subnet", "update", "hall1", "--dhcp", "on", "--wait", "--timeout", "8s", expect=WAIT_TIMED_OUT)
            until(
                "the region says which server it is",
                lambda: FOREIGN in str(self.operator.json("subnet", "show", "hall1")["status"]["reason"]), timeout=15)
            self.assertGreater(squatter.answered, 0, "the agent never looked for another server")
            explained = self.operator.run("explain", "guarded", expect=8)
            self.assertIn(FOREIGN, explained.output)
            outcome = self.ask(self.rack1, 0xA00002, linger=1)
            self.assertEqual(outcome.servers, {FOREIGN}, "two servers answered")
        finally:
            squatter.close()
        # Said again, as the message advises: the agent looks once more.
        self.operator.run("subnet", "update", "hall1", "--dhcp", "on", "--wait")
        self.assert_leased(self.rack1, 0xA00002, address)


if __name__ == "__main__":
    unittest.main()
