"""Helm releases that a run of Pulumi meets in a bad state, makes badly, or did not make: taken over or explained.

Whatever it was, exactly one Deployment of Cluster Autoscaler exists afterwards, and the next preview is empty.
"""

import base64
import gzip
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kubernetes import client

from sandbox.tests.harness import Sandbox
from tests.e2e.doctor.commands import Doctor
from tests.e2e.program.identity import NAMESPACE
from tests.e2e.program.stack import Stack
from tests.e2e.reliability.engine import kubernetes_providers
from tests.e2e.reliability.probe import deployments
from tests.e2e.reliability.suite import DOCTOR, ENGINE, PROVIDER, SERVER, Finding

CLUSTER = "sandbox"
KIND = "Helm releases in a bad state or created manually"
ANSWERED = (ENGINE, PROVIDER, SERVER)
RELEASE = "kubernetes:helm.sh/v3:Release"
SERVICE_ACCOUNT = "kubernetes:core/v1:ServiceAccount"
NAME = "cluster-autoscaler"
SECRETS = f"owner=helm,name={NAME}"
PATIENCE = 240.0


class Cluster:
    """The release's cluster, as a user of helm and kubectl sees it."""

    def __init__(self, sandbox: Sandbox, stack: Stack) -> None:
        self.sandbox, self.stack = sandbox, stack
        self.api = sandbox.kubernetes(CLUSTER)
        self.core, self.apps = client.CoreV1Api(self.api), client.AppsV1Api(self.api)

    def helm(self, *arguments: str, check: bool = True) -> str:
        """Runs helm as the cluster's administrator."""
        kubeconfig = self.sandbox.layout.admin_kubeconfig(CLUSTER)
        command = [self.sandbox.layout.bin / "helm", *arguments, "--kubeconfig", kubeconfig]
        return self.sandbox.run(command, check=check)

    def install_manually(self, *settings: str) -> None:
        """`helm install cluster-autoscaler`, with the least that the chart wants."""
        discovery = f"autoDiscovery.clusterName={CLUSTER}"
        sets = [word for setting in (discovery, "awsRegion=us-east-1", *settings) for word in ("--set", setting)]
        chart = self.stack.project / "sandbox" / "chart" / NAME
        self.helm("install", NAME, str(chart), "-n", NAMESPACE, *sets)

    def urns(self, token: str) -> list[str]:
        """URNs of the stack's resources of one type."""
        exported = self.sandbox.pulumi_json("stack", "export", "--stack", self.stack.name)
        return [each["urn"] for each in exported["deployment"]["resources"] if each["type"] == token]

    def forget_release(self) -> None:
        """Takes the release out of the stack's state; in the cluster it stays."""
        (urn,) = self.urns(RELEASE)
        self.stack.pulumi("state", "delete", urn, "--yes", "--stack", self.stack.name)

    def remove_release(self) -> None:
        """No release, neither in the cluster nor in the state."""
        self.forget_release()
        self.helm("uninstall", NAME, "-n", NAMESPACE, "--wait")

    def import_release(self) -> None:
        """`pulumi import`, as in docs/migration.md."""
        (parent,) = self.urns("eks-cluster-autoscaler:index:AutoscalerRelease")
        # Another one belongs to the cluster that pulumi-eks made.
        (provider,) = [urn for urn in self.urns("pulumi:providers:kubernetes") if urn.endswith("::kubernetes")]
        self.stack.pulumi(
            *("import", RELEASE, NAME, f"{NAMESPACE}/{NAME}", "--parent", f"parent={parent}"),
            *("--provider", f"provider={provider}", "--generate-code=false", "--protect=false", "--yes"),
            *("--stack", self.stack.name),
        )

    def mark(self, status: str) -> None:
        """Gives the latest revision another status, as a helm that was killed leaves it."""
        found = self.core.list_namespaced_secret(NAMESPACE, label_selector=SECRETS).items
        secret = max(found, key=lambda each: int(each.metadata.labels["version"]))
        payload = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret.data["release"]))))
        payload["info"]["status"] = status
        packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(payload).encode()))).decode()
        change = {"metadata": {"labels": {"status": status}}, "data": {"release": packed}}
        self.core.patch_namespaced_secret(secret.metadata.name, NAMESPACE, change)

    def deployment_uid(self) -> str:
        """Identity of the one Deployment."""
        return str(self.apps.read_namespaced_deployment(NAME, NAMESPACE).metadata.uid)

    def image_and_selector(self) -> tuple[str, dict[str, str], int]:
        """What the pods of the Deployment are, where they may run, and how many."""
        spec = self.apps.read_namespaced_deployment(NAME, NAMESPACE).spec
        return spec.template.spec.containers[0].image, spec.template.spec.node_selector, spec.replicas

    def check_whole(self) -> None:
        """The release is deployed, its Deployment is the only one, and there is nothing left to do."""
        assert deployments(self.api) == (f"{NAMESPACE}/{NAME}",)
        listed = json.loads(self.helm("list", "--all", "--all-namespaces", "--output", "json"))
        assert [(each["name"], each["status"]) for each in listed if NAME in each["chart"]] == [(NAME, "deployed")]
        assert self.stack.planned() == []


