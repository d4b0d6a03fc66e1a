"""One process of a control plane: started, watched, restarted, and found again after its controller died."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from sandbox.kubernetes.files import ClusterFiles

_log = logging.getLogger(__name__)

_STOP_SECONDS = 10.0
"""How long a process may take to stop after SIGTERM, before SIGKILL."""

_STEADY_SECONDS = 30.0
"""A component that ran this long is restarted at once; one that failed sooner waits, twice as long each time."""

_LONGEST_PAUSE = 10.0


class Component:
    """A process of one cluster, known by its name there.

    Its process id is kept in ``run/<name>.pid``, so that the next controller finds it if this one is killed.
    """

    def __init__(self, name: str, files: ClusterFiles) -> None:
        self.name = name
        self._files = files
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._pause = 0.0

    def stop_leftover(self) -> None:
        """Ends the process that an earlier controller left behind, if it still runs."""
        pid_file = self._files.pid(self.name)
        try:
            pid = int(pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return
        # The kernel gives old ids to new processes: only one that was started for this very cluster is ours.
        if str(self._files.folder) in _command_line(pid):
            _log.warning("%s: %s of an earlier run still runs as process %d: stopping it", self._label, self.name, pid)
            os.kill(pid, signal.SIGTERM)
            if not _wait_until_gone(pid, _STOP_SECONDS):
                os.kill(pid, signal.SIGKILL)
                _wait_until_gone(pid, _STOP_SECONDS)
        pid_file.unlink(missing_ok=True)

    def start(self, command: Sequence[str]) -> None:
        """Starts the process; its output is added to ``logs/<name>.log``.

        It gets no variable of our environment: the person's clouds, proxies and home folder are none of its business.
        """
        with self._files.log(self.name).open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._files.folder,
                env={"HOME": str(self._files.folder), "PATH": os.defpath},
                # Ctrl-C in a terminal is for the controller, which stops the components in their order.
                start_new_session=True,
            )
        self._started = time.monotonic()
        self._files.pid(self.name).write_text(str(self._process.pid))

    @property
    def pid(self) -> int | None:
        """Process id, while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def restart_if_dead(self, command: Sequence[str]) -> None:
        """Starts the process again if it died, saying so; one that keeps dying is given growing pauses."""
        if self.pid:
            return
        ran = time.monotonic() - self._started
        if ran < self._pause:
            return
        self._pause = 0.0 if ran > _STEADY_SECONDS else min(max(1.0, 2 * self._pause), _LONGEST_PAUSE)
        _log.warning("%s: %s: starting it again", self._label, self.obituary())
        self.start(command)

    def obituary(self) -> str:
        """How the process ended and what it said last, for a message to the user."""
        code = self._process.poll() if self._process else None
        how = f"was killed by {signal.Signals(-code).name}" if code is not None and code < 0 else f"ended with {code}"
        log = self._files.log(self.name)
        return f"{self.name} {how} (its last words: {_last_line(log)!r}; all of them: {log})"

    def terminate(self) -> None:
        """Asks the process to stop."""
        if self.pid:
            assert self._process
            self._process.terminate()

    def wait_stopped(self) -> None:
        """Waits until it stopped, and kills it if it does not."""
        if self._process:
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                _log.warning("%s: %s did not stop within %g s: killing it", self._label, self.name, _STOP_SECONDS)
                self._process.kill()
                self._process.wait()
            self._process = None
        self._files.pid(self.name).unlink(missing_ok=True)

    @property
    def _label(self) -> str:
        return "/".join(self._files.key)


def _command_line(pid: int) -> str:
    """The command line of a process; empty if there is none."""
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    return subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True).stdout


def _wait_until_gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not _command_line(pid):
            return True
        time.sleep(0.05)
    return False


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
