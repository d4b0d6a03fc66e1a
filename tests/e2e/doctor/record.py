"""Record what the real Cluster Autoscaler logs, writes and reports: the fixtures of ``tests/doctor/recordings``.

    CLUSTER_AUTOSCALER_BIN=/path/to/cluster-autoscaler python -m tests.e2e.doctor.record VERSION [SCENARIO ...]

Each scenario installs the chart in an emulated cluster, with real tokens and IAM enforced, and breaks one thing. Of the
scenarios in ``BUNDLED`` the state of the cluster is kept as well, by ``ca-doctor bundle``; of those in ``MEASURED`` the
page ``/metrics``.
"""

import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.pure import capacity_buffers as buffers
from doctor.bundle import archive
from doctor.bundle.contents import decode, encode
from sandbox.layout import PROJECT, REGION
from sandbox.private_api import PrivateApi
from sandbox.tests.harness import Sandbox
from sandbox.tests.kubelet.installation import EMPTY, GROUP, NAME, OPEN, Installation, policy
from sandbox.tests.kubernetes.eks import Account, eventually

BINARY = "CLUSTER_AUTOSCALER_BIN"
RECORDINGS = Path(__file__).parents[2] / "doctor" / "recordings"
CLUSTER = "red"
STARTUP = "startup"
"""A group without nodes, whose taint an agent removes from each new node."""
STARTUP_TAINT = "node.cilium.io/agent-not-ready"
SPREAD = "spread"
"""A group of up to eight nodes, empty."""
STRANGER = "stranger"
"""A self-managed group with the discovery tags, whose instances never join the cluster."""

BUNDLED = (
    "scale-down-blocked",
    "refused",
    "launch-failure",
    "startup-taint-unknown",
    "debugging-snapshot",
    "reserved",
)
MEASURED = ("healthy", *BUNDLED)
BUFFERED = ("capacity-buffers-dry-run", "capacity-buffer")

_PATIENCE = 180.0
_KEPT_OF_A_KIND = 2
_HEADER = re.compile(r"([IWEF])\d{4} (\d\d:\d\d:\d\d\.\d+) +\d+ ([\w./-]+:\d+)\] (.*)")
_NOISE = re.compile(
    r"flags\.go:\d+\] FLAG"
    r"|\] \"?(Starting reflector|Stopping reflector|Caches populated|Listing and|Exiting watch because)"
    r"|client-side throttling|node had untolerated taints|Event\(v1\.ObjectReference"
    r"|Creating new static autoscaler with opts|the scheduler starts to work with those plugins|^ +(-\w, )?--[\w-]+ "
)

CAPACITY_BUFFERS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "capacitybuffers.autoscaling.x-k8s.io"},
    "spec": {
        "group": "autoscaling.x-k8s.io",
        "names": {"kind": "CapacityBuffer", "plural": "capacitybuffers"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1beta1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}
"""What Cluster Autoscaler 1.36 needs of the definition: it lists v1beta1 (``capacitybuffer/client/client.go``)."""
SUPPLIED = "supplied"

Values = dict[str, Any]
"""Values of the chart; a scenario that has some yields them."""
Scenario = Callable[[Installation], Any]
SCENARIOS: dict[str, Scenario] = {}


def scenario(function: Callable[[Installation], Iterator[Values | None]]) -> Scenario:
    """Register a scenario under its own name; it yields when there is something to record."""
    SCENARIOS[function.__name__.replace("_", "-")] = contextmanager(function)
    return function


def logged(it: Installation, *texts: str) -> None:
    """Wait until the autoscaler has logged each text."""
    for text in texts:
        eventually(lambda text=text: text in read_log(it), _PATIENCE)


def runs(it: Installation) -> None:
    """Wait until the autoscaler has done its first loop."""
    eventually(it.runs, _PATIENCE)


def reported(it: Installation, reason: str) -> None:
    """Wait until the autoscaler has sent an event."""
    eventually(lambda: any(event["reason"] == reason for event in read_events(it)), _PATIENCE)


def pods(it: Installation, name: str, replicas: int = 1, cpu: str = "10m", **more: Any) -> None:
    """A Deployment of pods that do nothing."""
    spec = {
        "containers": [{"name": "app", "image": "registry.k8s.io/pause:3.10", "resources": {"requests": {"cpu": cpu}}}],
        **more.pop("spec", {}),
    }
    namespace = more.pop("namespace", "default")
    labels = {"app": name, "by": "recorder"}
    template = {"metadata": {"labels": labels, "annotations": more.pop("annotations", {})}, "spec": spec}
    apply(
        it,
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
        },
    )


def apply(it: Installation, manifest: Any) -> None:
    """Apply one object."""
    it.cluster.kubectl("apply", "-f", "-", stdin=manifest)


