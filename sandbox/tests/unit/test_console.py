"""The progress that a first `make sandbox` shows, on a terminal and in a pipe, and its errors about files."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from sandbox import cli
from sandbox.console import bar, step
from sandbox.tools import build, reference
from sandbox.tools.catalog import TOOLS


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("elapsed", "shown"),
    [
        (0, "[..........] 0.0 s of 1 min 40 s"),
        (50, "[#####.....] 50 s of 1 min 40 s"),
        (300, "[##########] 5 min 00 s of 1 min 40 s"),
    ],
)
def test_the_bar_grows_with_the_time_of_the_reference_machine(elapsed: float, shown: str):
    assert bar(elapsed, 100) == shown


def test_a_terminal_gets_a_bar_that_the_result_replaces(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    with step("helm 3.22.0", "building", out, expected=10) as done:
        done("built")
    assert "[..........] 0.0 s of 10 s" in out.getvalue()
    assert out.getvalue().rpartition("\r\x1b[K")[2].split() == ["helm", "3.22.0", "built", "(0.0", "s)"]


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_no_line_of_progress_is_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch, columns: int):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    for tool in TOOLS:
        out = Terminal()
        with step(f"10/10 {tool.title}", "building", out, expected=reference.SECONDS[tool.name]):
            pass
        assert all(len(line) < columns for line in out.getvalue().split("\r\x1b[K")[:-1])


@pytest.mark.parametrize(("out", "term"), [(io.StringIO, "xterm"), (Terminal, "dumb")])
def test_a_pipe_and_a_dumb_terminal_get_plain_lines(monkeypatch: pytest.MonkeyPatch, out: type[io.StringIO], term: str):
    monkeypatch.setenv("TERM", term)
    stream = out()
    with step("helm 3.22.0", "building", stream, expected=47) as done:
        done("built")
    assert " ".join(stream.getvalue().split()) == "helm 3.22.0 building (about 47 s) ... built (0.0 s)"
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize(("error", "result"), [(ValueError, "failed"), (KeyboardInterrupt, "interrupted")])
def test_a_step_that_ends_early_shows_how(error: type[BaseException], result: str):
    out = io.StringIO()
    with pytest.raises(error), step("helm", "building", out):
        raise error
    assert f"... {result} (" in out.getvalue()


def test_every_tool_has_a_time_on_the_reference_machine():
    assert {tool.name for tool in TOOLS} == set(reference.SECONDS)


def test_a_full_disk_is_reported_with_what_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/cache/helm")

    monkeypatch.setattr(cli, "app", lambda prog_name: build.gather([], fail()))
    monkeypatch.setattr(cli, "end_on_signals", lambda: None)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 1
    assert "The disk is full: /cache/helm\nA first build needs about 10 GB" in capsys.readouterr().err


def test_a_folder_of_another_user_is_reported_with_its_path():
    reason = cli.unwritable(PermissionError(errno.EACCES, "Permission denied", "/cache/helm"))
    assert reason
    assert reason.startswith("Permission denied: /cache/helm\n")
    assert cli.unwritable(FileNotFoundError(errno.ENOENT, "", "/x")) is None


def test_three_things_to_try_name_the_stack():
    assert "make sandbox-shell, then: kubectl get nodes" in cli._what_next(cli.Stack.SANDBOX)
    assert "make sandbox-preview STACK=adopt" in cli._what_next(cli.Stack.ADOPT)
    assert all(len(line) < 80 for line in cli._what_next(cli.Stack.ADOPT).splitlines())


@pytest.mark.parametrize("verdict", [0, 1])
def test_up_ends_with_three_things_to_try_and_the_exit_code_of_the_doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verdict: int
):
    ran: list[list[str]] = []

    def run(command: list[str], **_: object) -> "subprocess.CompletedProcess[str]":
        ran.append(command[1:])
        print("the doctor's report", file=sys.stderr)
        return subprocess.CompletedProcess(command, verdict)

    monkeypatch.setattr(cli, "_start", lambda layout, clock: layout)
    monkeypatch.setattr(cli, "notes", lambda link: [])
    monkeypatch.setattr(cli, "_prepare", lambda layout, stack: None)
    monkeypatch.setattr(cli, "_pulumi", lambda *words, more: None)
    monkeypatch.setattr(cli, "subprocess", SimpleNamespace(run=run))
    monkeypatch.setattr(cli, "end_on_signals", lambda: None)
    monkeypatch.setattr(sys, "argv", ["sandbox", "up", "--state", str(tmp_path)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert (end.value.code or 0) == verdict
    assert ran == [["-m", "doctor", "check", "--stack", "sandbox", "--wait", cli.SETTLE_SECONDS]]
    shown = capsys.readouterr().err
    assert (
        shown.index("Stack sandbox is up (") < shown.index("the doctor's report") < shown.index("Three things to try")
    )
