"""Commands that need a deployed stack, on a sandbox that has none: they report that and start nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.layout import PROJECT, Layout


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *arguments], cwd=PROJECT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("command", [["doctor"], ["shell"], ["shell", "--print"]], ids=" ".join)
@pytest.mark.parametrize(("stack", "again"), [("sandbox", ""), ("adopt", " STACK=adopt")])
def test_a_cleaned_sandbox_reports_only_that_nothing_is_deployed(
    tmp_path: Path, command: list[str], stack: str, again: str
):
    root = tmp_path / "state"
    result = run(*command, "--stack", stack, "--state", str(root))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.strip() == f"Stack {stack} is not deployed in the sandbox. Deploy it: make sandbox{again}"
    assert not root.exists()


def test_a_stack_that_was_destroyed_is_not_deployed(tmp_path: Path):
    layout = Layout.load(tmp_path)
    file = layout.pulumi_state / ".pulumi" / "stacks" / "eks-cluster-autoscaler" / "sandbox.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"checkpoint": {"latest": {"resources": null}}}')
    result = run("doctor", "--state", str(tmp_path))
    assert "Stack sandbox is not deployed in the sandbox. Deploy it: make sandbox" in result.stderr
    assert not layout.logs.exists()
