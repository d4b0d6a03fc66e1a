"""A real control plane and, in front of it, the provider as the engine meets it."""

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from sandbox.kubernetes.control_plane import ControlPlane
from sandbox.kubernetes.emulator import Cluster, Emulator
from sandbox.kubernetes.files import ClusterFiles
from sandbox.kubernetes.tools import Tools
from sandbox.providers.kubernetes.provider import KubernetesProvider
from sandbox.providers.rpc import Servicer
from sandbox.tests.providers.protocol_client import Engine, connected, serving


@dataclass(frozen=True)
class RealCluster:
    """A cluster that serves, and plain kubectl on it."""

    kubeconfig: Path
    tools: Path

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """What kubectl prints; a failure fails the test."""
        command = [str(self.tools / "kubectl"), "--kubeconfig", str(self.kubeconfig), *arguments]
        result = subprocess.run(command, input=stdin, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def get(self, *arguments: str) -> Any:
        """An object, or a list of them."""
        return json.loads(self.kubectl("get", "-o", "json", *arguments))

    def exists(self, *arguments: str) -> bool:
        """Whether there is such an object."""
        return bool(self.kubectl("get", "--ignore-not-found", "-o", "name", *arguments))


@pytest.fixture(scope="session")
def cluster(tools: Path) -> Iterator[RealCluster]:
    """etcd, API server, controllers and scheduler; no nodes."""
    folder = Path(tempfile.mkdtemp(prefix="control-plane-"))
    files = ClusterFiles.of(folder, "us-east-1", "real")
    identity = Cluster("real", "us-east-1", "CREATING", "1.36", "https://issuer.invalid/id/REAL", "")
    plane = ControlPlane(identity, files, Tools.find(tools), mock.create_autospec(Emulator, instance=True), 0)
    try:
        plane.start(threading.Event())
        yield RealCluster(files.admin_kubeconfig, tools)
    finally:
        plane.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="session", autouse=True)
def _own_helm(tools: Path) -> Iterator[None]:
    """Helm from the tools, without the settings of whoever runs the tests."""
    with tempfile.TemporaryDirectory(prefix="helm-home-") as home, pytest.MonkeyPatch.context() as patch:
        for kind in ("CACHE", "CONFIG", "DATA"):
            patch.setenv(f"HELM_{kind}_HOME", f"{home}/{kind.lower()}")
        patch.setenv("PATH", f"{tools}:/usr/bin:/bin")
        patch.delenv("KUBECONFIG", raising=False)
        yield


@pytest.fixture(scope="session")
def port() -> Iterator[int]:
    """The provider's port, one server for all tests."""
    with serving(Servicer(KubernetesProvider())) as bound:
        yield bound


@pytest.fixture
def engine(port: int, cluster: RealCluster) -> Iterator[Engine]:
    """An engine run whose provider instance is configured for the cluster."""
    with connected(port, "kubernetes") as run:
        run.configure(kubeconfig=cluster.kubeconfig.read_text())
        yield run


@pytest.fixture
def namespace(cluster: RealCluster, request: pytest.FixtureRequest) -> str:
    """A namespace of the test's own; it goes with the cluster."""
    test = request.node.name.removeprefix("test_").lower()
    name = f"{re.sub('[^a-z0-9]+', '-', test)[:45]}-{hashlib.sha256(test.encode()).hexdigest()[:6]}"
    cluster.kubectl("create", "namespace", name)
    return name


@pytest.fixture
def chart() -> str:
    """The path of a small chart."""
    return str(Path(__file__).with_name("charts") / "tiny")
