"""A DHCP client without a machine: any number of clients on one interface, each a small state machine.

`python3 -m lab.dora --netns NS --interface IF --mac MAC …` prints one JSON line a client.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from lab import dhcp, netns
from lab.dhcp import Client, Kind, Message, Option

RETRY_SECONDS = 1.0
TRIES_MAX = 4
WINDOW_MAX = 64


@dataclass
class Exchange:
    """DISCOVER, OFFER, REQUEST, ACK for one client; decides what to send and knows no socket.

    Every answer is kept, so that a second server or a second address cannot hide behind the first.
    """

    client: Client
    xid: int
    answers: list[Message] = field(default_factory=list)
    lease: Message | None = None
    refused: bool = False
    _offer: Message | None = None

    def next(self) -> Message:
        """What the client sends now, first or again."""
        message = Message(Kind.DISCOVER, self.xid, self.client.mac, options=self.client.options())
        if self._offer is not None:
            message.kind = Kind.REQUEST
            message.options[Option.REQUESTED_ADDRESS] = socket.inet_aton(self._offer.yiaddr)
            message.options[Option.SERVER_ID] = self._offer.options.get(Option.SERVER_ID, b"")
        return message

    def receive(self, message: Message) -> bool:
        """Takes an answer and says whether it moved the exchange forward."""
        self.answers.append(message)
        if self.finished:
            return False
        if message.kind is Kind.OFFER and self._offer is None:
            self._offer = message
            return True
        if message.kind is Kind.ACK and self._offer is not None:
            self.lease = message
            return True
        if message.kind is Kind.NAK:
            self.refused = True
            return True
        return False

    @property
    def finished(self) -> bool:
        return self.lease is not None or self.refused

    @property
    def servers(self) -> set[str]:
        return {message.server_id for message in self.answers}

    @property
    def addresses(self) -> set[str]:
        """Every address that any server named to this client; two or more is a fault of the rack."""
        return {message.yiaddr for message in self.answers if message.kind is not Kind.NAK}


@dataclass(frozen=True)
class Outcome:
    """What became of one client."""

    client: Client
    lease: Message | None
    refused: bool
    addresses: frozenset[str]
    servers: frozenset[str]
    milliseconds: float
    # When it ended, by the monotonic clock, in seconds.
    moment: float

    @property
    def address(self) -> str:
        return self.lease.yiaddr if self.lease else ""

    def json(self) -> dict[str, object]:
        lease = self.lease
        line: dict[str, object] = {
            "mac": self.client.mac, "address": self.address, "refused": self.refused,
            "servers": sorted(self.servers), "answers": sorted(self.addresses),
            "milliseconds": round(self.milliseconds, 1),
        }
        if lease is not None:
            line |= {
                "server": lease.server_id, "next_server": lease.siaddr, "boot_file": lease.boot_file,
                "hostname": lease.host_name, "lease_seconds": lease.lease_seconds,
                "options": {str(code): value.hex() for code, value in sorted(lease.options.items())},
            }
        return line


class Wire:
    """The clients' side of a link: sends and receives DHCP frames for any MAC."""

    def __init__(self, namespace: str | None, interface: str) -> None:
        self._socket = netns.packet_socket(namespace, interface)
        self._socket.setblocking(False)

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, message: Message) -> None:
        self._socket.send(dhcp.frame(message.encode(), dhcp.mac_bytes(message.mac)))

    def receive(self, timeout: float) -> list[Message]:
        """Every answer that is there, after waiting at most `timeout` seconds for the first."""
        if not select.select([self._socket], [], [], max(timeout, 0))[0]:
            return []
        messages: list[Message] = []
        while True:
            try:
                data = self._socket.recv(2048)
            except (BlockingIOError, OSError):
                return messages
            parts = dhcp.unframe(data, dhcp.CLIENT_PORT)
            if parts is None:
                continue
            try:
                messages.append(Message.decode(parts[2]))
            except dhcp.MalformedMessage:
                continue


