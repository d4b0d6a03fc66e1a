"""Retries need a reason and are counted in the last line; seconds are shown by folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reporting import refused

ROOT = Path(__file__).parents[2]

FAILS_ONCE = """
import pathlib, pytest

@pytest.mark.flaky({marker})
def test_fails_once(tmp_path_factory):
    seen = pathlib.Path(__file__).with_name("seen")
    if not seen.exists():
        seen.touch()
        raise AssertionError
"""
PASSES = "def test_passes(): pass"


def run(folder: Path, tests: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder with nothing but the plugin."""
    for name, text in tests.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.reporting", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_retry_with_a_reason_is_counted_in_the_last_line(tmp_path):
    tests = {
        "tests/e2e/one/test_a.py": FAILS_ONCE.format(marker="reruns=1, reason='seen on a busy machine'"),
        "tests/e2e/two/test_b.py": PASSES,
    }
    done = run(tmp_path, tests, "-n", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.strip().splitlines()
    assert lines[-1] == "retries: 1: tests/e2e/one/test_a.py::test_fails_once"
    table = [line.split() for line in lines if " tests  " in line]
    assert {(row[2], row[-1]) for row in table} == {("1", "tests/e2e/one"), ("1", "tests/e2e/two"), ("2", "all")}


def test_a_run_with_a_retry_without_a_reason_is_refused(tmp_path):
    done = run(tmp_path, {"tests/e2e/one/test_a.py": FAILS_ONCE.format(marker="reruns=1")})
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "flaky without a reason" in done.stderr


@pytest.mark.parametrize(
    ("file", "keywords", "expected"),
    [
        ("tests/e2e/one/test_a.py", {"reason": "seen on a busy machine"}, None),
        ("sandbox/tests/aws/test_a.py", {"reason": "seen on a busy machine"}, None),
        ("sandbox/tests/aws/test_a.py", {"reason": ""}, "flaky without a reason"),
        ("tests/unit/test_a.py", {"reason": "seen on a busy machine"}, "may not be retried"),
    ],
)
def test_only_tests_on_a_sandbox_may_be_retried_and_with_a_reason(file, keywords, expected):
    found = refused([(f"{file}::test_x", pytest.mark.flaky(**keywords).mark)])
    assert [expected in text for text in found] == ([True] if expected else [])
