"""The commands of ``python -m sandbox`` and the order of their steps."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from sandbox import processes, stacks
from sandbox.console import duration, report
from sandbox.layout import PROJECT, Layout, hold_lock
from sandbox.shell import prepare
from sandbox.tools.build import equip, notes
from sandbox.tools.errors import ToolError

SETTLE_SECONDS = "60"
"""How long a new autoscaler may take until every check passes."""

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Run the program on this machine: emulated AWS, a real Kubernetes API, the real Pulumi engine.",
)


class Stack(StrEnum):
    """The stacks of the sandbox."""

    SANDBOX = "sandbox"
    ADOPT = "adopt"


StackOption = Annotated[Stack, typer.Option(help="The stack: `sandbox` creates its cluster, `adopt` adopts one.")]
PulumiArguments = Annotated[
    list[str] | None, typer.Argument(help="More arguments for Pulumi, after `--`: -- --policy-pack policies")
]
DoctorArguments = Annotated[
    list[str] | None, typer.Argument(help="More arguments for `doctor check`, after `--`: -- --all")
]
StateOption = Annotated[
    Path | None, typer.Option("--state", help="State folder.", show_default=".sandbox", envvar="SANDBOX_STATE")
]


@app.command()
def up(stack: StackOption = Stack.SANDBOX, more: PulumiArguments = None, state: StateOption = None) -> None:
    """Deploy: build tools, start processes, run `pulumi up`.

    Ends with the doctor's check and its exit code.
    """
    layout = Layout.load(state)
    with _exclusive(layout):
        clock = Clock()
        layout = _start(layout, clock)
        for note in notes(layout.bin):
            report(note)
        with clock.part("pulumi up"):
            _prepare(layout, stack)
            # Without a preview first: that would run the program twice, and `preview` is a separate command.
            _pulumi(layout, stack, "up", "--yes", "--skip-preview", more=more)
    report(f"\nStack {stack} is up ({clock.summary()}).\n")
    verdict = subprocess.run(
        _doctor(stack, "--wait", SETTLE_SECONDS), cwd=layout.project, env=layout.env(), check=False
    ).returncode
    report(f"\n{_what_next(stack)}")
    if verdict:
        raise typer.Exit(verdict)


@app.command()
def preview(stack: StackOption = Stack.SANDBOX, more: PulumiArguments = None, state: StateOption = None) -> None:
    """Show what `up` would change; change nothing."""
    layout = Layout.load(state)
    with _exclusive(layout):
        layout = _start(layout, Clock())
        _prepare(layout, stack)
        _pulumi(layout, stack, "preview", "--diff", more=more)


@app.command()
def cluster(
    autoscaler: Annotated[
        bool, typer.Option("--autoscaler", help="Also install Cluster Autoscaler, with Helm.")
    ] = False,
    state: StateOption = None,
) -> None:
    """Create the cluster `legacy`, as `eksctl` leaves one.

    No stack knows it: docs/existing-cluster.md and docs/migration.md can be tried on it.
    """
    layout = Layout.load(state)
    with _exclusive(layout):
        layout = _of(Stack.ADOPT, _start(layout, Clock()))
        _adoption(layout, "make")
        if autoscaler:
            command = ["sh", "sandbox/autoscaler_by_helm.sh"]
            if code := subprocess.run(command, cwd=PROJECT, env=layout.env(), check=False).returncode:
                raise typer.Exit(code)
    report(f"Open a shell on it: make sandbox-shell STACK={Stack.ADOPT}")


@app.command()
def shell(
    stack: Annotated[Stack, typer.Option(help="The stack whose cluster kubectl reaches.")] = Stack.SANDBOX,
    only_print: Annotated[bool, typer.Option("--print", help='Print exports, for: eval "$(... --print)"')] = False,
    state: StateOption = None,
) -> None:
    """Open a shell for pulumi, kubectl, helm and aws.

    In it, the plain commands work on the sandbox and nothing else.
    """
    layout = _deployed(state, stack)
    with _exclusive(layout):
        layout = _of(stack, _start(layout, Clock()))
        _select_context(layout)
        stacks.select_one(layout, stack)
    if only_print:
        for name, value in layout.exports().items():
            print(f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}")
        return
    report(
        "In this shell, plain pulumi, kubectl, helm and aws work on the sandbox:\ncluster "
        + (f"{layout.cluster}, `pulumi --stack {stack}`" if stacks.has_resources(layout, stack) else layout.cluster)
        + ". Leave it with `exit`."
    )
    started = prepare(layout, os.environ.get("SHELL", "/bin/sh"))
    # Ctrl-C belongs to the shell, and the exit code of its last command is no failure of this one.
    signal.signal(signal.SIGINT, lambda *_: None)
    subprocess.run(started.command, cwd=layout.project, env=started.environment, check=False)


@app.command()
def status(state: StateOption = None) -> None:
    """Show what runs. Exit code 1 if a process died."""
    layout = Layout.load(state)
    states = processes.status(layout)
    for line in processes.describe(states, layout):
        print(line)
    if any(now.died for now in states):
        raise typer.Exit(1)


@app.command()
def logs(
    name: Annotated[str | None, typer.Argument(help="The log to show. Default: list all logs.")] = None,
    lines: Annotated[int, typer.Option("-n", help="How many of its last lines to show.")] = 100,
    follow: Annotated[bool, typer.Option("-f", help="Follow the log as it grows.")] = False,
    state: StateOption = None,
) -> None:
    """Show the end of a process's log."""
    files = processes.log_files(Layout.load(state))
    if name is None:
        for known, path in files.items():
            print(f"{known:<40} {path}")
    elif name in files:
        os.execvp("tail", ["tail", "-n", str(lines), *(["-f"] if follow else []), str(files[name])])
    else:
        _fail(f"There is no log {name!r}. Logs: {', '.join(files) or 'none yet'}.")


