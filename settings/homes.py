"""Where the environment's file has an argument of a component: the way back from the functions of ``shapes``."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from components import (
    AutoscalerMonitoringArgs,
    AutoscalerReleaseArgs,
    AutoscalerRoleArgs,
    AutoscalerTagsArgs,
    ClusterAddonsArgs,
    ClusterAutoscalerArgs,
    ClusterNetworkArgs,
    ClusterOidcProviderArgs,
    EksClusterArgs,
    ExistingNodeGroupArgs,
    ExistingScalingGroupArgs,
    HeadroomArgs,
    ManagedNodeGroupArgs,
    SelfManagedNodeGroupArgs,
)
from components.node_role import RoleArgs
from components.pure import validation
from components.pure.arguments import camel_case
from components.pure.faults import Fault
from settings.shapes import (
    NODE_TEMPLATE,
    Autoscaler,
    AutoScalingGroup,
    Cluster,
    ExistingNodeGroup,
    NodeGroup,
    PodIdentity,
    Settings,
    fields_of,
)


class Home(NamedTuple):
    """The key of the file that holds the arguments of a component.

    Attributes:
        key: The key, such as ``nodeGroups[0]``.
        shape: The TypedDict that declares what the key holds.
    """

    key: str
    shape: type


def existing_resource(group: str) -> str:
    """Return the name of the resource for a managed node group that exists."""
    return f"{group}-existing"


def scaling_resource(group: str) -> str:
    """Return the name of the resource for an Auto Scaling group that exists."""
    return f"{group}-asg"


_AUTOSCALER = Home("autoscaler", Autoscaler)

ALONE: Mapping[type, Home] = {
    EksClusterArgs: Home("cluster", Cluster),
    ClusterNetworkArgs: Home("cluster.create.network", ClusterNetworkArgs),
    ClusterAddonsArgs: Home("cluster.create.addons", ClusterAddonsArgs),
    ClusterOidcProviderArgs: Home("oidcProvider", ClusterOidcProviderArgs),
    ClusterAutoscalerArgs: _AUTOSCALER,
    AutoscalerRoleArgs: _AUTOSCALER,
    AutoscalerReleaseArgs: _AUTOSCALER,
    AutoscalerMonitoringArgs: Home("monitoring", AutoscalerMonitoringArgs),
}
"""Components of which the program has one, by the TypedDict of their arguments."""


class _List(NamedTuple):
    """A list of the settings, for each entry of which the program may have a component.

    Attributes:
        name: Its name among the settings.
        shape: The TypedDict that declares what an entry, or the key ``within`` it, holds.
        resource: Returns the name of the component's resource by that of the entry.
        within: The key of an entry that holds the arguments; "" for the entry itself.
    """

    name: str
    shape: type
    resource: Callable[[str], str] = str
    within: str = ""


_NODE_GROUPS = _List("node_groups", NodeGroup)
_EXISTING = _List("existing_node_groups", ExistingNodeGroup, existing_resource)
_SCALING = _List("auto_scaling_groups", AutoScalingGroup, scaling_resource)

LISTED: Mapping[type, Sequence[_List]] = {
    ManagedNodeGroupArgs: [_NODE_GROUPS],
    ExistingNodeGroupArgs: [_EXISTING],
    ExistingScalingGroupArgs: [_SCALING],
    SelfManagedNodeGroupArgs: [_List("auto_scaling_groups", SelfManagedNodeGroupArgs, within=".create")],
    HeadroomArgs: [_List("headroom", HeadroomArgs)],
    AutoscalerTagsArgs: [_NODE_GROUPS, _EXISTING, _SCALING],
}
"""Components that the program has for the entries of lists, by the TypedDict of their arguments."""


def naming(settings: Settings) -> Callable[[Fault, type, str], Fault]:
    """Return what gives faults of the program's components the keys of the environment's file."""

    def named(fault: Fault, shape: type, resource: str) -> Fault:
        return at_home(settings, fault, home_of(settings, shape, resource))

    return named


def home_of(settings: Settings, shape: type, resource: str) -> Home:
    """Return the key that holds the arguments of a component.

    Args:
        settings: The settings.
        shape: The TypedDict of the arguments.
        resource: Name of the component's resource, "" for all groups that get their subnets from the cluster.
    """
    if shape in ALONE:
        return ALONE[shape]
    if not resource:
        managed = any("subnet_ids" not in group for group in settings["node_groups"])
        return Home("nodeGroups[]" if managed else "autoScalingGroups[].create", NodeGroup)
    groups: Mapping[str, Any] = settings
    return next(
        Home(f"{camel_case(each.name)}[{index}]{each.within}", each.shape)
        for each in LISTED[shape]
        for index, entry in enumerate(groups[each.name])
        if _is_resource_of(resource, each.resource(entry["name"]), zones=entry.get("one_per_zone", False))
    )


def at_home(settings: Settings, fault: Fault, home: Home) -> Fault:
    """Return a fault of a component's argument under the key that holds the value in the environment's file."""
    head = re.match(r"\w*", fault.path)[0]  # type: ignore[index]
    own = map(camel_case, fields_of(home.shape))
    names_cluster = home.shape is Cluster and head == "name"
    if not head or (head in own and not names_cluster):
        return fault.under(home.key)
    # A path that no argument has is a mistake of a rule, which must not hide the user's.
    key = _elsewhere(settings, home.key).get(head, f"{home.key}.{head}")
    # The index in a list that several keys make up means nothing in the file.
    return fault._replace(path=key if "[]" in key else f"{key}{fault.path[len(head) :]}")


def all_at_home(settings: Settings, faults: Iterable[Fault], home: Home) -> list[Fault]:
    """Return all faults of one component as ``at_home`` does."""
    return [at_home(settings, fault, home) for fault in faults]


def _elsewhere(settings: Settings, key: str) -> dict[str, str]:
    """Return the keys of arguments that the program does not take from ``key``, where it has the component's others."""
    cluster = settings["cluster"]
    name = "cluster.stackOutput" if "stack" in cluster else "cluster.name"
    return {
        **dict.fromkeys(("name", "clusterName", "clusterArn"), name),
        **dict.fromkeys(
            ("kubernetesVersion", "clusterVersion"),
            "cluster.create.kubernetesVersion" if "create" in cluster else name,
        ),
        "ipFamily": "cluster.ipFamily",
        "region": "region",
        **{argument: f"role.{argument}" for argument in map(camel_case, RoleArgs.__annotations__)},
        "tags": "tags",
        **dict.fromkeys(("credentials", "roleArn", "nodeRoleNames"), "credentials"),
        **{argument: f"podIdentity.{argument}" for argument in map(camel_case, PodIdentity.__annotations__)},
        **dict.fromkeys(("issuer", "oidcIssuer", "oidcProviderArn"), "oidcProvider"),
        "createOidcProvider": "oidcProvider.create",
        "retainOidcProvider": "oidcProvider.retain",
        "settings": "autoscaler",
        "startupTaints": "nodeGroups[].taints[].key",
        "expendablePodsPriorityCutoff": "autoscaler.flags.expendable-pods-priority-cutoff",
        **dict.fromkeys(("nodeGroupName", "asgName", "managedByEks"), f"{key}.name"),
        "subnetIdsByZone": f"{key}.subnetIds",
        **{each: f"{key.removesuffix('.create')}.{each}" for each in map(camel_case, NODE_TEMPLATE)},
    }


def _is_resource_of(resource: str, name: str, *, zones: bool) -> bool:
    """Return whether a resource has this name, or is that of one of the zones of a group with ``onePerZone``."""
    return resource == name or (
        zones and resource.startswith(f"{name}-") and not validation.zone("", resource.removeprefix(f"{name}-"))
    )
