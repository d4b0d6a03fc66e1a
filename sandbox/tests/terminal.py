"""A shell on a terminal, into which a test types."""

import os
import pty
import subprocess

from sandbox.shell import Start


def typed(start: Start, *lines: str) -> str:
    """What an interactive shell shows when these lines and `exit` are typed.

    The lines are there before the shell reads them, so no command among them may read the terminal itself.
    """
    terminal, theirs = pty.openpty()
    # It has to be the controlling terminal: fish refuses to start on another.
    process = subprocess.Popen(
        start.command,
        env=start.environment,
        pass_fds=[theirs],
        preexec_fn=lambda: os.login_tty(theirs),
    )
    os.close(theirs)
    os.write(terminal, "".join(f"{line}\n" for line in (*lines, "exit")).encode())
    shown = b""
    try:
        while chunk := os.read(terminal, 4096):
            shown += chunk
    except OSError:  # the shell has ended
        pass
    os.close(terminal)
    assert process.wait(20) == 0, shown
    return shown.decode()
