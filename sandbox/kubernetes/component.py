"""One process of a control plane: started, watched, restarted, and found again after its controller died."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from sandbox.kubernetes.files import ClusterFiles
from sandbox.layout import take_lock

_log = logging.getLogger(__name__)

_STOP_SECONDS = 10.0
"""How long a process may take to stop after SIGTERM, before SIGKILL."""

_STEADY_SECONDS = 30.0
"""A component that ran this long is restarted at once; one that failed sooner waits, twice as long each time."""

_LONGEST_PAUSE = 10.0


class Component:
    """A process of one cluster, known by its name there.

    Its process id is in ``run/<name>.pid``, and it inherits a lock on that file, which the kernel frees when it ends:
    so the next controller finds it for sure if this one is killed, and never takes another process for it.
    """

    def __init__(self, name: str, files: ClusterFiles) -> None:
        self.name = name
        self._files = files
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._pause = 0.0

    def stop_leftover(self) -> None:
        """Ends the process that an earlier controller left behind, if it still runs.

        Raises:
            OSError: It runs, and its file does not name the process.
        """
        pid_file = self._files.pid(self.name)
        with suppress(FileNotFoundError), pid_file.open() as handle:
            if not take_lock(handle.fileno()):
                if not (text := handle.read()):
                    raise OSError(
                        f"{pid_file} does not name the process that holds it; end that process: fuser -k {pid_file}"
                    )
                pid = int(text)
                _log.warning("%s: %s of an earlier run is still there, process %d: stopping it", self, self.name, pid)
                os.kill(pid, signal.SIGTERM)
                if not take_lock(handle.fileno(), _STOP_SECONDS):
                    os.kill(pid, signal.SIGKILL)
                    take_lock(handle.fileno(), _STOP_SECONDS)
            pid_file.unlink()

    def start(self, command: Sequence[str]) -> None:
        """Starts the process; its output is added to ``logs/<name>.log``.

        It gets no variable of our environment: the person's clouds, proxies and home folder are none of its business.
        """
        with self._files.log(self.name).open("ab") as output, self._files.pid(self.name).open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._files.folder,
                env={"HOME": str(self._files.folder), "PATH": os.defpath},
                pass_fds=(handle.fileno(),),
                # Ctrl-C in a terminal is for the controller, which stops the components in their order.
                start_new_session=True,
            )
            handle.write(str(self._process.pid))
        self._started = time.monotonic()

    @property
    def pid(self) -> int | None:
        """Process id, while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def restart_if_dead(self, command: Sequence[str]) -> None:
        """Starts the process again if it died, and log that; one that keeps dying is given growing pauses."""
        if self.pid:
            return
        ran = time.monotonic() - self._started
        if ran < self._pause:
            return
        self._pause = 0.0 if ran > _STEADY_SECONDS else min(max(1.0, 2 * self._pause), _LONGEST_PAUSE)
        _log.warning("%s: %s: starting it again", self, self.obituary())
        self.start(command)

    def obituary(self) -> str:
        """How the process ended and its last output, for a message to the user."""
        code = self._process.poll() if self._process else None
        how = f"was killed by {signal.Signals(-code).name}" if code is not None and code < 0 else f"ended with {code}"
        log = self._files.log(self.name)
        return f"{self.name} {how}; its last words, from {log}: {_last_line(log)}"

    def terminate(self) -> None:
        """Asks the process to stop."""
        if self._process and self.pid:
            self._process.terminate()

    def kill(self) -> None:
        """Ends the process without asking."""
        if self._process and self.pid:
            self._process.kill()

    def wait_stopped(self) -> None:
        """Waits until it stopped, and kills it if it does not."""
        if self._process:
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                _log.warning("%s: %s did not stop within %g s: killing it", self, self.name, _STOP_SECONDS)
                self._process.kill()
                self._process.wait()
            self._process = None
        self._files.pid(self.name).unlink(missing_ok=True)

    def __str__(self) -> str:
        return "/".join(self._files.key)


def _last_line(log: Path, limit: int = 500) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return next((line.strip()[:limit] for line in reversed(lines) if line.strip()), "(nothing)")