def in_pool(name: str, **more: Any) -> dict[str, Any]:
    """Parts of a pod that only a node of one group can hold."""
    return {"nodeSelector": {"pool": name}, "tolerations": [{"key": name, "operator": "Exists"}], **more}


def without(it: Installation, *actions: str) -> None:
    """Grant the role all that it needs but some actions."""
    document = policy(it.cluster.name)
    for statement in document["Statement"]:
        statement["Action"] = [each for each in statement["Action"] if each not in actions]
    it.set_policy(document)


def forbid(it: Installation, *resources: str) -> None:
    """Take resources out of the autoscaler's ClusterRole, as in the RBAC of an older chart, and restart it."""
    role = json.loads(it.cluster.kubectl("get", "clusterrole", NAME, "-o", "json"))
    for rule in role["rules"]:
        rule["resources"] = [each for each in rule["resources"] if each not in resources]
    role["rules"] = [rule for rule in role["rules"] if rule["resources"]]
    it.cluster.kubectl("replace", "-f", "-", stdin=role)
    it.cluster.kubectl("delete", "pods", "-n", "kube-system", "-l", "app.kubernetes.io/name=aws-cluster-autoscaler")


# -- scenarios -------------------------------------------------------------------------------------------------------


@scenario
def healthy(it: Installation) -> Iterator[None]:
    """The autoscaler idles: every link holds, no pod is pending."""
    it.install()
    runs(it)
    logged(it, "min size reached")
    yield


@scenario
def debugging_snapshot(it: Installation) -> Iterator[None]:
    """--debugging-snapshot-enabled: the autoscaler shows its own node templates; a pod fits none of them."""
    it.install({"debugging-snapshot-enabled": "true"})
    runs(it)
    pods(it, "stress", cpu="64")
    reported(it, "NotTriggerScaleUp")
    yield


@scenario
def scale_up(it: Installation) -> Iterator[None]:
    """Ten pods, more than the node can hold: the group grows."""
    it.install()
    runs(it)
    pods(it, "stress", 10, "300m")
    reported(it, "ScaledUpGroup")
    eventually(lambda: len(it.nodes()) == 3, _PATIENCE)
    yield


@scenario
def scale_down(it: Installation) -> Iterator[None]:
    """A group of two nodes whose pods are gone: one empty node is removed."""
    name = it.group()["AutoScalingGroupName"]
    it.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=2)
    eventually(lambda: len(it.nodes()) == 3, _PATIENCE)
    it.install()
    eventually(lambda: it.target() == 1, _PATIENCE)
    reported(it, "ScaleDownEmpty")
    yield


@scenario
def link_annotation(it: Installation) -> Iterator[None]:
    """The service account has no annotation eks.amazonaws.com/role-arn, and the hop limit keeps pods from IMDS."""
    it.install(annotated=False)
    logged(it, "Failed to create AWS Manager")
    yield


@scenario
def link_trust(it: Installation) -> Iterator[None]:
    """The role trusts another service account."""
    it.trust_web_identity("another")
    it.install()
    logged(it, "Failed to create AWS Manager")
    yield


@scenario
def link_provider(it: Installation) -> Iterator[None]:
    """IAM has no OIDC provider for the cluster's issuer."""
    iam = it.account.iam
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=it.provider_arn)
    try:
        it.install()
        logged(it, "Failed to create AWS Manager")
        yield
    finally:
        issuer = it.cluster.describe()["identity"]["oidc"]["issuer"]
        iam.create_open_id_connect_provider(Url=issuer, ClientIDList=["sts.amazonaws.com"], ThumbprintList=["0" * 40])


@scenario
def link_audience(it: Installation) -> Iterator[None]:
    """The OIDC provider in IAM does not accept the token's audience."""
    iam, audience = it.account.iam, "sts.amazonaws.com"
    provider = {"OpenIDConnectProviderArn": it.provider_arn}
    iam.add_client_id_to_open_id_connect_provider(**provider, ClientID="another")
    iam.remove_client_id_from_open_id_connect_provider(**provider, ClientID=audience)
    try:
        it.install()
        logged(it, "Failed to create AWS Manager")
        yield
    finally:
        iam.add_client_id_to_open_id_connect_provider(**provider, ClientID=audience)


@scenario
def link_policy_read(it: Installation) -> Iterator[None]:
    """The policy lacks autoscaling:DescribeAutoScalingGroups."""
    without(it, "autoscaling:DescribeAutoScalingGroups")
    it.install()
    logged(it, "Failed to create AWS Manager")
    yield


@scenario
def link_policy_read_later(it: Installation) -> Iterator[None]:
    """autoscaling:DescribeAutoScalingGroups is taken away while the autoscaler runs."""
    it.install()
    runs(it)
    without(it, "autoscaling:DescribeAutoScalingGroups")
    logged(it, "AccessDenied")
    time.sleep(3)
    yield


