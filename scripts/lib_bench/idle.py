"""Resident memory of connections that do nothing."""

from __future__ import annotations

import os
import pathlib
import socket
import ssl
import subprocess
import time

from lib_bench.errors import BenchError
from lib_bench.processors import urgently
from lib_bench.servers import Running

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
SETTINGS_ACK = b"\x00\x00\x00\x04\x01\x00\x00\x00\x00"
CONNECT_SECONDS = 10
# Connections before the measured ones, so that what a server makes once is not counted.
WARM = 50


def certificate(folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """A throw-away certificate of localhost."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    done = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)],
        capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"openssl made no certificate: {done.stderr}")
    return certificate, key


def bytes_per_connection(running: Running, connections: int, uses_tls: bool) -> float:
    """Opens connections as far as HTTP/2's settings, and divides what the server grew by."""
    context = None
    if uses_tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
    opened: list[socket.socket] = []
    try:
        with urgently():
            opened += [connect(running.port, context) for _ in range(WARM)]
            settle(running)
            before = running.resident_bytes()
            opened += [connect(running.port, context) for _ in range(connections)]
            settle(running)
        grown = running.resident_bytes() - before
        require_open(opened)
        return grown / connections
    finally:
        for one in opened:
            one.close()


def connect(port: int, context: ssl.SSLContext | None) -> socket.socket:
    """A connection on which both sides know the other's settings."""
    plain = socket.create_connection(("127.0.0.1", port), CONNECT_SECONDS)
    connection = context.wrap_socket(plain, server_hostname="localhost") if context else plain
    connection.sendall(PREFACE + SETTINGS)
    received = b""
    while SETTINGS_ACK not in received:
        octets = connection.recv(4096)
        if not octets:
            raise BenchError("the server closed an idle connection")
        received += octets
    connection.sendall(SETTINGS_ACK)
    return connection


def require_open(opened: list[socket.socket]) -> None:
    """A server closes whom it thinks dead; what is closed would count as small."""
    for one in opened:
        with socket.socket(fileno=os.dup(one.fileno())) as plain:
            plain.setblocking(False)
            try:
                is_closed = plain.recv(1, socket.MSG_PEEK) == b""
            except BlockingIOError:
                continue
            if is_closed:
                raise BenchError("the server closed connections while others were opened; this machine is too slow for so many")


def settle(running: Running) -> None:
    """Waits until the server has nothing more to do."""
    used = running.cpu_seconds()
    for _ in range(100):
        time.sleep(0.1)
        now = running.cpu_seconds()
        if now - used < 0.001:
            return
        used = now
