"""A data centre of one region and some racks, run by the real programs."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lab import authority, initramfs, kea, packages
from lab.dora import Wire
from lab.machine import Hardware, Machine
from lab.network import PROBE, REGION_ADDRESS, ManagementNetwork, RackNetwork
from lab.processes import Process, is_running
from lab.programs import REPOSITORY, Operator, Programs
from lab.router import Router
from lab.run import Run, kea_binds
from lab.timeline import CheckFailed, until

DEMO = REPOSITORY / "cluster" / "demo"
CACHE = REPOSITORY / ".build" / "lab"
START_SECONDS_MAX = 20.0
KERNEL_PATH, INITRD_PATH = "demo/vmlinuz", "demo/initrd.gz"
# On a busy host the emulated timer is late, and a kernel that checks it hangs.
KERNEL_ARGUMENTS = "console=ttyS0 quiet no_timer_check"


class Region:
    """The region controller in the management network."""

    def __init__(self, run: Run, programs: Programs, management: ManagementNetwork) -> None:
        self._run = run
        self._programs = programs
        self._namespace = management.namespace
        self.folder = run.folder / "region"
        self.folder.mkdir()
        authority.issue(run.folder / "tls", "region", REGION_ADDRESS)
        self.token = secrets.token_urlsafe(32)
        token_file = self.folder / "operator.token"
        token_file.write_text(self.token + "\n")
        token_file.chmod(0o600)
        (self.folder / "tokens").write_text(f"ops1 admin {hashlib.sha256(self.token.encode()).hexdigest()}\n")
        self.configuration = self.folder / "region.yaml"
        self.configuration.write_text((DEMO / "region.yaml").read_text().replace("RUNDIR", str(run.folder)))
        self.operator = Operator(programs, f"unix:{run.folder}/region.sock", token_file)
        self.process: Process | None = None

    @property
    def database(self) -> Path:
        return self.folder / "muster.db"

    def start(self) -> None:
        """Returns when it answers an operator."""
        process = self._run.supervisor.start(
            "region", [self._programs.region, "--config", self.configuration], namespace=self._namespace)
        self.process = process

        def answers() -> bool:
            if process.status is not None:
                raise CheckFailed(f"muster-region ended with status {process.status}\n{process.tail()}")
            return self.operator.is_reachable()

        try:
            until("the region answers 'muster status'", answers, START_SECONDS_MAX)
        except CheckFailed as error:
            raise CheckFailed(f"{error}\n{process.tail()}") from None

    def stop(self) -> int:
        assert self.process is not None
        return self.process.stop()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()


class Rack:
    """A rack: its network, its agent and what the agent starts."""

    def __init__(self, run: Run, programs: Programs, network: RackNetwork, number: int) -> None:
        self._run = run
        self._programs = programs
        self.network = network
        self.name = network.name
        self.folder = run.folder / self.name
        self.boot_root = self.folder / "boot"
        self.boot_root.mkdir(parents=True)
        self._binds = kea_binds(self.folder / "host")
        self.configuration = self.folder / "pserv.yaml"
        template = (DEMO / "pserv.yaml").read_text()
        self.configuration.write_text(template.replace("RUNDIR", str(run.folder)).replace("RACK", self.name))
        self.token_file = self.folder / "pserv.token"
        self._router = Router(network.wire, "sw0", f"fd00:{number}::")
        self.process: Process | None = None

    @property
    def configuration_file(self) -> Path:
        """Kea's configuration, as the agent writes it."""
        return self._binds[Path("/etc/kea")] / "muster/kea-dhcp4.conf"

    @property
    def kea_socket(self) -> Path:
        return self._binds[Path("/run/kea")] / "kea4-ctrl-socket"

    def put_boot_files(self, kernel: Path, initrd: Path) -> None:
        """What the demo's boot profile names, below the agent's boot root."""
        (self.boot_root / "demo").mkdir(exist_ok=True)
        shutil.copyfile(kernel, self.boot_root / KERNEL_PATH)
        shutil.copyfile(initrd, self.boot_root / INITRD_PATH)

    def enrol(self, operator: Operator) -> None:
        """Announces the agent and gives it the one-time token."""
        self.token_file.write_text(operator.run("agent", "add", self.name).output)
        self.token_file.chmod(0o600)

    def start(self) -> None:
        """Starts the agent; it comes online by itself."""
        self.process = self._run.supervisor.start(
            f"{self.name}-pserv", [self._programs.pserv, "--config", self.configuration],
            namespace=self.network.namespace, binds=self._binds)

    def stop(self) -> int:
        assert self.process is not None
        return self.process.stop()

    def kill(self) -> None:
        """kill -9 of the agent alone; Kea and TFTP live on."""
        assert self.process is not None
        self.process.kill()

    def daemon(self, program: str) -> list[int]:
        """Running processes of the rack's namespace by program name, for example `kea-dhcp4`."""
        found = []
        inode = os.stat(f"/run/netns/{self.network.namespace}").st_ino
        for folder in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                pid = int(folder.name)
                if (folder / "comm").read_text().strip() != program[:15] or not is_running(pid):
                    continue
                if os.stat(folder / "ns/net").st_ino == inode:
                    found.append(pid)
        return sorted(found)

    def kill_daemons(self, program: str) -> None:
        for pid in self.daemon(program):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def clients(self) -> Wire:
        """A socket on the rack's wire, for DHCP clients with any MAC."""
        return Wire(self.network.wire, PROBE)

    def leases(self) -> dict[str, str]:
        """MAC address by address."""
        return kea.leases(self.kea_socket)

    def reservations(self) -> dict[str, str]:
        """Address by MAC address, as Kea serves them now."""
        subnets = kea.configuration(self.kea_socket)["subnet4"]
        return {entry["hw-address"]: entry["ip-address"] for subnet in subnets for entry in subnet["reservations"]}

    def power_on(self, hardware: Hardware) -> Machine:
        return Machine.power_on(self._run, self.network, hardware)

    def tail(self) -> str:
        return self.process.tail() if self.process else ""

    def close(self) -> None:
        self._router.close()


