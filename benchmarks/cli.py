"""The command line: which parts to measure; then the page is written."""

from __future__ import annotations

import sys
import time
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from benchmarks import figures, machine, page
from benchmarks.measuring import CommandFailed
from benchmarks.options import Options
from benchmarks.parts import PARTS
from sandbox.processes import ProcessError
from sandbox.tools.build import ensure_tools

PartName = StrEnum("PartName", {name: name for name in PARTS})  # type: ignore[misc]


def measure(
    parts: Annotated[list[PartName] | None, typer.Argument(help="Which parts; all when none is named.")] = None,
    rounds: Annotated[int, typer.Option(help="Rounds that count; long ones take three at most.", min=1)] = 7,
    cold: Annotated[bool, typer.Option(help="Also build the sandbox's tools again: a quarter of an hour.")] = False,
    only_page: Annotated[bool, typer.Option("--page", help="Measure nothing; write the page again.")] = False,
) -> None:
    """Measure, keep the figures in docs/benchmarks/figures.json and write docs/benchmarks.md."""
    done = [] if only_page else _all_measured([part.value for part in parts or PartName], Options(rounds, cold))
    page.write()
    if not all(done):
        raise typer.Exit(1)


def _all_measured(names: list[str], options: Options) -> list[bool]:
    with TemporaryDirectory() as folder:
        tools = Path(folder, "bin")
        ensure_tools(tools)
        return [_measured(name, machine.taken(tools / "pulumi"), options) for name in names]


def _measured(name: str, taken: dict[str, Any], options: Options) -> bool:
    """Measure one part and keep its figures, or report why not: the other parts go on."""
    started = time.monotonic()
    _print(f"{name}: measuring")
    try:
        figures.save(name, taken, PARTS[name].measure(options))
    except (CommandFailed, ProcessError) as error:
        _print(f"{name}: not measured. {error}")
        return False
    _print(f"{name}: {time.monotonic() - started:.0f} s")
    return True


def _print(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Run the command."""
    typer.run(measure)