@scenario
def link_policy_node_group(it: Installation) -> Iterator[None]:
    """The policy lacks eks:DescribeNodegroup; a pod needs what only EKS knows of an empty group."""
    without(it, "eks:DescribeNodegroup")
    it.install()
    runs(it)
    pods(it, "stress", spec=in_pool(EMPTY))
    reported(it, "NotTriggerScaleUp")
    yield


@scenario
def link_policy_launch_template(it: Installation) -> Iterator[None]:
    """The policy lacks ec2:DescribeLaunchTemplateVersions, and a self-managed group has a launch template."""
    without(it, "ec2:DescribeLaunchTemplateVersions")
    with stranger(it):
        it.install()
        logged(it, "DescribeLaunchTemplateVersions")
        yield


@scenario
def link_policy_activities(it: Installation) -> Iterator[None]:
    """The policy lacks autoscaling:DescribeScalingActivities; a launch has no capacity."""
    without(it, "autoscaling:DescribeScalingActivities")
    with no_capacity(it):
        it.install()
        runs(it)
        pods(it, "stress", 10, "300m")
        logged(it, "DescribeScalingActivities")
        yield


@scenario
def link_policy_write(it: Installation) -> Iterator[None]:
    """The policy allows writes on another cluster's groups only."""
    it.set_policy(policy("another-cluster"))
    it.install()
    runs(it)
    pods(it, "stress", 10, "300m")
    reported(it, "FailedToScaleUpGroup")
    eventually(lambda: any(g["scaleUp"]["status"] == "Backoff" for g in it.status()["nodeGroups"]), _PATIENCE)
    reported(it, "NotTriggerScaleUp")
    yield


@scenario
def link_policy_terminate(it: Installation) -> Iterator[None]:
    """The policy allows no termination; a node is not needed any more."""
    without(it, "autoscaling:TerminateInstanceInAutoScalingGroup")
    name = it.group()["AutoScalingGroupName"]
    it.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=2)
    eventually(lambda: len(it.nodes()) == 3, _PATIENCE)
    it.install()
    reported(it, "ScaleDownFailed")
    yield


@scenario
def link_tag(it: Installation) -> Iterator[None]:
    """No group has the discovery tag k8s.io/cluster-autoscaler/enabled; a pod is pending."""
    groups = it.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    key = "k8s.io/cluster-autoscaler/enabled"
    tags = [
        {"ResourceId": group["AutoScalingGroupName"], "ResourceType": "auto-scaling-group", "Key": key}
        for group in groups
    ]
    it.autoscaling.delete_tags(Tags=tags)
    try:
        it.install()
        runs(it)
        pods(it, "stress", 10, "300m")
        reported(it, "NotTriggerScaleUp")
        logged(it, "No expansion options")
        yield
    finally:
        it.autoscaling.create_or_update_tags(Tags=[tag | {"Value": "true", "PropagateAtLaunch": False} for tag in tags])


@scenario
def link_region_missing(it: Installation) -> Iterator[None]:
    """The pod has its node's role and no region: AWS_REGION is not set. Up to 1.34 the region comes from IMDS."""
    it.set_policy(policy(it.cluster.name), role="nodes")
    it.install(annotated=False, awsRegion="", **_on_open_node())
    eventually(lambda: it.runs() or "Failed to create AWS Manager" in read_log(it), _PATIENCE)
    yield


@scenario
def link_region_wrong(it: Installation) -> Iterator[None]:
    """The pod has another region than the cluster's, where AWS has no group for it."""
    it.install(awsRegion="eu-west-1")
    eventually(lambda: it.runs() or "Failed to create AWS Manager" in read_log(it), _PATIENCE)
    yield


@scenario
def rbac_informers(it: Installation) -> Iterator[None]:
    """The ClusterRole allows nothing but nodes: each resource that the autoscaler lists is reported as forbidden."""
    it.install()
    role = json.loads(it.cluster.kubectl("get", "clusterrole", NAME, "-o", "json"))
    role["rules"] = [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch", "update"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create", "get", "update"]},
    ]
    it.cluster.kubectl("replace", "-f", "-", stdin=role)
    it.cluster.kubectl("delete", "pods", "-n", "kube-system", "-l", "app.kubernetes.io/name=aws-cluster-autoscaler")
    logged(it, "pods is forbidden", "volumeattachments.storage.k8s.io is forbidden")
    time.sleep(20)
    yield


@scenario
def rbac_old_chart(it: Installation) -> Iterator[None]:
    """The ClusterRole is that of a chart before 9.46.3: no volumeattachments, no resource.k8s.io."""
    it.install()
    forbid(it, "volumeattachments", "deviceclasses", "resourceclaims", "resourceslices")
    logged(it, "volumeattachments.storage.k8s.io is forbidden")
    time.sleep(10)
    yield


