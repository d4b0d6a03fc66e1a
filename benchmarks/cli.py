"""The command line: which parts to measure; the page is written after each."""

from __future__ import annotations

import sys
import time
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from benchmarks import figures, machine, page
from benchmarks.measuring import CommandFailed
from benchmarks.options import Options
from benchmarks.parts import PARTS
from sandbox.tools.build import ensure_tools

PartName = StrEnum("PartName", {name: name for name in PARTS})  # type: ignore[misc]


def measure(
    parts: Annotated[list[PartName] | None, typer.Argument(help="Which parts; all when none is named.")] = None,
    rounds: Annotated[int, typer.Option(help="Rounds that count; long ones take three at most.", min=1)] = 7,
    cold: Annotated[bool, typer.Option(help="Also build the sandbox's tools anew: a quarter of an hour.")] = False,
    only_page: Annotated[bool, typer.Option("--page", help="Measure nothing; write the page anew.")] = False,
) -> None:
    """Measure, keep the figures in docs/benchmarks/figures.json and write docs/benchmarks.md."""
    chosen = [] if only_page else [part.value for part in parts or PartName]
    with TemporaryDirectory() as folder:
        tools = Path(folder, "bin")
        ensure_tools(tools)
        for name in chosen:
            taken = machine.taken(tools / "pulumi")
            print(f"{name}: measuring", file=sys.stderr, flush=True)
            started = time.monotonic()
            figures.save(name, taken, PARTS[name].measure(Options(rounds, cold)))
            page.write()
            print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    page.write()


def main() -> None:
    """Run the command; what failed is told without a traceback."""
    try:
        typer.run(measure)
    except CommandFailed as error:
        print(error, file=sys.stderr)
        sys.exit(1)
