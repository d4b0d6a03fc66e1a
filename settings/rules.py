"""What is wrong with values, found by the components' own rules and told at the keys of the settings."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from components import cluster, cluster_autoscaler, existing_node_group, network, node_group, oidc_provider
from components.autoscaler_role import NODE_ROLE
from components.errors import FaultsError
from components.pure import validation
from components.pure.faults import Fault
from components.pure.versions import dotted, parse_minor
from settings.arguments import (
    autoscaler_arguments,
    creation_arguments,
    existing_arguments,
    network_arguments,
    node_group_arguments,
    oidc_provider_arguments,
)
from settings.shapes import Cluster, NodeGroup, Settings

_LATER = object()
"""Stands for a value that only the cluster gives; the components' rules pass over what is not plain."""


def faults(settings: Settings) -> list[Fault]:
    """What is wrong with the values, found by the components' own rules."""
    found = [
        *validation.region("region", settings.region),
        *_account_faults(settings.account_id),
        *validation.tags("tags", settings.tags),
        *_cluster_faults(settings.cluster),
        *_zone_faults(settings),
        *_autoscaler_faults(settings),
    ]
    for key, groups in (("nodeGroups", settings.node_groups), ("existingNodeGroups", settings.existing_node_groups)):
        uses = Counter(group.name for group in groups)
        found += [Fault(key, f"the name {name} twice", "each name once") for name, count in uses.items() if count > 1]
    for index, group in enumerate(settings.node_groups):
        where = f"nodeGroups[{index}]"
        found += [fault.under(where) for fault in _node_group_faults(settings, group)]
    for index, existing in enumerate(settings.existing_node_groups):
        arguments = existing_arguments(existing, _cluster_name(settings.cluster))
        path = f"existingNodeGroups[{index}]"
        found += [_of_existing(fault).under(path) for fault in existing_node_group.faults(arguments)]
    if settings.autoscaler.balance_similar_node_groups is False and any(g.one_per_zone for g in settings.node_groups):
        found.append(
            Fault(
                "autoscaler.balanceSimilarNodeGroups",
                "false beside onePerZone",
                "true, or none: without balancing all nodes of such groups may end in one zone",
            )
        )
    if settings.credentials == NODE_ROLE and not (settings.node_groups or settings.existing_node_groups):
        found.append(
            Fault(
                "credentials",
                NODE_ROLE,
                "a node group beside it, in nodeGroups or existingNodeGroups: its role gets the policy",
            )
        )
    return found


def refuse_output(cluster: Cluster, value: object, outputs: Mapping[str, object]) -> NoReturn:
    """Refuse what another stack gives as the name of the cluster.

    Args:
        cluster: The setting that names the stack and the output.
        value: The output, or None.
        outputs: All outputs of the stack.

    Raises:
        FaultsError: Always.
    """
    names = ", ".join(sorted(outputs)) or "none: deploy that stack first"
    got = repr(cluster.stack_output) if value is None else f"{cluster.stack_output!r}, which is no text"
    fault = Fault("cluster.stackOutput", got, f"the name of an output of {cluster.stack} that is text ({names})")
    raise FaultsError("settings", [fault])


def _account_faults(account_id: str) -> list[Fault]:
    if not account_id or (account_id.isdigit() and len(account_id) == 12):
        return []
    return [Fault("accountId", repr(account_id), "an AWS account ID of twelve digits")]


def _cluster_faults(given: Cluster) -> list[Fault]:
    found = []
    if (given.name is None) == (given.stack is None):
        got = "neither name nor stack" if given.name is None else "both name and stack"
        found.append(
            Fault("cluster", got, "name, of the cluster to adopt or create, or stack, of which an output names it")
        )
    if given.create is not None and given.name is None:
        found.append(Fault("cluster.create", "create without name", "the name of the cluster to create"))
    if given.stack == "":
        found.append(Fault("cluster.stack", "''", "the stack whose output names the cluster"))
    name = "unknown" if given.name is None else given.name
    if given.create is None:
        return [*found, *(f.under("cluster") for f in cluster.faults({"name": name}))]
    create = given.create
    own = (create.vpc_id, create.private_subnet_ids, create.public_subnet_ids)
    if create.network is not None and own != (None, None, None):
        found.append(
            Fault(
                "cluster.create",
                "both network and vpcId or subnets",
                "network, to make one, or vpcId with privateSubnetIds",
            )
        )
    if create.network is None and None in own[:2]:
        found.append(Fault("cluster.create", "no network", "network, to make one, or vpcId with privateSubnetIds"))
    if create.network is not None:
        arguments = network_arguments(create.network, _cluster_name(given))
        found += [f.under("cluster.create.network") for f in network.faults(arguments)]
    planned = {"vpc_id": _LATER, "private_subnet_ids": [_LATER, _LATER]}
    creation: Any = {**planned, **creation_arguments(create)}
    return [*found, *(f.under("cluster") for f in cluster.faults({"name": name, "create": creation}))]


