"""What is wrong with values: the components' own rules, and those that span components."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn, cast

from components import (
    ClusterAutoscalerArgs,
    ClusterOidcProviderArgs,
    SelfManagedNodeGroupArgs,
    cluster,
    cluster_addons,
    cluster_autoscaler,
    existing_node_group,
    existing_scaling_group,
    headroom,
    monitoring,
    network,
    node_group,
    oidc_provider,
    self_managed_args,
)
from components.autoscaler_role import NODE_ROLE
from components.errors import FaultsError
from components.headroom import HeadroomArgs
from components.pure import ami, arns, capacity_buffers, ip_family, placement, validation
from components.pure.faults import Fault
from settings import homes
from settings.homes import Home
from settings.shapes import (
    AutoScalingGroup,
    Cluster,
    ExistingNodeGroup,
    NodeGroup,
    Settings,
    autoscaler_arguments,
    existing_arguments,
    fields_of,
    headroom_arguments,
    node_group_arguments,
    scaling_group_arguments,
    self_managed_arguments,
)

CHINA = "cn-"
"""What the regions of the partition aws-cn begin with."""

_LATER: Any = object()
"""Stands for a value that only the cluster gives; the components' rules pass over what is not plain."""


def faults(settings: Settings) -> list[Fault]:
    """What is wrong with the values, under the keys of the environment's file."""
    groups, existing = settings["node_groups"], settings["existing_node_groups"]
    found = [
        *validation.region("region", settings["region"]),
        *_account_faults(settings["account_id"]),
        *validation.tags("tags", settings["tags"]),
        *_cluster_faults(settings["cluster"]),
        *_zone_faults(settings),
        *_autoscaler_faults(settings),
        *_each("nodeGroups", groups, partial(_node_group_faults, settings)),
        *_each("existingNodeGroups", existing, partial(_existing_faults, settings)),
        *_each("headroom", settings["headroom"], partial(_headroom_faults, settings)),
        *_each("autoScalingGroups", settings["auto_scaling_groups"], partial(_scaling_group_faults, settings)),
        *_clash_faults(groups),
        *_placement_faults(settings),
        *_place_faults(settings),
    ]
    if settings["cluster"].get("ip_family") == ip_family.IPV6 and settings["region"].startswith(CHINA):
        # "ipFamily" of KubernetesNetworkConfigRequest in the EKS API reference.
        expected = f"{ip_family.IPV4}, or none: EKS has no IPv6 clusters in the regions of China"
        found.append(Fault("cluster.ipFamily", f"{ip_family.IPV6} in {settings['region']}", expected))
    if settings["monitoring"]:
        found += [fault.under("monitoring") for fault in monitoring.faults(settings["monitoring"])]
    balanced = settings["autoscaler"].get("balance_similar_node_groups", True)
    if not balanced and any(group.get("one_per_zone") for group in groups):
        found.append(
            Fault(
                "autoscaler.balanceSimilarNodeGroups",
                "false with onePerZone",
                "true, or leave balanceSimilarNodeGroups out: without balancing all nodes may end in one zone",
            )
        )
    created = any("create" in group for group in settings["auto_scaling_groups"])
    if settings["credentials"] == NODE_ROLE and not (groups or existing or created):
        found.append(
            Fault(
                "credentials",
                NODE_ROLE,
                "a node group as well, in nodeGroups, existingNodeGroups or autoScalingGroups[].create: its role gets "
                "the policy. The program does not know the role of a self-managed group that exists",
            )
        )
    return found


def refuse_output(cluster: Cluster, value: object, outputs: Mapping[str, object]) -> NoReturn:
    """Refuse what another stack gives as the name of the cluster.

    Raises:
        FaultsError: Always, with the outputs that the stack has.
    """
    key = cluster.get("stack_output", "clusterName")
    names = ", ".join(sorted(outputs)) or "none: deploy that stack first"
    got = repr(key) if value is None else f"{key!r}, which is no text"
    expected = f"the name of an output of {cluster['stack']} that is text ({names})"
    raise FaultsError("settings", [Fault("cluster.stackOutput", got, expected)])


def _each(key: str, items: Sequence[Any], own: Callable[[str, Any], list[Fault]]) -> list[Fault]:
    """Find names that a list has twice, and what is wrong with each of its items, of which ``own`` gets the key."""
    names = Counter(item["name"] for item in items)
    found = [Fault(key, f"the name {name} twice", "each name once") for name, count in names.items() if count > 1]
    return found + [fault for index, item in enumerate(items) for fault in own(f"{key}[{index}]", item)]


