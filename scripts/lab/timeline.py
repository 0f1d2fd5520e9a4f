"""What happens, when, and whether it is what should happen; one line each, as it happens."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO, TypeVar

Value = TypeVar("Value")

RED, GREEN, PLAIN = "\033[31m", "\033[32m", "\033[0m"


class CheckFailed(Exception):
    """A check of the run did not hold; the text says what was expected and what was seen."""


class Timeline:
    """Prints `  0.9s  rack1   online` lines and counts checks. Safe to use from several threads."""

    def __init__(self, output: TextIO | None = None) -> None:
        self._output = output or sys.stdout
        self._start = time.monotonic()
        self._lock = threading.Lock()
        self.passed = 0
        self.failed: list[str] = []

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def say(self, who: str, what: str) -> None:
        colour = {"PASS": GREEN, "FAIL": RED}.get(who) if self._coloured else None
        name = f"{colour}{who:<8}{PLAIN}" if colour else f"{who:<8}"
        with self._lock:
            print(f"{self.seconds:5.1f}s  {name}{what}", file=self._output, flush=True)

    @contextmanager
    def check(self, title: str) -> Iterator[Callable[[str], None]]:
        """One numbered promise: passes when the block ends, fails when it raises, and the run goes on.

        The block may call what it gets with a detail to print behind the title.
        """
        details: list[str] = []
        try:
            yield details.append
        except (CheckFailed, OSError, ValueError, KeyError, IndexError) as error:
            with self._lock:
                self.failed.append(title)
            self.say("FAIL", f"{title}: {self._text(error)}")
        else:
            with self._lock:
                self.passed += 1
            self.say("PASS", title + (f" ({'; '.join(details)})" if details else ""))

    def conclude(self) -> bool:
        """Prints the last line and says whether every check held."""
        total = self.passed + len(self.failed)
        self.say("FAIL" if self.failed or not total else "PASS", f"{self.passed} of {total} checks")
        for title in self.failed:
            print(f"{'':8}failed: {title}", file=self._output, flush=True)
        return total > 0 and not self.failed

    @property
    def _coloured(self) -> bool:
        return self._output.isatty() and not os.environ.get("NO_COLOR")

    @staticmethod
    def _text(error: BaseException) -> str:
        return str(error) if isinstance(error, (CheckFailed, OSError)) else f"{type(error).__name__}: {error}"


def expect(condition: bool, message: str) -> None:
    if not condition:
        raise CheckFailed(message)


def until(what: str, probe: Callable[[], Value | None], timeout: float, interval: float = 0.1) -> Value:
    """The first true value of `probe`, asked every `interval` seconds; CheckFailed after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (value := probe()):
        if time.monotonic() >= deadline:
            raise CheckFailed(f"not within {timeout:g} s: {what}")
        time.sleep(interval)
    return value
