"""Crafted snapshots: a healthy cluster in each of the three modes, and ways to spoil one fact of it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from components.pure import discovery, iam, versions
from doctor import access, arguments
from doctor.facts import (
    AgentDaemonSet,
    Association,
    AutoScalingGroup,
    AwsFacts,
    Caller,
    Cluster,
    ConfigMap,
    Decision,
    Deployment,
    Event,
    Instance,
    KubernetesFacts,
    Lease,
    LogLine,
    Node,
    NodeGroup,
    NodeMachine,
    OidcProvider,
    PendingPod,
    Pod,
    Policy,
    Role,
    ServiceAccount,
    Snapshot,
    Source,
    Support,
)
from doctor.readings import Unreadable
from tests.versions import NEWEST_CHART, newest_image

NOW = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
CLUSTER = "series-api"
REGION = "us-east-1"
ACCOUNT = "123456789012"
NAMESPACE = "kube-system"
NAME = "cluster-autoscaler"
IMAGE_TAG = newest_image("1.33")
CLUSTER_ARN = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{CLUSTER}"
ISSUER = f"https://oidc.eks.{REGION}.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
PROVIDER_ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER.removeprefix('https://')}"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/series-api-cluster-autoscaler"
NODE_ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/series-api-node"
GROUP = "eks-workers-0ac1"
OTHER_GROUP = "eks-others-9f00"
MODES = (Source.IRSA, Source.POD_IDENTITY, Source.NODE_ROLE)


def ago(minutes: float) -> datetime:
    """A moment before the snapshot."""
    return NOW - timedelta(minutes=minutes)


def group_arn(name: str) -> str:
    return f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:1f0:autoScalingGroupName/{name}"


def node_group_arn(name: str) -> str:
    return f"arn:aws:eks:{REGION}:{ACCOUNT}:nodegroup/{CLUSTER}/{name}/ab12"


def asg(name: str = GROUP, **changes: Any) -> AutoScalingGroup:
    """A group of the cluster with one node, as EKS and this project tag it."""
    tags = {
        **discovery.discovery_tags(CLUSTER),
        "eks:cluster-name": CLUSTER,
        "eks:nodegroup-name": name.split("-")[1],
        f"kubernetes.io/cluster/{CLUSTER}": "owned",
    }
    given: dict[str, Any] = {
        "name": name,
        "arn": group_arn(name),
        "min": 1,
        "max": 10,
        "desired": 1,
        "zones": ("us-east-1a",),
        "tags": tags,
        "instances": (Instance("i-0aa1", "us-east-1a"),),
    }
    return AutoScalingGroup(**{**given, **changes})


def self_managed(name: str, **changes: Any) -> AutoScalingGroup:
    """A group that EKS knows nothing of: its owner and discovery tags were added manually."""
    tags = {**discovery.discovery_tags(CLUSTER), f"kubernetes.io/cluster/{CLUSTER}": "owned"}
    return asg(name, **{"tags": tags, **changes})


def other_group(**changes: Any) -> AutoScalingGroup:
    """A group of another cluster in the same account."""
    tags = {**discovery.discovery_tags("others"), "eks:cluster-name": "others"}
    return asg(OTHER_GROUP, **{"tags": tags, "instances": (Instance("i-0ff1", "us-east-1b"),), **changes})


def node_group(name: str = "workers", **changes: Any) -> NodeGroup:
    given: dict[str, Any] = {
        "name": name,
        "arn": node_group_arn(name),
        "groups": (GROUP,),
        "role_arn": NODE_ROLE_ARN,
        "ami_type": "AL2023_x86_64_STANDARD",
    }
    return NodeGroup(**{**given, **changes})


def flags(**changes: str | None) -> tuple[str, ...]:
    """The command line that the chart renders; a flag is changed by its name with underscores, None takes it away."""
    given: dict[str, str | None] = {
        "cloud-provider": "aws",
        "namespace": NAMESPACE,
        "node-group-auto-discovery": discovery.discovery_flag(CLUSTER).partition("=")[2],
        "balance-similar-node-groups": "true",
        "expander": "least-waste",
        "logtostderr": "true",
        "scale-down-delay-after-add": "1m",
        "scale-down-unneeded-time": "2m",
        "skip-nodes-with-system-pods": "false",
        "stderrthreshold": "info",
        "v": "4",
    }
    given |= {flag.replace("_", "-"): value for flag, value in changes.items()}
    return ("./cluster-autoscaler", *(f"--{flag}={value}" for flag, value in given.items() if value is not None))


def deployment(**changes: Any) -> Deployment:
    given: dict[str, Any] = {
        "namespace": NAMESPACE,
        "name": NAME,
        "replicas": 1,
        "image": f"registry.k8s.io/autoscaling/cluster-autoscaler:{IMAGE_TAG}",
        "arguments": flags(),
        "service_account": NAME,
        "labels": {
            "app.kubernetes.io/managed-by": "Helm",
            "app.kubernetes.io/instance": NAME,
            "helm.sh/chart": f"cluster-autoscaler-{NEWEST_CHART}",
        },
        "selector": {"app.kubernetes.io/instance": NAME},
        "pod_annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"},
        "environment": {"AWS_REGION": REGION},
        "memory_limit": "600Mi",
    }
    return Deployment(**{**given, **changes})


def environment(mode: Source, role_arn: str = ROLE_ARN) -> dict[str, str]:
    """What EKS adds to a pod."""
    return {
        "AWS_REGION": REGION,
        **(
            {
                "AWS_ROLE_ARN": role_arn,
                "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
            }
            if mode is Source.IRSA
            else {}
        ),
        **(
            {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials"}
            if mode is Source.POD_IDENTITY
            else {}
        ),
    }


def pod(mode: Source = Source.IRSA, **changes: Any) -> Pod:
    given: dict[str, Any] = {
        "name": f"{NAME}-5d9c-x7k2p",
        "node": "ip-10-0-0-1.ec2.internal",
        "phase": "Running",
        "ready": True,
        "service_account": NAME,
        "started_at": ago(600),
        "environment": environment(mode),
    }
    return Pod(**{**given, **changes})


def crashing(mode: Source = Source.IRSA, **changes: Any) -> Pod:
    """The pod of a process that keeps ending."""
    return pod(mode, **{"ready": False, "restarts": 7, "waiting": "CrashLoopBackOff", "ended": "Error", **changes})


def node(name: str = "ip-10-0-0-1.ec2.internal", instance_id: str = "i-0aa1", **changes: Any) -> Node:
    labels = {
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": "m6i.large",
        "topology.kubernetes.io/zone": "us-east-1a",
        "eks.amazonaws.com/nodegroup": "workers",
        "kubernetes.io/hostname": name,
    }
    return Node(**{"name": name, "instance_id": instance_id, "labels": labels, **changes})


def status_text(phase: str = "Running", groups: Mapping[str, str] | None = None, at: datetime | None = None) -> str:
    """The status as CA 1.30 and later write it; ``groups`` maps names to further YAML of each."""
    moment = f"{at or ago(0.2):%Y-%m-%d %H:%M:%S}.123456789 +0000 UTC"
    listed = {GROUP: ""} if groups is None else groups
    body = "".join(
        f"""- name: {name}
  health:
    status: Healthy
    nodeCounts:
      registered: {{total: 1, ready: 1, notStarted: 0, unready: {{total: 0, resourceUnready: 0}}}}
      longUnregistered: 0
      unregistered: 0
    cloudProviderTarget: 1
    minSize: 1
    maxSize: 10
{extra or "  scaleUp: {status: NoActivity}"}
"""
        for name, extra in listed.items()
    )
    return f"""time: {moment}
