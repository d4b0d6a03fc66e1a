"""One cluster led through four minors of Kubernetes and from an old chart to the newest, and watched all the while.

The control plane is the sandbox's: one kube-apiserver of the newest minor that behaves as the others
(`--emulated-version`), and stops while it becomes another, which EKS's does not; an `up` that meets it stopped is run
again. The old chart is the sandbox's own under an old number.
"""

import copy
import functools
import json
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sandbox.tests.harness import Sandbox
from tests.e2e.doctor.commands import Doctor, wait_for
from tests.e2e.program.stack import Stack, inventory
from tests.e2e.reliability.probe import Watch
from tests.e2e.reliability.suite import AWS, DOCTOR, ENGINE, PROVIDER, SERVER, Finding
from tests.e2e.reliability.test_moves import asg_names, whoami
from tests.versions import NEWEST_CHART, newest_image

CLUSTER = "upgrades"
KIND = "Upgrades"
OLD_CHART, NEW_CHART = "9.46.6", NEWEST_CHART
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
CLUSTER_TYPE = "aws:eks/cluster:Cluster"


class Version(NamedTuple):
    """What a step leads to: Kubernetes, a pinned chart (None: the newest that fits), and the chart and image then."""

    kubernetes: str
    pinned: str | None
    chart: str
    image: str


PATH = [
    Version("1.33", OLD_CHART, OLD_CHART, newest_image("1.33")),
    Version("1.34", OLD_CHART, OLD_CHART, newest_image("1.34")),
    Version("1.34", None, NEW_CHART, newest_image("1.34")),
    Version("1.35", None, NEW_CHART, newest_image("1.35")),
    Version("1.36", None, NEW_CHART, newest_image("1.36")),
]


@pytest.fixture
def repository(sandbox: Sandbox, tmp_path: Path) -> Iterator[str]:
    """URL of a chart repository with the sandbox's chart under both numbers."""
    helm, chart = sandbox.tools() / "helm", sandbox.layout.project / "sandbox" / "chart" / "cluster-autoscaler"
    for version in (OLD_CHART, NEW_CHART):
        sandbox.run([helm, "package", chart, "--version", version, "--destination", tmp_path])
    sandbox.run([helm, "repo", "index", tmp_path])
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Files, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Logs nothing."""


def lead_to(stack: Stack, version: Version, repository: str) -> None:
    """Edits the settings as a user would: the cluster's version, and the chart's where it is pinned."""
    cluster: dict[str, Any] = copy.deepcopy(stack.get("cluster"))
    cluster["create"]["kubernetesVersion"] = version.kubernetes
    stack.set("cluster", cluster)
    chart = {"repository": repository, **({"version": version.pinned} if version.pinned else {})}
    stack.set("autoscaler", {**stack.get("autoscaler"), "chart": chart})


@pytest.mark.timeout(3600)
def test_kubernetes_and_chart_are_upgraded_without_a_gap(
    sandbox: Sandbox, before: dict[str, list[str]], repository: str, finding: Finding
) -> None:
    finding.done(
        KIND,
        f"Kubernetes 1.33 (emulated by kube-apiserver 1.36), 1.34, chart {OLD_CHART} to the newest, 1.35, 1.36",
        *(ENGINE, PROVIDER, SERVER, DOCTOR, AWS),
    )
    held = inventory(sandbox)
    stack = Stack(sandbox, "sandbox", CLUSTER)
    network = {"cidr": "10.2.0.0/16", "zones": ["us-east-1a", "us-east-1b"]}
    stack.set("cluster", {"name": CLUSTER, "create": {**stack.get("cluster")["create"], "network": network}})
    try:
        lead_to(stack, PATH[0], repository)
        stack.up()
        check(sandbox, stack, PATH[0])
        refused(stack, repository)
        watches = [watched(sandbox, stack, version, repository, finding) for version in PATH[1:]]
    finally:
        stack.destroy()
    assert inventory(sandbox) == held
    finding.seen(
        "the fitting image at each step, no node group replaced; chart 9.46.6 on 1.35 is refused beforehand",
        observations=sum(len(watch.observations) for watch in watches),
        longest_without_permissions=max(watch.without_permissions for watch in watches),
        longest_without_pods=max(watch.without_pods for watch in watches),
        longest_without_API=max(watch.unreachable for watch in watches),
        most_deployments=max(watch.most_deployments for watch in watches),
    )


def watched(sandbox: Sandbox, stack: Stack, version: Version, repository: str, finding: Finding) -> Watch:
    """One step of the path."""
    groups = asg_names(stack)
    lead_to(stack, version, repository)
    planned = stack.counted()
    assert not {(op, kind) for op, kind in planned if "replace" in op and kind in (NODE_GROUP, CLUSTER_TYPE)}, planned
    with (
        finding.timed(f"up to Kubernetes {version.kubernetes}, chart {version.pinned or 'newest'}"),
        Watch(sandbox, CLUSTER, groups["batch"]) as watch,
    ):
        output = stack.up(check=False)
        if "cluster unreachable" in output:
            # The sandbox's only API server was on its way to the other version; EKS's never goes.
            wait_for("the API server", lambda: not watch.observe().unreachable)
            stack.up()
        else:
            assert "errored" not in output, output
    check(sandbox, stack, version)
    assert asg_names(stack) == groups, "a node group was replaced"
    assert watch.most_deployments == 1
    assert watch.without_permissions == 0, watch.reasons
    return watch


def check(sandbox: Sandbox, stack: Stack, version: Version) -> None:
    """All is as this version wants it, and there is nothing left to do."""
    outputs = stack.outputs()
    assert (outputs["chartVersion"], outputs["imageTag"]) == (version.chart, version.image)
    assert outputs["clusterVersion"] == version.kubernetes
    kubectl = [sandbox.layout.bin / "kubectl", "--kubeconfig", sandbox.layout.admin_kubeconfig(CLUSTER)]
    served = json.loads(sandbox.run([*kubectl, "get", "--raw", "/version"]))
    assert f"{served['emulationMajor']}.{served['emulationMinor']}" == version.kubernetes
    doctor = Doctor(sandbox, stack)
    doctor.forget_outputs()
    output = doctor.run("check", "--wait", "180")
    assert output.code == 0, output.out + output.err
    assert whoami(doctor) == "irsa"
    assert stack.planned() == []


def refused(stack: Stack, repository: str) -> None:
    """An old chart on a new cluster makes the autoscaler wait indefinitely: refused before the cluster is touched."""
    wanted = copy.deepcopy(stack.document)
    lead_to(stack, Version("1.35", OLD_CHART, OLD_CHART, ""), repository)
    output = stack.up(check=False)
    stack.document = wanted
    pair = f"chart {OLD_CHART} with Cluster Autoscaler {newest_image('1.35')[1:]}"
    assert f"got {pair}; expected chart 9.54.0 or later" in output, output
    assert "Traceback" not in output
    assert stack.planned() == [], "something was changed all the same"