@app.command()
def down(state: StateOption = None) -> None:
    """Destroy every stack, then stop all processes.

    The cluster that the stack `adopt` adopted is deleted too, although Pulumi did not create it.
    """
    layout = Layout.load(state)
    with _exclusive(layout):
        if layout.pulumi_state.exists():
            layout = _start(layout, Clock())
            for stack in stacks.deployed(layout):
                stacks.prepare(layout, stack)
                stacks.run(layout, "destroy", "--yes", "--skip-preview", "--stack", stack)
            _adoption(layout, "remove")
        processes.stop(layout)
    report(
        "All stacks are destroyed and all processes are stopped.\n`make sandbox-clean` also removes the state folder."
    )


@app.command()
def stop(state: StateOption = None) -> None:
    """Stop all processes; the next `up` continues."""
    layout = Layout.load(state)
    with _exclusive(layout):
        processes.stop(layout)


@app.command()
def clean(state: StateOption = None) -> None:
    """Stop all processes and remove the state folder.

    The stacks are not destroyed first.
    """
    root = (state or PROJECT / ".sandbox").absolute()
    if not root.exists():
        return
    layout = Layout.load(root)
    with _exclusive(layout):
        processes.stop(layout)
        shutil.rmtree(root)
    report(f"Removed {root}.")


@app.command()
def doctor(stack: StackOption = Stack.SANDBOX, more: DoctorArguments = None, state: StateOption = None) -> None:
    """Run `python -m doctor check` on a running stack."""
    layout = _deployed(state, stack)
    with _exclusive(layout):
        layout = _start(layout, Clock())
    _check(layout, stack, more)


@app.command()
def tools(state: StateOption = None) -> None:
    """Build the missing tools; start nothing."""
    layout = Layout.load(state)
    equip(layout)
    report(f"Tools: {layout.bin.resolve()}")


# -- steps -----------------------------------------------------------------------------------------------------------


class Clock:
    """Times the parts of a command."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._parts: list[tuple[str, float]] = []

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time one part."""
        started = time.monotonic()
        yield
        self._parts.append((name, time.monotonic() - started))

    def summary(self) -> str:
        """``21 s: tools 0.1 s, processes 4.2 s, pulumi up 17 s``."""
        parts = ", ".join(f"{name} {duration(seconds)}" for name, seconds in self._parts)
        return f"{duration(time.monotonic() - self._started)}: {parts}"


def _deployed(state: Path | None, stack: Stack) -> Layout:
    """Open a sandbox in which a stack is deployed.

    Raises:
        stacks.StackError: No stack is deployed; nothing was started.
    """
    again = "" if stack is Stack.SANDBOX else f" STACK={stack}"
    root = (state or PROJECT / ".sandbox").absolute()
    layout = Layout.load(root) if root.exists() else None
    # A cluster that no stack has adopted yet can be reached as well.
    made = layout and stack is Stack.ADOPT and _of(stack, layout).kubeconfig.exists()
    if not layout or not (made or stacks.has_resources(layout, stack)):
        raise stacks.StackError(f"Stack {stack} is not deployed in the sandbox. Deploy it: make sandbox{again}")
    return layout


