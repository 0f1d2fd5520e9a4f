"""One run of the laboratory: its name, its folder, and the end of everything that carries its name.

A run leaves nothing behind. Its namespaces all begin with its prefix, its files all lie in its folder, and its
processes all live in its namespaces; so whoever finds the folder of a run whose owner is dead can end it.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from lab import processes
from lab.netns import NAMED
from lab.processes import Supervisor

ROOT = Path("/run/muster-lab")
LOCK = Path("/run/muster-lab.lock")
MANIFEST = "manifest.json"
CLEANUP_SECONDS = 10.0

# Where Kea's AppArmor profile lets it live. A run mounts its own folders over these, and makes those that the host
# does not have; removing one under a running lab would take its mount away, so only the last run does.
KEA_FOLDERS = tuple(map(Path, ("/etc/kea", "/run/kea", "/run/lock/kea", "/var/lib/kea", "/var/log/kea")))
KEA_USER = "_kea"


class Interrupted(Exception):
    """Ctrl-C or a polite signal; the run ends in good order."""


@dataclass
class Manifest:
    """What a later run must know to end this one after kill -9."""

    run: str
    kind: str
    owner: int
    owner_start: int

    @property
    def is_owned(self) -> bool:
        return processes.is_running(self.owner) and processes.start_ticks(self.owner) == self.owner_start


@dataclass
class HostState:
    """What the laboratory, not the host, brought into being outside of any run's folder."""

    folders: list[str]
    netns_mount: bool


class Run:
    """A started run. Use `Run.open`."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.folder = ROOT / manifest.run
        self.logs = self.folder / "log"
        self.logs.mkdir()
        self.supervisor = Supervisor(self.logs)

    @property
    def prefix(self) -> str:
        return prefix(self.manifest.run)

    @staticmethod
    @contextmanager
    def open(kind: str) -> Iterator[Run]:
        """Ends the leftovers of dead runs, starts a run, and ends it however the block ends."""
        if os.geteuid() != 0:
            raise PermissionError("network namespaces need root; use sudo")
        sweep()
        with _locked():
            run = Run(_register(kind))
        try:
            with _signals_as_exceptions():
                yield run
        finally:
            with _signals_ignored():
                run.supervisor.stop()
                end(run.manifest)

    def namespace(self, role: str) -> str:
        """Makes the network namespace `role` of this run and returns its full name."""
        name = self.prefix + role
        subprocess.run(["ip", "netns", "add", name], check=True)
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        return name

    def show_logs(self, lines: int = 15) -> None:
        """Prints the ends of all logs, because the run's folder is about to go."""
        for log in sorted([*self.logs.glob("*.log"), *self.folder.glob("rack*/host/var/log/kea/*.log")]):
            last = log.read_text(errors="replace").splitlines()[-lines:]
            print(f"--- {log.relative_to(self.folder)}", *last, sep="\n    ", file=sys.stderr, flush=True)


def prefix(run: str) -> str:
    return f"muster-{run}-"


def manifests() -> list[Manifest]:
    """Every run that has not been ended, dead or alive."""
    found = []
    for path in sorted(ROOT.glob(f"*/{MANIFEST}")):
        with suppress(OSError, ValueError, TypeError):
            found.append(Manifest(**json.loads(path.read_text())))
    return found


def sweep() -> list[str]:
    """Ends what runs with a dead owner left behind; returns their names."""
    dead = [manifest for manifest in manifests() if not manifest.is_owned]
    for manifest in dead:
        end(manifest)
    return [manifest.run for manifest in dead]


def stop(manifest: Manifest, timeout: float = 30) -> None:
    """Ends a run from outside: politely through its owner, and by hand if that does not help."""
    if manifest.is_owned:
        os.kill(manifest.owner, signal.SIGTERM)
        deadline = time.monotonic() + timeout
        while manifest.is_owned and time.monotonic() < deadline:
            time.sleep(0.1)
        if manifest.is_owned:
            os.kill(manifest.owner, signal.SIGKILL)
    end(manifest)


