"""Work that begins on a terminal and goes on without it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

# What the work calls when it wants to go on alone: a status to end the terminal's command with, and last words.
LetGo = Callable[[int, str], None]


def detached(work: Callable[[LetGo], int]) -> int:
    """Runs `work` in a child. Ends with the child's status, or with the one it lets go with.

    Until then Ctrl-C and the like reach the child through this process; after that it belongs to nobody, has closed
    the terminal, and ends by SIGTERM.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.setsid()
        os._exit(_run(work, writer))
    os.close(writer)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: os.kill(child, received))
    with os.fdopen(reader, "rb") as pipe:
        text = pipe.read().decode()
    if text:
        status, _, words = text.partition(" ")
        print(words)
        return int(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _run(work: Callable[[LetGo], int], writer: int) -> int:
    def let_go(status: int, words: str) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        os.close(nowhere)
        os.write(writer, f"{status} {words}".encode())
        os.close(writer)

    try:
        status = work(let_go)
    except Exception as error:
        print(f"error: {error!r}", file=sys.stderr)
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status
