"""The snapshot: everything that the checks use, gathered once, as plain frozen values.

A fact that was read is a ``Reading``: its value or an ``Unreadable``. Values that AWS or Kubernetes may not have
are None or empty. No secret is ever part of a fact: of environment variables only those in ``PLAIN_ENVIRONMENT``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from .readings import Reading

Document = Mapping[str, Any]
"""A JSON document, such as an IAM policy."""

PLAIN_ENVIRONMENT = frozenset(
    {
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ROLE_ARN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    }
)
"""Environment variables whose values are kept: none of them is a secret."""


class Source(StrEnum):
    """The source of the AWS credentials of the autoscaler's process."""

    IRSA = "irsa"
    POD_IDENTITY = "podIdentity"
    NODE_ROLE = "nodeRole"
    STATIC_KEYS = "staticKeys"


# --- what was intended ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Intent:
    """What a stack of this project deployed, by its outputs; older outputs lack some of them.

    Attributes:
        stack: Name of the stack; empty for the selected one.
    """

    credentials: Source | None = None
    role_arn: str | None = None
    release: str | None = None
    groups: tuple[str, ...] = ()
    image_tag: str | None = None
    stack: str = ""


# --- AWS --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Caller:
    """Your own AWS identity."""

    arn: str
    account: str


@dataclass(frozen=True)
class Cluster:
    """The EKS cluster.

    Attributes:
        version: Kubernetes minor, ``1.33``.
        issuer: URL of its OIDC issuer; empty when it has none.
        auto_mode_pools: Node pools that EKS Auto Mode runs in it.
    """

    name: str
    arn: str
    region: str
    account: str
    partition: str
    version: str
    issuer: str
    status: str = "ACTIVE"
    endpoint: str = ""
    certificate_authority: str = ""
    auto_mode_pools: tuple[str, ...] = ()


@dataclass(frozen=True)
class Taint:
    """A taint, in Kubernetes' spelling (``NoSchedule``)."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True)
class NodeGroup:
    """An EKS managed node group.

    Attributes:
        disk_gib: Size of the nodes' disk in GiB; None when a launch template decides it.
    """

    name: str
    arn: str = ""
    groups: tuple[str, ...] = ()
    status: str = "ACTIVE"
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    role_arn: str = ""
    ami_type: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    health_issues: tuple[str, ...] = ()
    instance_types: tuple[str, ...] = ()
    disk_gib: int | None = None


@dataclass(frozen=True)
class Instance:
    """One instance as its Auto Scaling Group sees it."""

    id: str
    zone: str
    lifecycle: str = "InService"


class Launch(StrEnum):
    """How an Auto Scaling Group declares what it launches."""

    TEMPLATE = "template"
    CONFIGURATION = "configuration"
    MIXED = "mixed"
    REQUIREMENTS = "requirements"


@dataclass(frozen=True)
class AutoScalingGroup:
    """An Auto Scaling Group of the account and region, this cluster's or not.

    Attributes:
        instance_types: Types that it declares; Cluster Autoscaler uses the first.
        unit: What its sizes count: ``instances``, or ``weights``, ``vcpu`` and the like, which Cluster Autoscaler does
            not understand.
    """

    name: str
    arn: str
    min: int
    max: int
    desired: int
    zones: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    instances: tuple[Instance, ...] = ()
    suspended: frozenset[str] = frozenset()
    launch: Launch = Launch.TEMPLATE
    unit: str = "instances"
    instance_types: tuple[str, ...] = ()


@dataclass(frozen=True)
class FailedLaunch:
    """A scaling activity that failed."""

    group: str
    at: datetime
    message: str


@dataclass(frozen=True)
class Association:
    """An EKS Pod Identity association of the autoscaler's service account."""

    id: str
    role_arn: str
    target_role_arn: str = ""
    sends_session_tags: bool = True


@dataclass(frozen=True)
class OidcProvider:
    """The IAM OIDC provider registered for the cluster's issuer."""

    arn: str
    audiences: tuple[str, ...]


@dataclass(frozen=True)
class Role:
    """An IAM role."""

    name: str
    arn: str
    trust: Document
    boundary_arn: str = ""


@dataclass(frozen=True)
class Policy:
    """A policy of a role; ``arn`` is empty when it is an inline one."""

    name: str
    document: Document
    arn: str = ""