def end(manifest: Manifest) -> None:
    """Removes the run's processes, namespaces and files, and the host's marks with the last run. Idempotent."""
    with _locked():
        names = [path.name for path in NAMED.glob(prefix(manifest.run) + "*")] if NAMED.is_dir() else []
        deadline = time.monotonic() + CLEANUP_SECONDS
        while (pids := _pids(names)) and time.monotonic() < deadline:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False)
        shutil.rmtree(ROOT / manifest.run, ignore_errors=True)
        if ROOT.is_dir() and not any(path.is_dir() for path in ROOT.iterdir()):
            _restore_host()


def kea_binds(host: Path) -> dict[Path, Path]:
    """Makes the folders of one rack's Kea below `host`; what is mounted over what, target first."""
    binds = {}
    for target in KEA_FOLDERS:
        source = host / target.relative_to("/")
        source.mkdir(parents=True)
        # As Debian's unit would have made them; Kea only reads its configuration.
        if target != Path("/etc/kea"):
            shutil.chown(source, KEA_USER, KEA_USER)
        binds[target] = source
    return binds


def _pids(namespaces: list[str]) -> list[int]:
    """The processes in these namespaces; never this one."""
    found = []
    for name in namespaces:
        listed = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False)
        found += [int(pid) for pid in listed.stdout.split() if int(pid) != os.getpid()]
    return found


def _register(kind: str) -> Manifest:
    """Under the lock: makes the folder of a new run and what the host lacks."""
    _prepare_host()
    while True:
        run = secrets.token_hex(2)
        folder = ROOT / run
        with suppress(FileExistsError):
            folder.mkdir()
            break
    manifest = Manifest(run, kind, os.getpid(), processes.start_ticks(os.getpid()))
    _write(manifest)
    return manifest


def _write(manifest: Manifest) -> None:
    path = ROOT / manifest.run / MANIFEST
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(asdict(manifest)))
    temporary.rename(path)


def _prepare_host() -> None:
    if ROOT.is_dir():
        return
    ROOT.mkdir(mode=0o755)
    # Parents first, so that they can be removed in the opposite order.
    needed = {path for folder in KEA_FOLDERS for path in (folder, *folder.parents)}
    made = sorted(path for path in needed if not path.exists())
    state = HostState([str(folder) for folder in made], netns_mount=not _is_mounted(NAMED))
    (ROOT / "host.json").write_text(json.dumps(asdict(state)))
    for folder in made:
        folder.mkdir()


def _restore_host() -> None:
    """Under the lock, with no run left."""
    with suppress(OSError, ValueError, TypeError):
        state = HostState(**json.loads((ROOT / "host.json").read_text()))
        for folder in reversed(state.folders):
            with suppress(OSError):
                Path(folder).rmdir()
        # `ip netns add` mounts /run/netns over itself; undone only if nobody else has a namespace there.
        if state.netns_mount and _is_mounted(NAMED) and not any(NAMED.iterdir()):
            subprocess.run(["umount", str(NAMED)], check=False)
            with suppress(OSError):
                NAMED.rmdir()
    shutil.rmtree(ROOT, ignore_errors=True)


def _is_mounted(path: Path) -> bool:
    """Unlike `os.path.ismount` this also knows a folder that is mounted over itself."""
    return any(line.split()[4] == str(path) for line in Path("/proc/self/mountinfo").read_text().splitlines())


_depth = threading.local()


@contextmanager
def _locked() -> Iterator[None]:
    """One laboratory at a time changes what belongs to the host. Re-entrant on a thread."""
    if getattr(_depth, "value", 0):
        yield
        return
    with LOCK.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        _depth.value = 1
        try:
            yield
        finally:
            _depth.value = 0
            if not ROOT.exists():
                LOCK.unlink(missing_ok=True)


@contextmanager
def _signals_as_exceptions() -> Iterator[None]:
    def raise_interrupted(number: int, _: object) -> None:
        raise Interrupted(signal.Signals(number).name)

    with _signals(raise_interrupted):
        yield


@contextmanager
def _signals_ignored() -> Iterator[None]:
    """While a run ends, a second Ctrl-C must not stop the ending."""
    with _signals(signal.SIG_IGN):
        yield


@contextmanager
def _signals(handler: object) -> Iterator[None]:
    before = {
        number: signal.signal(number, handler)  # type: ignore[arg-type]
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
