"""The rack's IPv6 router, which only says that there is one (RFC 4861).

iPXE asks for a router first and waits 15 s when nobody answers. A real rack has one.
"""

from __future__ import annotations

import select
import socket
import struct
import threading

from lab import netns

ALL_NODES, ALL_ROUTERS = "ff02::1", "ff02::2"
SOLICITATION, ADVERTISEMENT = 133, 134
INTERVAL_SECONDS = 3.0
HOPS = 255  # section 6.1: anything less came from elsewhere and is dropped


class Router:
    """Answers solicitations on one interface until it is closed."""

    def __init__(self, namespace: str, interface: str, prefix: str) -> None:
        self._message = _advertisement(prefix)
        self._index = 0
        self._socket = netns.inside(namespace, lambda: self._open(interface))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, name=f"router-{namespace}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()

    def _open(self, interface: str) -> socket.socket:
        self._index = socket.if_nametoindex(interface)
        opened = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, HOPS)
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, self._index)
        group = socket.inet_pton(socket.AF_INET6, ALL_ROUTERS) + struct.pack("@I", self._index)
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
        return opened

    def _serve(self) -> None:
        while not self._ended.is_set():
            try:
                self._socket.sendto(self._message, (ALL_NODES, 0, 0, self._index))
            except OSError:
                pass  # the link-local address is still tentative; the next round comes
            self._wait_for_solicitation()

    def _wait_for_solicitation(self) -> None:
        for _ in range(int(INTERVAL_SECONDS / 0.2)):
            if self._ended.is_set():
                return
            if not select.select([self._socket], [], [], 0.2)[0]:
                continue
            if self._socket.recv(1500)[:1] == bytes((SOLICITATION,)):
                return


def _advertisement(prefix: str) -> bytes:
    """Hop limit 64, no DHCPv6, a lifetime of 30 minutes, and one prefix; the kernel fills in the checksum."""
    header = struct.pack("!BBHBBHII", ADVERTISEMENT, 0, 0, 64, 0, 1800, 0, 0)
    option = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 3600, 1800, 0)
    return header + option + socket.inet_pton(socket.AF_INET6, prefix)
