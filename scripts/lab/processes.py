"""The processes of a run: each has a log, a way to be waited for, and an end."""

from __future__ import annotations

import ctypes
import os
import re
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.timeline import CheckFailed

PR_SET_CHILD_SUBREAPER = 36
STOP_SECONDS = 10.0
REAP_INTERVAL_SECONDS = 0.2
TAIL_LINES = 15

libc = ctypes.CDLL(None, use_errno=True)


def state(pid: int) -> str:
    """The kernel's letter for a process (`R`, `S`, `Z`, …), empty when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""


def is_running(pid: int) -> bool:
    """Whether the process can still do anything; a zombie cannot."""
    return state(pid) not in ("", "Z", "X")


def start_ticks(pid: int) -> int:
    """When the process began, in ticks since boot: with the pid it names a process for ever. 0 when gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, IndexError):
        return 0


class Process:
    """A program that was started, and its log."""

    def __init__(self, name: str, child: subprocess.Popen[bytes], log: Path, offset: int) -> None:
        self.name = name
        self.log = log
        self._child = child
        self._offset = offset

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def status(self) -> int | None:
        """The exit status, None while it runs; negative is the signal that ended it."""
        return self._child.poll()

    def output(self) -> str:
        """What this process, not its predecessors, wrote to the log."""
        with self.log.open("rb") as log:
            log.seek(self._offset)
            return log.read().decode(errors="replace")

    def tail(self, lines: int = TAIL_LINES) -> str:
        return "\n".join(f"    {self.name}| {line}" for line in self.output().splitlines()[-lines:])

    def wait_line(self, pattern: str, timeout: float) -> re.Match[str]:
        """The first line that matches. CheckFailed, with the log's tail, when the process ends or time is up."""
        deadline = time.monotonic() + timeout
        while True:
            ended = self.status
            if found := re.search(pattern, self.output(), re.MULTILINE):
                return found
            if ended is not None:
                raise CheckFailed(f"{self.name} ended with status {ended} before '{pattern}'\n{self.tail()}")
            if time.monotonic() > deadline:
                raise CheckFailed(f"{self.name} did not say '{pattern}' within {timeout:g} s\n{self.tail()}")
            time.sleep(0.05)

    def wait(self, timeout: float) -> int:
        try:
            return self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise CheckFailed(f"{self.name} did not end within {timeout:g} s\n{self.tail()}") from None

    def signal(self, number: signal.Signals) -> None:
        if self.status is None:
            self._child.send_signal(number)

    def kill(self) -> None:
        """kill -9, and waits until it is gone."""
        self.signal(signal.SIGKILL)
        self._child.wait()

    def stop(self, timeout: float = STOP_SECONDS) -> int:
        """SIGTERM, and SIGKILL after `timeout` seconds. Returns the exit status."""
        self.signal(signal.SIGTERM)
        try:
            return self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._child.returncode


class Supervisor:
    """Starts processes that cannot outlive it.

    Each child dies when this process dies, however it dies (PR_SET_PDEATHSIG). The kernel ties that to the
    *thread* that started the child, so all are started from one thread that lives as long as the supervisor.
    Grandchildren whose parent was killed become ours (PR_SET_CHILD_SUBREAPER) and are reaped here, because
    process 1 of a container may never do it and a zombie's number looks alive.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starter")
        self._lock = threading.Lock()
        self._processes: list[Process] = []
        self._ended = threading.Event()
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._reaper = threading.Thread(target=self._reap, name="reaper", daemon=True)
        self._reaper.start()

    def start(self, name: str, command: Sequence[str | Path], namespace: str | None = None,
              binds: Mapping[Path, Path] | None = None, environment: Mapping[str, str] | None = None,
              folder: Path | None = None) -> Process:
        """Starts `command`, in the network namespace if one is named.

        `binds` are folders to mount over others (target: source), seen by this process and its children only.
        The log is `NAME.log`; a second process of the name appends to it.
        """
        line = ["setpriv", "--pdeathsig", "KILL", "--", *map(str, command)]
        if binds:
            mounts = [f"mount --bind {shlex.quote(str(source))} {shlex.quote(str(target))}"
                      for target, source in binds.items()]
            line = ["sh", "-c", " && ".join([*mounts, 'exec "$@"']), name, *line]
            if namespace is None:
                line = ["unshare", "--mount", "--propagation", "slave", "--", *line]
        if namespace is not None:
            # ip-netns makes a private mount namespace as well, so the mounts above stay in it.
            line = ["ip", "netns", "exec", namespace, *line]
        log = self._logs / f"{name}.log"
        merged = {**os.environ, **(environment or {})}

        def spawn() -> Process:
            # Under the lock, so that the reaper never sees a child that is not on the list.
            with self._lock, log.open("ab") as output:
                offset = output.tell()
                child = subprocess.Popen(
                    line, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                    env=merged, cwd=folder, start_new_session=True,
                )
                process = Process(name, child, log, offset)
                self._processes.append(process)
            return process

        return self._starter.submit(spawn).result()

    def stop(self) -> None:
        """Stops every process, the newest first, and ends the supervisor."""
        with self._lock:
            processes = list(reversed(self._processes))
        for process in processes:
            process.signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in processes:
            process.stop(max(deadline - time.monotonic(), 0.1))
        self._ended.set()
        self._reaper.join()
        self._starter.shutdown()

    def _reap(self) -> None:
        """Takes the exit status of children that nobody here started."""
        while not self._ended.wait(REAP_INTERVAL_SECONDS):
            zombies = orphaned_zombies()
            with self._lock:
                known = {process.pid for process in self._processes}
            for pid in zombies - known:
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    continue


def orphaned_zombies() -> set[int]:
    """Ended children of this process in a session other than its own.

    `subprocess.run` elsewhere in this process waits for its child itself; such a child shares our session.
    """
    zombies = set()
    for task in Path("/proc/self/task").iterdir():
        try:
            for pid in map(int, (task / "children").read_text().split()):
                if state(pid) == "Z" and os.getsid(pid) != os.getsid(0):
                    zombies.add(pid)
        except OSError:
            continue
    return zombies
