"""What an environment may set: the components' own arguments, and the few that only the program needs."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict, get_origin

from components import (
    AutoscalerMonitoringArgs,
    AutoscalerReleaseArgs,
    AutoscalerSettings,
    ClusterAddonsArgs,
    ClusterAutoscalerArgs,
    ClusterCreation,
    ClusterNetworkArgs,
    ClusterOidcProviderArgs,
    ExistingNodeGroupArgs,
    ExistingScalingGroupArgs,
    HeadroomArgs,
    ManagedNodeGroupArgs,
    SelfManagedNodeGroupArgs,
)
from components.autoscaler_role import DEFAULT_NAMESPACE, IRSA, NODE_ROLE, POD_IDENTITY
from components.node_role import RoleArgs
from components.pure import endpoints, headroom, startup_taints
from components.pure.ami import CUSTOM
from components.pure.arguments import Field, fields


class Creation(ClusterCreation):
    """How the program creates a cluster."""

    network: NotRequired[ClusterNetworkArgs]
    """VPC to create for the cluster. Give this, or `vpcId` with `privateSubnetIds`."""
    addons: NotRequired[ClusterAddonsArgs]
    """VPC CNI, kube-proxy and CoreDNS as EKS add-ons, upgraded with the cluster; `{}` for all three. Defaults to none:
    what EKS installs on a new cluster then stays at its first version."""


class Cluster(TypedDict):
    """Which cluster."""

    name: NotRequired[str]
    """Name of the cluster to adopt, or to create with `create`."""
    ip_family: NotRequired[str]
    """IP family of pods and services: `ipv4` or `ipv6`; EKS cannot change it afterwards. Of an adopted cluster, name
    the one that it has. Defaults to `ipv4`."""
    create: NotRequired[Creation]
    """How to create the cluster. Defaults to adopting it."""
    stack: NotRequired[str]
    """Stack whose output names the cluster, `organization/<project>/<stack>`. Give this or `name`."""
    stack_output: NotRequired[str]
    """Output of that stack. Defaults to `clusterName`."""


class NodeGroup(ManagedNodeGroupArgs):
    """A managed node group to create."""

    name: str
    """Name of the group, 1 to 40 characters; EKS gets it with a suffix."""
    one_per_zone: NotRequired[bool]
    """Whether to create one group per zone of its subnets, for volumes, kept at equal size by
    `balanceSimilarNodeGroups`. Defaults to false."""


class ExistingNodeGroup(ExistingNodeGroupArgs):
    """A managed node group that exists."""

    name: str
    """Name of the EKS node group."""


class AutoScalingGroup(ExistingScalingGroupArgs):
    """A self-managed Auto Scaling group: one that exists, or one to create."""

    name: str
    """Name of the Auto Scaling group. With `create`, 1 to 40 characters; the group gets it with a suffix."""
    create: NotRequired[SelfManagedNodeGroupArgs]
    """How to create the group; its nodes then get the labels and taints too. Defaults to tagging a group that
    exists."""


class PodIdentity(TypedDict):
    """EKS Pod Identity."""

    install_agent: NotRequired[bool]
    """Whether the EKS add-on `eks-pod-identity-agent` is part of your stack: installed, or adopted if the cluster has
    it. Set false if the agent is installed in another way. Defaults to true."""
    agent_version: NotRequired[str]
    """Version of the add-on; `default` follows the default version of EKS for the Kubernetes version of the cluster.

    Defaults to the version that the add-on has, for a new one to the default version of EKS.
    """
    retain_agent: NotRequired[bool]
    """Whether the add-on stays on the cluster when you leave `podIdentity` or destroy the stack, because other
    workloads may use it. Set false and run `pulumi up` before that. Defaults to true."""
    association_id: NotRequired[str]
    """ID of a Pod Identity association that another tool gave the service account, to adopt. Not for one that your
    stack created, which would be replaced. Defaults to none."""


class Autoscaler(AutoscalerSettings, AutoscalerReleaseArgs):
    """Source, version and behavior of Cluster Autoscaler."""


class Settings(TypedDict):
    """All settings of one environment."""

    region: str
    """AWS region of the cluster, such as us-east-1. Required."""
    account_id: str
    """AWS account that this environment may change, in quotes; the program refuses any other. Default any."""
    cluster: Cluster
    """Cluster to adopt by name, to create, or that another stack names. Required."""
    node_groups: list[NodeGroup]
    """Managed node groups to create. Default none."""
    existing_node_groups: list[ExistingNodeGroup]
    """Managed node groups that exist: the program tags their ASGs and changes nothing else of them. Default none."""
    auto_scaling_groups: list[AutoScalingGroup]
    """Self-managed Auto Scaling groups to tag or to create, such as those that mix on-demand and spot. Default none."""
    credentials: str
    """How Cluster Autoscaler gets AWS credentials: irsa, podIdentity or nodeRole. Default irsa."""
    oidc_provider: ClusterOidcProviderArgs
    """Who owns the IAM OIDC provider of the cluster. Default this stack, which creates or adopts it."""
    role: RoleArgs
    """Limits and names of the IAM roles and the policy; another path or prefix is another role. Default none."""
    pod_identity: PodIdentity
    """For podIdentity, the agent's add-on and the association. Default install the add-on or adopt it."""
    autoscaler: Autoscaler
    """Source, version and behavior of Cluster Autoscaler. Default the newest that fits the cluster."""
    headroom: list[HeadroomArgs]
    """Capacity kept free for a burst of pods, by pause pods or CapacityBuffers. Default none."""
    monitoring: AutoscalerMonitoringArgs
    """Alerts for the Prometheus operator and a dashboard for Grafana. Default none."""
    tags: dict[str, str]
    """AWS tags of everything that the program creates; instances and volumes get those at creation. Default none."""


