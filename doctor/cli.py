"""The command line ``ca-doctor``: one module per command, registered here."""

import sys

import typer
from rich.console import Console

from .bundle.command import bundle
from .check import check
from .errors import CannotCheckError
from .explain.command import app as explain
from .findings import ExitCode
from .init.command import init
from .stress.command import stress
from .whoami.command import whoami

app = typer.Typer(
    name="ca-doctor",
    help="Check on a live EKS cluster that Cluster Autoscaler works, and show how to fix it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(check)
app.command()(bundle)
app.command()(whoami)
app.command()(stress)
app.command()(init)
app.add_typer(explain, name="explain")


def main(arguments: list[str] | None = None) -> None:
    """Run a command; an error that stops it is one line on stderr, with exit code 2."""
    try:
        app(args=arguments)
    except CannotCheckError as error:
        Console(stderr=True, soft_wrap=True).print(f"ca-doctor: {error}", markup=False, highlight=False)
        sys.exit(ExitCode.COULD_NOT_CHECK)
    except KeyboardInterrupt:
        sys.exit(130)
