"""The judges: programs of other people, in an environment of their own."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

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