def _zone_faults(settings: Settings) -> list[Fault]:
    create = settings.cluster.create
    if create is None or create.network is None or validation.region("region", settings.region):
        return []
    return validation.zones_of(settings.region, "cluster.create.network.zones", create.network.zones)


def _cluster_name(given: Cluster) -> str:
    """The cluster's name, or a stand-in where another stack tells it, or where its fault is told already."""
    return _sound(given.name or "", validation.cluster_name, "unknown")


def _sound(value: str, rule: Callable[[str, str], list[Fault]], stand_in: str) -> str:
    return stand_in if rule("", value) else value


def _node_group_faults(settings: Settings, group: NodeGroup) -> list[Fault]:
    found = []
    makes_network = settings.cluster.create is not None and settings.cluster.create.network is not None
    if group.one_per_zone and not (group.subnet_ids or makes_network):
        found.append(
            Fault(
                "subnetIds", "none beside onePerZone", "the subnets, for the number of groups must be known at preview"
            )
        )
    found += validation.node_group_name("name", group.name, most=40)
    created = settings.cluster.create and parse_minor(settings.cluster.create.kubernetes_version)
    wished = parse_minor(group.kubernetes_version or "")
    if created and wished and wished > created:
        expected = f"{dotted(created)}, the cluster's, at most: nodes may be older, not newer"
        found.append(Fault("kubernetesVersion", repr(group.kubernetes_version), expected))
    if settings.credentials == NODE_ROLE and group.hop_limit == 1:
        found.append(Fault("hopLimit", "1 with credentials nodeRole", "2, or none: no pod could reach the node's role"))
    arguments = node_group_arguments(
        settings,
        group,
        cluster_name=_cluster_name(settings.cluster),
        subnet_ids=group.subnet_ids if group.subnet_ids is not None else [_LATER],
    )
    return [*found, *node_group.faults(arguments)]


def _autoscaler_faults(settings: Settings) -> list[Fault]:
    create = settings.cluster.create
    name = _cluster_name(settings.cluster)
    misspelt = create and validation.kubernetes_version("", create.kubernetes_version)
    region = _sound(settings.region, validation.region, "us-east-1")
    arguments = autoscaler_arguments(
        settings,
        cluster_arn=f"arn:aws:eks:{region}:000000000000:cluster/{name}",
        cluster_name=name,
        oidc_provider_arn=_LATER,
        oidc_issuer=_LATER,
        node_role_names={"nodes": _LATER},
        kubernetes_version=_LATER if create is None or misspelt else create.kubernetes_version,
    )
    provider = oidc_provider.faults(oidc_provider_arguments(settings, ""))
    return [
        *(fault.under("oidcProvider") for fault in provider),
        *(_at_home(fault) for fault in cluster_autoscaler.faults(arguments)),
    ]


def _of_existing(fault: Fault) -> Fault:
    """The same fault under the key that the settings have for the argument."""
    return fault._replace(path="name") if fault.path == "nodeGroupName" else fault


def _at_home(fault: Fault) -> Fault:
    """The same fault under the key that holds the value in the stack's file."""
    if fault.path == "credentials" or fault.path.startswith("region"):
        return fault
    if fault.path == "kubernetesVersion":
        return fault.under("cluster.create")
    if fault.path in ("permissionsBoundaryArn", "path", "namePrefix"):
        return fault.under("role")
    return fault._replace(path=fault.path.removeprefix("settings.")).under("autoscaler")
