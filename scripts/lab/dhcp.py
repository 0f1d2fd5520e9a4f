"""DHCP messages as values, and the frames that carry them (RFC 2131, RFC 2132, RFC 4578)."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, field
from enum import IntEnum

SERVER_PORT, CLIENT_PORT = 67, 68
MAGIC = b"\x63\x82\x53\x63"
BROADCAST_MAC = b"\xff" * 6
BROADCAST_FLAG = 0x8000
HEADER = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s")


class Kind(IntEnum):
    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8


class Option(IntEnum):
    SUBNET_MASK = 1
    ROUTER = 3
    DNS_SERVERS = 6
    HOST_NAME = 12
    DOMAIN_NAME = 15
    NTP_SERVERS = 42
    REQUESTED_ADDRESS = 50
    LEASE_TIME = 51
    KIND = 53
    SERVER_ID = 54
    PARAMETERS = 55
    VENDOR_CLASS = 60
    CLIENT_ID = 61
    TFTP_SERVER = 66
    BOOT_FILE = 67
    USER_CLASS = 77
    ARCHITECTURE = 93
    IPXE = 175
    END = 255


PARAMETERS = bytes(
    (Option.SUBNET_MASK, Option.ROUTER, Option.DNS_SERVERS, Option.HOST_NAME, Option.DOMAIN_NAME,
     Option.NTP_SERVERS, Option.LEASE_TIME, Option.TFTP_SERVER, Option.BOOT_FILE, Option.IPXE)
)


class MalformedMessage(ValueError):
    """The bytes are not a DHCP message."""


def mac_bytes(text: str) -> bytes:
    octets = bytes.fromhex(text.replace(":", ""))
    if len(octets) != 6:
        raise ValueError(f"{text} is not a MAC address")
    return octets


def mac_text(octets: bytes) -> str:
    return octets[:6].hex(":")


@dataclass(frozen=True)
class Client:
    """Who asks: what a machine tells a server about itself in every message."""

    mac: str
    host_name: str = ""
    # Option 93: 0 BIOS, 7 and 9 UEFI, 16 UEFI HTTP boot. None is a client that does not boot.
    architecture: int | None = None
    user_class: str = ""
    vendor_class: str = ""
    client_id: bytes = b""

    def options(self) -> dict[int, bytes]:
        chosen: dict[int, bytes] = {Option.PARAMETERS: PARAMETERS}
        if self.host_name:
            chosen[Option.HOST_NAME] = self.host_name.encode()
        if self.architecture is not None:
            chosen[Option.ARCHITECTURE] = struct.pack("!H", self.architecture)
            kind = "HTTPClient" if self.architecture == 16 else "PXEClient"
            chosen[Option.VENDOR_CLASS] = f"{kind}:Arch:{self.architecture:05d}:UNDI:003000".encode()
        if self.vendor_class:
            chosen[Option.VENDOR_CLASS] = self.vendor_class.encode()
        if self.user_class:
            chosen[Option.USER_CLASS] = self.user_class.encode()
        if self.client_id:
            chosen[Option.CLIENT_ID] = self.client_id
        return chosen


@dataclass
class Message:
    """One DHCP message. Addresses are text, options are raw bytes by code."""

    kind: Kind
    xid: int
    mac: str
    reply: bool = False
    yiaddr: str = "0.0.0.0"
    ciaddr: str = "0.0.0.0"
    siaddr: str = "0.0.0.0"
    giaddr: str = "0.0.0.0"
    flags: int = 0
    seconds: int = 0
    file: str = ""
    options: dict[int, bytes] = field(default_factory=dict)

    def encode(self) -> bytes:
        header = HEADER.pack(
            2 if self.reply else 1, 1, 6, 0, self.xid, self.seconds, self.flags,
            *(socket.inet_aton(address) for address in (self.ciaddr, self.yiaddr, self.siaddr, self.giaddr)),
            mac_bytes(self.mac), b"", self.file.encode(),
        )
        body = bytearray(MAGIC + bytes((Option.KIND, 1, self.kind)))
        for code, value in self.options.items():
            body += bytes((code, len(value))) + value
        body.append(Option.END)
        # BOOTP relays drop messages under 300 bytes (RFC 1542 section 2.1).
        return (header + bytes(body)).ljust(300, b"\0")

    @staticmethod
    def decode(data: bytes) -> Message:
        """Raises MalformedMessage on anything that is not a DHCP message."""
        if len(data) < HEADER.size + 4 or data[HEADER.size:HEADER.size + 4] != MAGIC:
            raise MalformedMessage("no DHCP magic")
        (op, _, _, _, xid, seconds, flags, ciaddr, yiaddr, siaddr, giaddr, chaddr, _, file) = (
            HEADER.unpack_from(data)
        )
        options: dict[int, bytes] = {}
        position = HEADER.size + 4
        while position < len(data) and data[position] != Option.END:
            if data[position] == 0:
                position += 1
                continue
            if position + 2 > len(data) or position + 2 + data[position + 1] > len(data):
                raise MalformedMessage("an option is cut short")
            code, length = data[position], data[position + 1]
            options[code] = options.get(code, b"") + data[position + 2:position + 2 + length]
            position += 2 + length
        try:
            kind = Kind(options.pop(Option.KIND)[0])
        except (KeyError, IndexError, ValueError) as error:
            raise MalformedMessage("no message type") from error
        text = socket.inet_ntoa
        return Message(
            kind, xid, mac_text(chaddr), op == 2, text(yiaddr), text(ciaddr), text(siaddr), text(giaddr),
            flags, seconds, file.split(b"\0")[0].decode("latin-1"), options,
        )

    @property
    def server_id(self) -> str:
        value = self.options.get(Option.SERVER_ID, b"")
        return socket.inet_ntoa(value) if len(value) == 4 else ""

    @property
    def boot_file(self) -> str:
        return self.file or self.options.get(Option.BOOT_FILE, b"").rstrip(b"\0").decode("latin-1")

    @property
    def host_name(self) -> str:
        return self.options.get(Option.HOST_NAME, b"").decode("latin-1")

    @property
    def lease_seconds(self) -> int:
        value = self.options.get(Option.LEASE_TIME, b"")
        return int.from_bytes(value) if len(value) == 4 else 0


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[: len(data) // 2 * 2]))
    if len(data) % 2:
        total += data[-1] << 8
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(payload: bytes, source_mac: bytes, target_mac: bytes = BROADCAST_MAC,
          source: tuple[str, int] = ("0.0.0.0", CLIENT_PORT),
          target: tuple[str, int] = ("255.255.255.255", SERVER_PORT)) -> bytes:
    """An Ethernet frame with `payload` in UDP over IPv4."""
    addresses = socket.inet_aton(source[0]) + socket.inet_aton(target[0])
    length = 8 + len(payload)
    udp = struct.pack("!HHHH", source[1], target[1], length, 0) + payload
    total = checksum(addresses + struct.pack("!BBH", 0, socket.IPPROTO_UDP, length) + udp)
    udp = udp[:6] + struct.pack("!H", total or 0xFFFF) + payload
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, socket.IPPROTO_UDP, 0) + addresses
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return target_mac + source_mac + struct.pack("!H", 0x0800) + header + udp


def unframe(data: bytes, port: int) -> tuple[bytes, str, bytes] | None:
    """`(source MAC, source address, UDP payload)` of a frame to UDP `port`, or None for any other frame."""
    if len(data) < 42 or data[12:14] != b"\x08\x00" or data[23] != socket.IPPROTO_UDP:
        return None
    ip_length = (data[14] & 0x0F) * 4
    start = 14 + ip_length
    if struct.unpack_from("!H", data, 20)[0] & 0x1FFF or len(data) < start + 8:
        return None
    _, target, length, _ = struct.unpack_from("!HHHH", data, start)
    if target != port:
        return None
    return data[6:12], socket.inet_ntoa(data[26:30]), data[start + 8:start + length]
