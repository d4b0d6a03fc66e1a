"""The help of the sandbox's commands."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from sandbox.cli import app


@pytest.mark.parametrize(
    ("command", "receiver"), [("up", "Pulumi"), ("preview", "Pulumi"), ("doctor", "`doctor check`")]
)
def test_the_help_names_the_program_that_gets_the_further_arguments(command: str, receiver: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert f"More arguments for {receiver}, after `--`" in " ".join(shown.output.split())
