"""What is killed, cut off or unplugged loses nothing, and the rest goes on."""

from __future__ import annotations

import itertools
import os
import random
import sqlite3
import subprocess
import threading
import time
import unittest

from lab.dhcp import Client
from lab.dora import lease_all
from lab.tests.rack_case import RackCase, mac
from lab.timeline import until

WAIT_TIMED_OUT = 7
KILLS = 8


class Failures(RackCase):
    def test_what_was_acknowledged_survives_kill_9_of_the_region(self) -> None:
        acknowledged: list[str] = []
        ended = threading.Event()

        def keep_adding() -> None:
            for index in range(2_000):
                if ended.is_set():
                    return
                name = f"durable{index}"
                answer = self.operator.run(
                    "node", "add", name, "--mac", mac(0x600000 + index), "--subnet", "hall1", expect=None)
                if answer.status == 0:
                    acknowledged.append(name)

        adding = threading.Thread(target=keep_adding)
        adding.start()
        try:
            for _ in range(3):
                count = len(acknowledged)
                until("ten more edits", lambda count=count: len(acknowledged) > count + 10, timeout=20)
                self.site.region.kill()
                self.site.region.start()
        finally:
            ended.set()
            adding.join()
        known = {node["name"] for node in self.operator.json("node", "list", "--subnet", "hall1")["nodes"]}
        self.assertEqual([name for name in acknowledged if name not in known], [])
        self.site.wait_online()
        self.assert_settled()
        last = acknowledged[-1]
        self.assert_leased(self.rack1, 0x600000 + int(last.removeprefix("durable")), self.address(last))
        with sqlite3.connect(f"file:{self.site.region.database}?mode=ro", uri=True) as database:
            self.assertEqual(database.execute("PRAGMA integrity_check").fetchone()[0], "ok")

    def test_killing_anybody_at_any_moment_loses_nothing(self) -> None:
        """Adds, moves and removals go on while region and agents are killed at moments drawn from a seed."""
        seed = int(os.environ.get("MUSTER_SEED", "0")) or random.randrange(1, 1 << 32)
        print(f"MUSTER_SEED={seed}")
        draw = random.Random(seed)
        # What is certain: a node's hall, or None when it was removed. A call without an answer makes it uncertain.
        certain: dict[str, str | None] = {}
        acknowledged: list[str] = []
        ended = threading.Event()

        def keep_editing() -> None:
            operator = random.Random(seed + 1)
            for index in itertools.count():
                if ended.is_set():
                    return
                hall = operator.choice(("hall1", "hall2"))
                standing = [name for name, at in certain.items() if at is not None]
                kind = operator.choice(("add", "add", "move", "remove")) if standing else "add"
                if kind == "add":
                    name = f"chaos{index}"
                    call = ("node", "add", name, "--mac", mac(0xa00000 + index), "--subnet", hall)
                else:
                    name = operator.choice(standing)
                    call = ("node", "update", name, "--subnet", hall) if kind == "move" else ("node", "remove", name)
                if self.operator.run(*call, expect=None).status == 0:
                    certain[name] = None if kind == "remove" else hall
                    acknowledged.append(name)
                else:
                    certain.pop(name, None)
                    ended.wait(0.02)

        editing = threading.Thread(target=keep_editing)
        editing.start()
        try:
            for _ in range(KILLS):
                time.sleep(draw.uniform(0.05, 1.5))
                victim = draw.choice((self.site.region, self.rack1, self.rack2))
                victim.kill()
                time.sleep(draw.uniform(0, 0.5))
                victim.start()
        finally:
            ended.set()
            editing.join()
        self.site.wait_online(timeout=40)
        self.assert_settled(timeout=40)
        nodes = {node["name"]: node["interfaces"][0] for node in self.operator.json("node", "list")["nodes"]}
        for name, hall in certain.items():
            self.assertEqual(nodes.get(name, {}).get("subnet"), hall, f"{name} after seed {seed}")
        self.assertGreater(len(acknowledged), KILLS, "hardly anything was edited")
        for hall, rack in (("hall1", self.rack1), ("hall2", self.rack2)):
            wanted = {at["mac"]: at["address"] for name, at in nodes.items()
                      if name.startswith("chaos") and at["subnet"] == hall}
            with rack.clients() as wire:
                outcomes = lease_all(wire, [Client(key) for key in wanted], timeout=20)
            wrong = [each.json() for each in outcomes if each.addresses != {wanted[each.client.mac]}]
            self.assertEqual(wrong, [], f"{hall} after seed {seed}")

    def test_kea_serves_while_its_agent_is_dead_and_the_agent_catches_up(self) -> None:
        address = self.add_node("steady", 0x700001)
        kea = self.rack1.daemon("kea-dhcp4")
        for round_ in range(3):
            self.rack1.kill()
            self.assert_leased(self.rack1, 0x700001, address)
            name = f"late{round_}"
            late = self.add_node(name, 0x700010 + round_, wait=False)
            self.rack1.start()
            self.site.wait_online()
            self.assert_settled()
            self.assert_leased(self.rack1, 0x700010 + round_, late)
        self.assertEqual(self.rack1.daemon("kea-dhcp4"), kea, "a living Kea is adopted, not replaced")

    def test_an_agent_killed_while_it_applies_converges(self) -> None:
        for round_ in range(5):
            for index in range(5):
                self.add_node(f"hasty{round_}x{index}", 0x710000 + 16 * round_ + index, wait=False)
            # At another point of the apply path each time.
            time.sleep(0.04 * round_)
            self.rack1.kill()
            self.rack1.start()
        self.site.wait_online()
        self.assert_settled()
        for round_ in range(5):
            for index in range(5):
                name = f"hasty{round_}x{index}"
                self.assert_leased(self.rack1, 0x710000 + 16 * round_ + index, self.address(name))
        self.assertEqual(len(self.rack1.daemon("kea-dhcp4")), 1, "one rack, one Kea")

    def test_a_killed_kea_comes_back(self) -> None:
        address = self.add_node("revived", 0x720001)
        before = self.rack1.daemon("kea-dhcp4")
        self.rack1.kill_daemons("kea-dhcp4")
        until("a new Kea", lambda: self.rack1.daemon("kea-dhcp4") not in ([], before), timeout=20)
        until("it answers", lambda: self.ask(self.rack1, 0x720001, timeout=2).lease is not None, timeout=20)
        self.assert_leased(self.rack1, 0x720001, address)

    def test_an_adopted_kea_that_is_killed_comes_back(self) -> None:
        """An agent that comes back finds its Kea as it should be, and gives it no order."""
        address = self.add_node("adopted", 0x730001)
        self.rack1.kill()
        self.rack1.start()
        self.site.wait_online()
        self.assert_settled()
        before = self.rack1.daemon("kea-dhcp4")
        self.rack1.kill_daemons("kea-dhcp4")
        until("a new Kea", lambda: self.rack1.daemon("kea-dhcp4") not in ([], before), timeout=20)
        until("it answers", lambda: self.ask(self.rack1, 0x730001, timeout=2).lease is not None, timeout=20)
        self.assert_leased(self.rack1, 0x730001, address)

    def test_without_the_region_a_rack_comes_up_and_serves(self) -> None:
        """As after a power cut that took the region's host for good: nothing of the rack runs, and nobody can be asked."""
        address = self.add_node("stranded", 0x740001)
        self.site.region.kill()
        try:
            self.rack1.kill()
            self.rack1.kill_daemons("kea-dhcp4")
            self.rack1.start()
            until("it answers", lambda: self.ask(self.rack1, 0x740001, timeout=2).lease is not None, timeout=30)
            self.assert_leased(self.rack1, 0x740001, address)
        finally:
            self.site.region.start()
        self.site.wait_online(timeout=40)
        late = self.add_node("rescued", 0x740002)
        self.assert_leased(self.rack1, 0x740002, late)
        self.assert_settled()

    def test_a_cut_off_rack_serves_and_nobody_waits_for_it(self) -> None:
        address = self.add_node("islander", 0x800001)
        self.site.management.partition("rack1")
        try:
            began = time.monotonic()
            self.operator.run("node", "add", "later", "--mac", mac(0x800002), "--subnet", "hall1", "--address", "auto")
            self.assertLess(time.monotonic() - began, 2, "an edit waited for a rack")
            self.operator.run(
                "node", "update", "later", "--location", "h1/r1", "--tag", "waiting", expect=0)
            waited = self.operator.run(
                "node", "boot", "later", "local", "--once", "--wait", "--timeout", "2s", expect=None)
            self.assertEqual(waited.status, WAIT_TIMED_OUT, str(waited))
            self.assert_leased(self.rack1, 0x800001, address)
        finally:
            self.site.management.heal("rack1")
        self.site.wait_online(timeout=40)
        self.assert_settled(timeout=40)
        self.assert_leased(self.rack1, 0x800002, self.address("later"))

    def test_an_unplugged_cable_makes_nobody_deaf(self) -> None:
        address = self.add_node("plugged", 0x900001)
        self.rack1.network.unplug()
        time.sleep(0.5)
        later = self.add_node("unplugged", 0x900002, wait=False)
        time.sleep(1)
        self.rack1.network.plug()
        until("Kea answers again", lambda: self.ask(self.rack1, 0x900001, timeout=2).lease is not None, timeout=20)
        self.assert_leased(self.rack1, 0x900001, address)
        self.assert_settled()
        self.assert_leased(self.rack1, 0x900002, later)

    def test_a_second_agent_of_one_rack_refuses_to_start(self) -> None:
        second = subprocess.run(
            ["ip", "netns", "exec", self.rack1.network.namespace, str(self.site.programs.pserv),
             "--config", str(self.rack1.configuration)], capture_output=True, text=True, timeout=20, check=False)
        self.assertNotEqual(second.returncode, 0)
        self.assertIn("in use", second.stdout + second.stderr)

    def test_a_second_region_on_one_database_refuses_to_start(self) -> None:
        second = subprocess.run(
            [str(self.site.programs.region), "--config", str(self.site.region.configuration),
             "--listen", f"unix:{self.site.run.folder}/second.sock", "--health-listen",
             f"unix:{self.site.run.folder}/second-health.sock"],
            capture_output=True, text=True, timeout=20, check=False)
        self.assertNotEqual(second.returncode, 0)
        self.assertIn("in use by process", second.stdout + second.stderr)

    def test_an_agent_that_is_told_to_stop_takes_its_daemons_along(self) -> None:
        self.assertEqual(self.rack2.stop(), 0)
        try:
            self.assertEqual(self.rack2.daemon("kea-dhcp4"), [])
            self.assertEqual(self.rack2.daemon("in.tftpd"), [])
        finally:
            self.rack2.start()
            self.site.wait_online()
        until("Kea is back", lambda: self.rack2.daemon("kea-dhcp4"), timeout=20)


if __name__ == "__main__":
    unittest.main()
