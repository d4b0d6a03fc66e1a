"""A plugin's own virtual environment, made as the official host makes it for the toolchain pip."""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from pulumi.runtime.proto import language_pb2

from .interpreter import virtualenv_of


class InstallationFailed(Exception):
    """A command failed; the text is what it printed."""


def installed(request: language_pb2.InstallDependenciesRequest) -> Iterator[str]:
    """Install what ``requirements.txt`` names, if the virtual environment does not exist; yield what is done."""
    environment = virtualenv_of(request.info)
    requirements = Path(request.info.program_directory, "requirements.txt")
    if environment is None or environment.exists():
        return
    try:
        yield f"Creating virtual environment {environment}...\n"
        _run([sys.executable, "-m", "venv", environment])
        if requirements.exists():
            yield f"Installing {requirements}...\n"
            # pulumi_aws alone has thousands of modules, of which a plugin imports few.
            options = ("--quiet", "--disable-pip-version-check", "--no-compile")
            _run([environment / "bin" / "python", "-m", "pip", "install", *options, "-r", requirements])
    except BaseException:
        # The next call would take what is left for a complete environment.
        shutil.rmtree(environment, ignore_errors=True)
        raise


def _run(command: Sequence[str | Path]) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise InstallationFailed(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr}")