@dataclass(frozen=True)
class Decision:
    """What IAM's simulator decided for one action on one resource.

    Attributes:
        resource: ARN, or ``*``.
        reason: Why it was denied, if the simulator reports it: ``explicitDeny``, ``implicitDeny``, ``permissions
            boundary``
            or ``organization``.
        unjudged: Condition keys whose value only AWS knows at the time of a call (``aws:SourceVpc``); the denial may be
            due to their absence from the simulation alone.
    """

    action: str
    resource: str
    allowed: bool
    reason: str = ""
    unjudged: tuple[str, ...] = ()

    @property
    def denied(self) -> bool:
        """Whether the call would be denied, as far as the doctor can evaluate it."""
        return not self.allowed and not self.unjudged


@dataclass(frozen=True)
class NodeMachine:
    """The EC2 instance that the autoscaler's pod runs on."""

    instance_id: str
    hop_limit: int
    role_arn: str = ""


# --- Kubernetes -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Deployment:
    """A Deployment that runs Cluster Autoscaler.

    Attributes:
        arguments: Command and arguments of the container, in order.
        environment: The variables of ``PLAIN_ENVIRONMENT``.
        static_keys: Whether the container's environment has an AWS access key.
        memory_limit: Quantity as written, ``600Mi``; empty when there is none.
        edited_at: When something other than Helm or Kubernetes itself last set a field of its spec; None if never.
    """

    namespace: str
    name: str
    replicas: int
    image: str
    arguments: tuple[str, ...]
    service_account: str = "default"
    labels: Mapping[str, str] = field(default_factory=dict)
    selector: Mapping[str, str] = field(default_factory=dict)
    pod_annotations: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    static_keys: bool = False
    memory_limit: str = ""
    host_network: bool = False
    edited_at: datetime | None = None


@dataclass(frozen=True)
class Pod:
    """A pod of the autoscaler's Deployment.

    Attributes:
        waiting: Reason of its container's state Waiting, ``CrashLoopBackOff``; empty in another state.
        ended: Reason of its container's last termination, ``OOMKilled``; empty if there was none.
    """

    name: str
    node: str
    phase: str
    ready: bool
    service_account: str = ""
    started_at: datetime | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    static_keys: bool = False
    restarts: int = 0
    waiting: str = ""
    waiting_message: str = ""
    ended: str = ""


@dataclass(frozen=True)
class LogLine:
    """One line of the autoscaler's log."""

    pod: str
    text: str
    at: datetime | None = None


@dataclass(frozen=True)
class ServiceAccount:
    """A service account of the autoscaler's namespace."""

    name: str
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ConfigMap:
    """A ConfigMap."""

    data: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Lease:
    """The lease of leader election."""

    holder: str
    renewed_at: datetime | None


@dataclass(frozen=True)
class Metrics:
    """What the leader has counted since its process started, from its page ``/metrics``.

    Attributes:
        pod: The leader.
        loops: Iterations of its main loop.
        errors: Iterations that ended with an error, by type.
        scaled_up: Nodes that it added.
        failed_scale_ups: Scale-ups that failed, by reason.
        unremovable: Nodes that it cannot remove now, by reason.
        in_cooldown: Whether scale-down paused in its last loop.
        aws_requests: Requests to AWS by operation and outcome: ``success``, or the code of the error.
        page: The page itself: its own metrics, without the buckets of histograms.
    """

    pod: str
    loops: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)
    scaled_up: int = 0
    failed_scale_ups: Mapping[str, int] = field(default_factory=dict)
    unremovable: Mapping[str, int] = field(default_factory=dict)
    in_cooldown: bool = False
    aws_requests: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    page: str = ""


@dataclass(frozen=True)
class Event:
    """A Kubernetes event of the last hour or so."""

    reason: str
    message: str
    kind: str
    namespace: str
    name: str
    at: datetime | None = None


@dataclass(frozen=True)
class Node:
    """A node."""

    name: str
    instance_id: str
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    ready: bool = True


@dataclass(frozen=True)
class Toleration:
    """A toleration of a pod; an empty field matches anything."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


@dataclass(frozen=True)
class PendingPod:
    """A pod that the scheduler could not place.

    Attributes:
        message: The scheduler's message.
        labels_wanted: Labels that a node must have (node selector and required single-valued affinity).
        tolerations: What it tolerates.
        owner: The workload that it belongs to, such as ``Deployment shop/api``; empty if it has no controller.
    """

    namespace: str
    name: str
    since: datetime
    message: str = ""
    labels_wanted: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    owner: str = ""


@dataclass(frozen=True)
class ZonalVolume:
    """A zonal persistent volume; ``claim`` is ``namespace/name`` or empty."""

    name: str
    zones: frozenset[str]
    claim: str = ""


@dataclass(frozen=True)
class AgentDaemonSet:
    """The DaemonSet of the EKS Pod Identity agent."""

    desired: int
    ready: int


@dataclass(frozen=True)
class Access:
    """A right that the autoscaler's service account needs in Kubernetes."""

    verb: str
    resource: str
    group: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        """As Kubernetes writes it: ``list volumeattachments.storage.k8s.io``."""
        resource = "/".join(filter(None, (self.resource, self.subresource)))
        qualified = f"{resource}.{self.group}" if self.group else resource
        return f"{self.verb} {qualified}" + (f" ({self.name})" if self.name else "")


