"""Processes on a terminal: a shell into which a test types."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox.shell import Start

_ON_TERMINAL = "import os, sys; os.login_tty(int(sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])"
"""Makes a terminal the controlling one, since fish refuses to start on another, and becomes the shell.

It is a separate process: code between fork and exec is not safe next to the threads of gRPC in a test's process.
"""


def started(command: Sequence[str | Path], environment: Mapping[str, str]) -> tuple["subprocess.Popen[bytes]", int]:
    """A process on a separate terminal, and the file descriptor of the terminal's other end."""
    terminal, theirs = pty.openpty()
    launcher = [sys.executable, "-c", _ON_TERMINAL, str(theirs), *command]
    process = subprocess.Popen(launcher, env=environment, pass_fds=[theirs])
    os.close(theirs)
    return process, terminal


def typed(start: Start, *lines: str, seconds: float = 20) -> str:
    """What an interactive shell shows when these lines and `exit` are typed, each after the one before has ended.

    Args:
        start: How to start the shell.
        lines: Complete commands.
        seconds: How long each may take.
    """
    process, terminal = started(start.command, start.environment)
    shown = b""
    try:
        for number, line in enumerate(lines):
            # What is typed is shown as well, and must not contain the text that ends the command.
            os.write(terminal, f"{line}; printf 'ended-%s\\n' {number}\n".encode())
            shown += _until(terminal, f"ended-{number}".encode(), seconds)
        os.write(terminal, b"exit\n")
        shown += _until(terminal, None, seconds)
        assert process.wait(seconds) == 0, shown
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
    return shown.decode()


def _until(terminal: int, end: bytes | None, seconds: float) -> bytes:
    """Read up to a text, or until the shell has ended."""
    shown, deadline = b"", time.monotonic() + seconds
    while end is None or end not in shown:
        ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"not after {seconds:g} s; the terminal shows {shown!r}"
        try:
            shown += os.read(terminal, 4096)
        except OSError:  # the shell has ended
            assert end is None, f"the shell ended; the terminal shows {shown!r}"
            break
    return shown
