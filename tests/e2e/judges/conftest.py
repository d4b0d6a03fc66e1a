"""The judges: programs of other people, in a separate environment."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.tools.build import cache_folder
from sandbox.tools.golang import find_go

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements.txt"
ENVIRONMENTS = HERE.parents[2] / "build"


@pytest.fixture(scope="session")
def judges() -> Path:
    """The environment with the pinned judges; made once, again when the pins change (20 seconds, needs a registry)."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    folder = ENVIRONMENTS / f"judges-{digest}"
    complete = folder / "complete"
    if not complete.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        subprocess.run([folder / "bin" / "python", *install, "-r", REQUIREMENTS], check=True)
        complete.touch()
    return folder


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Prometheus' checker of rules, built once from the pinned Go module (minutes, needs a registry).

    Without service discovery, which checks of rules do not need and which is most of the build.
    """
    return _built("promtool", "github.com/prometheus/prometheus/cmd/promtool", "-tags", "remove_all_sd")


@pytest.fixture(scope="session")
def grafana() -> Path:
    """Grafana's own schema of dashboards, built once from the pinned Go module (a minute, needs a registry)."""
    return _built("grafana", ".")


def _built(name: str, package: str, *options: str) -> Path:
    """The program of a package, by the Go module in the folder of that name."""
    module = HERE / name
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(module.iterdir()))).hexdigest()[:12]
    program = cache_folder() / f"{name}-{digest}" / name
    if not program.exists():
        go = find_go(cache_folder(), os.environ.get("PATH", os.defpath))
        command = [go, "build", "-trimpath", *options, "-ldflags", "-s -w", "-o", program, package]
        subprocess.run(command, cwd=module, check=True)
    return program
