"""The command line."""

from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import subprocess
import sys

from lib_bench.errors import BenchError
from lib_release import build


def main(repository: pathlib.Path, usage: str, arguments: list[str]) -> int:
    if "-h" in arguments or "--help" in arguments:
        print(usage.strip())
        return 0
    parser = argparse.ArgumentParser(prog="scripts/release", add_help=False)
    parser.add_argument("--output", type=pathlib.Path, default=repository / ".build" / "programs")
    parser.add_argument("programs", nargs="*", metavar="PROGRAM")
    chosen = parser.parse_args(arguments)
    for name in chosen.programs:
        if name not in build.PROGRAMS:
            parser.error(f"no program '{name}'; there are {', '.join(build.PROGRAMS)}")
    names = tuple(dict.fromkeys(chosen.programs)) or build.PROGRAMS[:4]
    try:
        chosen.output.mkdir(parents=True, exist_ok=True)
        made = build.programs(repository, names)
        for name, program in made.items():
            # A program that runs can be replaced, not written to.
            shutil.copy2(program, chosen.output / f".{name}")
            os.replace(chosen.output / f".{name}", chosen.output / name)
    except (BenchError, OSError) as error:
        print(f"release: error: {error}", file=sys.stderr)
        return 1
    except subprocess.TimeoutExpired as error:
        print(f"release: error: '{error.cmd[0]}' took longer than {error.timeout:.0f} s", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"{', '.join(made)} in {chosen.output}")
    return 0
