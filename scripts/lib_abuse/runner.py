"""Runs the attacks one by one and says what came of each."""

from __future__ import annotations

import contextlib
import dataclasses
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

from lib_abuse.attack import Attack, Target
from lib_abuse.breaches import BREACHES
from lib_abuse.bystander import Bystander
from lib_abuse.floods import FLOODS
from lib_abuse.holds import HOLDS
from lib_abuse.messages import MESSAGES
from lib_abuse.server import Server, allow_many_files
from lib_bench.processors import cores, pin

ATTACKS = [*FLOODS, *BREACHES, *HOLDS, *MESSAGES]
BASELINE_SECONDS = 2.0
# Up to it nothing is said about the bystander's p99: that is 0.4 to 1 ms without an attack too, from one two seconds to the next.
P99_FAIR_MS = 1.0
P99_FACTOR_MAX = 2.0
SLOWED = "the bystander's p99 more than doubled"
MEMORY_BACK_BYTES = 64 << 20
MEMORY_BACK_SECONDS = 10.0


@dataclasses.dataclass
class Report:
    attack: Attack
    outcomes: set[str]
    before: dict[str, float]
    during: dict[str, float]
    peak_bytes: int
    after_bytes: int
    problems: list[str]

    def row(self) -> list[str]:
        return [
            self.attack.name, " / ".join(sorted(self.outcomes)),
            f"{self.before['p50_ms']:.2f} {self.before['p99_ms']:.2f}", f"{self.during['p50_ms']:.2f} {self.during['p99_ms']:.2f}",
            f"{self.peak_bytes >> 20}", f"{self.after_bytes >> 20}", "; ".join(self.problems) or "ok"]


HEADINGS = ["attack", "ended by", "p50 p99 before", "during (ms)", "RSS peak", "after (MiB)", "verdict"]


def run(program: Path, is_short: bool, words: list[str], seconds: float) -> int:
    chosen = [attack for attack in ATTACKS if not words or any(word in attack.name for word in words)]
    if not program.exists():
        print(f"abuse: {program} is not there; run swift build -c release", file=sys.stderr)
        return 2
    if not chosen:
        print("abuse: no attack has such a name", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="abuse.") as folder:
        failed = _run(program, is_short, chosen, 0.0 if is_short else seconds, Path(folder))
    print(f"abuse: {len(chosen) - failed} passed, {failed} failed")
    return 1 if failed else 0


def _run(program: Path, is_short: bool, chosen: list[Attack], seconds: float, folder: Path) -> int:
    files_max = allow_many_files()
    certificate = _certificate(folder)
    # A processor for the servers and one for everybody else, who take turns by urgency: the honest clients, then attackers,
    # then whatever else this machine does, so that neither side is slow for a reason that is not the other's.
    of_servers, of_clients = cores()
    as_server, as_attacker = pin(of_servers, not is_short), pin(of_clients, not is_short)
    as_bystander = pin(of_clients, not is_short, priority=2)
    failed = 0
    with contextlib.ExitStack() as stack:
        servers = [
            Server(program, folder / "cleartext.log", as_server), Server(program, folder / "tls.log", as_server, certificate)]
        for server in servers:
            stack.callback(server.stop)
        bystanders = [Bystander(server.port, as_bystander, tls=server.is_tls) for server in servers]
        for bystander in bystanders:
            stack.callback(bystander.stop)
        as_attacker()
        for server in servers:
            server.watch()
        target = Target(servers[0].port, servers[1].port, is_short, files_max)
        _warm_up(target)
        start_bytes = [server.rss_bytes() for server in servers]
        print(" | ".join(HEADINGS), flush=True)
        for attack in chosen:
            report = _attack(attack, target, servers, bystanders[attack.is_tls], start_bytes, seconds)
            if report.problems == [SLOWED]:
                # The machine may have been at something else; twice in a row it is the attack.
                print(" | ".join([*report.row(), "once more:"]), flush=True)
                report = _attack(attack, target, servers, bystanders[attack.is_tls], start_bytes, seconds)
            failed += bool(report.problems)
            print(" | ".join(report.row()), flush=True)
            if not all(server.is_alive for server in servers):
                print("\n".join(server.log.read_text(errors="replace")[-2000:] for server in servers))
                break
    return failed


def _attack(attack: Attack, target: Target, servers: list[Server], bystander: Bystander, start_bytes: list[int],
            seconds: float) -> Report:
    counted_before = _count(attack, servers)
    bystander.mark()
    if not target.is_short:
        time.sleep(BASELINE_SECONDS)
    before = bystander.mark()
    for server in servers:
        server.peak_bytes = server.rss_bytes()
    outcomes: set[str] = set()
    problems: list[str] = []
    deadline = time.monotonic() + seconds
    while True:
        try:
            outcomes.add(attack.run(target))
        except (OSError, AssertionError) as error:
            problems.append(f"{type(error).__name__}: {error}")
            traceback.print_exc()
            break
        if time.monotonic() >= deadline or attack.is_slow:
            break
    during = bystander.mark()
    after = _memory_after(servers, start_bytes)
    peak = max(max(server.peak_bytes, server.rss_bytes()) - start for server, start in zip(servers, start_bytes))

    if not all(server.is_alive for server in servers):
        problems.append("the process died")
        return Report(attack, outcomes, before, during, peak, after, problems)
    if unexpected := outcomes - set(attack.ends):
        problems.append(f"ended by {', '.join(sorted(unexpected))}, not {' or '.join(attack.ends)}")
    if not _count(attack, servers) > counted_before:
        problems.append(f"not counted by {' or '.join(attack.counted)}")
    if during["failures"]:
        problems.append(f"{during['failures']:.0f} calls of the bystander failed")
    if after > MEMORY_BACK_BYTES:
        problems.append(f"{after >> 20} MiB more than at the start")
    if peak > attack.holds_bytes:
        problems.append(f"held {peak >> 20} MiB")
    if not target.is_short and during["p99_ms"] > max(P99_FACTOR_MAX * before["p99_ms"], P99_FAIR_MS):
        problems.append(SLOWED)
    return Report(attack, outcomes, before, during, peak, after, problems)


def _count(attack: Attack, servers: list[Server]) -> float:
    """The expected counters together. A gauge counts as one more each time it is asked for."""
    if attack.counted == ("rpc_server_connections",):
        return time.monotonic()
    return sum(series.get(name, 0) for server in servers for series in [server.metrics()] for name in attack.counted)


def _memory_after(servers: list[Server], start_bytes: list[int]) -> int:
    """What is held more than at the start once memory had time to go back."""
    deadline = time.monotonic() + MEMORY_BACK_SECONDS
    while True:
        more = max(server.rss_bytes() - start for server, start in zip(servers, start_bytes))
        if more <= MEMORY_BACK_BYTES or time.monotonic() > deadline:
            return max(more, 0)
        time.sleep(0.1)


def _warm_up(target: Target) -> None:
    """What a server allocates once is not an attack's."""
    for attack in MESSAGES[:4]:
        attack.run(target)


def _certificate(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=localhost", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key
