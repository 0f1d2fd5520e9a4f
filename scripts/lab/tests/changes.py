"""Notes when an agent replaces Kea's configuration, by watching the file."""

from __future__ import annotations

import threading
import time
from pathlib import Path

INTERVAL_SECONDS = 0.003  # an apply takes 60 ms or more, so none is missed


class Replacements:
    """The moments (time.monotonic) at which a new file stood under a name, from construction until `stop`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ended = threading.Event()
        self._seen = self._identity()
        self.moments: list[float] = []
        self._thread = threading.Thread(target=self._watch, name="replacements", daemon=True)
        self._thread.start()

    def stop(self) -> list[float]:
        self._ended.set()
        self._thread.join()
        return self.moments

    def _watch(self) -> None:
        while not self._ended.wait(INTERVAL_SECONDS):
            if (now := self._identity()) != self._seen:
                self._seen = now
                self.moments.append(time.monotonic())

    def _identity(self) -> tuple[int, int]:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return (0, 0)
        return (status.st_ino, status.st_mtime_ns)
