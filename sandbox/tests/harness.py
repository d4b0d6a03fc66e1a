"""A sandbox for tests: started part by part, driven by the plain commands that a user would type."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import kubernetes

from sandbox import processes
from sandbox.layout import PROJECT, REGION, Layout
from sandbox.tools.build import equip


class Sandbox:
    """One sandbox with a separate state folder, apart from the user's ``.sandbox``.

    Attributes:
        layout: Its paths, ports and environment.
    """

    def __init__(self, root: Path, project: Path = PROJECT) -> None:
        self.layout = Layout.load(root, project)

    def tools(self) -> Path:
        """The folder of the tools; builds them if this machine has none (use ``python -m sandbox tools`` first)."""
        equip(self.layout)
        return self.layout.bin

    def start(self, *services: str) -> "Sandbox":
        """Starts these services, or all; what runs already is kept. The tools exist afterwards."""
        self.tools()
        self.layout = processes.start(self.layout, services or None)
        return self

    def stop(self, *services: str) -> None:
        """Stops these services, or all."""
        processes.stop(self.layout, services or None)

    def run(self, command: Sequence[str | Path], *, folder: Path | None = None, check: bool = True) -> str:
        """Runs a command in the sandbox's environment and returns all that it prints, stderr after stdout.

        Args:
            command: Program and arguments.
            folder: Working directory. Default: the project.
            check: Whether a failure fails the test, with the output.
        """
        result = self._execute(command, folder, check)
        return result.stdout + result.stderr

    def pulumi(self, *arguments: str, folder: Path | None = None, check: bool = True) -> str:
        """Runs the real Pulumi CLI; ``folder`` is that of another program than the project's."""
        return self.run(self.pulumi_command(*arguments), folder=folder, check=check)

    def pulumi_json(self, *arguments: str, folder: Path | None = None) -> Any:
        """What the Pulumi CLI prints on stdout, as JSON."""
        return json.loads(self._execute(self.pulumi_command(*arguments), folder, check=True).stdout)

    def pulumi_command(self, *arguments: str) -> list[str | Path]:
        """The command line of the real Pulumi CLI."""
        self.layout.pulumi_state.mkdir(parents=True, exist_ok=True)
        return [self.layout.bin / "pulumi", "--non-interactive", *arguments]

    def _execute(
        self, command: Sequence[str | Path], folder: Path | None, check: bool
    ) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            [str(word) for word in command],
            cwd=folder or self.layout.project,
            env=self.layout.env(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and result.returncode != 0:
            output = f"{result.stdout}{result.stderr}"
            raise AssertionError(f"{' '.join(map(str, command))} ended with {result.returncode}:\n{output}")
        return result

    def client(self, service: str, region: str = REGION) -> Any:
        """A boto3 client of the emulated AWS, as the IAM user ``sandbox``."""
        with mock.patch.dict(os.environ, self.layout.env(), clear=True):
            return boto3.Session(region_name=region).client(service)  # type: ignore[call-overload]

    def kubernetes(self, cluster: str, region: str = REGION) -> kubernetes.client.ApiClient:
        """A client of an emulated cluster's API server, as its administrator."""
        kubeconfig = self.layout.admin_kubeconfig(cluster, region)
        api: kubernetes.client.ApiClient = kubernetes.config.new_client_from_config(str(kubeconfig))
        return api