@scenario
def rbac_nodes(it: Installation) -> Iterator[None]:
    """The ClusterRole does not allow nodes: the autoscaler's first question to the API server fails."""
    it.install()
    forbid(it, "nodes")
    logged(it, "Failed to get nodes from apiserver")
    yield


@scenario
def capacity_buffers(it: Installation) -> Iterator[None]:
    """--capacity-buffer-controller-enabled without its CRD."""
    it.install({"capacity-buffer-controller-enabled": "true"})
    eventually(lambda: "CapacityBuffer" in read_log(it) or "unknown flag" in read_log(it), _PATIENCE)
    time.sleep(10)
    yield


@scenario
def capacity_buffers_denied(it: Installation) -> Iterator[Values]:
    """--capacity-buffer-controller-enabled with its CRD, and with the chart's ClusterRole, without resourcequotas."""
    with supplied(it, {"extraObjects": [CAPACITY_BUFFERS]}) as values:
        it.install({"capacity-buffer-controller-enabled": "true"})
        logged(it, "resourcequotas is forbidden")
        time.sleep(20)
        yield values


@scenario
def capacity_buffers_no_rights(it: Installation) -> Iterator[Values]:
    """--capacity-buffer-controller-enabled with its CRD, without the rights to list what else it lists."""
    with supplied(it, {"extraObjects": [CAPACITY_BUFFERS]}) as values:
        it.install({"capacity-buffer-controller-enabled": "true"})
        forbid(it, "podtemplates", "deployments")
        logged(it, *(f"{each} is forbidden" for each in ("resourcequotas", "podtemplates", "deployments.apps")))
        time.sleep(20)
        yield values


@scenario
def capacity_buffers_supplied(it: Installation) -> Iterator[Values]:
    """--capacity-buffer-controller-enabled with its CRD and with the right to list resourcequotas."""
    rule = {"apiGroups": [""], "resources": ["resourcequotas"], "verbs": ["get", "list", "watch"]}
    with supplied(it, {"extraObjects": [CAPACITY_BUFFERS], "rbac": {"additionalRules": [rule]}}) as values:
        it.install({"capacity-buffer-controller-enabled": "true"})
        runs(it)
        logged(it, "Starting main loop", "min size reached")
        yield values


@scenario
def capacity_buffers_dry_run(it: Installation) -> Iterator[Values]:
    """Both flags, the CRD, the chart's ClusterRole and resourcequotas, but no right to create pods: a buffer waits."""
    rule = {"apiGroups": [""], "resources": ["resourcequotas"], "verbs": ["get", "list", "watch"]}
    with supplied(it, {"extraObjects": [CAPACITY_BUFFERS], "rbac": {"additionalRules": [rule]}}) as values:
        it.install(dict.fromkeys(buffers.BUFFER_FLAGS, "true"))
        runs(it)
        buffer(it, replicas=1)
        logged(it, "Failed to create dry-run pod")
        time.sleep(10)
        yield values


@scenario
def capacity_buffer(it: Installation) -> Iterator[Values]:
    """A buffer of three, as the program makes it: three nodes without pods, then a burst of three, then three more."""
    with three_reserved(it) as (values, before):
        time.sleep(30)
        assert it.target(SPREAD) == 3
        started = time.monotonic()
        pods(it, "burst", 3, "1200m", spec=in_pool(SPREAD))
        eventually(lambda: _scheduled(it, "burst") == 3, _PATIENCE)
        print(f"the burst was scheduled after {time.monotonic() - started:.1f} s", flush=True)
        eventually(lambda: it.target(SPREAD) == 6, _PATIENCE)
        eventually(lambda: len(it.nodes()) == before + 6, _PATIENCE)
        time.sleep(5)
        yield values


@scenario
def reserved(it: Installation) -> Iterator[Values]:
    """A buffer of three: three nodes without pods that are not removed, long after they could be."""
    with three_reserved(it) as (values, before):
        logged(it, "above the scale-down utilization threshold")
        time.sleep(30)
        assert (it.target(SPREAD), len(it.nodes())) == (3, before + 3)
        yield values


@contextmanager
def three_reserved(it: Installation) -> Iterator[tuple[Values, int]]:
    """A buffer of three has its nodes, with flags, rights and definition of the program.

    Yields:
        The values of the chart, and the number of nodes before.
    """
    definition = CAPACITY_BUFFERS | {"spec": buffers.definition()}
    with supplied(it, {"extraObjects": [definition], "rbac": {"additionalRules": buffers.RULES}}) as values:
        it.install(buffers.flags((1, 36, 1)))
        runs(it)
        before = len(it.nodes())
        buffer(it, replicas=3)
        eventually(lambda: len(it.nodes()) == before + 3, _PATIENCE)
        yield values, before


