"""A folder as a user's checkout of the project, in which the commands of the documentation are typed."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sandbox.layout import CLUSTER
from sandbox.tests.harness import Sandbox
from tests.markdown import ROOT

PARTS = (
    "Makefile",
    "Pulumi.yaml",
    "__main__.py",
    "components",
    "doctor",
    "outputs.py",
    "policies",
    "requirements-dev.txt",
    "sandbox",
    "scripts",
    "settings",
)
"""What commands of the documentation use."""


_UNATTENDED = {"PULUMI_SKIP_CONFIRMATIONS": "true", "PULUMI_OPTION_SKIP_PREVIEW": "true"}
"""A person would read the preview that every `up` begins with, and confirm it; here it would only run all twice."""


class Checkout:
    """The project by links, so that what commands write next to it goes away with the folder.

    Attributes:
        folder: The folder.
    """

    def __init__(self, sandbox: Sandbox, folder: Path, settings: dict[str, str], cluster: str = CLUSTER) -> None:
        """Make it.

        Args:
            sandbox: Where its commands go.
            folder: An empty folder.
            settings: Text of ``Pulumi.<stack>.yaml`` by stack.
            cluster: Name of the cluster that kubectl and helm reach.
        """
        self._sandbox, self.folder, self._cluster = sandbox, folder, cluster
        for name in PARTS:
            (folder / name).symlink_to(ROOT / name)
        (folder / ".venv").symlink_to(sys.prefix)
        for stack, text in settings.items():
            (folder / f"Pulumi.{stack}.yaml").write_text(text)
        sandbox.layout.pulumi_state.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def settings(self, stack: str, text: str) -> Iterator[None]:
        """Other settings for the length of a with-block."""
        file = self.folder / f"Pulumi.{stack}.yaml"
        before = file.read_text()
        file.write_text(text)
        yield
        file.write_text(before)

    def shell(self, commands: str, **variables: str) -> str:
        """Runs commands as they are typed; any that fails fails the test. Returns what they print."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=self.folder,
            env={**replace(self._sandbox.layout, cluster=self._cluster).env(), **_UNATTENDED, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}"
        return done.stdout
