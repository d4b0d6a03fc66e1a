"""A sandbox of the benchmark's own, and stacks in it, driven by the plain commands that a user would type."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import yaml

from benchmarks.measuring import Run, run
from benchmarks.settings import Document
from sandbox import processes
from sandbox.adoption import CLUSTER
from sandbox.layout import IN_MEMORY, PROJECT, REGION, Layout
from sandbox.private_api import PrivateApi
from sandbox.tools.build import equip
from sandbox.tools.catalog import KUBERNETES_MINOR

PROGRAMS = Path(__file__).parent / "programs"

_CLUSTER_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


class Bench:
    """A running sandbox in a separate folder.

    Attributes:
        layout: Its paths, ports and environment.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        # Programs keep their bytecode as they do for a user, even if the shell of the run forbids it.
        self.env = {name: value for name, value in layout.env().items() if name != "PYTHONDONTWRITEBYTECODE"}

    def pulumi(self, *arguments: str | Path, folder: Path = PROJECT, **env: str) -> Run:
        """Run the Pulumi CLI in a program's folder, with more variables than the sandbox's own."""
        command = [self.layout.bin / "pulumi", "--non-interactive", "--color", "never", *arguments]
        return run(command, env=self.env | env, folder=folder)

    def python(self, *arguments: str, allowed: Sequence[int] = (0,)) -> Run:
        """Run ``python -m ...`` in the project."""
        return run([sys.executable, "-m", *arguments], env=self.env, folder=PROJECT, allowed=allowed)

    def stack(self, name: str, settings: Document, folder: Path = PROJECT) -> Stack:
        """Make a stack of the program in ``folder``."""
        return Stack(self, name, settings, folder)

    def adopted_cluster(self) -> str:
        """Make a cluster with one node outside Pulumi, with a control plane that answers; its name."""
        self.python("sandbox.adoption", "make")
        return CLUSTER

    def aws(self, service: str) -> Any:
        """A boto3 client of the emulated AWS, as its user."""
        core = botocore.session.Session()
        core.set_config_variable("credentials_file", str(self.layout.aws_credentials))
        session = boto3.Session(botocore_session=core, region_name=REGION)
        return session.client(service, endpoint_url=self.layout.aws_endpoint)  # type: ignore[call-overload]

    def forget_calls(self) -> None:
        """Start counting API calls from zero."""
        PrivateApi(self.layout.aws_endpoint).forget_calls()

    def calls(self, client: str) -> dict[str, int]:
        """AWS API calls since then as ``service:Action``, of the clients whose ``User-Agent`` holds ``client``."""
        made = PrivateApi(self.layout.aws_endpoint, client).calls()
        return {f"{service}:{action}": times for (service, action), times in made.items()}

    def register_cluster(self, name: str) -> None:
        """Make a cluster of which only EKS's record stands: no control plane runs for it, and none answers."""
        role = self.aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_CLUSTER_TRUST))
        subnets = [subnet["SubnetId"] for subnet in self.aws("ec2").describe_subnets()["Subnets"]]
        self.aws("eks").create_cluster(
            name=name,
            version=KUBERNETES_MINOR,
            roleArn=role["Role"]["Arn"],
            resourcesVpcConfig={"subnetIds": subnets},
        )
        emulator = PrivateApi(self.layout.aws_endpoint)
        emulator.report_control_plane(REGION, name, "https://127.0.0.1:9", authority="Tm9uZQ==", jwks={"keys": []})


class Stack:
    """A stack whose settings are next to the sandbox, not next to the program."""

    def __init__(self, bench: Bench, name: str, settings: Document, folder: Path) -> None:
        self.name = name
        self._bench, self._folder = bench, folder
        self._file = bench.layout.root / f"Pulumi.{name}.yaml"
        self._file.write_text(yaml.safe_dump(settings))
        settings_file = folder / f"Pulumi.{name}.yaml"
        if settings_file.exists():
            raise ValueError(
                f"got the stack {name!r}, expected another name: {settings_file.name} ships with the program"
            )
        bench.pulumi("stack", "init", name, folder=folder)
        # The command writes a salt next to the program.
        settings_file.unlink(missing_ok=True)

    def command(self, *words: str) -> list[str | Path]:
        """The arguments of a Pulumi command on this stack."""
        return [*words, "--stack", self.name, "--config-file", self._file]

    def preview(self) -> Run:
        """`pulumi preview`."""
        return self._bench.pulumi(*self.command("preview"), folder=self._folder)

    def plan(self) -> list[dict[str, Any]]:
        """The resources that a preview would make, components too."""
        planned = json.loads(self._bench.pulumi(*self.command("preview", "--json"), folder=self._folder).output)
        return [step["newState"] for step in planned["steps"] if step["op"] == "create"]

    def up(self, **env: str) -> Run:
        """`pulumi up` without a preview before it."""
        return self._bench.pulumi(*self.command("up", "--yes", "--skip-preview"), folder=self._folder, **env)

    def destroy(self, **env: str) -> Run:
        """`pulumi destroy` without a preview before it."""
        return self._bench.pulumi(*self.command("destroy", "--yes", "--skip-preview"), folder=self._folder, **env)


@contextmanager
def opened(*services: str, in_memory: bool = False) -> Iterator[Bench]:
    """A fresh sandbox with these services, or all; it is gone afterwards.

    Args:
        services: Their names.
        in_memory: Whether the emulated AWS keeps its state in memory alone; by itself it saves all after each change,
            which costs the square of their number and is nothing of the program's.
    """
    # Paths of Unix sockets may not be long.
    root = Path(tempfile.mkdtemp(prefix="bench-"))
    layout = Layout.load(root)
    try:
        equip(layout)
        if in_memory:
            os.environ[IN_MEMORY] = "yes"
        layout = processes.start(layout, services or None)
        for folder in (layout.pulumi_home, layout.pulumi_state):
            folder.mkdir(parents=True, exist_ok=True)
        yield Bench(layout)
    finally:
        os.environ.pop(IN_MEMORY, None)
        processes.stop(layout)
        shutil.rmtree(root)
