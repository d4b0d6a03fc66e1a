"""Progress lines on stderr, one a step: what is being done, what came of it, and how long it took."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO


def duration(seconds: float) -> str:
    """``0.4 s``, ``12 s`` or ``3 min 05 s``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def say(text: str, stream: TextIO | None = None) -> None:
    """Prints one line at once."""
    print(text, file=stream or sys.stderr, flush=True)


@contextmanager
def step(label: str, doing: str, stream: TextIO | None = None) -> Iterator[Callable[[str], None]]:
    """Print one step of a command on one line: what is done, and when it is over what came of it.

    Args:
        label: What is worked on, such as ``helm 3.22.0``.
        doing: What is done to it, such as ``building``.
        stream: Where to write. Default: stderr.

    Yields:
        A function that accepts the result, such as ``built``. Without a call the line says ``done``; if the block
        raises, it says ``failed``.
    """
    out = stream or sys.stderr
    started = time.monotonic()
    results = ["done"]
    print(f"  {label:<32} {doing} ... ", end="", file=out, flush=True)
    try:
        yield results.append
    except BaseException:
        results.append("failed")
        raise
    finally:
        print(f"{results[-1]} ({duration(time.monotonic() - started)})", file=out, flush=True)
