"""Kea's control socket: one JSON command a connection."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

ANSWER_BYTES_MAX = 64 << 20


class KeaRefused(Exception):
    """Kea answered a command with a result other than success or empty."""


def command(path: Path, name: str, arguments: dict[str, Any] | None = None, timeout: float = 30) -> dict[str, Any]:
    """Kea's answer to `name`. Raises KeaRefused with Kea's words, or OSError when nobody listens."""
    request: dict[str, Any] = {"command": name}
    if arguments is not None:
        request["arguments"] = arguments
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        connection.connect(str(path))
        connection.sendall(json.dumps(request).encode())
        connection.shutdown(socket.SHUT_WR)
        answer = bytearray()
        while len(answer) < ANSWER_BYTES_MAX and (piece := connection.recv(1 << 16)):
            answer += piece
    decoded: dict[str, Any] = json.loads(answer)
    if decoded["result"] not in (0, 3):
        raise KeaRefused(f"{name}: {decoded.get('text', decoded)}")
    return decoded


def leases(path: Path) -> dict[str, str]:
    """MAC address by leased address, of every active lease."""
    answer = command(path, "lease4-get-all")
    return {
        entry["ip-address"]: entry["hw-address"]
        for entry in answer.get("arguments", {}).get("leases", []) if entry["state"] == 0
    }


def configuration(path: Path) -> dict[str, Any]:
    """What Kea serves now, which is not always what its file says."""
    served: dict[str, Any] = command(path, "config-get")["arguments"]["Dhcp4"]
    return served