@pytest.fixture
def cluster(sandbox: Sandbox, stack: Stack) -> Iterator[Cluster]:
    """The cluster of the shared stack; after a test that was cut short, the release is recreated."""
    found = Cluster(sandbox, stack)
    yield found
    try:
        found.check_whole()
    except AssertionError:
        if found.urns(RELEASE):
            found.forget_release()
        found.helm("uninstall", NAME, "-n", NAMESPACE, "--wait", check=False)
        stack.up()
        raise


HOOK = "fails-on-purpose"
FAILING_HOOK = f"""
apiVersion: batch/v1
kind: Job
metadata:
  name: {HOOK}
  annotations: {{helm.sh/hook: pre-upgrade}}
spec:
  backoffLimit: 0
  activeDeadlineSeconds: 3
  template:
    spec:
      restartPolicy: Never
      nodeSelector: {{example.com/no-such-node: on-purpose}}
      containers: [{{name: hook, image: registry.k8s.io/pause:3.10}}]
"""
UNINSTALL = ("uninstall", NAME, "-n", NAMESPACE, "--wait")
ROLLBACK = ("rollback", NAME, "-n", NAMESPACE, "--wait")
"""The way out of a release that Helm refuses to touch, as in docs/interrupted.md."""


def check_error(output: str, reason: str) -> None:
    """The error is of the release and gives Helm's own reason; there is no traceback."""
    assert f"{RELEASE} (cluster-autoscaler)" in output, output
    assert reason in output, output
    assert "Traceback" not in output, output


def test_a_release_created_manually_is_refused_by_name_and_taken_over_by_an_import(
    cluster: Cluster, stack: Stack, finding: Finding
) -> None:
    finding.done(KIND, "a deployed release of that name that the stack knows nothing of", *ANSWERED)
    cluster.forget_release()
    output = stack.up(check=False)
    check_error(output, "cannot re-use a name that is still in use")
    before = cluster.deployment_uid()
    with finding.timed("seconds to take over"):
        cluster.import_release()
        stack.up()
    cluster.check_whole()
    assert cluster.deployment_uid() == before, "the Deployment was recreated"
    finding.seen("refused: `cannot re-use a name that is still in use`; the import kept the Deployment")


def test_a_release_created_manually_under_the_charts_own_names_is_taken_over(
    cluster: Cluster, stack: Stack, finding: Finding
) -> None:
    finding.done(KIND, "`helm install cluster-autoscaler` with the chart's default names of objects", *ANSWERED)
    cluster.remove_release()
    cluster.install_manually()
    assert deployments(cluster.api) == (f"{NAMESPACE}/{NAME}-aws-{NAME}",)
    check_error(stack.up(check=False), "cannot re-use a name that is still in use")
    with finding.timed("seconds to take over"):
        cluster.import_release()
        stack.up()
    finding.seen("imported; one `up` gave the objects their names and removed the old ones")


