"""EKS managed node groups.

Imitates terraform-provider-aws internal/service/eks/node_group.go, node_group_data_source.go and
node_groups_data_source.go, as of v6 (the base of pulumi-aws 7.51). The block of a warm pool enables it and is changed
in place; its removal disables the pool (hashicorp/terraform-provider-aws#48977).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pulumi_aws as aws

from sandbox.providers.aws.eks.common import GONE, EksResource, given, health, wait_for_update
from sandbox.providers.aws.function import Function
from sandbox.providers.aws.resource import AutoName, Properties
from sandbox.providers.aws.session import Cloud, found
from sandbox.providers.aws.validators import CLUSTER_NAME, between, length, matching
from sandbox.providers.rpc import Failure, ProviderError, State

CREATE_SECONDS = 180.0
"""How long a node group may take to become ACTIVE."""

DELETE_SECONDS = 180.0
"""How long a node group may take to go."""

# What EKS and the official provider name alike.
_SAME = frozenset(
    {
        "amiType",
        "capacityType",
        "clusterName",
        "diskSize",
        "instanceTypes",
        "labels",
        "launchTemplate",
        "nodeRepairConfig",
        "releaseVersion",
        "scalingConfig",
        "status",
        "tags",
        "updateConfig",
        "version",
    }
)

_FAILED = ("CREATE_FAILED", "DELETE_FAILED", "DEGRADED")


class NodeGroup(EksResource):
    """``aws.eks.NodeGroup``. ID: ``<cluster>:<name>``."""

    resource = aws.eks.NodeGroup
    supported = frozenset(
        [
            "amiType",
            "capacityType",
            "clusterName",
            "forceUpdateVersion",
            "instanceTypes",
            "labels",
            "launchTemplate",
            "nodeGroupName",
            "nodeGroupNamePrefix",
            "nodeRepairConfig",
            "nodeRoleArn",
            "releaseVersion",
            "scalingConfig",
            "subnetIds",
            "tags",
            "taints",
            "updateConfig",
            "version",
            "warmPoolConfig",
        ]
    )
    defaults = MappingProxyType(
        {"warmPoolConfig.minSize": 0, "warmPoolConfig.poolState": "STOPPED", "warmPoolConfig.reuseOnScaleIn": False}
    )
    parts = MappingProxyType({"clusterName": "cluster name", "nodegroupName": "node group name"})
    naming = AutoName("nodeGroupName", 63)
    computed = frozenset(
        {
            "amiType",
            "capacityType",
            "diskSize",
            "instanceTypes",
            "launchTemplate.id",
            "launchTemplate.name",
            "nodeRepairConfig",
            "releaseVersion",
            "updateConfig",
            "version",
        }
    )
    kept = frozenset({"forceUpdateVersion"})
    replaces = frozenset(
        {
            "amiType",
            "capacityType",
            "clusterName",
            "instanceTypes",
            "launchTemplate.id",
            "launchTemplate.name",
            "nodeGroupName",
            "nodeGroupNamePrefix",
            "nodeRoleArn",
            "subnetIds",
        }
    )
    ordered = frozenset({"instanceTypes"})
    enums = MappingProxyType(
        {
            "amiType": ("eks", "AMITypes"),
            "capacityType": ("eks", "CapacityTypes"),
            "taints.effect": ("eks", "TaintEffect"),
            "warmPoolConfig.poolState": ("eks", "WarmPoolState"),
        }
    )
    counts = MappingProxyType({"subnetIds": (1, None), "taints": (0, 50)})
    validators = MappingProxyType(
        {
            "clusterName": CLUSTER_NAME,
            "launchTemplate.id": matching(r"lt-[0-9a-z]+", "must begin with lt-"),
            "launchTemplate.version": length(1, 255),
            "nodeRoleArn": length(1, 2048),
            "scalingConfig.desiredSize": between(0),
            "scalingConfig.maxSize": between(1),
            "scalingConfig.minSize": between(0),
            "taints.key": length(1, 63),
            "taints.value": length(0, 63),
            "updateConfig.maxUnavailable": between(1, 100),
            "updateConfig.maxUnavailablePercentage": between(1, 100),
            "warmPoolConfig.maxGroupPreparedCapacity": between(-1),
            "warmPoolConfig.minSize": between(0),
        }
    )

    def check(self, inputs: Properties) -> Iterator[Failure]:
        """``ExactlyOneOf`` of the update settings, and ``ConflictsWith`` of the template's ID and name."""
        update = inputs.get("updateConfig")
        names = ("maxUnavailable", "maxUnavailablePercentage")
        if isinstance(update, Mapping) and sum(update.get(name) is not None for name in names) != 1:
            yield Failure("updateConfig", f"one of {', '.join(names)} must be given, and only one")
        template = inputs.get("launchTemplate")
        if isinstance(template, Mapping) and template.get("id") is not None and template.get("name") is not None:
            yield Failure("launchTemplate.id", "conflicts with launchTemplate.name")

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Starts to make the node group."""
        request = {
            **given(inputs, "clusterName", "amiType", "capacityType", "instanceTypes", "labels", "taints"),
            **given(inputs, "nodeRepairConfig", "releaseVersion", "scalingConfig", "updateConfig", "version", "tags"),
            "nodegroupName": inputs["nodeGroupName"],
            "nodeRole": inputs["nodeRoleArn"],
            "subnets": inputs["subnetIds"],
        }
        if inputs.get("launchTemplate"):
            request["launchTemplate"] = _launch_template(inputs["launchTemplate"])
        if inputs.get("warmPoolConfig") is not None:
            request["warmPoolConfig"] = _warm_pool(inputs["warmPoolConfig"])
        cloud.eks.create_nodegroup(**request)
        return f"{inputs['clusterName']}:{inputs['nodeGroupName']}"

    def settle(self, cloud: Cloud, old: State) -> None:
        """Waits until its nodes could be launched. One that was usable before need not be at its best to be changed."""
        if old.outputs.get("status") in ("ACTIVE", "DEGRADED"):
            return

        def active() -> bool:
            group = self._describe(cloud, old.id)
            if group is None or group["status"] in _FAILED:
                raise ProviderError(f"EKS node group {old.id} {_trouble(group)}")
            return bool(group["status"] == "ACTIVE")

        cloud.wait(active, f"EKS node group {old.id} to become ACTIVE", CREATE_SECONDS)

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The node group. Its desired size is the current one, also if another program set it."""
        group = self._describe(cloud, old.id)
        return _outputs(group) if group else None

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """First the version, then the configuration, as the official provider does."""
        named = self.named(old.id)
        owner = {"name": named["clusterName"], "nodegroupName": named["nodegroupName"]}
        if changed & {"launchTemplate", "releaseVersion", "version"}:
            request: dict[str, Any] = {key: inputs[key] for key in ("releaseVersion", "version") if key in changed}
            if inputs.get("launchTemplate"):
                request["launchTemplate"] = _launch_template(inputs["launchTemplate"])
            answer = cloud.eks.update_nodegroup_version(
                **named, force=bool(inputs.get("forceUpdateVersion")), **request
            )
            wait_for_update(cloud, answer, **owner)
        request = _config_update(old.outputs, inputs, changed)
        if request:
            wait_for_update(cloud, cloud.eks.update_nodegroup_config(**named, **request), **owner)

    def delete(self, cloud: Cloud, old: State) -> None:
        """Removes the node group with its instances, and waits until it is gone."""
        found(lambda: cloud.eks.delete_nodegroup(**self.named(old.id)), GONE)

        def gone() -> bool:
            group = self._describe(cloud, old.id)
            if group and group["status"] == "DELETE_FAILED":
                raise ProviderError(f"EKS node group {old.id} {_trouble(group)}")
            return group is None

        cloud.wait(gone, f"EKS node group {old.id} to be gone", DELETE_SECONDS)

    def _describe(self, cloud: Cloud, resource_id: str) -> Any:
        answer = found(lambda: cloud.eks.describe_nodegroup(**self.named(resource_id)), GONE)
        return answer["nodegroup"] if answer else None


