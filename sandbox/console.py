"""Progress lines on stderr, one a step: what is being done, what came of it, and how long it took."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

_TOOL_WIDTH = 38
"""Of a number, a tool and its version; with a bar the line fits 80 columns."""

_NAME_WIDTH = 14
"""Of a service."""

_BAR_WIDTH = 10
_REFRESH_SECONDS = 0.5


def duration(seconds: float) -> str:
    """``0.4 s``, ``12 s`` or ``3 min 05 s``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def report(text: str, stream: TextIO | None = None) -> None:
    """Print a line at once."""
    print(text, file=stream or sys.stderr, flush=True)


def note(label: str, text: str) -> None:
    """Print a line about a service or a tool, aligned with the lines of :func:`step`."""
    report(f"  {label:<{_NAME_WIDTH}} {text}")


@contextmanager
def step(
    label: str, doing: str, stream: TextIO | None = None, expected: float | None = None
) -> Iterator[Callable[[str], None]]:
    """Print one step of a command on one line: what is done and, when it is over, its result.

    Args:
        label: The subject, such as ``helm 3.22.0``.
        doing: What is done to it, such as ``building``.
        stream: Where to write. Default: stderr.
        expected: Seconds that the step took on the reference machine. A terminal then shows a bar that moves; a pipe or
            a dumb terminal gets the expected time in words.

    Yields:
        A function that accepts the result, such as ``built``. Without a call the line shows ``done``. If the block
        raises, the line shows ``failed``, or ``interrupted`` after Ctrl-C or a signal.
    """
    out = stream or sys.stderr
    head = f"  {label:<{_NAME_WIDTH if expected is None else _TOOL_WIDTH}} "
    started = time.monotonic()
    results = ["done"]
    moving = expected is not None and _can_redraw(out)
    finished = threading.Event()
    ticker = threading.Thread(target=_tick, args=(finished, head, started, expected or 0, out), daemon=True)
    if moving:
        ticker.start()
    else:
        words = f"{doing} (about {duration(expected)})" if expected is not None else doing
        print(f"{head}{words} ... ", end="", file=out, flush=True)
    try:
        yield results.append
    except BaseException as error:
        results.append("failed" if isinstance(error, Exception) else "interrupted")
        raise
    finally:
        finished.set()
        if moving:
            ticker.join()
        result = f"{results[-1]} ({duration(time.monotonic() - started)})"
        print(f"\r\x1b[K{head}{result}" if moving else result, file=out, flush=True)


def bar(elapsed: float, expected: float) -> str:
    """``[#####.....] 28 s of 55 s``; full only when the expected time is over."""
    filled = min(_BAR_WIDTH, int(_BAR_WIDTH * elapsed / expected))
    return f"[{'#' * filled:.<{_BAR_WIDTH}}] {duration(elapsed)} of {duration(expected)}"


def _can_redraw(out: TextIO) -> bool:
    return out.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _tick(finished: threading.Event, head: str, started: float, expected: float, out: TextIO) -> None:
    """Draw the line of a step again and again. A line that wraps could not be drawn again, so it is cut."""
    while True:
        line = f"{head}{bar(time.monotonic() - started, expected)}"
        print(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}", end="", file=out, flush=True)
        if finished.wait(_REFRESH_SECONDS):
            return