def _existing_faults(settings: Settings, key: str, group: ExistingNodeGroup) -> list[Fault]:
    found = existing_node_group.faults(existing_arguments(group, cluster_name=_LATER))
    return homes.all_at_home(settings, found, Home(key, ExistingNodeGroup))


def _clash_faults(groups: list[NodeGroup]) -> list[Fault]:
    """Find a group with the name that another one gets in a zone: Pulumi ends with a duplicate URN."""
    spread = [group["name"] for group in groups if group.get("one_per_zone")]
    return [
        Fault(f"nodeGroups[{i}].name", repr(name), f"another name: {other} makes a group of this one in that zone")
        for i, name in enumerate(group["name"] for group in groups)
        for other in spread
        if name.startswith(f"{other}-") and not validation.zone("", name.removeprefix(f"{other}-"))
    ]


def _placement_faults(settings: Settings) -> list[Fault]:
    """Find out whether the autoscaler can start on a new cluster, which has no other nodes."""
    if "create" not in settings["cluster"]:
        return []
    # A file holds plain values only.
    groups = [
        placement.Group(cast(int, group["min_size"]), group.get("ami_type", ""), group.get("taints", []))
        for group in settings["node_groups"]
    ]
    groups += [
        placement.Group(cast(int, group["create"]["min_size"]), "", group.get("taints", []))
        for group in settings["auto_scaling_groups"]
        if "create" in group
    ]
    tolerations: Any = settings["autoscaler"].get("tolerations", [])
    return placement.faults(groups, tolerations)


def _place_faults(settings: Settings) -> list[Fault]:
    region = settings["region"]
    return [] if validation.region("", region) else arns.place_faults(Settings, settings, region, fields_of=fields_of)


def _account_faults(account_id: str) -> list[Fault]:
    if not account_id or (account_id.isdigit() and len(account_id) == 12):
        return []
    expected = "an AWS account ID of twelve digits, in quotes: YAML takes a number's leading zero away"
    return [Fault("accountId", repr(account_id), expected)]


def _cluster_faults(given: Cluster) -> list[Fault]:
    found = []
    name, stack, create = given.get("name"), given.get("stack"), given.get("create")
    if (name is None) == (stack is None):
        got = "neither name nor stack" if name is None else "both name and stack"
        found.append(
            Fault("cluster", got, "name, of the cluster to adopt or create, or stack, of which an output names it")
        )
    if stack == "":
        found.append(Fault("cluster.stack", "''", "the stack whose output names the cluster"))
    named: Any = {"name": _LATER if name is None else name}
    if "ip_family" in given:
        named["ip_family"] = given["ip_family"]
    if create is None:
        return [*found, *(fault.under("cluster") for fault in cluster.faults(named))]
    if name is None:
        found.append(Fault("cluster.create", "create without name", "the name of the cluster to create"))
    own = {"vpc_id", "private_subnet_ids", "public_subnet_ids"} & create.keys()
    plan = create.get("network")
    either = "network, to make one, or vpcId with privateSubnetIds"
    if plan is not None and own:
        found.append(Fault("cluster.create", "both network and vpcId or subnets", either))
    if plan is None and not {"vpc_id", "private_subnet_ids"} <= own:
        found.append(Fault("cluster.create", "no network", either))
    if plan is not None:
        arguments: Any = {**plan, "cluster_name": _LATER}
        found += [fault.under("cluster.create.network") for fault in network.faults(arguments)]
    addons: Any = {**create.get("addons", {}), "cluster_name": _LATER, "kubernetes_version": _LATER}
    found += [fault.under("cluster.create.addons") for fault in cluster_addons.faults(addons)]
    named["create"] = {"vpc_id": _LATER, "private_subnet_ids": _LATER, **create}
    return [*found, *(fault.under("cluster") for fault in cluster.faults(named))]


def _zone_faults(settings: Settings) -> list[Fault]:
    plan = settings["cluster"].get("create", {}).get("network")
    if plan is None or validation.region("region", settings["region"]):
        return []
    return validation.zones_of(settings["region"], "cluster.create.network.zones", plan["zones"])


