"""``ca-doctor init``: write the settings of a stack that adopts a cluster."""

import re
import sys
import textwrap
from enum import IntEnum
from pathlib import Path
from typing import Annotated

import typer

from .. import clients
from ..errors import CannotCheckError
from ..options import ContextOption, KubeconfigOption, connector
from ..target import Target
from .gathering import gather
from .writing import Result, why, write

_FILE = re.compile(r"Pulumi\.([A-Za-z0-9_.-]{1,100})\.yaml")


class ExitCode(IntEnum):
    """Exit code of `init`."""

    WRITTEN = 0
    INCOMPLETE = 1
    NOT_WRITTEN = 2


def init(
    cluster: Annotated[str, typer.Option(help="Name of the EKS cluster.")],
    region: Annotated[str, typer.Option(help="Region of that cluster.", envvar=["AWS_REGION", "AWS_DEFAULT_REGION"])],
    output: Annotated[
        Path | None,
        typer.Option(help="File to write, Pulumi.STACK.yaml. Default: Pulumi.CLUSTER.yaml.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")] = False,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> None:
    """Write the settings of a stack that adopts this cluster, its groups and its autoscaler. Nothing is changed.

    Next to the settings it writes import-STACK.json, a plan for `pulumi import --file`, if something can be imported.

    Exit code: 0 written, 1 written but something could not be read, 2 not written.
    """
    file = output or Path(f"Pulumi.{cluster}.yaml")
    stack = _stack(file)
    plan_file = file.with_name(f"import-{stack}.json")
    if not force:
        _refuse_to_overwrite(file, plan_file)
    target = Target(cluster, region, kubeconfig_file=str(kubeconfig) if kubeconfig else None, context=context)
    aws = clients.Aws(region)
    result = write(gather(cluster, aws, connector(target, aws)), stack, plan_file.name)
    _write(file, result.settings)
    if result.import_plan:
        _write(plan_file, result.import_plan)
    elif force:
        plan_file.unlink(missing_ok=True)
    sys.stdout.write(report(result, file, plan_file))
    raise typer.Exit(ExitCode.INCOMPLETE if result.unread else ExitCode.WRITTEN)


def _stack(file: Path) -> str:
    match = _FILE.fullmatch(file.name)
    if match is None:
        raise CannotCheckError(
            f"--output: got {file.name}; expected a name such as Pulumi.prod.yaml, by which Pulumi finds the "
            "settings of "
            "the stack prod"
        )
    return match[1]


def _refuse_to_overwrite(*files: Path) -> None:
    existing = [str(file) for file in files if file.exists()]
    if existing:
        verb = "exists" if len(existing) == 1 else "exist"
        raise CannotCheckError(f"{' and '.join(existing)} {verb} already. Pass --force to overwrite, or --output FILE.")


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CannotCheckError(f"{file}: {error.strerror}") from error


def report(result: Result, file: Path, plan_file: Path) -> str:
    """Return what is printed: what was found, what to check, and the three commands to type next."""
    lines = list(result.found)
    if result.unread:
        lines += ["", "Could not be read; add to the file what is missing:"]
        lines += [f"  - {why(each)}" for each in result.unread]
    if result.notes:
        lines += ["", "Different from what runs now, or not kept:"]
        lines += [line for note in result.notes for line in _bullet(note, "  - ")]
    lines += ["", f"Wrote {file}" + (f" and {plan_file}." if result.import_plan else ".")]
    lines += ["", "Next:"]
    for number, step in enumerate(result.move.steps, 1):
        lines += _bullet(step.does, f"{number}. ")
        lines += [f"      {line}" for line in step.command.splitlines()]
    return "\n".join(lines) + "\n"


def _bullet(text: str, mark: str) -> list[str]:
    rest = " " * len(mark)
    return textwrap.wrap(
        text, 80, initial_indent=mark, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
