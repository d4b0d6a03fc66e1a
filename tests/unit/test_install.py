"""`make setup`: progress while pip works, and errors with what to do. A shell script plays the Python of the folder."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import install

ROOT = Path(__file__).parents[2]

PIP = """#!/bin/sh
case "$*" in *--version*) exit 0;; esac
{lines}
exit {code}
"""


def venv(folder: Path, *lines: str, code: int = 0) -> Path:
    """A virtual environment whose pip prints lines."""
    program = folder / "venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(PIP.format(lines="\n".join(f"echo '{line}'" for line in lines), code=code))
    program.chmod(0o755)
    return folder / "venv"


def requirements(folder: Path, count: int) -> Path:
    file = folder / "requirements.txt"
    file.write_text("".join(f"package{number}==1.0 \\\n    --hash=sha256:0\n" for number in range(count)))
    return file


def test_a_pipe_gets_plain_lines_while_pip_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    collecting = [f"Collecting package{number}==1.0" for number in range(30)]
    folder = venv(tmp_path, *collecting, "Installing collected packages: package0")
    assert install.main([str(folder), str(requirements(tmp_path, 30))]) == 0
    shown = capsys.readouterr().err
    assert "setup: installing 30 pinned packages" in shown
    assert "setup: 25 of 30 packages collected" in shown
    assert "setup: unpacking 30 packages" in shown
    assert "setup: 30 packages installed in" in shown
    assert "\x1b" not in shown
    assert "\r" not in shown


def test_a_terminal_gets_a_line_that_moves_and_fits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    show = install.shower()
    show(15, 30, "a" * 60)
    assert capsys.readouterr().err == f"\r\x1b[Ksetup: [{'#' * 10}{'.' * 10}] 15 of 30 {'a' * 30}"


@pytest.mark.parametrize(
    ("printed", "advice"),
    [
        ("WARNING: Retrying: NewConnectionError: [Errno -3]", "Check the network"),
        ("ERROR: Could not find a version that satisfies x==1 (from versions: none)", "cannot reach it"),
        ("ERROR: Could not install packages: [Errno 28] No space left on device", "The disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "Do not trust this package index"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED]", "Set PIP_CERT"),
    ],
)
def test_a_failure_of_pip_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str], printed: str, advice: str):
    folder = venv(tmp_path, "Collecting package0==1.0", printed, code=1)
    assert install.main([str(folder), str(requirements(tmp_path, 1))]) == 1
    shown = capsys.readouterr().err
    assert printed in shown
    assert advice in shown
    assert "run the same command again" in shown


def test_a_python_without_venv_is_reported_with_the_package_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert install.main([str(tmp_path / "venv"), str(requirements(tmp_path, 1))]) == 1
    assert re.search(r"has no module venv or ensurepip.*\n.*apt install python3\.\d+-venv", capsys.readouterr().err)


def test_a_folder_that_cannot_be_created_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "file").write_text("")
    assert install.main([str(tmp_path / "file" / "venv"), str(requirements(tmp_path, 1))]) == 1
    assert "failed. The end of its output" in capsys.readouterr().err


def test_an_interruption_has_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(install, "install", interrupt)
    assert install.main([str(tmp_path), str(tmp_path)]) == 130
    assert "setup: interrupted. Run the same command again" in capsys.readouterr().err


def make(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["make", "--no-print-directory", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_a_missing_python_is_reported_with_what_to_install(tmp_path: Path):
    result = make("setup", f"VENV={tmp_path}", "PYTHON=python-of-nowhere")
    assert "there is no python-of-nowhere on PATH. Install Python 3.11 or later" in result.stdout
    assert result.returncode == 2


def test_an_old_python_is_reported_with_its_version(tmp_path: Path):
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.8.1 && exit\nexit 1\n')
    old.chmod(0o755)
    result = make("setup", f"VENV={tmp_path}", f"PYTHON={old}")
    assert f"{old} is Python 3.8.1, expected Python 3.11 or later" in result.stdout
    assert result.returncode == 2


def test_every_target_has_help_that_fits_a_terminal():
    shown = make("help").stdout
    targets = {
        target
        for file in ("Makefile", "sandbox/sandbox.mk")
        for line in (ROOT / file).read_text().splitlines()
        if line.startswith(".PHONY:")
        for target in line.split()[1:]
    }
    assert {line.split()[1] for line in shown.splitlines()} == targets
    assert [line for line in shown.splitlines() if len(line) > 79] == []
