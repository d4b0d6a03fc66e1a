"""Install pinned requirements into a virtual environment: ``python scripts/install.py <folder> <requirements.txt>``.

``make setup`` runs it with the Python that the user chose, so it imports nothing but the standard library. It shows
progress, since pip would be silent for minutes or print hundreds of lines, and it explains what went wrong.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

REASONS = {
    r"Temporary failure in name resolution|Name or service not known|NewConnectionError|ConnectTimeout|"
    r"Read timed out|Connection refused|ProxyError|Network is unreachable": (
        "pip cannot reach the package index. Check the network.\n"
        "setup: behind a proxy set HTTPS_PROXY; for a mirror set PIP_INDEX_URL."
    ),
    r"\(from versions: none\)": "The package index lacks the package, or pip cannot reach it.",
    r"No space left on device|Disk quota exceeded": "The disk is full. The packages need about 1 GB.",
    r"DO NOT MATCH THE HASHES": "A package does not match its pinned hash. Do not trust this package index.",
    r"Permission denied|Read-only file system": "The folder is not writable.",
    r"CERTIFICATE_VERIFY_FAILED": "The TLS certificate of the package index is not trusted. Set PIP_CERT to your CA.",
}
"""Pattern in pip's output -> its meaning."""

AGAIN = "setup: then run the same command again; pip keeps what it downloaded."


class InstallError(Exception):
    """The requirements cannot be installed; the message contains the reason and what to do."""


def install(folder: Path, requirements: Path) -> None:
    """Create a virtual environment if there is none and install the requirements, showing progress on stderr.

    Raises:
        InstallError: Python has no venv, or pip failed.
    """
    python = folder / "bin" / "python"
    if not has_pip(python):
        create(folder)
    total = len(re.findall(r"^[\w.-]+(?:\[.*\])?==", requirements.read_text(), re.MULTILINE))
    print(f"setup: installing {total} pinned packages into {folder}, once.", file=sys.stderr)
    print("setup: this takes one to three minutes and needs the network.", file=sys.stderr, flush=True)
    started = time.monotonic()
    command = [
        str(python),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--progress-bar",
        "off",
    ]
    with subprocess.Popen(
        [*command, "--require-hashes", "-r", str(requirements)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as pip:
        assert pip.stdout
        printed = follow(pip.stdout, total, shower())
    if can_redraw():
        # Nothing was left to unpack, or pip failed: what follows must not continue the line of the bar.
        print("\r\x1b[K", end="", file=sys.stderr)
    if pip.returncode != 0:
        raise InstallError(explain(printed))
    print(f"setup: {total} packages installed in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def has_pip(python: Path) -> bool:
    """Return whether a Python exists and has pip, which an interrupted creation may lack."""
    if not python.exists():
        return False
    return subprocess.run([str(python), "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0


def create(folder: Path) -> None:
    """Create the virtual environment.

    Raises:
        InstallError: This Python lacks the parts for it, or the folder cannot be written.
    """
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        version = "{}.{}".format(*sys.version_info)
        raise InstallError(
            f"setup: {sys.executable} has no module venv or ensurepip, which virtual environments need.\n"
            f"setup: install it (Debian, Ubuntu: apt install python{version}-venv), or name another Python: "
            "make setup PYTHON=/path/to/python3"
        )
    result = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(folder)], capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise InstallError(explain((result.stdout + result.stderr).splitlines(), f"creating {folder}"))


def follow(lines: Iterable[str], total: int, show: Callable[[int, int, str], None]) -> list[str]:
    """Read pip's output to its end, show each package that it collects, and return the output."""
    printed: list[str] = []
    collected = 0
    for line in lines:
        printed.append(line.rstrip())
        if found := re.match(r"(?:Collecting|Requirement already satisfied:) ([^\s=;\[]+)", line):
            collected += 1
            show(collected, total, found[1])
        elif line.startswith("Installing collected packages"):
            show(total, total, "unpacking")
    return printed


def can_redraw() -> bool:
    """Return whether stderr is a terminal on which a line can be written again."""
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def shower() -> Callable[[int, int, str], None]:
    """Return a function that shows progress: on a terminal a line that moves, else a plain line now and then."""
    out = sys.stderr
    if can_redraw():

        def move(done: int, total: int, name: str) -> None:
            filled = 20 * done // total if total else 20
            if name == "unpacking":
                print(f"\r\x1b[Ksetup: unpacking {total} packages ...", file=out, flush=True)
            else:
                line = f"setup: [{'#' * filled:.<20}] {done} of {total} {name[:30]}"
                print(f"\r\x1b[K{line}", end="", file=out, flush=True)

        return move

    def print_line(done: int, total: int, name: str) -> None:
        if name == "unpacking":
            print(f"setup: unpacking {total} packages ...", file=out, flush=True)
        elif done % 25 == 0:
            print(f"setup: {done} of {total} packages collected", file=out, flush=True)

    return print_line


def explain(printed: list[str], what: str = "pip install") -> str:
    """Return the message for a failure: the end of the output, its meaning and what to do."""
    text = "\n".join(printed)
    reasons = [meaning for pattern, meaning in REASONS.items() if re.search(pattern, text)]
    end = [f"    {line}" for line in printed if line.strip()][-5:]
    return "\n".join(
        [f"setup: {what} failed. The end of its output:", *end, *(f"setup: {reason}" for reason in reasons), AGAIN]
    )


def main(arguments: list[str]) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python scripts/install.py", description=__doc__)
    parser.add_argument("folder", type=Path, help="the virtual environment, made if it does not exist")
    parser.add_argument("requirements", type=Path, metavar="requirements.txt", help="the pinned requirements")
    given = parser.parse_args(arguments)
    try:
        install(given.folder, given.requirements)
    except InstallError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(explain([str(error)], f"installing into {given.folder}"), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nsetup: interrupted. Run the same command again; pip keeps what it downloaded.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
