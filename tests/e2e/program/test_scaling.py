"""Pending pods add nodes; with any link of the chain broken they do not, and the autoscaler reports why."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml
from kubernetes import client

from sandbox.tests.harness import Sandbox
from tests.e2e.doctor.commands import wait_for
from tests.e2e.program.stack import Stack

CLUSTER = "sandbox"
NAMESPACE = "default"
PATIENCE = 180.0
"""Seconds that a step may take on a busy machine; a quiet one needs a few."""


class Workload:
    """Ten pods that fill the nodes, as the page's stress deployment does."""

    def __init__(self, sandbox: Sandbox, stack: Stack) -> None:
        self.asg = sandbox.client("autoscaling")
        self.group = next(g for g in stack.outputs()["nodeGroups"] if "general" in g["name"])["asgName"]
        api = sandbox.kubernetes(CLUSTER)
        self.apps, self.core = client.AppsV1Api(api), client.CoreV1Api(api)
        self.sandbox = sandbox

    def start(self, replicas: int, cpu: str = "10m") -> None:
        pod = {
            "containers": [
                {"name": "stress", "image": "registry.k8s.io/pause:3.10", "resources": {"requests": {"cpu": cpu}}}
            ]
        }
        body = {
            "metadata": {"name": "stress"},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": "stress"}},
                "template": {"metadata": {"labels": {"app": "stress"}}, "spec": pod},
            },
        }
        self.apps.create_namespaced_deployment(NAMESPACE, body)

    def stop(self) -> None:
        for deployment in self.apps.list_namespaced_deployment(NAMESPACE).items:
            self.apps.delete_namespaced_deployment(deployment.metadata.name, NAMESPACE)

    def desired(self) -> int:
        (found,) = self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[self.group])["AutoScalingGroups"]
        return int(found["DesiredCapacity"])

    def members(self) -> set[str]:
        """Return the IDs of the instances in the group."""
        (found,) = self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[self.group])["AutoScalingGroups"]
        return {one["InstanceId"] for one in found["Instances"]}

    def warm(self) -> set[str]:
        """Return the IDs of the instances in the warm pool of the group."""
        found = self.asg.describe_warm_pool(AutoScalingGroupName=self.group)
        return {one["InstanceId"] for one in found["Instances"]}

    def pods(self) -> int:
        return len(self.core.list_namespaced_pod(NAMESPACE, label_selector="app=stress").items)

    def running(self) -> int:
        pods = self.core.list_namespaced_pod(NAMESPACE, label_selector="app=stress").items
        return sum(pod.status.phase == "Running" for pod in pods)

    def hosts(self, namespace: str = NAMESPACE, label: str = "app=stress") -> list[str]:
        """Return the node of each running pod."""
        pods = self.core.list_namespaced_pod(namespace, label_selector=label).items
        return [pod.spec.node_name for pod in pods if pod.status.phase == "Running"]

    def nodes(self) -> int:
        return sum(
            condition.type == "Ready" and condition.status == "True"
            for node in self.core.list_node().items
            for condition in node.status.conditions or []
        )

    def events(self, reason: str) -> list[str]:
        """The events of the pods that exist now; earlier tests left events, too."""
        pods = {pod.metadata.uid for pod in self.core.list_namespaced_pod(NAMESPACE, label_selector="app=stress").items}
        found = self.core.list_namespaced_event(NAMESPACE, field_selector=f"reason={reason}").items
        return [event.message for event in found if event.involved_object.uid in pods]

    def status(self) -> dict[str, Any]:
        """Return the status that the autoscaler publishes; empty while there is none."""
        found = self.core.list_namespaced_config_map(
            "kube-system", field_selector="metadata.name=cluster-autoscaler-status"
        ).items
        return dict(yaml.safe_load(found[0].data["status"])) if found else {}

    def works(self) -> bool:
        """Return whether the autoscaler's status lists both groups."""
        return len(self.status().get("nodeGroups") or []) == 2

    def log(self) -> str:
        return self.kubectl("logs", "-l", "app=cluster-autoscaler", "--tail=200", "--prefix")

    def recovered(self) -> bool:
        """Return whether the burst is gone and the autoscaler's status lists both groups."""
        return self.running() == 0 and self.works()

    def wait_for(self, what: str, read: Callable[[], Any]) -> Any:
        """Poll until there is something to see; otherwise fail with the state of the cluster."""
        return wait_for(what, read, patience=PATIENCE, describe=self.describe)

    def describe(self) -> str:
        """The pods of the system, the status and the log."""
        pods = self.kubectl("get", "pods,replicasets,leases,events", "-o", "wide")
        return f"{pods}\n{self.status()}\n{self.log()[-6000:]}"

    def kubectl(self, *arguments: str) -> str:
        """What a command of kubectl prints, errors included."""
        kubeconfig = self.sandbox.layout.admin_kubeconfig(CLUSTER, "us-east-1")
        command = [self.sandbox.layout.bin / "kubectl", "--kubeconfig", kubeconfig, "-n", "kube-system", *arguments]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        return run.stdout + run.stderr


