"""The Kubernetes API gone while Pulumi works: the reason is reported, no state is lost, and the next run goes on."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from kubernetes import client

from sandbox.kubernetes.files import ClusterFiles
from sandbox.layout import REGION
from sandbox.tests.harness import Sandbox
from tests.e2e.program.identity import NAMESPACE
from tests.e2e.program.stack import Stack, inventory
from tests.e2e.reliability.suite import ENGINE, PROVIDER, SERVER, Finding
from tests.e2e.reliability.test_releases import ROLLBACK, Cluster

CLUSTER = "sandbox"
KIND = "The Kubernetes API gone"
ANSWERED = (ENGINE, PROVIDER, SERVER)
RELEASE = "kubernetes:helm.sh/v3:Release"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
UPDATING = "owner=helm,name=cluster-autoscaler,status=pending-upgrade"
"""Labels of the secret in which helm keeps a release that it is at work on."""
PATIENCE = 240.0


@contextmanager
def without_kubernetes(sandbox: Sandbox) -> Iterator[None]:
    """Every control plane stopped for the length of a with-block; EKS goes on calling the clusters ACTIVE."""
    sandbox.stop("clusters")
    try:
        yield
    finally:
        sandbox.start("clusters")


def an_edit(stack: Stack) -> dict[str, Any]:
    """Settings that change a node group, which is AWS's, and the release, which is Kubernetes'."""
    general, *others = stack.get("nodeGroups")
    return {
        "nodeGroups": [{**general, "maxSize": general["maxSize"] + 1}, *others],
        "autoscaler": {**stack.get("autoscaler"), "replicas": 3},
    }


def state(stack: Stack) -> dict[str, Any]:
    """What the stack holds in the cloud, by URN; components record what they were asked for, come what may."""
    exported = stack.sandbox.pulumi_json("stack", "export", "--stack", stack.name)["deployment"]
    assert not exported.get("pending_operations")
    return {
        each["urn"]: {key: each.get(key) for key in ("id", "type", "inputs")}
        for each in exported["resources"]
        if each.get("custom")
    }


def check_error(stack: Stack, endpoint: str, output: str) -> None:
    """The error is of the release, names the API server and the reason; there is no traceback."""
    assert f"{RELEASE} (cluster-autoscaler)" in output, output
    assert endpoint in output, output
    assert "connection refused" in output, output
    assert "Traceback" not in output, output


def test_with_the_kubernetes_api_gone_each_command_reports_why_and_loses_nothing(
    sandbox: Sandbox, stack: Stack, finding: Finding
) -> None:
    finding.done(KIND, "the cluster's control plane stopped before preview, up, refresh and destroy", *ANSWERED)
    endpoint, before, held = stack.outputs()["clusterEndpoint"], state(stack), inventory(sandbox)
    with without_kubernetes(sandbox):
        with finding.timed("preview"), stack.edited(**an_edit(stack)):
            planned = dict(stack.counted())
        assert planned == {("update", NODE_GROUP): 1, ("update", RELEASE): 1}
        with finding.timed("up"), stack.edited(**an_edit(stack)):
            check_error(stack, endpoint, stack.up(check=False))
        halfway = state(stack)
        changed = {halfway[urn]["type"] for urn in before if halfway[urn] != before[urn]}
        assert halfway.keys() == before.keys()
        assert NODE_GROUP in changed
        assert RELEASE not in changed, "the release was recorded as updated"
        with finding.timed("refresh"):
            check_error(stack, endpoint, stack.refresh(check=False))
        with finding.timed("destroy"):
            check_error(stack, endpoint, stack.destroy(check=False))
        assert state(stack).keys() == before.keys()
        assert inventory(sandbox) == held, "a destroy that cannot stop the autoscaler took something from it"
    with finding.timed("up with the API back"):
        stack.up()
    assert stack.planned() == []
    assert state(stack) == before
    finding.seen("the preview planned; each error named release, API server and cause; the next `up` converged")


def test_an_api_server_that_is_killed_while_helm_waits_leaves_a_release_that_can_be_fixed(
    sandbox: Sandbox, stack: Stack, finding: Finding
) -> None:
    finding.done(
        KIND, "kube-apiserver killed (SIGKILL) while `up` updates the release; it comes back by itself", *ANSWERED
    )
    before = state(stack)
    with stack.edited(autoscaler={**stack.get("autoscaler"), "replicas": 3}):
        with ThreadPoolExecutor() as pool:
            updating = pool.submit(stack.up, check=False)
            wait_for_helm(sandbox)
            os.kill(api_server(sandbox), signal.SIGKILL)
            output = updating.result()
        wait_for_api(sandbox)
        assert state(stack).keys() == before.keys()
        assert "Traceback" not in output, output
        failed, stuck = "errored" in output, False
        if failed:
            assert f"{RELEASE} (cluster-autoscaler)" in output, output
            if stuck := bool(updating_releases(sandbox)):
                # Helm could not write down that it failed.
                Cluster(sandbox, stack).helm(*ROLLBACK)
                stack.refresh()
            stack.up()
        assert stack.planned() == []
    stack.up()
    assert state(stack) == before
    way = "after `helm rollback` and a refresh" if stuck else "no help needed:"
    finding.seen(f"{way} the release is whole and the next preview empty", ups_to_converge=1 + failed)


def test_an_api_server_that_does_not_answer_is_given_up_and_named(
    sandbox: Sandbox, stack: Stack, finding: Finding
) -> None:
    finding.done(KIND, "kube-apiserver stopped (SIGSTOP): connections are taken and never answered", *ANSWERED)
    endpoint, before = stack.outputs()["clusterEndpoint"], state(stack)
    pid = api_server(sandbox)
    os.kill(pid, signal.SIGSTOP)
    try:
        with (
            finding.timed("until up gave up"),
            stack.edited(autoscaler={**stack.get("autoscaler"), "replicas": 3}),
        ):
            output = stack.up(check=False)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert endpoint in output, output
    assert "Traceback" not in output, output
    assert state(stack) == before
    stack.up()
    assert stack.planned() == []
    finding.seen("the error named the API server; the next `up` converged")


def api_server(sandbox: Sandbox) -> int:
    """Process id of the cluster's API server."""
    files = ClusterFiles.of(sandbox.layout.kubernetes, REGION, CLUSTER)
    return int(files.pid("kube-apiserver").read_text())


def wait_for_api(sandbox: Sandbox) -> None:
    """Until the API server, which was killed, serves again: the sandbox starts it, as EKS does."""
    kubeconfig = sandbox.layout.admin_kubeconfig(CLUSTER)
    command = [sandbox.layout.bin / "kubectl", "--kubeconfig", kubeconfig, "get", "--raw", "/readyz"]
    until = time.monotonic() + PATIENCE
    while sandbox.run(command, check=False) != "ok":
        assert time.monotonic() < until, f"the API server does not serve again after {PATIENCE:.0f} s"
        time.sleep(0.5)


def wait_for_helm(sandbox: Sandbox) -> None:
    """Until helm has written down that it updates the release: from then on it waits for pods."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if updating_releases(sandbox):
            return
        time.sleep(0.05)
    raise AssertionError(f"timed out after {PATIENCE:.0f} s, waiting for the update of the release")


def updating_releases(sandbox: Sandbox) -> list[Any]:
    """Helm's records of updates that it has not ended."""
    with sandbox.kubernetes(CLUSTER) as api:
        found: list[Any] = client.CoreV1Api(api).list_namespaced_secret(NAMESPACE, label_selector=UPDATING).items
        return found
