"""The main job from end to end, on one machine: `scripts/demo` runs this.

Every step drives the programs as an operator would and says what it expects; one that does not hold is reported, and
the rest goes on.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from lab import netns, packages, population
from lab import run as runs
from lab.detach import LetGo, detached
from lab.dhcp import Client
from lab.dora import lease, lease_all
from lab.host import Host
from lab.machine import Hardware, Machine
from lab.programs import Programs
from lab.run import Interrupted, Run
from lab.site import CACHE, DEMO, INITRD_PATH, KERNEL_ARGUMENTS, KERNEL_PATH, Rack, Site
from lab.timeline import CheckFailed, Timeline, expect, until

KIND = "demo"
PROFILE = "demo"

NODES = {node["name"]: node for node in population.nodes()}
# Who plays which part. The first host of each hall boots; the others only ask for their address.
BIOS_NODE, UEFI_NODE, OFFLINE_NODE = "r1n1", "r2n1", "r1n2"
MOVED_NODE = "r1n20"
UNKNOWN = Hardware("unknown", "52:54:00:aa:bb:01", serial="7XK2", uuid="0f0e7c1a-6b1f-4c7e-9a55-525400aabb01")
STRANGER_MAC = "52:54:00:aa:cc:01"


def hardware(name: str, firmware: str) -> Hardware:
    node = NODES[name]
    memory_mib = 512 if firmware == "uefi" else 256
    return Hardware(name, node["mac"], firmware, node["serial"], node["uuid"], memory_mib)


class Demo:
    """The steps, in the order in which they run."""

    def __init__(self, site: Site, timeline: Timeline) -> None:
        self._site = site
        self._timeline = timeline
        self._operator = site.operator
        self._rack1 = site.racks["rack1"]
        self._rack2 = site.racks["rack2"]

    def play(self) -> None:
        self._start_region()
        self._describe_halls()
        self._start_racks()
        self._serve()
        bios = self._power_on(self._rack1, hardware(BIOS_NODE, "bios"))
        uefi = self._power_on(self._rack2, hardware(UEFI_NODE, "uefi"))
        unknown = self._power_on(self._rack1, UNKNOWN)
        self._lease_to_hosts()
        self._lease_to_everybody()
        self._move()
        self._boots(bios, BIOS_NODE, "BIOS")
        self._enlists(unknown)
        self._boots(uefi, UEFI_NODE, "UEFI")
        self._boots_without_region()
        self._converges()

    # Beginning

    def _start_region(self) -> None:
        self._site.region.start()
        self._timeline.say("region", f"ready on {self._operator.environment['MUSTER_REGION']}")
        for rack in self._site.racks.values():
            rack.enrol(self._operator)

    def _describe_halls(self) -> None:
        with self._timeline.check("two subnets and 1,000 nodes imported; the same file again changes nothing"):
            self._operator.run("subnet", "import", DEMO / "subnets.csv")
            self._operator.run("node", "import", DEMO / "nodes.csv", "--dry-run")
            answer = self._operator.run("node", "import", DEMO / "nodes.csv")
            self._timeline.say("region", answer.output.strip().splitlines()[-1])
            count = self._operator.json("status")["nodes"]
            expect(int(count) == len(NODES), f"the region has {count} nodes, not {len(NODES)}")
            again = self._operator.run("node", "import", DEMO / "nodes.csv").output
            expect(f"{len(NODES)} unchanged" in again, f"the second import says {again.strip()!r}")
        files = ("--kernel", KERNEL_PATH, "--initrd", INITRD_PATH, "--arguments", KERNEL_ARGUMENTS)
        self._operator.run("boot", "add", PROFILE, *files)
        self._operator.run("boot", "update", "enlist", *files)
        for name in (BIOS_NODE, UEFI_NODE, OFFLINE_NODE):
            self._operator.run("node", "boot", name, PROFILE, "--once")

    def _start_racks(self) -> None:
        with self._timeline.check("each agent enrols and owns the subnet of its rack"):
            for rack in self._site.racks.values():
                rack.start()
            self._site.wait_online()
            self._site.wait_applied()
            for name, subnet in self._operator.subnets().items():
                owner, epoch = subnet["status"]["owner"], subnet["status"]["epoch"]
                self._timeline.say(owner or "-", f"online, owns {name} (epoch {epoch})")
                wanted = "rack" + name.removeprefix("hall")
                expect(owner == wanted, f"{name} is owned by {owner or 'nobody'}, not by {wanted}")

    def _serve(self) -> None:
        with self._timeline.check("DHCP answers nobody until an operator turns it on"):
            with self._rack1.clients() as wire:
                silent = lease(wire, Client(NODES[BIOS_NODE]["mac"]), timeout=1.5)
            expect(silent.lease is None, f"{silent.servers} leased {silent.address} although DHCP is off")
        for hall in ("hall1", "hall2"):
            answer = self._operator.run("subnet", "update", hall, "--dhcp", "on", "--wait")
            self._timeline.say(hall, (answer.output + answer.errors).strip().splitlines()[-1])

    def _power_on(self, rack: Rack, machine: Hardware) -> Machine:
        self._timeline.say(machine.name, f"powers on in {rack.name} ({machine.firmware}, {machine.mac})")
        return rack.power_on(machine)

    # While the machines boot

    def _lease_to_hosts(self) -> None:
        busybox = packages.busybox(CACHE)
        for rack, name in ((self._rack1, "r1n3"), (self._rack2, "r2n3")):
            wanted = NODES[name]["address"]
            with self._timeline.check(f"a DHCP client in {rack.name} gets exactly its reserved address") as note:
                got = Host(self._site.run, rack.network, name, NODES[name]["mac"], busybox).take_lease()
                expect(got == wanted, f"{name} got {got}, not {wanted}")
                note(f"{name} {got}")

    def _lease_to_everybody(self) -> None:
        # Those whose machines boot or will boot keep their own leases.
        busy = {BIOS_NODE, UEFI_NODE, OFFLINE_NODE}
        for rack, hall in ((self._rack1, "hall1"), (self._rack2, "hall2")):
            nodes = [node for node in NODES.values() if node["subnet"] == hall and node["name"] not in busy]
            with self._timeline.check(f"every node of {hall} gets its address and no other") as note:
                began = self._timeline.seconds
                with rack.clients() as wire:
                    outcomes = lease_all(wire, [Client(node["mac"]) for node in nodes], timeout=20)
                wrong = [
                    f"{node['name']} wants {node['address']}, got {sorted(outcome.addresses) or 'nothing'}"
                    for node, outcome in zip(nodes, outcomes, strict=True)
                    if outcome.address != node["address"] or outcome.addresses != {node["address"]}
                ]
                expect(not wrong, f"{len(wrong)} of {len(nodes)} are wrong: {'; '.join(wrong[:5])}")
                note(f"{len(nodes)} leases in {self._timeline.seconds - began:.1f}s")

    def _move(self) -> None:
        node = NODES[MOVED_NODE]
        with self._timeline.check(f"{MOVED_NODE} moves from rack1 to rack2 and its old address is held") as note:
            self._operator.run("node", "update", MOVED_NODE, "--subnet", "hall2", "--address", "auto", "--wait")
            address = self._operator.node(MOVED_NODE)["interfaces"][0]["address"]
            expect(address.startswith("10.2."), f"{MOVED_NODE} has {address}, which is not in hall2")
            with self._rack2.clients() as wire:
                moved = lease(wire, Client(node["mac"]))
            expect(moved.address == address, f"in rack2 it gets {moved.address or 'nothing'}, not {address}")
            with self._rack1.clients() as wire:
                stayed = lease(wire, Client(node["mac"]), timeout=3)
            expect(node["address"] not in stayed.addresses, f"rack1 still offers {node['address']}")
            refused = self._operator.run(
                "node", "add", "squatter", "--mac", STRANGER_MAC, "--subnet", "hall1", "--address", node["address"],
                "--output", "json", expect=None)
            expect(refused.status != 0, f"{node['address']} went to another machine at once: {refused}")
            expect("ADDRESS_HELD" in refused.output + refused.errors, f"refused for another reason: {refused}")
            note(f"{node['address']} -> {address}")

    # Machines

    def _boots(self, machine: Machine, name: str, firmware: str) -> None:
        node = NODES[name]
        with self._timeline.check(f"a {firmware} machine boots through its rack") as note:
            said = machine.wait_boot()
            self._timeline.say(name, f"MUSTER-BOOT mac={said['mac']} address={said['address']}")
            expect(said["mac"] == node["mac"], f"it has the MAC {said['mac']}")
            expect(said["address"] == node["address"], f"it got {said['address']}, not {node['address']}")
            expect(said["firmware"] == firmware.lower(), f"it booted by {said['firmware']}")
            machine.wait_console("MUSTER-PHONE-HOME ok", timeout=20)
            self._operator.run("node", "wait", name, "--for", "phone-home", "--since", "5m", "--timeout", "10s")
            until(
                f"{name} is back to its local disk",
                lambda: not self._operator.node(name)["boot_once"] and self._boots_locally(name), timeout=10)
            note("phoned home, next boot is local")

    def _enlists(self, machine: Machine) -> None:
        def enlisted() -> list[dict[str, Any]]:
            nodes = self._operator.json("node", "list", "--state", "new")["nodes"]
            return [node for node in nodes if node["interfaces"][0]["mac"] == UNKNOWN.mac]

        with self._timeline.check("an unknown machine enlists once and is accepted") as note:
            said = machine.wait_boot()
            machine.wait_console("MUSTER-PHONE-HOME ok", timeout=20)
            expect(said["address"].startswith("10.1.3."), f"{said['address']} is not an address of the pool")
            found = until("it is listed as new", enlisted, timeout=10)
            expect(len(found) == 1, f"it is listed {len(found)} times")
            node = found[0]
            expect(node["serial"] == UNKNOWN.serial, f"its serial number is {node['serial']!r}, not {UNKNOWN.serial!r}")
            self._timeline.say("region", f"{node['name']} is new: serial {node['serial']}, {said['address']}")
            self._operator.run("node", "accept", node["name"], "--name", "web9", "--address", "auto", "--wait")
            address = self._operator.node("web9")["interfaces"][0]["address"]
            with self._rack1.clients() as wire:
                got = lease(wire, Client(UNKNOWN.mac))
            expect(got.address == address, f"web9 gets {got.address or 'nothing'}, not {address}")
            note(f"web9 {address}")

    def _boots_without_region(self) -> None:
        with self._timeline.check("the region is stopped and a machine still boots") as note:
            self._site.region.kill()
            self._timeline.say("region", "killed (kill -9)")
            machine = self._power_on(self._rack1, hardware(OFFLINE_NODE, "bios"))
            said = machine.wait_boot()
            expect(said["address"] == NODES[OFFLINE_NODE]["address"], f"it got {said['address']}")
            machine.wait_console("MUSTER-PHONE-HOME ok", timeout=20)
            until("its next boot is local", lambda: self._boots_locally(OFFLINE_NODE), timeout=5)
            note(f"{OFFLINE_NODE} {said['address']}, next boot is local")

    def _boots_locally(self, name: str) -> bool:
        """Whether the rack would now send the machine to its own disk, as its firmware would ask."""
        rack = self._rack1 if name.startswith("r1") else self._rack2
        host = rack.network.addresses[0].split("/")[0]
        url = f"http://{host}:7612/v1/boot.ipxe?mac={NODES[name]['mac'].replace(':', '%3A')}"
        script = netns.inside(rack.network.namespace, lambda: urllib.request.urlopen(url, timeout=5).read().decode())
        return "kernel " not in script

    # End

    def _converges(self) -> None:
        with self._timeline.check("the region comes back with everything it acknowledged"):
            self._site.region.start()
            self._timeline.say("region", "started again")
            self._site.wait_online()
            count = int(self._operator.json("status")["nodes"])
            expect(count == len(NODES) + 1, f"it has {count} nodes, not {len(NODES) + 1}")
        with self._timeline.check("every subnet shows applied = head"):
            self._site.wait_applied()
            for name, subnet in self._operator.subnets().items():
                status = subnet["status"]
                self._timeline.say(status["owner"], f"{name} epoch {status['epoch']}, applied {status['applied']} = head")


def perform(programs: Programs, let_go: LetGo | None) -> int:
    """Plays the demo and ends it; with `let_go`, calls that after the checks and waits for a signal first."""
    timeline = Timeline()
    try:
        with Run.open(KIND) as run:
            site = Site.build(run, programs)
            try:
                site.put_boot_files()
                Demo(site, timeline).play()
                status = 0 if timeline.conclude() else 1
                if status:
                    run.show_logs()
                if let_go is not None:
                    words = f"Talk to it:  . {write_environment(site)}      Stop it:  scripts/demo --stop"
                    let_go(status, words)
                    while True:
                        signal.pause()
                return status
            except CheckFailed as error:
                timeline.say("FAIL", str(error))
                run.show_logs()
                return 1
            finally:
                site.close()
    except Interrupted as signalled:
        timeline.say("lab", f"ended by {signalled}")
        return 130
    except (OSError, subprocess.SubprocessError, packages.PackageMissing) as error:
        timeline.say("FAIL", str(error))
        return 1


def write_environment(site: Site) -> Path:
    """The file that makes `muster` talk to this region."""
    path = site.run.folder / "env"
    lines = [f"export {name}='{value}'" for name, value in site.operator.environment.items() if name != "NO_COLOR"]
    path.write_text("\n".join([*lines, f"export PATH='{site.programs.folder}':\"$PATH\"", ""]))
    return path


def stop() -> int:
    """Ends every demo that is kept or left over."""
    found = [manifest for manifest in runs.manifests() if manifest.kind == KIND or not manifest.is_owned]
    for manifest in found:
        runs.stop(manifest)
        print(f"demo {manifest.run} stopped")
    if not found:
        print("No demo is running.", file=sys.stderr)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description="Two racks, 1,000 nodes, real DHCP, machines that boot: the main job, once.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--keep", action="store_true", help="leave it running and say how to talk to it")
    choice.add_argument("--stop", action="store_true", help="end what --keep left running")
    chosen = parser.parse_args()
    if os.geteuid() != 0:
        print("error: network namespaces need root; run this as root or through sudo", file=sys.stderr)
        return 1
    if chosen.stop:
        return stop()
    try:
        programs = Programs.built()
    except CheckFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if not chosen.keep:
        return perform(programs, let_go=None)
    return detached(lambda let_go: perform(programs, let_go))


if __name__ == "__main__":
    sys.exit(main())
