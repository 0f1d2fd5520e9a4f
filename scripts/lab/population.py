"""The demo's two halls: `python3 -m lab.population FOLDER` writes subnets.csv and nodes.csv.

Nothing here is random: the committed files are what this writes, and a test says so.
"""

from __future__ import annotations

import csv
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

NODES_PER_HALL = 500
NODES_PER_ROW = 50
FIRST_HOST = 11
NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # RFC 9562: names that are URLs

SUBNET_COLUMNS = (
    "name", "fabric", "prefix", "vlan", "gateway", "pools", "dns_servers", "domain", "ntp_servers", "lease",
    "dhcp", "relay", "agents",
)
NODE_COLUMNS = (
    "name", "interface", "mac", "subnet", "address", "boot", "boot_profile", "tags", "serial", "uuid", "location",
    "bmc_address", "bmc_mac",
)


def subnets() -> Iterator[dict[str, str]]:
    for hall in (1, 2):
        yield {
            "name": f"hall{hall}", "fabric": "default", "prefix": f"10.{hall}.0.0/22", "gateway": f"10.{hall}.0.1",
            "pools": f"10.{hall}.3.0-10.{hall}.3.99", "dns_servers": "10.0.0.53", "domain": "dc1.example",
            "lease": "1h", "dhcp": "off", "agents": f"rack{hall}",
        }


def hosts() -> Iterator[int]:
    """Host numbers inside a hall, without those that end in 0 or 255: legal, and a nuisance to people."""
    number = FIRST_HOST
    for _ in range(NODES_PER_HALL):
        while number % 256 in (0, 255):
            number += 1
        yield number
        number += 1


def nodes() -> Iterator[dict[str, str]]:
    for hall in (1, 2):
        for index, host in enumerate(hosts(), start=1):
            name = f"r{hall}n{index}"
            row, unit = divmod(index - 1, NODES_PER_ROW)
            yield {
                "name": name, "interface": "eth0",
                "mac": f"52:54:00:{hall:02x}:{host >> 8:02x}:{host & 255:02x}",
                "subnet": f"hall{hall}", "address": f"10.{hall}.{host >> 8}.{host & 255}", "boot": "yes",
                "boot_profile": "local", "tags": "gpu prod" if index % 10 == 0 else "prod",
                "serial": f"MX{hall}{index:04d}", "uuid": str(uuid.uuid5(NAMESPACE, f"https://dc1.example/{name}")),
                "location": f"h{hall}/r{row + 1}/u{unit + 1}",
                "bmc_address": f"10.9.{(hall - 1) * 4 + (host >> 8)}.{host & 255}",
                "bmc_mac": f"52:54:00:ff:{hall << 4 | host >> 8:02x}:{host & 255:02x}",
            }


def write(path: Path, columns: tuple[str, ...], rows: Iterator[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main(folder: Path) -> None:
    write(folder / "subnets.csv", SUBNET_COLUMNS, subnets())
    write(folder / "nodes.csv", NODE_COLUMNS, nodes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