DEFAULTS: Mapping[str, Any] = {
    **{name: (get_origin(field.hint) or field.hint)() for name, field in fields(Settings).items()},
    "credentials": IRSA,
}
"""What a setting is that the environment leaves out: empty, except the credentials."""

NODE_TEMPLATE = ("labels", "taints", "resources", "autoscaling_options")
"""What the nodes of a self-managed group offer, whether the group exists or is created."""

SUPPLIED: Mapping[type, frozenset[str]] = {
    Creation: frozenset({"tags"}),
    ClusterNetworkArgs: frozenset({"cluster_name", "ip_family"}),
    ClusterAddonsArgs: frozenset({"cluster_name", "kubernetes_version", "tags"}),
    NodeGroup: frozenset(
        {"cluster_name", "cluster_version", "ip_family", "subnet_ids_by_zone", *RoleArgs.__annotations__}
    ),
    ExistingNodeGroup: frozenset({"cluster_name", "node_group_name"}),
    AutoScalingGroup: frozenset({"cluster_name", "asg_name"}),
    SelfManagedNodeGroupArgs: frozenset(
        {"cluster_name", "cluster_version", "ip_family", *NODE_TEMPLATE, *RoleArgs.__annotations__}
    ),
    ClusterOidcProviderArgs: frozenset({"issuer", "tags"}),
    RoleArgs: frozenset({"tags"}),
    HeadroomArgs: frozenset({"expendable_pods_priority_cutoff"}),
    Autoscaler: frozenset(
        {"cluster_name", "region", "kubernetes_version", "credentials", "role_arn", "settings", "startup_taints"}
    ),
}
"""Arguments that the program gives by itself, so that no environment sets them."""

OPTIONAL: Mapping[type, frozenset[str]] = {
    Creation: frozenset({"vpc_id", "private_subnet_ids"}),
    SelfManagedNodeGroupArgs: frozenset({"subnet_ids"}),
    Settings: frozenset(DEFAULTS) - {"region", "cluster"},
}
"""Arguments that the program gives unless the environment does."""


def fields_of(shape: type) -> dict[str, Field]:
    """What an environment may set of a TypedDict, by name."""
    return {
        name: field._replace(required=field.required and name not in OPTIONAL.get(shape, ()))
        for name, field in fields(shape).items()
        if name not in SUPPLIED.get(shape, ())
    }


def ip_family_of(settings: Settings) -> dict[str, str]:
    """The argument that names the IP family of the cluster, for every component that needs it."""
    cluster = settings["cluster"]
    return {"ip_family": cluster["ip_family"]} if "ip_family" in cluster else {}


def has_new_node_roles(settings: Settings) -> bool:
    """Return whether the program creates the role of any node."""
    return any("node_role_arn" not in group for group in settings["node_groups"]) or any(
        "create" in group for group in settings["auto_scaling_groups"]
    )


