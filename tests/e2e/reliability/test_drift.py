"""Objects changed with kubectl: what `pulumi preview --refresh` sees, and the command that repairs the rest.

The Kubernetes provider compares a release with Helm's record of it and reads no object of it (`Fixer.reapply`).
"""

import json
from collections.abc import Callable
from typing import NamedTuple

import pytest
from kubernetes import client

from sandbox.tests.harness import Sandbox
from tests.e2e.doctor.bench import settled
from tests.e2e.doctor.commands import Doctor
from tests.e2e.program.identity import NAMESPACE
from tests.e2e.program.stack import Stack
from tests.e2e.reliability.suite import DOCTOR, ENGINE, PROVIDER, SERVER, Finding
from tests.e2e.reliability.test_releases import NAME, SERVICE_ACCOUNT, Cluster, cluster

__all__ = ["cluster"]

KIND = "Drift: objects in the cluster changed with kubectl"
ROLE_ARN = "eks.amazonaws.com/role-arn"


class Drift(NamedTuple):
    """One manual change of an object of the release.

    Attributes:
        what: What is done.
        plant: Does it.
        rule: The doctor's rule that names it.
    """

    what: str
    plant: Callable[[Cluster], object]
    rule: str


def _scale(cluster: Cluster) -> None:
    cluster.apps.patch_namespaced_deployment_scale(NAME, NAMESPACE, {"spec": {"replicas": 0}})


def _add_flag(cluster: Cluster) -> None:
    path = "/spec/template/spec/containers/0/command/-"
    patch = [{"op": "add", "path": path, "value": "--max-empty-bulk-delete=10"}]
    cluster.apps.patch_namespaced_deployment(NAME, NAMESPACE, patch)


def _take_right(cluster: Cluster) -> None:
    rbac = client.RbacAuthorizationV1Api(cluster.api)
    kept = []
    for rule in rbac.read_cluster_role(NAME).rules:
        rule.resources = [each for each in rule.resources or [] if each != "volumeattachments"]
        kept += [rule] if rule.resources else []
    rbac.patch_cluster_role(NAME, {"rules": kept})


DRIFTS = (
    Drift("the Deployment scaled to 0", _scale, "pod.replicas"),
    Drift("a flag added to the Deployment that this version does not have", _add_flag, "pod.flags"),
    Drift("`volumeattachments` taken out of the ClusterRole", _take_right, "pod.rbac"),
)


def test_the_annotation_of_the_service_account_is_seen_and_put_back_by_up(
    cluster: Cluster, stack: Stack, finding: Finding
) -> None:
    finding.done(KIND, f"the annotation `{ROLE_ARN}` removed from the service account", ENGINE, PROVIDER, SERVER)
    without = {"metadata": {"annotations": {ROLE_ARN: None}}}
    cluster.core.patch_namespaced_service_account(NAME, NAMESPACE, without)
    assert stack.counted("--refresh") == {("update", SERVICE_ACCOUNT): 1}
    with finding.timed("seconds of the command"):
        stack.up("--refresh")
    annotations = cluster.core.read_namespaced_service_account(NAME, NAMESPACE).metadata.annotations
    assert annotations[ROLE_ARN] == stack.outputs()["roleArn"]
    finding.seen("`preview --refresh` shows one update; `up --refresh` puts it back")


@pytest.mark.parametrize("drift", DRIFTS, ids=lambda drift: drift.rule)
def test_an_object_of_the_release_is_named_by_the_doctor_whose_command_restores_it(
    cluster: Cluster, stack: Stack, sandbox: Sandbox, finding: Finding, drift: Drift
) -> None:
    finding.done(KIND, drift.what, ENGINE, PROVIDER, SERVER, DOCTOR)
    doctor = Doctor(sandbox, stack)
    assert settled(doctor).code == 0
    before = described(cluster)
    drift.plant(cluster)
    assert stack.planned("--refresh") == [], "the provider reads no object of a release"
    findings = doctor.run("check", "--json").document["findings"]
    (fix,) = {each["fix"] for each in findings if each["id"] == drift.rule and each["status"] == "broken"}
    assert fix.startswith("helm rollback "), fix
    with finding.timed("seconds of the command"):
        sandbox.run(["bash", "-c", fix])
    assert described(cluster) == before
    assert settled(doctor).code == 0
    finding.seen("`preview --refresh` sees nothing; the doctor names it, and its command, `helm rollback`, repairs it")


def described(cluster: Cluster) -> str:
    """The Deployment's and the ClusterRole's own words."""
    spec = cluster.apps.read_namespaced_deployment(NAME, NAMESPACE).spec
    rules = client.RbacAuthorizationV1Api(cluster.api).read_cluster_role(NAME).rules
    command = spec.template.spec.containers[0].command
    return json.dumps([spec.replicas, command, [rule.to_dict() for rule in rules]], sort_keys=True)