def test_a_release_created_manually_with_another_selector_is_explained(
    cluster: Cluster, stack: Stack, finding: Finding
) -> None:
    finding.done(KIND, "`helm install` with our names of objects and another selector, which is immutable", *ANSWERED)
    cluster.remove_release()
    # The stack's own service account is still there, since it is no part of the release.
    cluster.install_manually(f"fullnameOverride={NAME}", "rbac.serviceAccount.create=false")
    check_error(stack.up(check=False), "cannot re-use a name that is still in use")
    cluster.import_release()
    check_error(stack.up(check=False), "field is immutable")
    cluster.helm(*UNINSTALL)
    stack.refresh()
    with finding.timed("seconds of the up after helm uninstall"):
        stack.up()
    finding.seen("the error names the field; `helm uninstall`, `pulumi refresh` and `pulumi up` converge")


def test_a_provider_killed_during_the_install_leaves_a_release_that_helm_removes(
    cluster: Cluster, stack: Stack, sandbox: Sandbox, finding: Finding
) -> None:
    finding.done(
        KIND, "the provider killed (SIGKILL) while Helm installs the release: stuck in pending-install", *ANSWERED
    )
    cluster.remove_release()
    with ThreadPoolExecutor() as pool:
        installing = pool.submit(stack.up, check=False)
        wait_for_status(cluster, "pending-install")
        providers = kubernetes_providers(sandbox)
        assert providers
        for provider in providers:
            os.kill(provider, signal.SIGKILL)
        installing.result()
    check_error(stack.up(check=False), "cannot re-use a name that is still in use")
    cluster.helm(*UNINSTALL)
    with finding.timed("seconds of the up after helm uninstall"):
        stack.up()
    finding.seen("`up` reports `cannot re-use a name that is still in use`; after `helm uninstall` one converges")


@pytest.mark.parametrize("status", ["pending-upgrade", "pending-rollback"])
def test_a_release_that_helm_left_halfway_is_refused_until_it_is_rolled_back(
    cluster: Cluster, stack: Stack, finding: Finding, status: str
) -> None:
    finding.done(KIND, f"release marked as {status}, as a helm that was killed leaves it", *ANSWERED)
    with stack.edited(autoscaler={**stack.get("autoscaler"), "replicas": 3}):
        stack.up()  # an earlier revision to go back to
    cluster.mark(status)
    check_error(stack.up(check=False), "another operation (install/upgrade/rollback) is in progress")
    cluster.helm(*ROLLBACK)
    stack.refresh()
    with finding.timed("seconds of the up that repairs"):
        stack.up()
    finding.seen("`up` reports another operation in progress; after `helm rollback` and a refresh one converges")


def test_a_release_that_is_recorded_as_failed_is_named_by_the_doctor_and_repaired_by_the_next_change(
    cluster: Cluster, stack: Stack, finding: Finding
) -> None:
    finding.done(KIND, "release marked as failed, as an upgrade that timed out leaves it", *ANSWERED, DOCTOR)
    cluster.mark("failed")
    assert stack.planned("--refresh") == [], "the provider compares the values, which are the same"
    output = Doctor(cluster.sandbox, stack).run("check", "--json").document["findings"]
    assert [each["status"] for each in output if each["id"] == "pod.release"] == ["broken"], output
    with stack.edited(autoscaler={**stack.get("autoscaler"), "replicas": 3}), finding.timed("seconds of the next up"):
        stack.up()
    stack.up()
    finding.seen("`preview --refresh` sees nothing and the doctor names it; the next `up` with a change upgrades it")