def buffer(it: Installation, replicas: int) -> None:
    """A CapacityBuffer as ``components/headroom.py`` makes it, of pods that one node of a group holds one of."""
    metadata = {"name": "headroom-burst", "namespace": "default", "labels": {"by": "recorder"}}
    container = {
        "name": "pause",
        "image": "registry.k8s.io/pause:3.10",
        "resources": {"requests": {"cpu": "1200m", "memory": "256Mi"}},
    }
    template = {"metadata": {"labels": metadata["labels"]}, "spec": {"containers": [container], **in_pool(SPREAD)}}
    apply(it, {"apiVersion": "v1", "kind": "PodTemplate", "metadata": metadata, "template": template})
    spec = {
        "provisioningStrategy": buffers.ACTIVE,
        "podTemplateRef": {"name": metadata["name"]},
        "replicas": replicas,
    }
    apply(it, {"apiVersion": buffers.API_VERSION, "kind": buffers.KIND, "metadata": metadata, "spec": spec})


def _scheduled(it: Installation, name: str) -> int:
    found = it.cluster.objects("pods", "-n", "default", "-l", f"app={name}")
    return sum(bool(pod["spec"].get("nodeName")) for pod in found)


@scenario
def flag_unknown(it: Installation) -> Iterator[None]:
    """A flag that this version does not have."""
    it.install({"no-such-flag": "10"})
    logged(it, "unknown flag")
    yield


@scenario
def launch_failure(it: Installation) -> Iterator[None]:
    """EC2 has no capacity for the launch: the group is backed off."""
    with no_capacity(it):
        it.install()
        runs(it)
        pods(it, "stress", 10, "300m")
        eventually(lambda: any(g["scaleUp"]["status"] == "Backoff" for g in it.status()["nodeGroups"]), _PATIENCE)
        reported(it, "NotTriggerScaleUp")
        yield


@scenario
def never_joins(it: Installation) -> Iterator[None]:
    """An instance is launched and never registers as a node; --max-node-provision-time is 15s instead of 15m."""
    with stranger(it):
        it.install({"max-node-provision-time": "15s"})
        runs(it)
        pods(it, "stress", spec=in_pool(STRANGER))
        reported(it, "ScaleUpTimedOut")
        eventually(lambda: any(g["scaleUp"]["status"] == "Backoff" for g in it.status()["nodeGroups"]), _PATIENCE)
        time.sleep(20)
        yield


@scenario
def startup_taint_unknown(it: Installation) -> Iterator[None]:
    """A group at zero with an agent's taint that no flag names: a pod does not trigger a scale-up."""
    it.install()
    runs(it)
    pods(it, "stress", spec={"nodeSelector": {"pool": STARTUP}})
    reported(it, "NotTriggerScaleUp")
    yield


@scenario
def startup_taint_known(it: Installation) -> Iterator[None]:
    """The same group with --startup-taint naming the taint: the group grows from zero."""
    it.install({"startup-taint": STARTUP_TAINT})
    runs(it)
    pods(it, "stress", spec={"nodeSelector": {"pool": STARTUP}})
    reported(it, "TriggeredScaleUp")
    eventually(lambda: it.target(STARTUP) == 1, _PATIENCE)
    time.sleep(5)
    yield


@scenario
def scale_down_blocked(it: Installation) -> Iterator[None]:
    """Nodes that are hardly used and stay: PDB, local storage, safe-to-evict, kube-system, no controller, minSize."""
    it.install()
    runs(it)
    apart = {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {
                    "labelSelector": {"matchLabels": {"by": "recorder"}},
                    "topologyKey": "kubernetes.io/hostname",
                    "namespaceSelector": {},
                }
            ]
        }
    }
    spec = in_pool(SPREAD, affinity=apart)
    pods(it, "guarded", spec=spec)
    labels = {"app": "guarded", "by": "recorder"}
    apply(
        it,
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "guarded", "namespace": "default", "labels": labels},
            "spec": {"maxUnavailable": 0, "selector": {"matchLabels": labels}},
        },
    )
    volume = {"volumes": [{"name": "cache", "emptyDir": {}}]}
    pods(it, "local-storage", spec=spec | volume)
    pods(it, "unsafe", spec=spec, annotations={"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"})
    pods(it, "system", spec=spec, namespace="kube-system")
    apply(
        it,
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "naked", "namespace": "default", "labels": {"app": "naked", "by": "recorder"}},
            "spec": {"containers": [{"name": "app", "image": "registry.k8s.io/pause:3.10"}], **spec},
        },
    )
    logged(
        it,
        "not enough pod disruption budget",
        "local storage",
        "not safe to evict",
        "kube-system pod",
        "naked",
        "min size reached",
    )
    yield


