"""What an attack is: something to do to a server, and what the server should do about it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from lib_abuse.wire import Wire

CLOSE_SECONDS = 8.0


@dataclasses.dataclass
class Target:
    """Where to attack, and how much."""

    port: int
    tls_port: int
    is_short: bool
    files_max: int

    def size(self, short: int, long: int) -> int:
        return short if self.is_short else long

    def wire(self, **options: object) -> Wire:
        return Wire(self.port, **options)  # type: ignore[arg-type]


@dataclasses.dataclass
class Attack:
    name: str
    # Does it once and says how it ended, in the words of `ends`.
    run: Callable[[Target], str]
    # Every way it may end.
    ends: tuple[str, ...]
    # Counters that must have grown, any one of them.
    counted: tuple[str, ...]
    # Whether doing it once takes as long as it may.
    is_slow: bool = False
    # Whether it is the server with TLS that is attacked.
    is_tls: bool = False
    # Memory that it may hold while it lasts, in octets.
    holds_bytes: int = 64 << 20


def closings(*reasons: str) -> tuple[str, ...]:
    return tuple(f'rpc_server_closings{{reason="{reason}"}}' for reason in reasons)


def refusals(*reasons: str) -> tuple[str, ...]:
    return tuple(f'rpc_server_refusals{{reason="{reason}"}}' for reason in reasons)


def errors(*codes: str, method: str = "Unary") -> tuple[str, ...]:
    return tuple(f'rpc_server_errors{{method="bench.Echo/{method}",code="{code}"}}' for code in codes)


CALM = ("GOAWAY ENHANCE_YOUR_CALM",)