def network_arguments(settings: Settings, plan: ClusterNetworkArgs, **given: Any) -> ClusterNetworkArgs:
    """Arguments of ``ClusterNetwork``: it fits the cluster and its credentials; ``given`` holds the cluster's name."""
    arguments: Any = {**plan, **ip_family_of(settings), **given}
    if "endpoints" in plan and settings["credentials"] == POD_IDENTITY:
        further = [*plan["endpoints"].get("services", []), endpoints.POD_IDENTITY_SERVICE]
        arguments["endpoints"] = {**plan["endpoints"], "services": further}
    return arguments  # type: ignore[no-any-return]


def node_group_arguments(settings: Settings, group: NodeGroup, **given: Any) -> ManagedNodeGroupArgs:
    """Arguments of ``ManagedNodeGroup``; ``given`` holds what only the cluster knows, its version and subnets."""
    arguments: Any = {
        # Your own launch template decides that itself.
        **({} if "launch_template" in group else {"hop_limit": _hop_limit(settings)}),
        **_of_nodes(settings),
        **given,
        **{key: value for key, value in group.items() if key not in ("name", "one_per_zone", "subnet_ids")},
    }
    if group.get("ami_type") == CUSTOM and "kubernetes_version" not in group:
        arguments.pop("kubernetes_version", None)  # The image has its own.
    return arguments  # type: ignore[no-any-return]


def _of_nodes(settings: Settings) -> dict[str, Any]:
    """Arguments that the groups created here share: role, IP family and tags."""
    arguments: dict[str, Any] = {**settings["role"], **ip_family_of(settings)}
    # The provider's default tags end at the launch template: EC2 creates instances and volumes.
    return {**arguments, "tags": settings["tags"]} if settings["tags"] else arguments


def _hop_limit(settings: Settings) -> int:
    # In the other modes pods must not reach the node's role at all, but while a stack leaves nodeRole they must.
    return 2 if settings["credentials"] == NODE_ROLE else 1


def existing_arguments(group: ExistingNodeGroup, **given: Any) -> ExistingNodeGroupArgs:
    """Arguments of ``ExistingNodeGroup``; ``given`` holds the cluster's name."""
    arguments: Any = {**group, "node_group_name": group["name"], **given}
    del arguments["name"]
    return arguments  # type: ignore[no-any-return]


def headroom_arguments(settings: Settings, given: HeadroomArgs) -> HeadroomArgs:
    """Arguments of ``Headroom``: in the autoscaler's namespace, with the cutoff of its flags."""
    own = settings["autoscaler"]
    return {
        "namespace": own.get("namespace", DEFAULT_NAMESPACE),
        **given,
        "expendable_pods_priority_cutoff": headroom.cutoff(own.get("flags", {})),
    }


def scaling_group_arguments(group: AutoScalingGroup, **given: Any) -> ExistingScalingGroupArgs:
    """Arguments of ``ExistingScalingGroup``; ``given`` holds the cluster's name."""
    arguments: Any = {**group, "asg_name": group["name"], **given}
    del arguments["name"]
    return arguments  # type: ignore[no-any-return]


def self_managed_arguments(settings: Settings, group: AutoScalingGroup, **given: Any) -> SelfManagedNodeGroupArgs:
    """Arguments of ``SelfManagedNodeGroup`` for a group to create; ``given`` holds the cluster's name and subnets."""
    arguments: Any = {
        "hop_limit": _hop_limit(settings),
        **_of_nodes(settings),
        **given,
        **{key: value for key, value in group.items() if key in NODE_TEMPLATE},
        **group["create"],
    }
    return arguments  # type: ignore[no-any-return]


def autoscaler_arguments(settings: Settings, **given: Any) -> ClusterAutoscalerArgs:
    """Arguments of ``ClusterAutoscaler``; ``given`` holds what only cluster, OIDC provider and node groups know."""
    own = settings["autoscaler"].items()
    groups: list[Any] = [
        *settings["node_groups"],
        *settings["existing_node_groups"],
        *settings["auto_scaling_groups"],
    ]
    behaviour: Any = {key: value for key, value in own if key in AutoscalerSettings.__annotations__}
    startup = startup_taints.flag_keys(taint for group in groups for taint in group.get("taints", []))
    arguments: Any = {
        **settings["role"],
        **settings["pod_identity"],
        "credentials": settings["credentials"],
        **{key: value for key, value in own if key not in AutoscalerSettings.__annotations__},
        "settings": behaviour,
        **({"startup_taints": startup} if startup else {}),
        **given,
    }
    return arguments  # type: ignore[no-any-return]
