"""What one command costs, and what several rounds of several commands show together."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict, TypeVar

import psutil

Key = TypeVar("Key")

SAMPLE_SECONDS = 0.2
"""Seconds between two readings of the memory of a command's processes: they cost time, too."""


class CommandFailed(Exception):
    """A measured command failed; the message ends with what it printed."""


class Spread(TypedDict):
    """Several measurements of one thing."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Run:
    """What one command cost.

    Attributes:
        seconds: Wall clock.
        cpu_seconds: CPU time of it and of all that it started.
        peak_mib: Most resident memory of it and of all that it started, together, in MiB.
        output: What it printed on stdout.
        stderr: What it printed on stderr.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: float
    output: str
    stderr: str


def run(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    folder: Path,
    allowed: Sequence[int] = (0,),
) -> Run:
    """Run a command to its end and measure it.

    Args:
        command: Program and arguments.
        env: Its whole environment.
        folder: Its working directory.
        allowed: Exit codes that are no failure.

    Raises:
        CommandFailed: It ended with another code.
    """
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=errors,
        )
        with _watched(process.pid) as memory:
            # Not Popen.wait: only this returns the CPU time of the one command, with the children that it waited for.
            _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output, stderr = (_read(stream) for stream in (printed, errors))
    if process.returncode not in allowed:
        words = " ".join(map(str, command))
        raise CommandFailed(f"`{words}` ended with exit code {process.returncode}:\n{output[-4000:]}\n{stderr[-4000:]}")
    return Run(seconds, used.ru_utime + used.ru_stime, memory.peak / 2**20, output, stderr)


def rounds(count: int, actions: Mapping[Key, Callable[[], Run]]) -> dict[Key, list[Run]]:
    """Run each action ``count`` times, one of each in turn, so that a machine that slows down slows them all.

    A first run of each warms the caches and does not count.
    """
    for action in actions.values():
        action()
    found: dict[Key, list[Run]] = {key: [] for key in actions}
    for _ in range(count):
        for key, action in actions.items():
            found[key].append(action())
    return found


def spread(values: Sequence[float]) -> Spread:
    """Median, lowest and highest."""
    return {"median": round(statistics.median(values), 3), "low": round(min(values), 3), "high": round(max(values), 3)}


def costs(runs: Sequence[Run]) -> dict[str, Any]:
    """The spreads of wall clock, CPU time and memory of several runs."""
    return {
        "seconds": spread([each.seconds for each in runs]),
        "cpuSeconds": spread([each.cpu_seconds for each in runs]),
        "peakMib": spread([each.peak_mib for each in runs]),
    }


def ratios(runs: Sequence[Run], base: Sequence[Run]) -> dict[str, Spread]:
    """How many times the cost of ``base``, round by round."""
    pairs = list(zip(runs, base, strict=True))
    return {
        "seconds": spread([a.seconds / b.seconds for a, b in pairs]),
        "cpuSeconds": spread([a.cpu_seconds / b.cpu_seconds for a, b in pairs]),
    }


@dataclass
class _Memory:
    """The most bytes seen."""

    peak: int = 0
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def _watched(pid: int) -> Any:
    """Reads the resident memory of a process and its descendants until the block ends."""
    memory = _Memory()

    def measure() -> None:
        while not memory.over.wait(SAMPLE_SECONDS):
            memory.peak = max(memory.peak, _resident(pid))

    thread = threading.Thread(target=measure, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        memory.over.set()
        thread.join()


def _resident(pid: int) -> int:
    try:
        first = psutil.Process(pid)
        family = [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    total = 0
    for process in family:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def _read(stream: Any) -> str:
    stream.seek(0)
    return bytes(stream.read()).decode(errors="replace")
