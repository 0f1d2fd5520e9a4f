"""Sockets in another network namespace, without leaving one's own."""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

NAMED = Path("/run/netns")
CLONE_NEWNET = 0x40000000
ETH_P_ALL, ETH_P_IP = 0x0003, 0x0800
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC = 263, 1, 1

libc = ctypes.CDLL(None, use_errno=True)
Result = TypeVar("Result")


def inside(namespace: str | None, body: Callable[[], Result]) -> Result:
    """Runs `body` in the named namespace, on a thread of its own: setns moves only the calling thread.

    A socket that `body` makes and returns stays in that namespace.
    """
    if namespace is None:
        return body()
    outcome: list[Result] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            with open(NAMED / namespace, "rb") as handle:
                if libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
                    number = ctypes.get_errno()
                    raise OSError(number, f"setns {namespace}: {os.strerror(number)}")
            outcome.append(body())
        except BaseException as error:  # handed to the caller below
            failure.append(error)

    thread = threading.Thread(target=run, name=f"netns-{namespace}")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]


def packet_socket(namespace: str | None, interface: str) -> socket.socket:
    """A raw socket that sees every IPv4 frame on `interface`, also those for other machines' MACs."""

    def make() -> socket.socket:
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
        raw.bind((interface, ETH_P_IP))
        index = socket.if_nametoindex(interface)
        request = index.to_bytes(4, "little") + PACKET_MR_PROMISC.to_bytes(2, "little") + bytes(10)
        raw.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, request)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        return raw

    return inside(namespace, make)
