"""A bare-metal machine, played by QEMU without KVM, plugged into a rack's wire."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from lab.network import RackNetwork
from lab.processes import Process
from lab.run import Run
from lab.timeline import CheckFailed, until

UEFI_CODE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
UEFI_VARIABLES = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
# Twice what the slowest boot took on two cores that nine builds shared.
BOOT_SECONDS_MAX = 180.0


@dataclass(frozen=True)
class Hardware:
    """What a machine is. `firmware` is `bios` or `uefi`."""

    name: str
    mac: str
    firmware: str = "bios"
    serial: str = ""
    uuid: str = ""
    memory_mib: int = 256

    @property
    def identity(self) -> str:
        pairs = {"serial": self.serial, "uuid": self.uuid, "manufacturer": "Muster", "product": "Lab"}
        return "type=1," + ",".join(f"{key}={value}" for key, value in pairs.items() if value)


class Machine:
    """A running machine and what it says on its serial console."""

    def __init__(self, hardware: Hardware, process: Process, console: Path) -> None:
        self.hardware = hardware
        self.process = process
        self._console = console

    @staticmethod
    def power_on(run: Run, rack: RackNetwork, hardware: Hardware) -> Machine:
        tap = rack.tap(hardware.name)
        console = run.logs / f"{hardware.name}.console"
        console.write_bytes(b"")
        process = run.supervisor.start(
            f"qemu-{hardware.name}", _command(run.folder, hardware, tap, console), namespace=rack.wire)
        return Machine(hardware, process, console)

    def console(self) -> str:
        return self._console.read_bytes().decode(errors="replace")

    def wait_console(self, pattern: str, timeout: float = BOOT_SECONDS_MAX) -> re.Match[str]:
        """The first match on the console; CheckFailed, with the console's tail, when the machine ends first."""
        def seen() -> re.Match[str] | None:
            ended = self.process.status is not None
            if found := re.search(pattern, self.console()):
                return found
            if ended:
                raise CheckFailed(f"{self.hardware.name} powered off before '{pattern}'\n{self.tail()}")
            return None

        try:
            return until(f"'{pattern}' on the console", seen, timeout)
        except CheckFailed as error:
            raise CheckFailed(f"{error}\n{self.tail()}") from None

    def wait_boot(self, timeout: float = BOOT_SECONDS_MAX) -> dict[str, str]:
        """The words of the machine's `MUSTER-BOOT` line: mac, address, server, hostname, firmware."""
        line = self.wait_console(r"MUSTER-(BOOT|FAILED) ([^\r\n]*)[\r\n]", timeout)
        if line.group(1) == "FAILED":
            raise CheckFailed(f"{self.hardware.name}: {line.group(2).strip()}\n{self.tail()}")
        return dict(word.split("=", 1) for word in line.group(2).split() if "=" in word)

    def tail(self, lines: int = 15) -> str:
        printable = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.console()).splitlines()
        text = "\n".join(f"    {self.hardware.name}| {line}" for line in printable[-lines:])
        return "\n".join(part for part in (text, self.process.tail(3)) if part)

    def power_off(self) -> None:
        self.process.kill()


def _command(folder: Path, hardware: Hardware, tap: str, console: Path) -> list[str | Path]:
    network = f"virtio-net-pci,netdev=net0,mac={hardware.mac},bootindex=1"
    command: list[str | Path] = [
        "qemu-system-x86_64", "-name", hardware.name,
        "-machine", "q35,accel=tcg", "-cpu", "qemu64", "-smp", "1", "-m", str(hardware.memory_mib),
        "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        "-serial", f"file:{console}", "-smbios", hardware.identity,
        "-netdev", f"tap,id=net0,ifname={tap},script=no,downscript=no",
    ]
    if hardware.firmware == "uefi":
        variables = folder / f"{hardware.name}.vars"
        shutil.copyfile(UEFI_VARIABLES, variables)
        # Without `romfile=` the card's own iPXE would boot in place of the firmware's driver.
        network += ",romfile="
        command += [
            "-drive", f"if=pflash,format=raw,readonly=on,file={UEFI_CODE}",
            "-drive", f"if=pflash,format=raw,file={variables}",
        ]
    return [*command, "-device", network]