@scenario
def stopped(it: Installation) -> Iterator[None]:
    """The process gets SIGTERM."""
    it.install()
    runs(it)
    (process,) = _processes(it)
    os.kill(int(process.split()[0]), signal.SIGTERM)
    logged(it, "Cleaned up, exiting")
    yield


@scenario
def rbac_status(it: Installation) -> Iterator[None]:
    """The service account may not write the status ConfigMap, nor send events."""
    it.install()
    it.cluster.kubectl("delete", "rolebinding", NAME, "-n", "kube-system")
    forbid(it, "events")
    logged(it, "cluster-autoscaler-status", "Server rejected event")
    time.sleep(5)
    yield


@scenario
def refused(it: Installation) -> Iterator[None]:
    """Pods that no group can help: all at maxSize, an untolerated taint, a selector that no group has."""
    it.install()
    runs(it)
    pods(it, "stress", 60)
    pods(it, "nowhere", spec={"nodeSelector": {"no-such": "label"}})
    eventually(lambda: it.target() == 3, _PATIENCE)
    eventually(lambda: any("max node group size reached" in e["message"] for e in read_events(it)), _PATIENCE)
    yield


@scenario
def priorities_missing(it: Installation) -> Iterator[None]:
    """--expander=priority without its ConfigMap, then with one that has another key."""
    it.install({"expander": "priority"}, expanderPriorities={})
    runs(it)
    pods(it, "stress", 10, "300m")
    reported(it, "TriggeredScaleUp")
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "cluster-autoscaler-priority-expander", "namespace": "kube-system"},
        "data": {"priority": "10: [.*]"},
    }
    apply(it, manifest)
    pods(it, "stress", 16, "300m")
    try:
        logged(it, "priorities key")
        yield
    finally:
        it.cluster.kubectl("delete", "configmap", "cluster-autoscaler-priority-expander", "-n", "kube-system")


@scenario
def throttled(it: Installation) -> Iterator[None]:
    """AWS throttles DescribeAutoScalingGroups."""
    aws = PrivateApi(it.account.sandbox.layout.aws_endpoint)
    aws.inject("autoscaling", "DescribeAutoScalingGroups", "throttle", "forever")
    try:
        it.install()
        logged(it, "Failed to create AWS Manager")
        yield
    finally:
        aws.clear_faults()


@scenario
def expander_price(it: Installation) -> Iterator[None]:
    """--expander=price: AWS gives no prices."""
    it.install({"expander": "price"})
    logged(it, "pricing")
    yield


@contextmanager
def supplied(it: Installation, values: Values) -> Iterator[Values]:
    """Create what the published chart would render from ``extraObjects`` and ``rbac.additionalRules``."""
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": SUPPLIED}
    account = {"kind": "ServiceAccount", "name": NAME, "namespace": "kube-system"}
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": SUPPLIED}}
    manifests = [
        *values["extraObjects"],
        {**rbac, "kind": "ClusterRole", "rules": values.get("rbac", {}).get("additionalRules", [])},
        {**rbac, "kind": "ClusterRoleBinding", "roleRef": role, "subjects": [account]},
    ]
    everything = {"apiVersion": "v1", "kind": "List", "items": manifests}
    apply(it, everything)
    it.cluster.kubectl("wait", "--for=condition=Established", "crd", "--all")
    try:
        yield values
    finally:
        it.uninstall()
        it.cluster.kubectl("delete", "-f", "-", stdin=everything)


def _on_open_node() -> dict[str, Any]:
    return {
        "nodeSelector": {"eks.amazonaws.com/nodegroup": OPEN},
        "tolerations": [{"key": OPEN, "operator": "Exists"}],
    }


@contextmanager
def no_capacity(it: Installation) -> Iterator[None]:
    """EC2 has no capacity for launches of Auto Scaling groups."""
    aws = PrivateApi(it.account.sandbox.layout.aws_endpoint)
    aws.inject("ec2", "RunInstances", "capacity", "forever")
    try:
        yield
    finally:
        name = it.group()["AutoScalingGroupName"]
        it.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
        aws.clear_faults()


