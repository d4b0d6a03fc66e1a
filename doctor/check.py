"""``ca-doctor check``: check every link from the autoscaler's pod to its nodes."""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from . import clients, gather
from .bundle import archive
from .checks import all_rules, examine
from .errors import CannotCheckError
from .facts import LogLine, Snapshot
from .findings import ExitCode, FailOn, Link, Report
from .ignoring import IGNORE_FILE, read_ignored, unknown_rule, without
from .options import (
    BundleOption,
    Place,
    connector,
    with_place,
)
from .readings import Unreadable
from .rendering import document, text
from .rendering.html import page as render_html
from .rendering.junit import render as render_junit
from .target import Target

WAIT_PAUSE = 2.0
"""Seconds between two checks of ``--wait``."""


@with_place
def check(
    place: Place,
    bundle: BundleOption = None,
    skip: Annotated[list[Link] | None, typer.Option(help="Skip a link of the chain; repeatable.")] = None,
    log: Annotated[
        list[Path] | None,
        typer.Option(help="Also search this file for known symptoms: a recorded log, or the output of a deployment."),
    ] = None,
    wait: Annotated[
        int,
        typer.Option(
            help="Repeat for up to this many seconds until every link holds; a new autoscaler needs some time.", min=0
        ),
    ] = 0,
    everything: Annotated[bool, typer.Option("--all", help="Show every check, not only what needs a fix.")] = False,
    fail_on: Annotated[FailOn, typer.Option(help="Lowest severity of a finding that exits with 1.")] = FailOn.BROKEN,
    ignore: Annotated[
        list[str] | None,
        typer.Option(help=f"Rule to ignore, such as groups.rebalance; {IGNORE_FILE} keeps rules with reasons."),
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Also write JUnit XML to this file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Also write the report as one HTML page to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON by the documented schema.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Markdown, for a pull request.")] = False,
) -> None:
    """Check every link of the chain on the live cluster, and show how to fix what is broken. Nothing is changed.

    Without a cluster it checks the stack that is selected in the project's folder.

    Exit code: 0 healthy or warnings only; 1 broken, or a warning with --fail-on warning; 2 could not check everything.
    """
    if as_json and as_markdown:
        raise typer.BadParameter("got --json and --markdown; expected one of them")
    ignored = _ignored(ignore or [], place.project)
    if bundle:
        place.refuse_with_bundle(wait=wait)
        take = _from_bundle(bundle)
    else:
        take = _live(place.target())
    recorded = _recorded(log or [])

    def examined() -> Report:
        return without(examine(_with_logs(take(), recorded), frozenset(skip or ())), ignored)

    until = time.monotonic() + wait
    report = examined()
    while report.exit_code and time.monotonic() < until:
        time.sleep(WAIT_PAUSE)
        report = examined()
    if as_json:
        sys.stdout.write(document.render(report) + "\n")
    elif as_markdown:
        sys.stdout.write(text.markdown(report, everything=everything))
    else:
        text.print_report(report, Console(), everything=everything)
    if junit:
        _write(junit, render_junit(report, fail_on))
    if html:
        _write(html, render_html(report))
    fails = any(finding.status in fail_on.statuses for finding in report.findings)
    raise typer.Exit(ExitCode.BROKEN if fails else report.exit_code)


def _live(target: Target) -> Callable[[], Snapshot]:
    aws = clients.Aws(target.region)
    connect = connector(target, aws)
    return lambda: gather.take_snapshot(target, aws, connect, datetime.now(UTC))


def _from_bundle(file: Path) -> Callable[[], Snapshot]:
    snapshot = archive.read(file).snapshot
    return lambda: snapshot


def _ignored(rules: list[str], project: Path) -> Mapping[str, str]:
    known = {rule.id for rule in all_rules()}
    unknown = [rule for rule in rules if rule not in known]
    if unknown:
        raise CannotCheckError(f"--ignore: {unknown_rule(unknown[0], known)}")
    return {**read_ignored(project / IGNORE_FILE, known), **dict.fromkeys(rules, "--ignore")}


def _write(file: Path, content: str) -> None:
    try:
        file.write_text(content, encoding="utf-8")
    except OSError as error:
        raise CannotCheckError(f"{file}: {error.strerror}") from error


def _recorded(files: list[Path]) -> list[LogLine]:
    """The lines of recorded logs; they have no time, and so always count as recent."""
    lines: list[LogLine] = []
    for file in files:
        try:
            lines += [LogLine(file.name, line) for line in file.read_text("utf-8", "replace").splitlines()]
        except OSError as error:
            raise CannotCheckError(f"--log {file}: {error.strerror}") from error
    return lines


def _with_logs(snapshot: Snapshot, recorded: list[LogLine]) -> Snapshot:
    if not recorded:
        return snapshot
    live = snapshot.kubernetes.logs
    logs = (*(() if isinstance(live, Unreadable) else live), *recorded)
    return replace(snapshot, kubernetes=replace(snapshot.kubernetes, logs=logs))


__all__ = ["ExitCode", "check"]