@pytest.fixture
def workload(sandbox: Sandbox, stack: Stack) -> Iterator[Workload]:
    made = Workload(sandbox, stack)
    yield made
    made.stop()
    # The next test plans by what is free: pods that are still there would mislead it.
    made.wait_for("the pods to go", lambda: made.pods() == 0)
    made.wait_for("the nodes to go again", lambda: made.desired() == 2 and made.nodes() == 2)


def fill(workload: Workload, stack: Stack) -> None:
    """More pods than two t3.medium can hold: 17 each, some of which the system has."""
    workload.start(40)


def test_ten_pods_too_many_make_a_node_come_and_go(workload: Workload, stack: Stack) -> None:
    assert workload.desired() == 2
    fill(workload, stack)
    refused = workload.wait_for("FailedScheduling from the real scheduler", lambda: workload.events("FailedScheduling"))
    assert any("Too many pods" in message for message in refused), refused
    workload.wait_for("TriggeredScaleUp", lambda: workload.events("TriggeredScaleUp"))
    workload.wait_for("the group to grow", lambda: workload.desired() > 2)
    assert workload.desired() <= 4
    workload.wait_for("every pod to run", lambda: workload.running() == 40)
    assert stack.planned() == [], "a desired size moved by the autoscaler is no change"


@pytest.mark.full
def test_a_burst_starts_at_once_on_headroom_and_then_a_node_comes(workload: Workload, stack: Stack) -> None:
    def pause_pods() -> list[str]:
        return workload.hosts("kube-system", "app.kubernetes.io/instance=headroom-web")

    with stack.edited(headroom=[{"name": "web", "cpu": "1200m", "memory": "256Mi", "replicas": 2}]):
        stack.up()
        old = set(workload.wait_for("both pause pods to run", lambda: len(hosts := pause_pods()) == 2 and hosts))
        assert (workload.desired(), len(old)) == (2, 2)
        workload.start(2, cpu="1200m")
        burst = workload.wait_for("the burst to run", lambda: len(hosts := workload.hosts()) == 2 and hosts)
        assert set(burst) == old, "the burst runs on the nodes of the pause pods"
        back = set(workload.wait_for("the headroom to be back", lambda: len(hosts := pause_pods()) == 2 and hosts))
        assert not back & old
        assert workload.desired() == 4
        assert stack.planned() == []
        workload.stop()
    stack.up()


@pytest.mark.full
def test_a_group_grows_by_the_instances_of_its_warm_pool_which_the_autoscaler_never_counts(
    workload: Workload, stack: Stack
) -> None:
    general, *others = stack.get("nodeGroups")
    with stack.edited(nodeGroups=[{**general, "warmPool": {"poolState": "RUNNING"}}, *others]):
        stack.up()
        pool = workload.warm()
        assert (len(pool), workload.nodes()) == (2, 2), "the pool has what the group may still grow by"
        assert stack.planned() == []
        fill(workload, stack)
        workload.wait_for("every pod to run", lambda: workload.running() == 40)
        assert workload.members() & pool, "an instance of the pool joined"
        counted = workload.wait_for("the status to count the nodes", lambda: registered(workload) == workload.desired())
        assert counted, workload.status()
        workload.stop()
        workload.wait_for("the group to shrink", lambda: workload.desired() == 2 and workload.nodes() == 2)
        assert len(workload.warm()) == 2, "the pool is as large as before"
    stack.up()
    assert workload.warm() == set(), "removing the setting removes the pool"
    assert stack.planned() == []


def registered(workload: Workload) -> int:
    """Return the number of nodes that the autoscaler counts in the group."""
    groups = {group["name"]: group for group in workload.status().get("nodeGroups") or []}
    return int(groups[workload.group]["health"]["nodeCounts"]["registered"]["total"])