@contextmanager
def stranger(it: Installation) -> Iterator[None]:
    """A self-managed group that discovery finds, and whose instances have no tag of the cluster."""
    image = {"ImageId": "ami-00000000", "InstanceType": "t3.small"}
    it.account.ec2.create_launch_template(LaunchTemplateName=STRANGER, LaunchTemplateData=image)
    label = "k8s.io/cluster-autoscaler/node-template/label/pool"
    tags = {
        "k8s.io/cluster-autoscaler/enabled": "true",
        f"k8s.io/cluster-autoscaler/{CLUSTER}": "owned",
        label: STRANGER,
    }
    it.autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=STRANGER,
        LaunchTemplate={"LaunchTemplateName": STRANGER, "Version": "1"},
        MinSize=0,
        MaxSize=2,
        VPCZoneIdentifier=it.account.subnets[0],
        Tags=[
            {
                "Key": key,
                "Value": value,
                "PropagateAtLaunch": False,
                "ResourceId": STRANGER,
                "ResourceType": "auto-scaling-group",
            }
            for key, value in tags.items()
        ],
    )
    try:
        yield
    finally:
        it.autoscaling.delete_auto_scaling_group(AutoScalingGroupName=STRANGER, ForceDelete=True)
        it.account.ec2.delete_launch_template(LaunchTemplateName=STRANGER)


# -- what is kept ----------------------------------------------------------------------------------------------------


def read_log(it: Installation) -> str:
    """Everything that the autoscaler's containers have logged, those that ended among them."""
    files = [file for folder in it.pod_folders() for file in sorted(folder.glob("*/*.log"))]
    lines = [line.split(" ", 3)[-1] for file in files for line in file.read_text().splitlines()]
    return "\n".join(lines)


def read_events(it: Installation) -> list[dict[str, Any]]:
    """The autoscaler's own events."""
    found = it.cluster.objects("events", "-A")
    return [event for event in found if event["source"].get("component") == "cluster-autoscaler"]


def trimmed(log: str) -> str:
    """The log without what repeats: two lines of each kind, times and process ids as they would be in a container."""
    seen: Counter[str] = Counter()
    kept = []
    for line in log.splitlines():
        header = _HEADER.match(line)
        text = f"{header[1]} {header[3]} {header[4]}" if header else line
        kind = re.sub(r"[0-9a-f]*\d[0-9a-f.:-]*", "#", text)
        seen[kind] += 1
        if seen[kind] <= _KEPT_OF_A_KIND and not _NOISE.search(line):
            kept.append(re.sub(r"^([IWEF]\d{4} [\d:.]+) +\d+ ", r"\1       1 ", line))
    return "\n".join(kept) + "\n"


class Recorder:
    """Write what one version does.

    Args:
        it: The installation.
        version: The version of the binary: three numbers.
        paths: Paths of this machine, each with what to write instead.
    """

    def __init__(self, it: Installation, version: str, paths: dict[str, str]) -> None:
        self._it, self._version, self._paths = it, version, paths

    def record(self, name: str) -> None:
        """Play one scenario and keep what it shows."""
        play = SCENARIOS[name]
        self._it.reset()
        try:
            with play(self._it) as values:
                self._keep(name, " ".join((play.__doc__ or "").split()), values)
        finally:
            self._clean()

    def _keep(self, name: str, how: str, values: Values | None) -> None:
        folder = RECORDINGS / self._version / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        log = read_log(self._it)
        if name == "healthy":
            assert f"Cluster Autoscaler {self._version}" in log, log[:500]
        if name in MEASURED:
            self._write(folder / "metrics.txt", _metrics(self._it))
        if name == "debugging-snapshot":
            self._write(folder / "snapshotz.json", _templates(self._it))
        if name in BUNDLED:
            self._bundle(folder / "bundle.tar.gz")
        about = {
            "version": self._version,
            "recorded": datetime.now(UTC).date().isoformat(),
            "scenario": how,
            "how": "the real Cluster Autoscaler in the sandbox: tests/e2e/doctor/record.py",
            **({"values": values} if values else {}),
        }
        self._write(folder / "about.json", json.dumps(about, indent=2) + "\n")
        self._write(folder / "log.txt", trimmed(log))
        maps = self._it.cluster.objects("configmaps", "-n", "kube-system")
        for status in (each for each in maps if each["metadata"]["name"] == f"{NAME}-status"):
            kept = {"annotations": status["metadata"].get("annotations", {}), "data": status["data"]}
            self._write(folder / "status.json", json.dumps(kept, indent=2) + "\n")
        events = [
            {
                "kind": event["involvedObject"]["kind"],
                "name": event["involvedObject"]["name"],
                "type": event["type"],
                "reason": event["reason"],
                "message": event["message"],
            }
            for event in read_events(self._it)
        ]
        if events:
            self._write(folder / "events.json", json.dumps(events, indent=2) + "\n")
        if name in BUFFERED:
            kept = [
                {key: each[key] for key in ("metadata", "spec", "status") if key in each}
                for each in self._it.cluster.objects(buffers.PLURAL, "-A")
            ]
            for each in kept:
                for key in ("managedFields", "annotations"):
                    each["metadata"].pop(key, None)
            self._write(folder / "buffers.json", json.dumps(kept, indent=2) + "\n")

    def _bundle(self, file: Path) -> None:
        """What ``ca-doctor bundle`` writes of the cluster, as a user runs it, without paths of this machine."""
        cluster, layout = self._it.cluster, self._it.account.sandbox.layout
        words = ["bundle", str(file), "--cluster", cluster.name, "--region", REGION]
        words += ["--kubeconfig", str(cluster.files.admin_kubeconfig)]
        subprocess.run([sys.executable, "-m", "doctor", *words], cwd=PROJECT, env=layout.env(), check=True)
        clean = decode(self._clean_text(encode(archive.read(file)).decode()).encode(), str(file))
        archive.write(file, clean)

    def _write(self, file: Path, text: str) -> None:
        file.write_text(self._clean_text(text))

    def _clean_text(self, text: str) -> str:
        for path, name in self._paths.items():
            text = text.replace(path, name)
        return re.sub(r"/sandbox/kubernetes/clusters/[\w-]+/\w+/pods/[^/]+/", "/pod/", text)

    def _clean(self) -> None:
        for kind in ("deployment", "pod", "podtemplate", "poddisruptionbudget"):
            self._it.cluster.kubectl("delete", kind, "-A", "-l", "by=recorder", "--now", "--ignore-not-found")
        self._it.uninstall()
        for group in (STARTUP, SPREAD):
            name = self._it.group(group)["AutoScalingGroupName"]
            self._it.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=0)