def test_a_release_whose_pods_never_become_ready_is_rolled_back(
    cluster: Cluster, stack: Stack, finding: Finding
) -> None:
    finding.done(KIND, "`up` with settings whose pods never become ready: no node has the label", *ANSWERED)
    before = cluster.image_and_selector()
    changed = {"nodeSelector": {"example.com/no-such-node": "on-purpose"}, "timeoutSeconds": 30}
    with stack.edited(autoscaler={**stack.get("autoscaler"), **changed}), finding.timed("seconds until up gave up"):
        check_error(stack.up(check=False), "context deadline exceeded")
    assert cluster.image_and_selector() == before, "the release was not rolled back"
    with finding.timed("seconds of the up that repairs"):
        stack.up()
    finding.seen("`up` fails after `timeoutSeconds`, Helm restores the release; `up` with the old settings converges")


def test_a_hook_that_fails_changes_nothing(cluster: Cluster, stack: Stack, finding: Finding, tmp_path: Path) -> None:
    finding.done(KIND, "`up` with a chart whose pre-upgrade hook, a Job, fails", *ANSWERED)
    before, chart = cluster.image_and_selector(), tmp_path / NAME
    shutil.copytree(stack.project / "sandbox" / "chart" / NAME, chart)
    (chart / "templates" / "hook.yaml").write_text(FAILING_HOOK)
    changed = {"chart": {"location": str(chart)}, "replicas": 3}
    with stack.edited(autoscaler={**stack.get("autoscaler"), **changed}), finding.timed("seconds until up gave up"):
        check_error(stack.up(check=False), "pre-upgrade hooks failed")
    assert cluster.image_and_selector() == before
    with finding.timed("seconds of the up that repairs"):
        stack.up()
    client.BatchV1Api(cluster.api).delete_namespaced_job(HOOK, NAMESPACE, propagation_policy="Background")
    finding.seen("`up` names the hook, the Deployment is as it was; `up` with the chart without it converges")


def test_objects_without_their_release_are_adopted(cluster: Cluster, stack: Stack, finding: Finding) -> None:
    finding.done(KIND, "half-deleted: helm's own record of the release is gone, its objects exist", *ANSWERED)
    before = cluster.deployment_uid()
    cluster.core.delete_collection_namespaced_secret(NAMESPACE, label_selector=SECRETS)
    with stack.edited(autoscaler={**stack.get("autoscaler"), "replicas": 3}):
        check_error(stack.up(check=False), "has no deployed releases")
    stack.refresh()
    with finding.timed("seconds of the up that repairs"):
        stack.up()
    assert cluster.deployment_uid() == before, "the Deployment was recreated"
    finding.seen("`up` reports `has no deployed releases`; after a refresh one `up` adopts the same objects")


def test_a_release_without_its_objects_gets_them_back_from_helm(
    cluster: Cluster, stack: Stack, finding: Finding
) -> None:
    finding.done(
        KIND, "half-deleted: Deployment, service account and ClusterRole are gone, the release exists", *ANSWERED
    )
    cluster.apps.delete_namespaced_deployment(NAME, NAMESPACE)
    cluster.core.delete_namespaced_service_account(NAME, NAMESPACE)
    client.RbacAuthorizationV1Api(cluster.api).delete_cluster_role(NAME)
    stack.refresh()
    # The service account is a resource of the stack. The others are in Helm's record alone, which did not change.
    assert [(step.op, step.type) for step in stack.planned() if step.type.startswith("kubernetes:")] == [
        ("create", SERVICE_ACCOUNT)
    ]
    with finding.timed("seconds of the up that repairs"):
        stack.up()
    (release,) = json.loads(cluster.helm("list", "-n", NAMESPACE, "--output", "json"))
    cluster.helm("rollback", NAME, release["revision"], "-n", NAMESPACE, "--wait")
    finding.seen("a refresh finds the service account; `helm rollback` to the same revision makes the others again")


def wait_for_status(cluster: Cluster, status: str) -> None:
    """Until helm has written that status of the release down."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if cluster.core.list_namespaced_secret(NAMESPACE, label_selector=f"{SECRETS},status={status}").items:
            return
        time.sleep(0.02)
    raise AssertionError(f"timed out after {PATIENCE:.0f} s, waiting for {status}")
