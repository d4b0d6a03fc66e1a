"""``ca-doctor check``: prove that every link from the autoscaler's pod to its nodes holds."""

import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from . import clients, gather
from .checks import examine
from .errors import CannotLookError
from .facts import LogLine, Snapshot
from .findings import ExitCode, Link, Report
from .options import (
    ClusterOption,
    ContextOption,
    KubeconfigOption,
    OutputsOption,
    ProjectOption,
    RegionOption,
    StackOption,
    chosen_target,
    connector,
)
from .readings import Unreadable
from .rendering import document, text

WAIT_PAUSE = 2.0
"""Seconds between two looks of ``--wait``."""


def check(
    stack: StackOption = None,
    outputs: OutputsOption = None,
    cluster: ClusterOption = None,
    region: RegionOption = None,
    project: ProjectOption = Path(),
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
    skip: Annotated[
        list[Link] | None, typer.Option(help="Leave a link of the chain out; may be given several times.")
    ] = None,
    log: Annotated[
        list[Path] | None,
        typer.Option(help="Also search this file for known symptoms: a recorded log, or the output of a deployment."),
    ] = None,
    wait: Annotated[
        int,
        typer.Option(
            help="Repeat for up to this many seconds until every link holds; a new autoscaler needs some.", min=0
        ),
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="JSON by the documented schema.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Markdown, for a pull request.")] = False,
) -> None:
    """Prove on the live cluster that every link of the chain holds, or show how to fix it. Nothing is changed.

    Exit code: 0 healthy (there may be warnings), 1 something is broken, 2 could not look (at everything).
    """
    if as_json and as_markdown:
        raise typer.BadParameter("got --json and --markdown; expected one of them")
    target = chosen_target(stack, outputs, cluster, region, project, kubeconfig, context)
    recorded = _recorded(log or [])
    aws, connect = clients.Aws(target.region), connector(target)

    def look() -> Report:
        snapshot = gather.take_snapshot(target, aws, connect, datetime.now(UTC))
        return examine(_with_logs(snapshot, recorded), frozenset(skip or ()))

    until = time.monotonic() + wait
    report = look()
    while report.exit_code and time.monotonic() < until:
        time.sleep(WAIT_PAUSE)
        report = look()
    if as_json:
        sys.stdout.write(document.render(report) + "\n")
    elif as_markdown:
        sys.stdout.write(text.markdown(report))
    elif sys.stdout.isatty():
        text.print_table(report, Console())
    else:
        sys.stdout.write(text.plain(report) + "\n")
    raise typer.Exit(report.exit_code)


def _recorded(files: list[Path]) -> list[LogLine]:
    """The lines of recorded logs; they carry no time, and so are never taken for history."""
    lines: list[LogLine] = []
    for file in files:
        try:
            lines += [LogLine(file.name, line) for line in file.read_text("utf-8", "replace").splitlines()]
        except OSError as error:
            raise CannotLookError(f"--log {file}: {error.strerror}") from error
    return lines


def _with_logs(snapshot: Snapshot, recorded: list[LogLine]) -> Snapshot:
    if not recorded:
        return snapshot
    live = snapshot.kubernetes.logs
    logs = (*(() if isinstance(live, Unreadable) else live), *recorded)
    return replace(snapshot, kubernetes=replace(snapshot.kubernetes, logs=logs))


__all__ = ["ExitCode", "check"]
