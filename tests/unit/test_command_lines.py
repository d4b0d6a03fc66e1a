"""Every program under `scripts/` and every package that is run shows its help, and refuses what it does not know."""

import ast
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN_BY_USERS = ("scripts", "doctor", "benchmarks")


def is_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"


def programs() -> list[str]:
    """Names of the modules that do something when they are run."""
    files = [path for folder in RUN_BY_USERS for path in (ROOT / folder).rglob("*.py")]
    runnable = [path for path in files if any(map(is_main, ast.parse(path.read_text(encoding="utf-8")).body))]
    assert {path for path in files if path.name == "__main__.py" and path.parent.parent == ROOT} <= set(runnable)
    return sorted(".".join(path.relative_to(ROOT).with_suffix("").parts) for path in runnable)


def run(module: str, *arguments: str) -> object:
    """Run a module as the main program in this process, and return its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", [module, *arguments])
        patch.setattr("sys.stdin", None)
        # A program that ignores its arguments must not begin its work here.
        for owner, name in ((subprocess, "run"), (subprocess, "Popen"), (Path, "write_text"), (Path, "mkdir")):
            patch.setattr(owner, name, unexpected)
        # Another test may have imported it.
        patch.delitem(sys.modules, module, raising=False)
        with pytest.raises(SystemExit) as ended:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
    return ended.value.code


def unexpected(*_arguments: object, **_options: object) -> None:
    raise AssertionError("the program began its work")


@pytest.mark.parametrize("module", programs())
def test_help_is_shown_and_nothing_is_run(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(module, "--help") == 0
    assert capsys.readouterr().out.lstrip().lower().startswith("usage: ")


@pytest.mark.parametrize("module", programs())
def test_an_unknown_option_is_refused(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(module, "--no-such-option") == 2
    reported = capsys.readouterr().err
    assert "--no-such-option" in reported or "arguments are required" in reported


@pytest.mark.parametrize("module", ["environments", "install", "release", "drift_issue", "pending_creates"])
def test_programs_that_are_run_by_their_path_show_their_help(module: str) -> None:
    """Without the folder of the project on Python's path, as `python scripts/<module>.py` runs them."""
    command = [sys.executable, f"scripts/{module}.py", "--help"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert shown.startswith("usage: ")
    assert f"scripts/{module}.py" in shown