@dataclass
class Site:
    """Region and racks of one run."""

    run: Run
    programs: Programs
    management: ManagementNetwork
    region: Region
    racks: dict[str, Rack] = field(default_factory=dict)

    @staticmethod
    def build(run: Run, programs: Programs, racks: int = 2, prefix_length: int = 22) -> Site:
        """Rack N stands in hall N: its agent has 10.N.0.1. Nothing is started yet."""
        management = ManagementNetwork(run)
        site = Site(run, programs, management, Region(run, programs, management))
        for number in range(1, racks + 1):
            network = RackNetwork.build(
                run, f"rack{number}", management, f"10.255.0.{10 + number}", (f"10.{number}.0.1/{prefix_length}",))
            site.racks[network.name] = Rack(run, programs, network, number)
        return site

    @property
    def operator(self) -> Operator:
        return self.region.operator

    def put_boot_files(self) -> None:
        kernel = packages.cloud_kernel(CACHE)
        initrd = self.run.folder / "initrd.gz"
        initramfs.build(kernel, packages.busybox(CACHE), initrd)
        for rack in self.racks.values():
            rack.put_boot_files(kernel.image, initrd)

    def wait_online(self, timeout: float = START_SECONDS_MAX) -> None:
        missing = set(self.racks)

        def all_online() -> bool:
            missing.clear()
            missing.update(set(self.racks) - self.operator.online())
            for name in missing:
                process = self.racks[name].process
                if process is not None and process.status is not None:
                    raise CheckFailed(f"{name}'s agent ended with status {process.status}\n{process.tail()}")
            return not missing

        try:
            until("every agent is online", all_online, timeout, interval=0.2)
        except CheckFailed as error:
            raise CheckFailed("\n".join([str(error), *(self.racks[name].tail() for name in sorted(missing))])) from None

    def wait_applied(self, timeout: float = START_SECONDS_MAX) -> None:
        """Until every subnet shows applied = head."""
        behind: list[str] = []

        def settled() -> bool:
            behind[:] = self.operator.behind()
            return not behind

        try:
            until("applied = head in every subnet", settled, timeout, interval=0.2)
        except CheckFailed as error:
            tails = [rack.tail() for rack in self.racks.values()]
            raise CheckFailed("\n".join([f"{error}: {', '.join(behind)}", *tails])) from None

    def close(self) -> None:
        for rack in self.racks.values():
            rack.close()
