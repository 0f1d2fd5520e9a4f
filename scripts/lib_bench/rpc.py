"""`scripts/bench rpc`: the cases, the rounds and the table."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import statistics
import tempfile
from dataclasses import dataclass

from lib_bench import idle, load, ours, packages, servers
from lib_bench.load import Call, Measurement
from lib_bench.servers import Running, Server


@dataclass(frozen=True)
class Case:
    name: str
    call: Call
    connections: int
    streams: int


CASES = (
    Case("unary 8x32", load.unary(), 8, 32),
    Case("unary 1x1", load.unary(), 1, 1),
    Case("unary 64x16", load.unary(), 64, 16),
    Case("stream 4x4, 1,000 x 64 B", load.stream(), 4, 4),
)
# Calls for each that may be in flight, before a server is measured and to find out its speed; a stream is warm sooner.
WARM_ROUNDS = 8


def run(repository: pathlib.Path, chosen: argparse.Namespace) -> int:
    packages.need(packages.LOAD)
    known = ours.measured(repository, chosen, for_tests=chosen.short)
    makers = {"cpp": servers.cpp, "swift": servers.swift}
    known += [makers[name](repository) for name in chosen.peers]
    describe(known)
    with tempfile.TemporaryDirectory(prefix="bench.") as scratch:
        folder = pathlib.Path(scratch)
        measured = measure_calls(known, chosen, folder)
        resting = measure_idle(known, chosen, folder) if chosen.idle else {}
    for case in CASES:
        print_case(case, measured[case.name], chosen.peers)
    if resting:
        print_idle(resting, chosen.idle)
    if chosen.json:
        write_json(chosen.json, known, measured, resting)
    return 0


def describe(known: list[Server]) -> None:
    cpu = next((line.partition(":")[2].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    print(f"{datetime.date.today()}, {os.cpu_count()} x {cpu}, Linux {platform.release()}")
    for version in dict.fromkeys(server.version for server in known):
        print(f"  {version}")
    print(f"  h2load {packages.version('nghttp2-client')}", flush=True)


def measure_calls(known: list[Server], chosen: argparse.Namespace, folder: pathlib.Path) -> dict[str, dict[str, list[Measurement]]]:
    """All servers run all the time and take turns, so what else the machine does meets them alike."""
    results: dict[str, dict[str, list[Measurement]]] = {}
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(servers.started(server)) for server in known]
        for case in CASES:
            rounds = results[case.name] = {one.server.name: [] for one in running}
            calls = {one.server.name: prepare(one, case, chosen.seconds, folder) for one in running}
            for _ in range(chosen.rounds):
                for one in running:
                    rounds[one.server.name].append(
                        load.measure(one, case.call, case.connections, case.streams, calls[one.server.name], folder))
    return results


def prepare(running: Running, case: Case, seconds: float, folder: pathlib.Path) -> int:
    """Checks a reply, warms the server up, and says how many calls take `seconds`."""
    load.check_one(running, case.call, folder)
    in_flight = case.connections * case.streams
    warm = in_flight * (WARM_ROUNDS if case.call.messages == 1 else 1) + WARM_ROUNDS
    load.measure(running, case.call, case.connections, case.streams, warm, folder)
    speed = load.measure(running, case.call, case.connections, case.streams, warm, folder).calls_per_second
    return max(int(speed * seconds), in_flight)


def measure_idle(known: list[Server], chosen: argparse.Namespace, folder: pathlib.Path) -> dict[str, dict[str, float]]:
    """Each server alone and fresh; the handler's place does not matter here."""
    certificate, key = idle.certificate(folder)
    results: dict[str, dict[str, float]] = {}
    for server in known:
        if server.name == "loop":
            continue
        sizes = results[server.name] = {}
        with servers.started(server) as running:
            sizes["cleartext"] = idle.bytes_per_connection(running, chosen.idle, uses_tls=False)
        with servers.started(server, "--tls", str(certificate), str(key)) as running:
            sizes["TLS"] = idle.bytes_per_connection(running, chosen.idle, uses_tls=True)
    return results


def print_case(case: Case, rounds: dict[str, list[Measurement]], peers: list[str]) -> None:
    unit = "message" if case.call.messages > 1 else "call"
    cpu = {name: statistics.median(one.cpu_us for one in runs) for name, runs in rounds.items()}
    print(f"\n{case.name}")
    print(f"  {'':8}{'calls/s':>10}{'p50 us':>10}{'p99 us':>10}{'CPU us/' + unit:>16}{'lowest':>10}"
          + "".join(f"{'x ' + peer:>10}" for peer in peers))
    for name, runs in rounds.items():
        middle = [statistics.median(getattr(one, key) for one in runs) for key in ("calls_per_second", "p50_us", "p99_us")]
        lowest = min(one.cpu_us for one in runs)
        print(f"  {name:8}{middle[0]:10.0f}{middle[1]:10.0f}{middle[2]:10.0f}{cpu[name]:16.2f}{lowest:10.2f}"
              + "".join(f"{cpu[peer] / cpu[name]:10.1f}" for peer in peers), flush=True)


def print_idle(resting: dict[str, dict[str, float]], connections: int) -> None:
    print(f"\nresident memory an idle connection, of {connections:,}")
    print(f"  {'':8}{'cleartext KB':>14}{'TLS KB':>14}")
    for name, sizes in resting.items():
        print(f"  {name:8}{sizes['cleartext'] / 1000:14.1f}{sizes['TLS'] / 1000:14.1f}", flush=True)


def write_json(path: pathlib.Path, known: list[Server], measured: dict, resting: dict) -> None:
    path.write_text(json.dumps({
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "servers": {server.name: server.version for server in known},
        "cases": {case: {name: [dataclasses.asdict(one) for one in runs] for name, runs in rounds.items()}
                  for case, rounds in measured.items()},
        "idle": resting,
    }, indent=2) + "\n")
