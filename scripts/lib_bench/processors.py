"""Which processor runs what, so that a server and those who load it do not wait for each other."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Callable, Iterator

# Connections of the idle case, and room for the rest of a process.
FILES_MAX = 65536


def cores() -> tuple[int | None, int | None]:
    """One processor for the server, one for the load; None when there is only one."""
    known = sorted(os.sched_getaffinity(0))
    return (known[0], known[1]) if len(known) > 1 else (None, None)


def pin(cpu: int | None, is_urgent: bool = True, priority: int = 1) -> Callable[[], None]:
    """What a child does before it runs: one processor, ahead of whatever else wants it, and many files.

    Of those that are urgent, the one of the higher priority runs first.
    """
    def prepare() -> None:
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})
        if is_urgent:
            # Only root may; others measure beside what else runs.
            with contextlib.suppress(PermissionError):
                os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(priority))
        raise_file_limit()
    return prepare


@contextlib.contextmanager
def urgently() -> Iterator[None]:
    """Lets this process itself be the load for the length of a block."""
    affinity, policy = os.sched_getaffinity(0), os.sched_getscheduler(0)
    try:
        pin(cores()[1])()
        yield
    finally:
        os.sched_setscheduler(0, policy, os.sched_param(0))
        os.sched_setaffinity(0, affinity)


def raise_file_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, FILES_MAX)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