def _node_group_faults(settings: Settings, key: str, group: NodeGroup) -> list[Fault]:
    create = settings["cluster"].get("create")
    found = []
    if group.get("one_per_zone") and "subnet_ids" not in group and (create is None or "network" not in create):
        found.append(
            Fault("subnetIds", "none with onePerZone", "the subnets, for the number of groups must be known at preview")
        )
    found += validation.node_group_name("name", group["name"], most=40)
    if create and ami.is_windows(image := group.get("ami_type", "")):
        expected = (
            "a Linux AMI type: the program does not prepare its clusters for Windows; adopt a cluster that has "
            "AmazonEKSVPCResourceController on its role and enable-windows-ipam"
        )
        found.append(Fault("amiType", f"{image} on a cluster to create", expected))
    if "warm_pool" in group and settings["region"].startswith(CHINA):
        expected = "no warmPool: EKS has no warm pools in the regions of China"
        found.append(Fault("warmPool", f"a warm pool in {settings['region']}", expected))
    if settings["credentials"] == NODE_ROLE and group.get("hop_limit") == 1:
        found.append(_hop_fault())
    subnets = group.get("subnet_ids", _LATER)
    version = create["kubernetes_version"] if create else _LATER
    versions = {"kubernetes_version": version, "cluster_version": version}
    given: Any = {"cluster_name": _LATER, "subnet_ids": subnets, **versions}
    own = node_group.faults(node_group_arguments(settings, group, **given))
    return [
        *(fault.under(key) for fault in found),
        *homes.all_at_home(settings, own, Home(key, NodeGroup)),
    ]


def _headroom_faults(settings: Settings, key: str, given: HeadroomArgs) -> list[Fault]:
    own = headroom.faults(headroom_arguments(settings, given))
    found = homes.all_at_home(settings, own, Home(key, HeadroomArgs))
    if given.get("kind") == capacity_buffers.KIND and "capacity_buffers" not in settings["autoscaler"]:
        expected = (
            "autoscaler.capacityBuffers as well: {installDefinition: true}, or {} if the cluster has the "
            "CustomResourceDefinition"
        )
        found.append(Fault(f"{key}.kind", f"{capacity_buffers.KIND} without autoscaler.capacityBuffers", expected))
    return found


def _scaling_group_faults(settings: Settings, key: str, group: AutoScalingGroup) -> list[Fault]:
    """Find what is wrong with a self-managed group: one to create has its own arguments under ``create``."""
    if "create" not in group:
        found = existing_scaling_group.faults(scaling_group_arguments(group, cluster_name=_LATER))
        return homes.all_at_home(settings, found, Home(key, AutoScalingGroup))
    subnets = group["create"].get("subnet_ids", _LATER)
    create = settings["cluster"].get("create")
    version = create["kubernetes_version"] if create else _LATER
    given: Any = {"cluster_name": _LATER, "subnet_ids": subnets, "cluster_version": version}
    arguments = self_managed_arguments(settings, group, **given)
    found = [_hop_fault()] if settings["credentials"] == NODE_ROLE and group["create"].get("hop_limit") == 1 else []
    return [
        *validation.node_group_name(f"{key}.name", group["name"], most=40),
        *homes.all_at_home(
            settings, [*self_managed_args.faults(arguments), *found], Home(f"{key}.create", SelfManagedNodeGroupArgs)
        ),
    ]


def _hop_fault() -> Fault:
    return Fault(
        "hopLimit", "1 with credentials nodeRole", "2, or leave hopLimit out: no pod could reach the node's role"
    )


def _autoscaler_faults(settings: Settings) -> list[Fault]:
    create = settings["cluster"].get("create")
    version = create["kubernetes_version"] if create else _LATER
    region = "us-east-1" if validation.region("", settings["region"]) else settings["region"]
    arguments = autoscaler_arguments(
        settings,
        cluster_arn=f"arn:{arns.partition(region) or 'aws'}:eks:{region}:000000000000:cluster/any",
        cluster_name=_LATER,
        oidc_provider_arn=_LATER,
        oidc_issuer=_LATER,
        node_role_names={"nodes": _LATER},
        kubernetes_version=_LATER if validation.kubernetes_version("", version) else version,
    )
    provider: Any = {**settings["oidc_provider"], "issuer": _LATER}
    return [
        *homes.all_at_home(settings, oidc_provider.faults(provider), homes.ALONE[ClusterOidcProviderArgs]),
        *homes.all_at_home(settings, cluster_autoscaler.faults(arguments), homes.ALONE[ClusterAutoscalerArgs]),
    ]
