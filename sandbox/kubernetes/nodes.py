"""Makes a cluster's nodes follow its EC2 instances: one joins with each that runs, and leaves with it."""

from __future__ import annotations

import base64
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sandbox.kube_api import KubeApi, KubeApiError
from sandbox.kubernetes.emulator import Cluster, Emulator
from sandbox.kubernetes.kubelet_settings import NO_SETTINGS, kubelet_settings
from sandbox.kubernetes.node_manifest import node_manifest, provider_id

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import InstanceTypeDef, InstanceTypeInfoTypeDef
    from mypy_boto3_eks.type_defs import NodegroupTypeDef

_log = logging.getLogger(__name__)

_NODE_GROUP_TAG = "eks:nodegroup-name"
_SCALING_GROUP_TAG = "aws:autoscaling:groupName"
_TEMPLATE_TAG = "aws:ec2launchtemplate:id"
_TEMPLATE_VERSION_TAG = "aws:ec2launchtemplate:version"

_RUNS = "running"
_STAYS = ("pending", _RUNS, "stopping", "stopped")
"""States in which an instance keeps the node it has, as on EKS."""


class Nodes:
    """The nodes of one cluster.

    Args:
        cluster: The cluster.
        emulator: Where the instances are.
        api: The cluster's API, as an administrator.
        kubelet_version: Version that nodes without a managed group report, such as ``1.36``.
        kubelet_port: Loopback port on which the kubelets' API is served.
    """

    def __init__(
        self,
        cluster: Cluster,
        emulator: Emulator,
        api: KubeApi,
        *,
        kubelet_version: str,
        kubelet_port: int,
    ) -> None:
        self._cluster = cluster
        self._ec2 = emulator.client("ec2", cluster.region)
        self._autoscaling = emulator.client("autoscaling", cluster.region)
        self._eks = emulator.client("eks", cluster.region)
        self._api = api
        self._kubelet_version = kubelet_version
        self._kubelet_port = kubelet_port

    def follow(self) -> None:
        """Makes the nodes fit the instances as they are now.

        Raises:
            ClientError: The emulator refused a call; nodes that did not need it have joined or left all the same.
            KubeApiError: The API server refused a call.
        """
        instances = {provider_id(instance): instance for instance in self._instances()}
        # A node without a provider id is the user's own.
        nodes: dict[str, str] = {
            node["spec"]["providerID"]: node["metadata"]["name"]
            for node in self._api.items("/api/v1/nodes")
            if "providerID" in node["spec"]
        }
        for gone in nodes.keys() - instances.keys():
            self._leave(nodes[gone])
        failure: ClientError | None = None
        for new in sorted(instances.keys() - nodes.keys()):
            if instances[new]["State"]["Name"] == _RUNS:
                try:
                    if not self._is_warm(instances[new]):
                        self._join(instances[new])
                except ClientError as error:  # Such as a node group just deleted: no reason to keep the others waiting.
                    failure = error
        if failure:
            raise failure

    def _instances(self) -> list[InstanceTypeDef]:
        pages = self._ec2.get_paginator("describe_instances").paginate(
            Filters=[{"Name": "instance-state-name", "Values": _STAYS}]
        )
        return [
            instance
            for page in pages
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
            if is_node_of(self._cluster.name, _tags(instance))
        ]

    def _is_warm(self, instance: InstanceTypeDef) -> bool:
        """Whether an instance waits in a warm pool: EKS lets it join when it leaves the pool."""
        group = _tags(instance).get(_SCALING_GROUP_TAG)
        if group is None:
            return False
        pool = self._autoscaling.describe_warm_pool(AutoScalingGroupName=group)["Instances"]
        return instance["InstanceId"] in {each["InstanceId"] for each in pool}

    def _join(self, instance: InstanceTypeDef) -> None:
        group = self._node_group(instance)
        manifest = node_manifest(
            instance,
            self._instance_type(instance["InstanceType"]),
            group,
            region=self._cluster.region,
            kubelet_version=f"v{(group or {}).get('version', self._kubelet_version)}.0-kwok",
            kubelet_port=self._kubelet_port,
            ipv6=self._cluster.ipv6,
            registered=kubelet_settings(self._user_data(instance)) if group is None else NO_SETTINGS,
        )
        self._api.request("POST", "/api/v1/nodes", manifest)
        _log.info("%s: node %s joined (%s)", self._cluster.name, manifest["metadata"]["name"], instance["InstanceId"])

    def _leave(self, node: str) -> None:
        self._api.request("DELETE", f"/api/v1/nodes/{node}")
        # Nothing runs them any more. Kubernetes' garbage collector would find out by itself, 40 seconds later.
        pods = self._api.items("/api/v1/pods", fieldSelector=f"spec.nodeName={node}")
        for pod in pods:
            path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
            try:
                self._api.request("DELETE", path, query={"gracePeriodSeconds": "0"})
            except KubeApiError as error:
                if error.status != 404:
                    raise
        _log.info("%s: node %s left, and %d pods with it", self._cluster.name, node, len(pods))

    def _node_group(self, instance: InstanceTypeDef) -> NodegroupTypeDef | None:
        name = _tags(instance).get(_NODE_GROUP_TAG)
        if name is None:
            return None
        return self._eks.describe_nodegroup(clusterName=self._cluster.name, nodegroupName=name)["nodegroup"]

    def _user_data(self, instance: InstanceTypeDef) -> str:
        """The user data of the launch template that the instance was launched from; empty without one."""
        tags = _tags(instance)
        if _TEMPLATE_TAG not in tags:
            return ""
        (version,) = self._ec2.describe_launch_template_versions(
            LaunchTemplateId=tags[_TEMPLATE_TAG], Versions=[tags[_TEMPLATE_VERSION_TAG]]
        )["LaunchTemplateVersions"]
        return base64.b64decode(version["LaunchTemplateData"].get("UserData", "")).decode(errors="replace")

    def _instance_type(self, name: Any) -> InstanceTypeInfoTypeDef:
        return self._ec2.describe_instance_types(InstanceTypes=[name])["InstanceTypes"][0]


def is_node_of(cluster: str, tags: Mapping[str, str]) -> bool:
    """Whether an instance with these tags is a node of the cluster."""
    return tags.get(f"kubernetes.io/cluster/{cluster}") == "owned" or tags.get("eks:cluster-name") == cluster


def _tags(instance: InstanceTypeDef) -> Mapping[str, str]:
    return {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
