"""How long does the sandbox take to start, with a first deployment?"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measuring import CommandFailed, Run, run, spread
from benchmarks.options import Options
from benchmarks.tables import shown, table
from sandbox.layout import PROJECT
from sandbox.tools import reference

_DURATION = r"(?:(\d+) min )?([\d.]+) s"
_PART = re.compile(rf"([a-z ]+?) {_DURATION}")

WARM, AGAIN, COLD = "warm", "again", "cold"


def measure(options: Options) -> dict[str, Any]:
    """Fresh sandboxes with the tools at hand, each put up twice; with ``cold`` also the building of the tools."""
    found: dict[str, Any] = {"rounds": options.few, WARM: [], AGAIN: []}
    for _ in range(options.few):
        with _state() as state:
            found[WARM].append(_parts(_sandbox("up", state)))
            found[AGAIN].append(_parts(_sandbox("up", state)))
    summary = {kind: _summary(found[kind]) for kind in (WARM, AGAIN)}
    return {"rounds": options.few, **summary, **({COLD: _cold()} if options.cold else {})}


@contextmanager
def _state() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        yield folder
    finally:
        _sandbox("clean", folder)
        shutil.rmtree(folder, ignore_errors=True)


def _sandbox(command: str, state: Path, env: Mapping[str, str] | None = None) -> Run:
    words: list[str | Path] = [sys.executable, "-m", "sandbox", command, "--state", state]
    return run(words, env=os.environ | dict(env or {}), folder=PROJECT)


def _parts(up: Run) -> dict[str, float]:
    """Seconds by part, from what the command prints."""
    line = next((line for line in up.stderr.splitlines() if line.startswith("Stack ")), "")
    parts = _seconds(_PART.findall(line.partition(": ")[2]))
    if not parts:
        raise CommandFailed(f"`python -m sandbox up` printed no parts:\n{up.stderr[-4000:]}")
    known = sum(parts.values())
    return {**parts, "until the doctor reports no broken link": up.seconds - known, "in all": up.seconds}


def _seconds(shown: list[tuple[str, str, str]]) -> dict[str, float]:
    return {name.strip(): 60 * int(minutes or 0) + float(seconds) for name, minutes, seconds in shown}


def _summary(found: list[dict[str, float]]) -> dict[str, Any]:
    return {part: spread([each.get(part, 0.0) for each in found]) for part in found[0]}


def _cold() -> dict[str, Any]:
    """The tools built with empty caches; the modules' sources are fetched before or not, as the machine has it."""
    with tempfile.TemporaryDirectory(prefix="bench-cache-") as cache, _state() as state:
        env = {"XDG_CACHE_HOME": cache, "GOCACHE": f"{cache}/go-build"}
        return {"seconds": round(_sandbox("tools", state, env).seconds)}


def section(figures: dict[str, Any]) -> str:
    """The figures as Markdown."""
    warm, again = figures[WARM], figures[AGAIN]
    rows = [[part, shown(warm[part], 1), shown(again[part], 1)] for part in warm]
    cold = figures.get(COLD)
    built = (
        f"{cold['seconds'] / 60:.1f} minutes"
        if cold
        else f"{sum(reference.SECONDS.values()) / 60:.0f} minutes on {reference.MACHINE} ({reference.MEASURED}, with "
        "other work on the machine)"
    )
    return "\n\n".join(
        [
            "`python -m sandbox up` with a new state folder, the tools built before, and once more on "
            f"what runs then; {figures['rounds']} rounds. The stack creates network, cluster (a real kube-apiserver), "
            "two node groups and the autoscaler.",
            table(["part", "first, s", "again, s"], rows),
            f"The first start on a machine also builds the tools, with empty caches: {built}.",
        ]
    )