def _metrics(it: Installation) -> str:
    """The page /metrics, its own metrics only and without the buckets of histograms."""
    lines = _page(it, "/metrics").splitlines()
    return "\n".join(line for line in lines if "cluster_autoscaler_" in line and "_bucket{" not in line) + "\n"


def _templates(it: Installation) -> str:
    """The page /snapshotz without its nodes: they are in the bundle."""
    document = json.loads(_page(it, "/snapshotz"))
    document["NodeList"] = []
    return json.dumps(document, indent=1) + "\n"


def _page(it: Installation, path: str) -> str:
    """A page of the autoscaler, asked for directly: the API server of the sandbox does not reach its port."""
    (process,) = _processes(it)
    address = re.search(r"--address=(\S+)", process)
    assert address
    with urllib.request.urlopen(f"http://{address[1]}{path}", timeout=60) as page:
        text: str = page.read().decode()
    return text


def _processes(it: Installation) -> list[str]:
    """Process id and command line of each autoscaler of the cluster, without what sets its host name."""
    listed = it.account.sandbox.run(["ps", "-eww", "-o", "pid=,args="]).splitlines()
    mark = str(it.cluster.files.folder)
    return [line for line in listed if "--address=" in line and mark in line and "unshare" not in line]


def _flags(binary: str) -> str:
    """Every flag with its type and default, as ``--help`` prints them."""
    text = subprocess.run([binary, "--help"], capture_output=True, text=True, check=False)
    return text.stdout + text.stderr


def main(version: str, names: list[str]) -> None:
    """Record the named scenarios, or all, in two sandboxes at a time: a scenario mostly waits."""
    binary, folder = os.environ[BINARY], RECORDINGS / version
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "help.txt").write_text(_flags(binary).replace(binary, "./cluster-autoscaler"))
    names = names or list(SCENARIOS)
    workers = [multiprocessing.Process(target=record, args=(version, names[half::2])) for half in (0, 1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def record(version: str, names: list[str]) -> None:
    """Record scenarios one after another in a separate sandbox."""
    root = Path(tempfile.mkdtemp(prefix="sandbox-"))
    own = Sandbox(root)
    paths = {
        str(root): "/sandbox",
        os.environ[BINARY]: "./cluster-autoscaler",
        own.layout.aws_endpoint: "http://aws.sandbox",
    }
    try:
        account = Account(own.start("aws", "clusters", "kubelet"))
        it = Installation(account, account.create_cluster(CLUSTER))
        it.create_group(GROUP, sizes=(1, 3, 1))
        it.create_group(OPEN, hop_limit=2, taints=[{"key": OPEN, "value": "yes", "effect": "NO_SCHEDULE"}])
        for name, taint, most in ((EMPTY, EMPTY, 2), (STARTUP, STARTUP_TAINT, 2), (SPREAD, SPREAD, 8)):
            taints = [{"key": taint, "value": "yes", "effect": "NO_SCHEDULE"}]
            it.create_group(name, sizes=(0, most, 0), labels={"pool": name}, taints=taints)
        recorder = Recorder(it, version, paths)
        for name in names:
            started = time.monotonic()
            try:
                recorder.record(name)
                print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)
            except (AssertionError, KeyError) as error:
                print(f"{name}: FAILED: {error}\n{read_log(it)[-2000:]}", flush=True)
    finally:
        own.stop()
        shutil.rmtree(root)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