def lease_all(wire: Wire, clients: Iterable[Client], timeout: float,
              window: int = WINDOW_MAX, linger: float = 0) -> list[Outcome]:
    """Leads every client through an exchange, `window` of them at once; ends after `timeout` seconds.

    `linger` goes on listening that long after the last lease, to catch who answers second.
    """
    started = time.monotonic()
    deadline = started + timeout
    seed = int.from_bytes(time.time_ns().to_bytes(8, "big")[4:], "big")
    waiting = [Exchange(client, (seed + index) & 0xFFFFFFFF) for index, client in enumerate(clients)]
    exchanges = list(waiting)
    waiting.reverse()
    begun: dict[int, float] = {}
    ended: dict[int, float] = {}
    running: dict[int, Exchange] = {}
    sent: dict[int, tuple[float, int]] = {}
    every = {exchange.xid: exchange for exchange in exchanges}

    def transmit(exchange: Exchange, tries: int) -> None:
        sent[exchange.xid] = (time.monotonic(), tries)
        wire.send(exchange.next())

    while (running or waiting) and time.monotonic() < deadline:
        while waiting and len(running) < window:
            exchange = waiting.pop()
            running[exchange.xid] = exchange
            begun[exchange.xid] = time.monotonic()
            transmit(exchange, 1)
        for message in wire.receive(0.05):
            answered = every.get(message.xid)
            if answered is None or answered.client.mac != message.mac or not answered.receive(message):
                continue
            if answered.finished:
                ended[message.xid] = time.monotonic()
                running.pop(message.xid, None)
            else:
                transmit(answered, 1)
        now = time.monotonic()
        for exchange in list(running.values()):
            moment, tries = sent[exchange.xid]
            if now - moment < RETRY_SECONDS:
                continue
            if tries == TRIES_MAX:
                del running[exchange.xid]
            else:
                transmit(exchange, tries + 1)
    until = min(time.monotonic() + linger, deadline + linger)
    while time.monotonic() < until:
        for message in wire.receive(until - time.monotonic()):
            if (answered := every.get(message.xid)) and answered.client.mac == message.mac:
                answered.receive(message)
    now = time.monotonic()
    return [
        Outcome(
            exchange.client, exchange.lease, exchange.refused,
            frozenset(exchange.addresses), frozenset(exchange.servers),
            (ended.get(exchange.xid, now) - begun.get(exchange.xid, now)) * 1000,
            ended.get(exchange.xid, now),
        )
        for exchange in exchanges
    ]


def lease(wire: Wire, client: Client, timeout: float = 5, linger: float = 0) -> Outcome:
    return lease_all(wire, [client], timeout, linger=linger)[0]


def release(wire: Wire, outcome: Outcome) -> None:
    """Gives the lease back, as a machine that shuts down in good order does. There is no answer to wait for."""
    if outcome.lease is None:
        return
    wire.send(Message(
        Kind.RELEASE, outcome.lease.xid, outcome.client.mac, ciaddr=outcome.address,
        options={Option.SERVER_ID: outcome.lease.options.get(Option.SERVER_ID, b"")},
    ))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="lab.dora", description="Takes DHCP leases for any MAC address.")
    parser.add_argument("--netns", help="network namespace of the interface")
    parser.add_argument("--interface", required=True)
    parser.add_argument("--mac", action="append", default=[], help="a client; may be repeated")
    parser.add_argument("--count", type=int, default=1, help="clients from each --mac on, counting up")
    parser.add_argument("--hostname", default="")
    parser.add_argument("--architecture", type=int, help="option 93: 0 BIOS, 7 or 9 UEFI, 16 HTTP boot")
    parser.add_argument("--user-class", default="", help="option 77, such as iPXE")
    parser.add_argument("--timeout", type=float, default=10, help="seconds for all clients together")
    parser.add_argument("--window", type=int, default=WINDOW_MAX, help="clients at once")
    parser.add_argument("--expect", help="address of the first client; the next ones count up from it")
    parser.add_argument("--release", action="store_true")
    chosen = parser.parse_args(arguments)
    clients = [
        Client(dhcp.mac_text((int(mac.replace(":", ""), 16) + step).to_bytes(6, "big")), chosen.hostname,
               chosen.architecture, chosen.user_class)
        for mac in chosen.mac for step in range(chosen.count)
    ]
    failed = 0
    with Wire(chosen.netns, chosen.interface) as wire:
        for index, outcome in enumerate(lease_all(wire, clients, chosen.timeout, chosen.window)):
            print(json.dumps(outcome.json()))
            if chosen.expect:
                first = int.from_bytes(socket.inet_aton(chosen.expect), "big")
                wanted = socket.inet_ntoa((first + index).to_bytes(4, "big"))
                failed += outcome.address != wanted or outcome.addresses != {wanted}
            else:
                failed += outcome.lease is None
            if chosen.release:
                release(wire, outcome)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
