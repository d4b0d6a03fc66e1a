"""The processes that the language host runs for the engine; none of them outlives it."""

import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress

import grpc

GRACE_SECONDS = 2.0
"""From SIGTERM to SIGKILL: less than the five seconds after which the CLI kills the host itself."""


class Children:
    """The running children."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()

    def start(
        self,
        context: grpc.ServicerContext,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: str | None = None,
        piped: bool = False,
    ) -> subprocess.Popen[bytes]:
        """Starts a child that ends, at the latest, with the call that it serves.

        Args:
            context: The call.
            command: Program and arguments.
            environment: Its whole environment.
            folder: Its working directory; default the host's.
            piped: Whether its output comes back through unbuffered pipes, or else goes where the host's goes.
        """
        stream = subprocess.PIPE if piped else None
        child = subprocess.Popen(command, env=environment, cwd=folder, stdout=stream, stderr=stream, bufsize=0)
        with self._lock:
            self._running.add(child)
        context.add_callback(child.terminate)
        return child

    def wait(self, child: subprocess.Popen[bytes]) -> int:
        """Waits for a child and returns its exit code."""
        code = child.wait()
        with self._lock:
            self._running.discard(child)
        return code

    def terminate(self) -> None:
        """Asks all to end. SIGTERM, since at SIGINT a Python program prints a traceback and may hang."""
        with self._lock:
            for child in self._running:
                child.terminate()

    def end(self) -> None:
        """Ends all: asks, waits a little, kills."""
        self.terminate()
        for child in list(self._running):
            with suppress(subprocess.TimeoutExpired):
                child.wait(GRACE_SECONDS)
            child.kill()