autoscalerStatus: {phase}
clusterWide:
  health:
    status: Healthy
    nodeCounts:
      registered: {{total: 1, ready: 1, notStarted: 0, unready: {{total: 0, resourceUnready: 0}}}}
      longUnregistered: 0
      unregistered: 0
  scaleUp: {{status: NoActivity}}
  scaleDown: {{status: NoCandidates}}
nodeGroups:{" []" if not listed else ""}
{body}"""


def status_map(phase: str = "Running", groups: Mapping[str, str] | None = None, minutes_old: float = 0.2) -> ConfigMap:
    at = ago(minutes_old)
    stamp = f"{at:%Y-%m-%d %H:%M:%S}.123456789 +0000 UTC"
    return ConfigMap(
        {"status": status_text(phase, groups, at)}, {"cluster-autoscaler.kubernetes.io/last-updated": stamp}
    )


def rights(missing: str = "", image: str = IMAGE_TAG, given: tuple[str, ...] | None = None) -> dict[Any, bool]:
    """Every right that a version needs, granted but for those of one resource."""
    patch = versions.parse_patch(image)
    assert patch
    needed = access.needs(patch[:2], arguments.parse_arguments(given or flags()))
    return {right: right.resource != missing for right in needed}


def decisions(
    groups: tuple[AutoScalingGroup, ...],
    node_groups: tuple[NodeGroup, ...],
    denied: tuple[str, ...] = (),
    reason: str = "implicitDeny",
) -> tuple[Decision, ...]:
    """What the project's own policy comes to: reads, and writes where the group is tagged as the cluster's."""
    own = discovery.cluster_key(CLUSTER)

    def decide(action: str, resource: str, granted: bool = True) -> Decision:
        allowed = granted and action not in denied
        return Decision(action, resource, allowed, "" if allowed else reason)

    return (
        *(decide(action, "*") for action in iam.READ_ACTIONS),
        *(decide(iam.NODE_GROUP_ACTION, each.arn) for each in node_groups),
        *(decide(action, each.arn, each.tags.get(own) == "owned") for action in iam.WRITE_ACTIONS for each in groups),
    )


def policies() -> tuple[Policy, ...]:
    identity = iam.ClusterIdentity.from_arn(CLUSTER_ARN)
    name = iam.autoscaler_policy_name(identity)
    return (Policy(name, iam.autoscaler_policy(identity), f"arn:aws:iam::{ACCOUNT}:policy/{name}"),)


def role(mode: Source = Source.IRSA, **changes: Any) -> Role:
    if mode is Source.NODE_ROLE:
        return Role(**{"name": "series-api-node", "arn": NODE_ROLE_ARN, "trust": iam.node_trust("aws"), **changes})
    trust = {
        Source.IRSA: iam.irsa_trust(PROVIDER_ARN, ISSUER, NAMESPACE, NAME),
        Source.POD_IDENTITY: iam.pod_identity_trust(CLUSTER_ARN, NAMESPACE, NAME),
    }[mode]
    return Role(**{"name": iam.role_name(ROLE_ARN), "arn": ROLE_ARN, "trust": trust, **changes})


def cluster(**changes: Any) -> Cluster:
    given: dict[str, Any] = {
        "name": CLUSTER,
        "arn": CLUSTER_ARN,
        "region": REGION,
        "account": ACCOUNT,
        "partition": "aws",
        "version": "1.33",
        "issuer": ISSUER,
        "endpoint": "https://0123.gr7.us-east-1.eks.amazonaws.com",
    }
    return Cluster(**{**given, **changes})


def healthy(mode: Source = Source.IRSA) -> Snapshot:
    """A cluster in which every link holds."""
    groups = (asg(), other_group())
    node_groups = (node_group(),)
    annotations = {"eks.amazonaws.com/role-arn": ROLE_ARN} if mode is Source.IRSA else {}
    aws = AwsFacts(
        caller=Caller(f"arn:aws:iam::{ACCOUNT}:user/reader", ACCOUNT),
        cluster=cluster(),
        support=Support(NOW.date() + timedelta(days=300), NOW.date() + timedelta(days=665)),
        groups=groups,
        node_groups=node_groups,
        associations=(Association("a-1", ROLE_ARN),) if mode is Source.POD_IDENTITY else (),
        agent_addon="ACTIVE" if mode is Source.POD_IDENTITY else None,
        oidc_provider=OidcProvider(PROVIDER_ARN, ("sts.amazonaws.com",)) if mode is Source.IRSA else None,
        source=mode,
        role_arn=NODE_ROLE_ARN if mode is Source.NODE_ROLE else ROLE_ARN,
        role=role(mode),
        policies=policies(),
        decisions=decisions(groups, node_groups),
        machine=NodeMachine("i-0aa1", 2 if mode is Source.NODE_ROLE else 1, NODE_ROLE_ARN),
        node_role_decisions=()
        if mode is Source.NODE_ROLE
        else tuple(Decision(action, group_arn(GROUP), False, "implicitDeny") for action in iam.WRITE_ACTIONS),
    )
    kubernetes = KubernetesFacts(
        version="v1.33.5-eks-3025e55",
        api_groups={"apps": ("v1",), "storage.k8s.io": ("v1",)},
        deployments=(deployment(),),
        pods=(pod(mode),),
        logs=(
            LogLine(f"{NAME}-5d9c-x7k2p", "I0901 11:59:50.1 1 static_autoscaler.go:274] Starting main loop", ago(0.2)),
        ),
        service_accounts=(ServiceAccount(NAME, annotations), ServiceAccount("default")),
        access=rights(),
        status=status_map(),
        lease=Lease(f"{NAME}-5d9c-x7k2p", ago(0.03)),
        release="deployed",
        revision=2,
        revised_at=ago(60),
        nodes=(node(),),
        agent=AgentDaemonSet(1, 1) if mode is Source.POD_IDENTITY else None,
    )
    return Snapshot(NOW, CLUSTER, REGION, aws, kubernetes)


def pods_of(snapshot: Snapshot) -> tuple[Pod, ...]:
    assert not isinstance(snapshot.kubernetes.pods, Unreadable)
    return snapshot.kubernetes.pods


def with_aws(snapshot: Snapshot, **changes: Any) -> Snapshot:
    return replace(snapshot, aws=replace(snapshot.aws, **changes))


def with_kubernetes(snapshot: Snapshot, **changes: Any) -> Snapshot:
    return replace(snapshot, kubernetes=replace(snapshot.kubernetes, **changes))


def with_deployment(snapshot: Snapshot, **changes: Any) -> Snapshot:
    return with_kubernetes(snapshot, deployments=(deployment(**changes),))


def logging(snapshot: Snapshot, *lines: str) -> Snapshot:
    """The autoscaler logged these lines a moment ago, and never got to its loop."""
    logs = tuple(LogLine(f"{NAME}-5d9c-x7k2p", line, ago(1)) for line in lines)
    return with_kubernetes(snapshot, logs=logs)


def crashed(snapshot: Snapshot, *lines: str) -> Snapshot:
    """The autoscaler keeps ending after these lines; its status is of old, its lease has run out."""
    return with_kubernetes(
        logging(snapshot, *lines),
        pods=tuple(
            replace(each, ready=False, restarts=7, waiting="CrashLoopBackOff", ended="Error")
            for each in pods_of(snapshot)
        ),
        status=status_map("Initializing", {}, minutes_old=30),
        lease=Lease(f"{NAME}-5d9c-x7k2p", ago(30)),
    )


def pending_pod(**changes: Any) -> PendingPod:
    return PendingPod(
        **{"namespace": "shop", "name": "api-1", "since": ago(5), "message": "0/1 nodes are available.", **changes}
    )


def refused(message: str, name: str = "api-1") -> Event:
    """The autoscaler's word on a pod that it does not scale up for."""
    return Event("NotTriggerScaleUp", f"pod didn't trigger scale-up: {message}", "Pod", "shop", name, ago(1))
