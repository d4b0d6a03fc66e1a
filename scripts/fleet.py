"""Runs one command on many stacks of this project: `python -m scripts.fleet preview|up|check --stacks 'prod-*'`.

``preview`` and ``up`` use Pulumi's Automation API with the policy pack. ``up`` refreshes first, as deployments in CI
do, and ends with the doctor. ``check`` is the doctor alone. A few stacks run at a time. A failure stops no other stack.
With ``--resume``, stacks that succeeded in the last run of the same command at the same commit, with the same settings,
are left out. The stack that is selected stays selected.
"""

import argparse
import fnmatch
import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from pulumi import automation
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

REPORTS = Path("build") / "fleet"
"""Folder of one log per stack, and of what the last run of each command achieved."""
COMMANDS = ("preview", "up", "check")
DEFAULT_PARALLEL = 4

_SIGNS = {"create": "+", "update": "~", "replace": "±", "delete": "-"}
_STYLES = {"succeeded": "green", "failed": "red", "running": "yellow"}
_ERROR = re.compile(
    r"^(?P<indent> *).*?error: (?!(update|preview) failed$)(?P<text>.*(\n(?P=indent) +\S.*)*)", re.MULTILINE
)
"""An error with the lines below it that are indented further; that an update failed follows from another error."""
_LONGEST_ERROR = 400
_INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


class WorkError(Exception):
    """The command failed on one stack; the message is one line: which program, its exit code, and the error."""


class _Workspace(automation.LocalWorkspace):
    """The project, in which a stack is used without being selected.

    The next `pulumi up` of the user would otherwise work on whichever stack of the fleet came last.
    """

    def select_stack(self, stack_name: str) -> None:
        """Do nothing: every command names its stack, and fails if it does not exist."""


class Result(NamedTuple):
    """What became of one stack.

    Attributes:
        state: ``waiting``, ``running``, ``succeeded`` or ``failed``.
        seconds: How long it ran.
        summary: One line: changes, or the first error.
    """

    state: str
    seconds: float = 0
    summary: str = ""


Work = Callable[[str], str]
"""Runs the command on one stack and returns a summary. Raises WorkError; any other exception is a failure, too."""


def stacks(folder: Path, pattern: str) -> list[str]:
    """Return the stacks with a file of settings whose name matches a pattern, by name."""
    names = (path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in folder.glob("Pulumi.*.yaml"))
    return sorted(fnmatch.filter(names, pattern))


def run(names: Sequence[str], work: Work, parallel: int, show: Callable[[str, Result], None]) -> None:
    """Run a command on all stacks, ``parallel`` at a time.

    Args:
        names: The stacks.
        work: The command.
        parallel: How many run at a time.
        show: Called whenever the state of a stack changes.

    Raises:
        KeyboardInterrupt: The user pressed Ctrl-C; what ran has ended, and what waited has not begun.
    """

    def one(name: str) -> None:
        show(name, Result("running"))
        started = time.monotonic()
        try:
            state, summary = "succeeded", work(name)
        # Whatever happens to one stack, the others go on. Ctrl-C reaches the main thread only.
        except (Exception, SystemExit) as error:
            state, summary = "failed", _cause(error)
        show(name, Result(state, time.monotonic() - started, summary))

    pool = ThreadPoolExecutor(max_workers=parallel)
    try:
        for future in as_completed([pool.submit(one, name) for name in names]):
            future.result()
    finally:
        # After Ctrl-C nothing further starts. A terminal sends it to the commands that run as well: they end by
        # themselves.
        pool.shutdown(cancel_futures=True)


