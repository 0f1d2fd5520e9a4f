"""A DHCP server where none should be: answers every DISCOVER with an address of its own."""

from __future__ import annotations

import select
import socket
import threading

from lab import dhcp, netns
from lab.dhcp import Kind, Message, Option

GREETING_MAC = "52:54:00:de:ad:01"


class ForeignServer:
    """Answers on one interface until it is closed; `address` is its server identifier, `offer` what it gives."""

    def __init__(self, namespace: str, interface: str, address: str, offer: str) -> None:
        self._address = address
        self._offer = offer
        self._socket = netns.packet_socket(namespace, interface)
        self._ended = threading.Event()
        self.answered = 0
        self._thread = threading.Thread(target=self._serve, name="foreign-dhcp", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._ended.is_set():
            if not select.select([self._socket], [], [], 0.1)[0]:
                continue
            parts = dhcp.unframe(self._socket.recv(2048), dhcp.SERVER_PORT)
            if parts is None:
                continue
            try:
                question = Message.decode(parts[2])
            except dhcp.MalformedMessage:
                continue
            if question.kind in (Kind.DISCOVER, Kind.REQUEST):
                self._answer(question)

    def _answer(self, question: Message) -> None:
        kind = Kind.OFFER if question.kind is Kind.DISCOVER else Kind.ACK
        answer = Message(kind, question.xid, question.mac, reply=True, yiaddr=self._offer, options={
            Option.SERVER_ID: socket.inet_aton(self._address),
            Option.LEASE_TIME: (600).to_bytes(4, "big"),
            Option.SUBNET_MASK: socket.inet_aton("255.255.255.0"),
        })
        self._socket.send(dhcp.frame(
            answer.encode(), dhcp.mac_bytes(GREETING_MAC), dhcp.mac_bytes(question.mac),
            (self._address, dhcp.SERVER_PORT), ("255.255.255.255", dhcp.CLIENT_PORT)))
        self.answered += 1