def _trouble(group: Any) -> str:
    if group is None:
        return "was removed while it was being made"
    return f"is {group['status']}: {health(group)}"


def _outputs(group: Any) -> dict[str, Any]:
    outputs = {name: group.get(name) for name in _SAME}
    resources = group.get("resources") or {}
    outputs |= {
        "arn": group["nodegroupArn"],
        "nodeGroupName": group["nodegroupName"],
        "nodeRoleArn": group["nodeRole"],
        # None at all while EKS has made nothing (`flattenNodeGroupResources` of nil).
        "resources": [
            {
                "autoscalingGroups": [{"name": each["name"]} for each in resources.get("autoScalingGroups", [])],
                "remoteAccessSecurityGroupId": resources.get("remoteAccessSecurityGroup", ""),
            }
        ]
        if resources
        else [],
        "subnetIds": group["subnets"],
        "taints": group.get("taints") or [],
        "warmPoolConfig": _shown_pool(group.get("warmPoolConfig")),
    }
    return outputs


def _shown_pool(pool: Any) -> dict[str, Any] | None:
    """The block of a pool; none for a pool that is not enabled, which no block stands for."""
    if not pool or not pool.get("enabled"):
        return None
    return {name: value for name, value in pool.items() if name != "enabled"}


def _warm_pool(block: Any) -> dict[str, Any]:
    """A block as EKS takes it: the block enables the pool, and its removal disables it."""
    return {"enabled": False} if block is None else {"enabled": True, **block}