@contextmanager
def broken_annotation(sandbox: Sandbox, stack: Stack) -> Iterator[None]:
    with sandbox.kubernetes(CLUSTER) as api:
        core = client.CoreV1Api(api)

        core.patch_namespaced_service_account(
            "cluster-autoscaler", "kube-system", {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": None}}}
        )
        core.delete_collection_namespaced_pod("kube-system", label_selector="app=cluster-autoscaler")
        try:
            yield
        finally:
            # By Pulumi: an annotation that another client sets is that client's too, and stays when Pulumi removes it.
            stack.up("--refresh")
            core.delete_collection_namespaced_pod("kube-system", label_selector="app=cluster-autoscaler")


@contextmanager
def broken_trust(sandbox: Sandbox, stack: Stack) -> Iterator[None]:
    iam, outputs = sandbox.client("iam"), stack.outputs()
    role = outputs["roleArn"].rsplit("/", 1)[-1]
    document = outputs["trustDocument"]
    text = document if isinstance(document, str) else json.dumps(document)
    with sandbox.kubernetes(CLUSTER) as api:
        core = client.CoreV1Api(api)
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=text.replace(":cluster-autoscaler", ":another"))
        core.delete_collection_namespaced_pod("kube-system", label_selector="app=cluster-autoscaler")
        try:
            yield
        finally:
            iam.update_assume_role_policy(RoleName=role, PolicyDocument=text)
            core.delete_collection_namespaced_pod("kube-system", label_selector="app=cluster-autoscaler")


@contextmanager
def broken_policy(sandbox: Sandbox, stack: Stack) -> Iterator[None]:
    iam, outputs = sandbox.client("iam"), stack.outputs()
    role = outputs["roleArn"].rsplit("/", 1)[-1]
    iam.detach_role_policy(RoleName=role, PolicyArn=outputs["policyArn"])
    try:
        yield
    finally:
        iam.attach_role_policy(RoleName=role, PolicyArn=outputs["policyArn"])


@contextmanager
def broken_tag(sandbox: Sandbox, stack: Stack) -> Iterator[None]:
    asg = sandbox.client("autoscaling")
    key = f"k8s.io/cluster-autoscaler/{CLUSTER}"
    names = [g["asgName"] for g in stack.outputs()["nodeGroups"]]
    tags = [{"ResourceId": name, "ResourceType": "auto-scaling-group", "Key": key} for name in names]
    asg.delete_tags(Tags=tags)
    try:
        yield
    finally:
        asg.create_or_update_tags(Tags=[{**tag, "Value": "owned", "PropagateAtLaunch": False} for tag in tags])


def logs(*texts: str) -> Callable[[Workload], bool]:
    """Return whether the log has one of these texts: which one depends on the release of the AWS SDK."""
    return lambda workload: any(text in workload.log() for text in texts)


def runs_without_groups(workload: Workload) -> bool:
    """Return whether the status lists no group, while the log reads as that of an autoscaler that works.

    So the real one does: ``tests/doctor/recordings/*/link-tag``.
    """
    status = workload.status()
    return status.get("autoscalerStatus") == "Running" and not status.get("nodeGroups")


@pytest.mark.parametrize(
    ("broken", "reported"),
    [
        (
            broken_annotation,
            logs("NoCredentialProviders", "no EC2 IMDS role found", "failed to refresh cached credentials"),
        ),
        pytest.param(broken_trust, logs("sts:AssumeRoleWithWebIdentity"), marks=pytest.mark.full),
        (broken_policy, logs("AccessDenied")),
        (broken_tag, runs_without_groups),
    ],
    ids=["annotation", "trust", "policy", "tag"],
)
def test_with_a_link_broken_no_group_grows_and_the_autoscaler_reports_why(
    workload: Workload, stack: Stack, sandbox: Sandbox, broken, reported
) -> None:
    workload.wait_for("the status to list both groups", workload.works)
    with broken(sandbox, stack):
        fill(workload, stack)
        workload.wait_for("FailedScheduling", lambda: workload.events("FailedScheduling"))
        workload.wait_for("the autoscaler to report why", lambda: reported(workload))
        time.sleep(5)
        assert workload.desired() == 2
        workload.stop()
    workload.wait_for("the autoscaler to work again", workload.recovered)