def _of(stack: Stack, layout: Layout) -> Layout:
    """The layout whose kubectl and helm reach the cluster of a stack."""
    return replace(layout, cluster=stacks.cluster(layout, stack))


def _select_context(layout: Layout) -> None:
    """Point kubectl at the cluster again: `aws eks update-kubeconfig` in an earlier shell selected another one."""
    if layout.kubeconfig.exists():
        command = [str(layout.bin / "kubectl"), "config", "use-context", layout.cluster]
        subprocess.run(command, env=layout.env(), stdout=subprocess.DEVNULL, check=False)


@contextmanager
def _exclusive(layout: Layout) -> Iterator[None]:
    """Let one command at a time change the sandbox."""
    with hold_lock(
        layout.run / "command.lock", lambda: report("Another command is using this sandbox; waiting until it ends.")
    ):
        yield


def _start(layout: Layout, clock: Clock) -> Layout:
    with clock.part("tools"):
        equip(layout)
    with clock.part("processes"):
        return processes.start(layout)


def _prepare(layout: Layout, stack: Stack) -> None:
    """Create what Pulumi needs for a stack."""
    if stack is Stack.ADOPT:
        _adoption(layout, "make")
    stacks.prepare(layout, stack)


def _adoption(layout: Layout, action: str) -> None:
    command = [sys.executable, "-m", "sandbox.adoption", action]
    if subprocess.run(command, cwd=PROJECT, env=layout.env(), check=False).returncode != 0:
        raise stacks.StackError(f"The cluster for the stack `adopt`: {action} failed. The reason is above.")


def _pulumi(layout: Layout, stack: Stack, *words: str, more: list[str] | None) -> None:
    """Run a Pulumi command on a stack, with the chart that the user may have chosen."""
    chart = os.environ.get("CHART")
    stacks.run(
        layout, *words, "--stack", stack, *(stacks.with_chart(layout, stack, chart) if chart else []), *(more or [])
    )


def _what_next(stack: Stack) -> str:
    """Return three things to try, and how to stop."""
    again = "" if stack is Stack.SANDBOX else f" STACK={stack}"
    shell = f"make sandbox-shell{again}"
    return "\n".join(
        [
            "Three things to try:",
            f"  1. {shell}, then: kubectl get nodes",
            "     The real Kubernetes API answers; pulumi, helm and aws work too.",
            "  2. In the same shell: python -m doctor stress",
            "     Ten pending pods make the autoscaler add a node, and remove it later.",
            f"  3. Change a maxSize in Pulumi.{stack}.yaml:",
            f"     make sandbox-preview{again}",
            "     shows what `pulumi up` would change.",
            "To stop: make sandbox-down",
        ]
    )


def _doctor(stack: Stack, *options: str) -> list[str]:
    return [sys.executable, "-m", "doctor", "check", "--stack", stack, *options]


def _check(layout: Layout, stack: Stack, more: list[str] | None = None) -> NoReturn:
    """Continue as the doctor, which checks every link of the chain."""
    _become(layout, _doctor(stack, *(more or [])))


def _become(layout: Layout, command: list[str]) -> NoReturn:
    """Continue as another program, in the project and in the sandbox's environment."""
    os.chdir(layout.project)
    os.execvpe(command[0], command, layout.env())


def _fail(message: str) -> None:
    report(message)
    raise typer.Exit(1)


def end_on_signals() -> None:
    """Let a signal unwind the call stack as Ctrl-C does, so that a build's compilers end with it."""

    def end(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    # SIGHUP: the terminal was closed.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


def main() -> None:
    """Run a command; an error that the user can fix is reported without a traceback."""
    end_on_signals()
    try:
        app(prog_name="python -m sandbox")
    except (ToolError, processes.ProcessError, stacks.StackError) as error:
        report(f"\n{error}")
        sys.exit(1)
    except OSError as error:
        if (reason := unwritable(error)) is None:
            raise
        report(f"\n{reason}")
        sys.exit(1)


def unwritable(error: OSError) -> str | None:
    """Return what to do if the sandbox cannot write its files; None for any other error."""
    where = f": {error.filename}" if error.filename else ""
    moved = "XDG_CACHE_HOME moves the tools to another folder, SANDBOX_STATE the sandbox."
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"The disk is full{where}\n"
            "A first build needs about 10 GB. Free some space, then run the same command again.\n"
            f"{moved}"
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS) and error.filename:
        return f"{os.strerror(error.errno)}{where}\nThe sandbox must be able to use this file or folder.\n{moved}"
    return None
