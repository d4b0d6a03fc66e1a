"""The provider stand-in as the engine meets it: its own process, over a running emulated AWS."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.tests.aws.support import NODE_TRUST, PROJECT, REGION, SUBNETS, Emulator, trust
from sandbox.tests.providers.aws.control_planes import ControlPlanes
from sandbox.tests.providers.protocol_client import Engine, Recorded, connected

pytest.register_assert_rewrite("sandbox.tests.providers.aws.lifecycle")

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = Emulator(tmp_path_factory.mktemp("provider-aws") / "state")
    yield running
    running.stop()


@pytest.fixture
def control_planes(emulator: Emulator) -> Iterator[None]:
    """Clusters become ACTIVE while a test runs. Without it, they stay CREATING."""
    with ControlPlanes(emulator):
        yield


@pytest.fixture(scope="session")
def provider_port(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    log = tmp_path_factory.mktemp("provider") / "log"
    command = [sys.executable, "-m", "sandbox.providers.aws", "--port", "0"]
    with log.open("w") as errors:
        process = subprocess.Popen(
            command, cwd=PROJECT, env=emulator.environment, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    assert process.stdout
    line = process.stdout.readline()
    assert line.startswith("ready: stand-in on "), log.read_text()
    yield int(line.rsplit(":", 1)[1])
    process.terminate()
    assert process.wait(10) == 0
    process.stdout.close()
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture
def engine(provider_port: int) -> Iterator[Engine]:
    """A provider instance with a region, and nothing else, configured."""
    with connected(provider_port, "aws") as engine:
        engine.configure(region=REGION)
        yield engine


@pytest.fixture(scope="session")
def cloud(emulator: Emulator) -> Any:
    """boto3 clients by service name, as the person's own: the way around the provider."""
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            made[service] = emulator.client(service)
        return made[service]

    return client


@pytest.fixture
def fault(emulator: Emulator) -> Iterator[Callable[..., None]]:
    """Makes calls fail: service, action, kind of fault, how often. All faults end with the test."""

    def inject(service: str, action: str, kind: str, times: int | str = 1) -> None:
        emulator.private("POST", "faults", {"service": service, "action": action, "fault": kind, "times": times})

    yield inject
    emulator.private("DELETE", "faults")


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"p{os.getpid()}-{next(_numbers)}"


@pytest.fixture
def cluster_role(cloud: Any, name: str) -> str:
    """ARN of a role for control planes."""
    service = {"Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = cloud("iam").create_role(RoleName=f"{name}-cluster", AssumeRolePolicyDocument=trust(service))["Role"]
    return str(role["Arn"])


@pytest.fixture
def node_role(cloud: Any, name: str) -> str:
    """ARN of a role for nodes."""
    role = cloud("iam").create_role(RoleName=f"{name}-node", AssumeRolePolicyDocument=trust(NODE_TRUST))["Role"]
    return str(role["Arn"])


@pytest.fixture
def cluster(engine: Engine, control_planes: None, name: str, cluster_role: str) -> Recorded:
    """An active cluster."""
    inputs = {
        "name": name,
        "roleArn": cluster_role,
        "version": "1.33",
        "vpcConfig": {"subnetIds": SUBNETS[:2]},
        "accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP"},
    }
    return engine.create("aws:eks/cluster:Cluster", inputs)
