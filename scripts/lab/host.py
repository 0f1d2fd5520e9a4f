"""A machine without firmware: a namespace on the rack's wire whose DHCP client is busybox's."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from lab.network import RackNetwork, ip
from lab.run import Run
from lab.timeline import CheckFailed

INTERFACE = "eth0"
LEASE_SCRIPT = Path(__file__).with_name("udhcpc.sh")


class Host:
    """An operating system that asks for its address like any other."""

    def __init__(self, run: Run, rack: RackNetwork, name: str, mac: str, busybox: Path) -> None:
        self._busybox = busybox
        self._log = run.logs / f"{name}.log"
        self.name = name
        self.namespace = run.namespace(f"{rack.name}-{name}")
        port = f"to-{name}"[:15]
        ip(
            self.namespace,
            f"link add {INTERFACE} address {mac} type veth peer name {port}",
            f"link set {INTERFACE} up",
        )
        subprocess.run(["ip", "-n", self.namespace, "link", "set", port, "netns", rack.wire], check=True)
        ip(rack.wire, f"link set {port} master sw0 up")

    def take_lease(self, tries: int = 5) -> str:
        """The address that the host has after its client ended. CheckFailed when there is none."""
        command = [
            "ip", "netns", "exec", self.namespace, str(self._busybox), "udhcpc", "-i", INTERFACE,
            "-s", str(LEASE_SCRIPT), "-n", "-q", "-f", "-t", str(tries), "-T", "1",
        ]
        environment = {**os.environ, "LEASE_FILE": os.devnull}
        with self._log.open("ab") as log:
            done = subprocess.run(command, stdout=log, stderr=log, env=environment, check=False)
        shown = subprocess.run(
            ["ip", "-n", self.namespace, "-json", "addr", "show", INTERFACE], capture_output=True, text=True, check=True)
        found: list[str] = [
            entry["local"] for entry in json.loads(shown.stdout)[0]["addr_info"] if entry["family"] == "inet"]
        if done.returncode != 0 or not found:
            raise CheckFailed(f"{self.name}: udhcpc got no lease\n{self._log.read_text(errors='replace')[-600:]}")
        return found[0]