# --- all of it --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Support:
    """When EKS ends its support of the cluster's Kubernetes version; None if EKS does not report it."""

    standard_ends: date | None
    extended_ends: date | None


@dataclass(frozen=True)
class AwsFacts:
    """The facts from AWS.

    Attributes:
        support: How long EKS supports the cluster's Kubernetes version; None when it does not list the version.
        groups: Every Auto Scaling Group of the region, other clusters' included.
        node_groups: The managed node groups of the cluster.
        failed_launches: The newest failed scaling activities of the account and region.
        agent_addon: Status of the add-on ``eks-pod-identity-agent``; None when it is not installed.
        source: The source of the autoscaler's credentials.
        role_arn: The role of that source; empty if there is none.
        role: That role; None when IAM does not know it.
        policies: The policies of that role.
        decisions: The simulator's decisions for that role.
        machine: The instance of the autoscaler's pod; None when it has no node.
        node_role_decisions: Decisions on writes for the role of that instance, when it is not the autoscaler's own.
    """

    caller: Reading[Caller]
    cluster: Reading[Cluster]
    support: Reading[Support | None] = None
    groups: Reading[tuple[AutoScalingGroup, ...]] = ()
    node_groups: Reading[tuple[NodeGroup, ...]] = ()
    failed_launches: Reading[tuple[FailedLaunch, ...]] = ()
    associations: Reading[tuple[Association, ...]] = ()
    agent_addon: Reading[str | None] = None
    oidc_provider: Reading[OidcProvider | None] = None
    source: Source | None = None
    role_arn: str = ""
    role: Reading[Role | None] = None
    policies: Reading[tuple[Policy, ...]] = ()
    decisions: Reading[tuple[Decision, ...]] = ()
    machine: Reading[NodeMachine | None] = None
    node_role_decisions: Reading[tuple[Decision, ...]] = ()


@dataclass(frozen=True)
class KubernetesFacts:
    """The facts from Kubernetes.

    Attributes:
        version: Version of the API server, ``v1.33.5-eks-abc``.
        api_groups: Versions served, by API group.
        deployments: Every Deployment that runs Cluster Autoscaler.
        karpenter: Names of Deployments that run Karpenter.
        access: Whether the service account has each right that it needs.
        release: Status of the newest revision of the Helm release (``deployed``, ``failed``); None when Helm did not
            install the Deployment.
        revision: Number of that revision; None where it is not known.
        revised_at: When Helm last wrote that revision; None where it is not known.
        pending_pods: Pods that the scheduler could not place.
        metrics: What the leader has counted; None when there is no leader, or it serves no metrics.
    """

    version: Reading[str]
    api_groups: Reading[Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    deployments: Reading[tuple[Deployment, ...]] = ()
    karpenter: tuple[str, ...] = ()
    pods: Reading[tuple[Pod, ...]] = ()
    logs: Reading[tuple[LogLine, ...]] = ()
    service_accounts: Reading[tuple[ServiceAccount, ...]] = ()
    access: Reading[Mapping[Access, bool]] = field(default_factory=dict)
    status: Reading[ConfigMap | None] = None
    priorities: Reading[ConfigMap | None] = None
    lease: Reading[Lease | None] = None
    release: Reading[str | None] = None
    revision: int | None = None
    revised_at: datetime | None = None
    events: Reading[tuple[Event, ...]] = ()
    nodes: Reading[tuple[Node, ...]] = ()
    pending_pods: Reading[tuple[PendingPod, ...]] = ()
    zonal_volumes: Reading[tuple[ZonalVolume, ...]] = ()
    agent: Reading[AgentDaemonSet | None] = None
    metrics: Reading[Metrics | None] = None


@dataclass(frozen=True)
class Snapshot:
    """All facts of one moment."""

    taken_at: datetime
    cluster_name: str
    region: str
    aws: AwsFacts
    kubernetes: KubernetesFacts
    intent: Intent | None = None