def _config_update(old: Properties, inputs: Properties, changed: frozenset[str]) -> dict[str, Any]:
    """The request of UpdateNodegroupConfig that brings a node group to its inputs; empty if there is nothing to do."""
    request: dict[str, Any] = {
        name: inputs[name]
        for name in ("nodeRepairConfig", "scalingConfig", "updateConfig")
        if name in changed and inputs.get(name)
    }
    if "warmPoolConfig" in changed:
        request["warmPoolConfig"] = _warm_pool(inputs.get("warmPoolConfig"))
    if "labels" in changed:
        before, wanted = old.get("labels") or {}, inputs.get("labels") or {}
        request["labels"] = {
            "addOrUpdateLabels": {key: value for key, value in wanted.items() if before.get(key) != value},
            "removeLabels": sorted(set(before) - set(wanted)),
        }
    if "taints" in changed:
        before, wanted = _taints(old.get("taints")), _taints(inputs.get("taints"))
        request["taints"] = {
            "addOrUpdateTaints": [taint for key, taint in wanted.items() if before.get(key) != taint],
            "removeTaints": [taint for key, taint in before.items() if key not in wanted],
        }
    return request


def _taints(taints: Any) -> dict[tuple[str, str], dict[str, str]]:
    """Taints by what makes them one: key and effect."""
    return {
        (each["key"], each["effect"]): {name: value for name, value in each.items() if value} for each in taints or ()
    }


def _launch_template(template: Mapping[str, str]) -> dict[str, str]:
    """A launch template's ID or name, never both, which EKS refuses."""
    key = "id" if template.get("id") else "name"
    return {key: template[key], "version": template["version"]}


def get_node_group(cloud: Cloud, args: Properties) -> Properties:
    """``aws.eks.get_node_group``."""
    resource_id = f"{args['clusterName']}:{args['nodeGroupName']}"
    outputs = NodeGroup().read(cloud, State(resource_id, {}))
    if outputs is None:
        raise ProviderError(f"reading EKS Node Group ({resource_id}): couldn't find resource")
    plurals = {
        "launchTemplate": "launchTemplates",
        "remoteAccess": "remoteAccesses",
        "scalingConfig": "scalingConfigs",
        "updateConfig": "updateConfigs",
        "warmPoolConfig": "warmPoolConfigs",
    }
    values = {plural: outputs.pop(name, None) for name, plural in plurals.items()}
    lists = {plural: [value] if value else [] for plural, value in values.items()}
    outputs.pop("nodeRepairConfig")
    return {**outputs, **lists, "id": resource_id, "region": cloud.region}


def get_node_groups(cloud: Cloud, args: Properties) -> Properties:
    """``aws.eks.get_node_groups``: the names of a cluster's node groups.

    As ``dataSourceNodeGroupsRead`` of node_groups_data_source.go. A cluster that does not exist is EKS's own error.
    """
    cluster = args["clusterName"]
    pages = cloud.eks.get_paginator("list_nodegroups").paginate(clusterName=cluster)
    names = sorted(name for page in pages for name in page["nodegroups"])
    return {"clusterName": cluster, "id": cluster, "names": names, "region": cloud.region}


FUNCTIONS = [
    Function(
        "aws:eks/getNodeGroup:getNodeGroup",
        aws.eks.get_node_group,
        get_node_group,
        required=frozenset({"clusterName", "nodeGroupName"}),
    ),
    Function(
        "aws:eks/getNodeGroups:getNodeGroups",
        aws.eks.get_node_groups,
        get_node_groups,
        required=frozenset({"clusterName"}),
    ),
]