def worker(command: str, folder: Path) -> Work:
    """Return the work of a command on one stack of the project in ``folder``."""

    def preview(name: str) -> str:
        with _reported(folder, name):
            found = _stack(folder, name).preview(policy_packs=["policies"])
            _write(folder, name, found.stdout + found.stderr)
            return _changes(found.change_summary)

    def up(name: str) -> str:
        with _reported(folder, name):
            done = _stack(folder, name).up(policy_packs=["policies"], refresh=True)
            _write(folder, name, done.stdout + done.stderr)
        # A new autoscaler needs some time.
        check(name, "--wait", "300")
        return _changes(done.summary.resource_changes or {})

    def check(name: str, *options: str) -> str:
        command = [sys.executable, "-m", "doctor", "check", "--stack", name, *options]
        report = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        _write(folder, f"{name}-doctor", report.stdout + report.stderr)
        lines = [line for line in (report.stdout + report.stderr).splitlines() if line.strip()]
        if report.returncode:
            raise WorkError(_failure("the doctor", report.returncode, lines[0] if lines else "no output"))
        return lines[0] if lines else "healthy"

    return {"preview": preview, "up": up, "check": check}[command]


def _stack(folder: Path, name: str) -> automation.Stack:
    return automation.Stack.select(name, _Workspace(work_dir=str(folder)))


@contextmanager
def _reported(folder: Path, name: str) -> Iterator[None]:
    """Turn a failure of the Automation API into a WorkError, and keep its output or where it failed."""
    try:
        yield
    except automation.CommandError as error:
        output = str(error)
        _write(folder, name, output)
        # The exception has the exit code in its text alone (CommandResult.__str__ of pulumi/automation/_cmd.py).
        code = re.match(r"\s*code: (-?\d+)", output)
        raise WorkError(_failure("pulumi", code[1] if code else "unknown", _first_error(output))) from error
    except Exception:
        _write(folder, name, traceback.format_exc())
        raise


def _cause(error: BaseException) -> str:
    """The cause of a failure as one line."""
    if isinstance(error, WorkError):
        return str(error)
    words = " ".join(str(error).split())
    return _shortened(f"{type(error).__name__}: {words}" if words else type(error).__name__)


def _failure(program: str, code: object, error: str) -> str:
    return f"{program} ended with exit code {code}: {error}"


def _write(folder: Path, name: str, text: str) -> None:
    path = folder / REPORTS / f"{name}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _changes(counts: Mapping[Any, int]) -> str:
    # A preview counts by members of an enumeration, an update by their text.
    by_name = {getattr(op, "value", op): count for op, count in counts.items()}
    return " ".join(f"{sign}{by_name[op]}" for op, sign in _SIGNS.items() if op in by_name) or "no change"


def _first_error(output: str) -> str:
    """The first error of a Pulumi command with all its lines, as one line; without one, the last line."""
    _, heading, diagnostics = output.rpartition("\nDiagnostics:\n")
    text = diagnostics if heading else output
    error = _ERROR.search(text)
    words = " ".join(error["text"].split()) if error else (text.strip().splitlines() or ["no output"])[-1]
    return _shortened(words)


def _shortened(words: str) -> str:
    return words if len(words) <= _LONGEST_ERROR else f"{words[:_LONGEST_ERROR]}..."


