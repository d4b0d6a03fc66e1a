"""Two runs on one stack: one works, the other reports who does. A lock whose holder died is explained, and goes."""

import getpass
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.private_api import PrivateApi
from sandbox.tests.harness import Sandbox
from tests.e2e.program.stack import Stack
from tests.e2e.reliability.engine import Engine, lock_files
from tests.e2e.reliability.suite import ENGINE, Finding

KIND = "The lock of a stack"


@pytest.fixture
def busy(stack: Stack, emulator: PrivateApi) -> Iterator[Engine]:
    """An `up` in the middle of its work: AWS keeps it waiting for some seconds."""
    emulator.inject("sts", "GetCallerIdentity", "timeout")
    engine = Engine(stack, "up")
    engine.run_until(lambda _: not emulator.faults(), "it asked AWS who it is")
    yield engine
    if engine.runs:
        engine.kill()
    stack.sandbox.start()
    stack.pulumi("cancel", "--yes", "--stack", stack.name)


def test_the_second_of_two_ups_shows_who_holds_the_stack_and_the_first_succeeds(
    stack: Stack, busy: Engine, finding: Finding
) -> None:
    finding.done(KIND, "a second `up` while one runs", ENGINE)
    printed = stack.up(check=False)
    assert "the stack is currently locked by 1 lock(s)" in printed
    assert f"created by {getpass.getuser()}@{socket.gethostname()} (pid {busy.pid})" in printed
    assert busy.wait() == 0, busy.output()
    assert lock_files(stack) == []
    stack.up("--expect-no-changes")
    finding.seen("refused: user, machine and process of the first are named; the first ended well")


def test_a_lock_whose_holder_was_killed_is_explained_and_pulumi_cancel_frees_the_stack(
    stack: Stack, busy: Engine, finding: Finding
) -> None:
    finding.done(KIND, "`up` after the one before was killed (SIGKILL)", ENGINE)
    busy.kill()
    stack.sandbox.start()
    printed = stack.up(check=False)
    assert f"(pid {busy.pid})" in printed
    assert "`pulumi cancel`" in printed
    stack.pulumi("cancel", "--yes", "--stack", stack.name)
    stack.up("--expect-no-changes")
    finding.seen("refused: the dead process is named, and `pulumi cancel`, after which `up` found no change")


def test_the_sandbox_itself_frees_a_stack_whose_holder_was_killed(
    sandbox: Sandbox, stack: Stack, busy: Engine, finding: Finding
) -> None:
    finding.done(KIND, "`make sandbox-preview` after an `up` was killed (SIGKILL)", ENGINE)
    busy.kill()
    assert len(lock_files(stack)) == 1
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "sandbox",
        "preview",
        "--stack",
        stack.name,
        "--state",
        sandbox.layout.root,
    ]
    printed = sandbox.run(command)
    assert f"A Pulumi command that held stack '{stack.name}' died; freeing the stack." in printed
    assert lock_files(stack) == []
    finding.seen("it reported that the holder is dead and freed the stack")


def test_a_state_has_no_file_that_a_kill_could_tear(sandbox: Sandbox, stack: Stack, finding: Finding) -> None:
    """The file backend replaces a state whole, but writes the metadata next to it in place."""
    finding.done("The engine killed (SIGKILL) during `up`", "killed as it writes the state, to a folder", ENGINE)
    assert stack.name in [file.stem for file in sandbox.layout.pulumi_state.rglob("*.json")]
    assert not list(sandbox.layout.pulumi_state.rglob("*.attrs"))
    finding.seen("every file is replaced whole; with the backend's default, metadata, it was not: see interrupted.md")
