"""What region and agents count can be read, and says what happened."""

from __future__ import annotations

import unittest
import urllib.request

from lab.netns import inside
from lab.tests.rack_case import RackCase
from lab.timeline import until

REGION_PORT, RACK_PORT = 7611, 7613
SCRAPE_SECONDS_MAX = 5.0


def scrape(namespace: str, port: int) -> dict[str, float]:
    """Every series of a program by its full name."""

    def ask() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=SCRAPE_SECONDS_MAX) as answer:
            return str(answer.read().decode())

    lines = [line for line in inside(namespace, ask).splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


class Metrics(RackCase):
    def region(self) -> dict[str, float]:
        return scrape(self.site.management.namespace, REGION_PORT)

    def rack(self) -> dict[str, float]:
        return scrape(self.rack1.network.namespace, RACK_PORT)

    def test_the_region_shows_its_agents_and_what_waits_for_them(self) -> None:
        self.add_node("seen1", 0x600001)
        self.assert_settled()
        before = self.region()
        self.assertEqual(before["muster_region_agents_online"], 2)
        self.assertEqual(before["muster_region_sessions"], 2)
        self.assertEqual((before["muster_region_subnets"], before["muster_region_subnets_served"]), (2, 2))
        self.assertEqual(before["muster_region_subnets_behind"], 0)
        self.assertGreater(before["process_resident_memory_bytes"], 1 << 20)
        self.rack1.kill()
        try:
            self.add_node("seen2", 0x600002, wait=False)
            self.assertEqual(self.region()["muster_region_changes_behind"], 1)
            until("the region misses a session", lambda: self.region()["muster_region_sessions"] == 1, 20)
        finally:
            self.rack1.start()
        self.site.wait_online()
        self.assert_settled()
        self.assertEqual(self.region()["muster_region_subnets_behind"], 0)

    def test_an_agent_counts_its_reloads_and_their_silence(self) -> None:
        before = self.rack()
        self.add_node("counted1", 0x600003)
        after = self.rack()
        self.assertGreater(after["muster_pserv_reloads"], before["muster_pserv_reloads"])
        self.assertGreater(after["muster_pserv_silence_seconds_sum"], before["muster_pserv_silence_seconds_sum"])
        self.assertEqual(after["muster_pserv_apply_failures"], before["muster_pserv_apply_failures"])
        self.assertEqual(after["muster_pserv_reservations"], before["muster_pserv_reservations"] + 1)
        self.assertEqual((after["muster_pserv_region_connected"], after["muster_pserv_subnets_troubled"]), (1, 0))

    def test_a_call_is_counted_by_its_method(self) -> None:
        name = 'rpc_server_call_seconds_count{method="muster.v1.RegionService/GetStatus"}'
        before = self.region()[name]
        self.operator.run("status")
        self.assertGreater(self.region()[name], before)


if __name__ == "__main__":
    unittest.main()
