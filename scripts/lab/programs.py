"""The programs under test and how the laboratory calls them."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.timeline import CheckFailed

REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND_SECONDS_MAX = 60.0


@dataclass(frozen=True)
class Programs:
    """Where the built programs are."""

    folder: Path

    @staticmethod
    def built(configuration: str = "release") -> Programs:
        """Those of this checkout, or of `MUSTER_BIN`. CheckFailed when one is missing."""
        folder = Path(os.environ.get("MUSTER_BIN") or REPOSITORY / ".build" / configuration)
        programs = Programs(folder)
        for program in (programs.muster, programs.region, programs.pserv):
            if not os.access(program, os.X_OK):
                raise CheckFailed(f"{program} is missing; build it with 'swift build -c {configuration}'")
        return programs

    @property
    def muster(self) -> Path:
        return self.folder / "muster"

    @property
    def region(self) -> Path:
        return self.folder / "muster-region"

    @property
    def pserv(self) -> Path:
        return self.folder / "muster-pserv"


@dataclass(frozen=True)
class Answer:
    """What a command printed and how it ended."""

    command: str
    status: int
    output: str
    errors: str

    def __str__(self) -> str:
        text = "\n".join(f"    | {line}" for line in (self.output + self.errors).splitlines()[-20:])
        return f"'{self.command}' ended with status {self.status}\n{text}"

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.output)
        except ValueError:
            raise CheckFailed(f"not JSON: {self}") from None


class Operator:
    """Somebody with the `muster` client and a token."""

    def __init__(self, programs: Programs, region: str, token_file: Path) -> None:
        self._program = programs.muster
        self.environment = {
            "MUSTER_REGION": region, "MUSTER_TOKEN_FILE": str(token_file), "NO_COLOR": "1",
            # An operator's own configuration file must not change what the laboratory does.
            "MUSTER_CONFIG": "/dev/null",
        }

    def run(self, *arguments: str | Path, expect: int | None = 0, standard_input: str = "",
            timeout: float = COMMAND_SECONDS_MAX) -> Answer:
        """Runs `muster ARGUMENTS`. CheckFailed when it does not end with the status `expect` (None: any)."""
        words = [str(argument) for argument in arguments]
        line = " ".join(["muster", *words])
        try:
            done = subprocess.run(
                [self._program, *words], input=standard_input, capture_output=True, text=True, timeout=timeout,
                env={**os.environ, **self.environment}, check=False)
        except subprocess.TimeoutExpired:
            raise CheckFailed(f"'{line}' did not end within {timeout:g} s") from None
        answer = Answer(line, done.returncode, done.stdout, done.stderr)
        if expect is not None and answer.status != expect:
            raise CheckFailed(f"status {expect} was expected: {answer}")
        return answer

    def json(self, *arguments: str | Path, expect: int | None = 0) -> Any:
        return self.run(*arguments, "--output", "json", expect=expect).json

    # What most checks ask.

    def subnets(self) -> dict[str, dict[str, Any]]:
        return {subnet["name"]: subnet for subnet in self.json("subnet", "list")["subnets"]}

    def node(self, name: str) -> dict[str, Any]:
        node: dict[str, Any] = self.json("node", "show", name)
        return node

    def is_reachable(self) -> bool:
        return self.run("status", expect=None).status == 0

    def behind(self) -> list[str]:
        """Subnets whose rack does not serve the newest generation, in words."""
        words = []
        for name, subnet in self.subnets().items():
            status = subnet["status"]
            if status["applied"] != status["head"]:
                words.append(f"{name} is at {status['applied']} of {status['head']} ({status['reason'] or 'no reason'})")
        return words

    def online(self) -> set[str]:
        return {agent["name"] for agent in self.json("agent", "list")["agents"] if agent["state"] == "ONLINE"}
