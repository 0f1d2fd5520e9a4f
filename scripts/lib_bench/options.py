"""The command line."""

from __future__ import annotations

import argparse
import pathlib
import subprocess
import sys

from lib_bench import allocations, instructions, rpc
from lib_bench.errors import BenchError

PEERS = ("cpp", "swift")


def peer_list(text: str) -> list[str]:
    names = [] if text in ("", "none") else text.split(",")
    for name in names:
        if name not in PEERS:
            raise argparse.ArgumentTypeError(f"unknown peer '{name}'; known are {', '.join(PEERS)} and none")
    return names


def natural(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return value


def parse(usage: str, arguments: list[str]) -> argparse.Namespace:
    if not arguments or "-h" in arguments or "--help" in arguments:
        print(usage.strip())
        sys.exit(0 if arguments else 2)
    parser = argparse.ArgumentParser(prog="scripts/bench", add_help=False)
    parser.add_argument("what", choices=["rpc"])
    parser.add_argument("--peers", type=peer_list)
    parser.add_argument("--rounds", type=natural)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--idle", type=natural)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--program", type=pathlib.Path)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--allocations", action="store_true")
    parser.add_argument("--instructions", action="store_true")
    parser.add_argument("--update", action="store_true")
    chosen = parser.parse_args(arguments)
    usual = ([], 1, 0.1, 200) if chosen.short else (["cpp"], 5, 1.5, 5000)
    for name, value in zip(("peers", "rounds", "seconds", "idle"), usual):
        if getattr(chosen, name) is None:
            setattr(chosen, name, value)
    chosen.rounds = max(1, chosen.rounds)
    return chosen


def main(repository: pathlib.Path, usage: str, arguments: list[str]) -> int:
    chosen = parse(usage, arguments)
    try:
        if chosen.allocations:
            return allocations.run(repository, chosen)
        if chosen.instructions:
            return instructions.run(repository, chosen)
        return rpc.run(repository, chosen)
    except BenchError as error:
        print(f"bench: error: {error}", file=sys.stderr)
        return 1
    except subprocess.TimeoutExpired as error:
        print(f"bench: error: '{error.cmd[0]}' took longer than {error.timeout:.0f} s", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
