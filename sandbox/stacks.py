"""Plain Pulumi commands on the stacks of a sandbox."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

import yaml

from sandbox.console import report
from sandbox.layout import Layout, write_atomically

PROJECT_NAME = "eks-cluster-autoscaler"
"""Name of the Pulumi project, and so the namespace of its settings."""


class _Command(TypedDict):
    """Arguments for :mod:`subprocess`."""

    args: list[str]
    cwd: Path
    env: dict[str, str]


class StackError(Exception):
    """Pulumi, or a step before it, failed; the message contains the reason."""


def run(layout: Layout, *arguments: str) -> None:
    """Runs ``pulumi`` in the project, before the user's eyes, as in the sandbox's shell.

    An interruption is left to Pulumi, which then finishes what it is doing and saves the state. Main thread only.

    Raises:
        StackError: It failed.
    """
    with subprocess.Popen(**_command(layout, arguments)) as process:

        def leave_to_pulumi(number: int, _frame: object) -> None:
            if number == signal.SIGTERM:  # Ctrl-C reaches it from the terminal
                process.send_signal(signal.SIGINT)

        before = {number: signal.signal(number, leave_to_pulumi) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    if process.returncode != 0:
        raise StackError(f"`pulumi {' '.join(arguments)}` ended with exit code {process.returncode}.")


def ask(layout: Layout, *arguments: str) -> str:
    """Runs ``pulumi`` in the project and returns what it prints on stdout.

    Raises:
        StackError: It failed.
    """
    result = subprocess.run(**_command(layout, arguments), capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise StackError(f"`pulumi {' '.join(arguments)}` failed:\n{result.stdout}{result.stderr}".rstrip())
    return result.stdout


def prepare(layout: Layout, stack: str) -> None:
    """Creates ``stack`` if there is none, and frees it if a dead command holds it.

    The first stack becomes the selected one. Later ones do not: an open shell would go on with another stack.
    """
    known = _known(layout)
    if stack not in [entry["name"] for entry in known]:
        ask(layout, "stack", "init", stack, *(["--no-select"] if any(entry["current"] for entry in known) else []))
    _break_stale_locks(layout, stack)


def select_one(layout: Layout, stack: str) -> None:
    """Select a stack if none is selected, as after `pulumi stack rm`: plain commands would ask which one is meant."""
    known = _known(layout)
    if stack in [entry["name"] for entry in known] and not any(entry["current"] for entry in known):
        ask(layout, "stack", "select", stack)


def deployed(layout: Layout) -> list[str]:
    """The project's stacks that own resources."""
    if not layout.pulumi_state.exists():
        return []
    listed = json.loads(ask(layout, "stack", "ls", "--json"))
    return [entry["name"] for entry in listed if entry.get("resourceCount")]


def with_chart(layout: Layout, stack: str, chart: str) -> list[str]:
    """Arguments that make a Pulumi command take another chart than the sandbox's own.

    The user's file of settings stays as it is; a copy of it in the state folder names the chart.

    Args:
        layout: The sandbox.
        stack: The stack.
        chart: A folder, or a reference such as ``oci://...``.
    """
    settings = yaml.safe_load((layout.project / f"Pulumi.{stack}.yaml").read_text())
    folder = Path(chart).absolute()
    autoscaler = settings["config"].setdefault(f"{PROJECT_NAME}:autoscaler", {})
    autoscaler["chart"] = {"location": str(folder) if folder.exists() else chart}
    copy = layout.root / f"Pulumi.{stack}.yaml"
    write_atomically(copy, yaml.safe_dump(settings))
    return ["--config-file", str(copy)]


def cluster(layout: Layout, stack: str) -> str:
    """Name of the cluster that a stack creates or adopts, from its settings."""
    settings = yaml.safe_load((layout.project / f"Pulumi.{stack}.yaml").read_text())
    return str(settings["config"][f"{PROJECT_NAME}:cluster"]["name"])


def has_resources(layout: Layout, stack: str) -> bool:
    """Whether a stack owns resources, by the file of its state: Pulumi is not asked."""
    files = [*layout.pulumi_state.glob(f".pulumi/stacks/*/{stack}.json")]
    return any(json.loads(file.read_text())["checkpoint"]["latest"].get("resources") for file in files)


def _known(layout: Layout) -> list[dict[str, Any]]:
    """The project's stacks: `name`, `current` and more. Makes Pulumi's folders: a shell may come before any stack."""
    for folder in (layout.pulumi_home, layout.pulumi_state):
        folder.mkdir(parents=True, exist_ok=True)
    known: list[dict[str, Any]] = json.loads(ask(layout, "stack", "ls", "--json"))
    return known


def _command(layout: Layout, arguments: Sequence[str]) -> _Command:
    program = str(layout.bin / "pulumi")
    return {"args": [program, *arguments], "cwd": layout.project, "env": layout.env()}


def _break_stale_locks(layout: Layout, stack: str) -> None:
    """Frees a stack whose last command was killed. Pulumi itself reports a command that still runs."""
    locks = [*layout.pulumi_state.glob(f".pulumi/locks/organization/*/{stack}/*.json")]
    if locks and not any(_runs(holder) for holder in map(_holder, locks) if holder):
        report(f"  A Pulumi command that held stack '{stack}' died; freeing the stack.")
        ask(layout, "cancel", "--yes", "--stack", stack)


def _holder(lock: Path) -> int | None:
    """The process that made a lock file on this machine; ``None`` if the file is damaged or of another machine."""
    try:
        content = json.loads(lock.read_text())
        return int(content["pid"]) if content["hostname"] == socket.gethostname() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