def remembered(folder: Path, command: str, versions: Mapping[str, str]) -> set[str]:
    """Return the stacks on which the last run of a command succeeded with the same version."""
    try:
        last = json.loads((folder / REPORTS / f"{command}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    if not isinstance(last, dict):
        return set()
    return {name for name, version in versions.items() if last.get(name) == version}


def remember(folder: Path, command: str, succeeded: Mapping[str, str]) -> None:
    """Keep on which stacks a command succeeded, and with which version."""
    path = folder / REPORTS / f"{command}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(succeeded), encoding="utf-8")


def _versions(folder: Path) -> dict[str, str]:
    """What each stack runs: the commit, and the contents of its file, which Git may not track."""
    commit = _commit(folder)
    return {name: f"{commit} {_digest(folder / f'Pulumi.{name}.yaml')}" for name in stacks(folder, "*")}


def _digest(file: Path) -> str:
    """What a file holds; if it cannot be read, what no other run could have. The command on its stack reports that."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return f"unread at {time.time()}"


def _commit(folder: Path) -> str:
    """The commit of the checkout; with uncommitted changes none that another run could have."""
    asked = ["git", "describe", "--always", "--abbrev=40", "--dirty"]
    found = subprocess.run(asked, cwd=folder, capture_output=True, text=True, check=False).stdout.strip()
    return found if found and not found.endswith("-dirty") else f"at {time.time()}"


def _table(results: dict[str, Result]) -> Table:
    table = Table("stack", "state", "seconds", "summary")
    for name, result in results.items():
        seconds = f"{result.seconds:.0f}" if result.seconds else ""
        table.add_row(name, result.state, seconds, Text(result.summary), style=_STYLES.get(result.state))
    return table


def main(arguments: list[str] | None = None, work: Work | None = None) -> int:
    """Run the command.

    Returns:
        0; 1 if a stack failed or the result cannot be kept; 2 if no stack matches or Pulumi is missing; 130 after
        Ctrl-C.
    """
    parser = argparse.ArgumentParser(prog="python -m scripts.fleet", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--stacks", required=True, help="pattern of stack names, such as 'prod-*'")
    parser.add_argument("--parallel", type=_positive, default=DEFAULT_PARALLEL, help="stacks at a time. Defaults to 4")
    parser.add_argument("--resume", action="store_true", help="leave out what succeeded last time at this commit")
    parser.add_argument("--folder", type=Path, default=Path(), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    found = stacks(given.folder, given.stacks)
    if not found:
        known = ", ".join(stacks(given.folder, "*")) or "none"
        print(f"--stacks: got {given.stacks!r}, which matches no stack; expected one of {known}", file=sys.stderr)
        return 2
    if not (work or given.command == "check" or shutil.which("pulumi")):
        print("PATH: got no program pulumi; expected Pulumi's command line, as for `pulumi up`", file=sys.stderr)
        return 2
    versions = _versions(given.folder)
    before = remembered(given.folder, given.command, versions) if given.resume else set()
    names = [name for name in found if name not in before]
    results = dict.fromkeys(names, Result("waiting"))
    console = Console()

    def show(name: str, result: Result) -> None:
        results[name] = result
        if console.is_terminal:
            live.update(_table(results))
        elif result.state != "running":
            line = f"{name}: {result.state} ({result.seconds:.0f} s) {result.summary}"
            console.print(line, soft_wrap=True, highlight=False, markup=False)

    interrupted = False
    with Live(
        _table(results) if console.is_terminal else "", console=console, transient=not console.is_terminal
    ) as live:
        try:
            run(names, work or worker(given.command, given.folder), given.parallel, show)
        except KeyboardInterrupt:
            interrupted = True
    succeeded = {name for name, result in results.items() if result.state == "succeeded"}
    _conclude(console, given.command, results, len(before & set(found)))
    try:
        remember(given.folder, given.command, {name: versions[name] for name in sorted(succeeded | before)})
    except OSError as error:
        print(f"{REPORTS}: got an error: {error}; expected a folder to write to, for --resume", file=sys.stderr)
        return 1
    return _INTERRUPTED if interrupted else int(len(succeeded) < len(names))


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"got {text!r}; expected a whole number of 1 or more")
    return int(text)


def _conclude(console: Console, command: str, results: Mapping[str, Result], left_out: int) -> None:
    """Print which stacks did not succeed and why, then the count."""
    for name, result in results.items():
        if result.state != "succeeded":
            reason = {"failed": result.summary, "running": "still running"}.get(result.state, "not started")
            console.print(f"{name} did not succeed: {reason}", soft_wrap=True, highlight=False, markup=False)
    count = sum(result.state == "succeeded" for result in results.values())
    rest = f", {left_out} left out" if left_out else ""
    console.print(f"{command}: {count} of {len(results)} succeeded{rest}. Logs: {REPORTS}/", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
