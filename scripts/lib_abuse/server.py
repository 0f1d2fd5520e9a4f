"""The server under attack: `rpc-echo` in a process of its own, its memory and its counters."""

from __future__ import annotations

import re
import resource
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

START_SECONDS_MAX = 20.0
STOP_SECONDS_MAX = 10.0
SAMPLE_SECONDS = 0.05
FILES_WANTED = 24_000

# Times are short, so that waiting for them is; counts and sizes are the server's own unless an attack needs others.
LIMITS = {
    "establishing": "2s", "keepalive_interval": "2s", "keepalive_timeout": "1s", "stall": "3s", "held_max": "64MiB",
    "connection_held_max": "32MiB",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def allow_many_files() -> int:
    """As many open files as this user may have, for this process and its children."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_WANTED if hard == resource.RLIM_INFINITY else min(hard, FILES_WANTED)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(soft, wanted)


class Server:
    """Started at once; `stop` ends it."""

    def __init__(self, program: Path, log: Path, prepare: Callable[[], None], tls: tuple[Path, Path] | None = None) -> None:
        """`prepare` is done by the child before it becomes the program."""
        self.port = free_port()
        self.is_tls = tls is not None
        self._metrics_port = free_port()
        command = [str(program), str(self.port), "--metrics", str(self._metrics_port)]
        if tls:
            command += ["--tls", *map(str, tls)]
        for name, value in LIMITS.items():
            command += ["--limit", f"{name}={value}"]
        self.log = log
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, preexec_fn=prepare)
        self._wait_until_it_listens()
        self.peak_bytes = 0
        self._ended = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def watch(self) -> None:
        """Samples its memory from now on; after the last child was made, since a child of several threads may hang."""
        self._sampler.start()

    @property
    def is_alive(self) -> bool:
        return self._child.poll() is None

    def rss_bytes(self) -> int:
        """Resident memory; 0 once the process has ended."""
        try:
            text = Path(f"/proc/{self._child.pid}/status").read_text()
        except OSError:
            return 0
        found = re.search(r"^VmRSS:\s+(\d+) kB$", text, re.MULTILINE)
        return int(found.group(1)) * 1024 if found else 0

    def metrics(self) -> dict[str, float]:
        """Every series by its full name."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics_port}/", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}

    def stop(self) -> None:
        self._ended.set()
        if self._sampler.is_alive():
            self._sampler.join()
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    return
            except OSError:
                if not self.is_alive:
                    break
                time.sleep(0.05)
        self._child.kill()
        self._child.wait()
        raise RuntimeError(f"rpc-echo does not listen: {self.log.read_text(errors='replace')[-500:]}")

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self.peak_bytes = max(self.peak_bytes, self.rss_bytes())
