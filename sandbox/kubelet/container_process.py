"""One run of a container: a process, and its log in the format of the container runtime interface (CRI)."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

_TAIL_LINES = 20


class ContainerProcess:
    """Starts at once.

    Args:
        words: The command.
        variables: Its whole environment.
        folder: Its working directory.
        log: File that its output is written to, line by line as it comes.
    """

    def __init__(self, words: Sequence[str], variables: Mapping[str, str], folder: Path, log: Path) -> None:
        self.started = datetime.now(UTC)
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=dict(variables),
            text=True,
            errors="replace",
            # Ctrl-C in a terminal is for the kubelet, which stops its containers itself.
            start_new_session=True,
        )
        # The process has our end of the pipe, not the file: when the kubelet dies, its next line of log ends it, too.
        self._pump = threading.Thread(target=self._copy, args=(log,), daemon=True)
        self._pump.start()

    @property
    def return_code(self) -> int | None:
        """How it ended, negative for a signal; ``None`` while it runs."""
        return self._process.poll()

    @property
    def tail(self) -> str:
        """Its last lines."""
        return "\n".join(self._tail)

    def stop(self, grace: float) -> None:
        """Ends it: SIGTERM, and SIGKILL after ``grace`` seconds."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM if grace > 0 else signal.SIGKILL)
        try:
            self._process.wait(grace or None)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self.finish()

    def finish(self) -> None:
        """Waits until the last line of a process that has ended is in its log."""
        self._pump.join(timeout=5)

    def _copy(self, log: Path) -> None:
        assert self._process.stdout
        with log.open("a", buffering=1) as file, self._process.stdout as lines:
            for line in lines:
                self._tail.append(line.rstrip("\n"))
                moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
                file.write(f"{moment} stderr F {line if line.endswith(chr(10)) else line + chr(10)}")
