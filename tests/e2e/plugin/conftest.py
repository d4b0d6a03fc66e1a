"""What the plugin's tests stand on: an environment for SDKs and a fresh program."""

import re
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.tests.harness import Sandbox
from tests.e2e.plugin.consumer import Consumer
from tests.e2e.plugin.published import published
from tests.markdown import ROOT


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the project's packages, into which an SDK can go without touching them."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    (mine,) = folder.glob("lib/python*/site-packages")
    (theirs,) = Path(sys.prefix).glob("lib/python*/site-packages")
    (mine / "project.pth").write_text(f"{theirs}\n")
    return folder


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The plugin's folder in a clone. The first command that uses it makes its virtual environment, from PyPI.

    Of the versions that the plugin's ranges allow, pip takes those that this project pins: a release of tomorrow must
    not fail a test of today.
    """
    constraints = tmp_path_factory.mktemp("constraints") / "constraints.txt"
    pins = re.findall(r"^\S+==[^\s\\]+", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    constraints.write_text("\n".join(pins))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PIP_CONSTRAINT", str(constraints))
        yield published(tmp_path_factory.mktemp("clone"))


@pytest.fixture
def consumer(sandbox: Sandbox, environment: Path, plugin: Path, tmp_path: Path) -> Iterator[Consumer]:
    """A fresh program; what it made is destroyed."""
    sandbox.start("aws", "aws-provider")
    program = Consumer(sandbox, tmp_path / "consumer", environment, plugin)
    yield program
    program("destroy", "--yes", "--skip-preview", "--remove")
