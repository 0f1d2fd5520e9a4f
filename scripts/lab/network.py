"""The cables: a management network between region and racks, and a wire in each rack.

    region namespace          rack namespace                wire namespace
    mgmt (bridge) ── rackN ── mgmt0   the agent's host eno2 ── port0 ── sw0 (bridge) ── taps of machines
    10.255.0.1                10.255.0.11             10.1.0.1                      └── probe0, the test client

Machines and clients are on the wire and nowhere else, so what they get comes through the rack.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from lab.run import Run

REGION_ADDRESS = "10.255.0.1"
MANAGEMENT_PREFIX_LENGTH = 24
AGENT_INTERFACE = "eno2"
PROBE = "probe0"


def ip(namespace: str, *lines: str) -> None:
    """Runs `ip` commands in a namespace, all in one process; CalledProcessError at the first that fails."""
    subprocess.run(["ip", "-n", namespace, "-batch", "-"], input="\n".join(lines) + "\n", text=True, check=True)


class ManagementNetwork:
    """The region's namespace with a bridge for its racks."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.namespace = run.namespace("region")
        ip(
            self.namespace,
            "link add mgmt type bridge",
            f"addr add {REGION_ADDRESS}/{MANAGEMENT_PREFIX_LENGTH} dev mgmt",
            "link set mgmt up",
        )

    def partition(self, rack: str) -> None:
        """Cuts the rack off from the region, and only from it."""
        ip(self.namespace, f"link set {rack} down")

    def heal(self, rack: str) -> None:
        ip(self.namespace, f"link set {rack} up")


@dataclass(frozen=True)
class RackNetwork:
    """The two namespaces of a rack. Makes nothing by itself; see `build`."""

    name: str
    namespace: str
    wire: str
    management_address: str
    addresses: tuple[str, ...]

    @staticmethod
    def build(run: Run, name: str, management: ManagementNetwork, management_address: str,
              addresses: tuple[str, ...]) -> RackNetwork:
        """`addresses` are the agent's own on its rack interface, each with a prefix length."""
        namespace, wire = run.namespace(name), run.namespace(f"{name}-wire")
        ip(
            management.namespace,
            f"link add {name} type veth peer name mgmt0 netns {namespace}",
            f"link set {name} master mgmt up",
        )
        ip(
            namespace,
            f"addr add {management_address}/{MANAGEMENT_PREFIX_LENGTH} dev mgmt0",
            "link set mgmt0 up",
            f"link add {AGENT_INTERFACE} type veth peer name port0 netns {wire}",
            *(f"addr add {address} dev {AGENT_INTERFACE}" for address in addresses),
            f"link set {AGENT_INTERFACE} up",
        )
        ip(
            wire,
            "link add sw0 type bridge",
            "link set sw0 up",
            "link set port0 master sw0 up",
            f"link add {PROBE} type veth peer name port1",
            f"link set {PROBE} up",
            "link set port1 master sw0 up",
        )
        return RackNetwork(name, namespace, wire, management_address, addresses)

    def tap(self, machine: str) -> str:
        """The switch port of a machine, made when it is first asked for; QEMU opens it by name."""
        name = f"tap-{machine}"[:15]
        shown = subprocess.run(["ip", "-n", self.wire, "link", "show", name], capture_output=True, check=False)
        if shown.returncode != 0:
            ip(self.wire, f"tuntap add {name} mode tap", f"link set {name} master sw0 up")
        return name

    def add_link(self, interface: str, address: str) -> str:
        """A second interface of the agent's host on a switch of its own. It is down; see `raise_link`.

        Returns the interface of the wire's namespace on which clients are heard.
        """
        switch, probe = f"sw-{interface}", f"probe-{interface}"
        ip(
            self.namespace,
            f"link add {interface} type veth peer name port-{interface} netns {self.wire}",
            f"addr add {address} dev {interface}",
        )
        ip(
            self.wire,
            f"link add {switch} type bridge",
            f"link set {switch} up",
            f"link set port-{interface} master {switch} up",
            f"link add {probe} type veth peer name peer-{interface}",
            f"link set {probe} up",
            f"link set peer-{interface} master {switch} up",
        )
        return probe

    def raise_link(self, interface: str) -> None:
        ip(self.namespace, f"link set {interface} up")

    def unplug(self) -> None:
        """Pulls the cable between the agent's host and the switch."""
        ip(self.wire, "link set port0 down")

    def plug(self) -> None:
        ip(self.wire, "link set port0 up")
