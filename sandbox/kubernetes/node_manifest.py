"""The Node object that a kubelet on an EC2 instance would register. Plain data, no input or output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.kubernetes.capacity import allocatable, capacity, max_pods
from sandbox.kubernetes.kubelet_settings import NO_SETTINGS, KubeletSettings
from sandbox.layout import LOOPBACK

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import InstanceTypeDef, InstanceTypeInfoTypeDef
    from mypy_boto3_eks.type_defs import NodegroupTypeDef

_ARCHITECTURES = {"x86_64": "amd64", "arm64": "arm64"}
_TAINT_EFFECTS = {
    "NO_SCHEDULE": "NoSchedule",
    "NO_EXECUTE": "NoExecute",
    "PREFER_NO_SCHEDULE": "PreferNoSchedule",
}

_DEFAULT_DISK_GIB = 20
"""What EKS gives a managed node group that asks for no size."""


def node_manifest(
    instance: InstanceTypeDef,
    instance_type: InstanceTypeInfoTypeDef,
    node_group: NodegroupTypeDef | None,
    *,
    region: str,
    kubelet_version: str,
    kubelet_port: int,
    ipv6: bool = False,
    registered: KubeletSettings = NO_SETTINGS,
) -> dict[str, Any]:
    """The node of an instance, not ready yet.

    Args:
        instance: From DescribeInstances.
        instance_type: Its type, from DescribeInstanceTypes.
        node_group: The managed node group it belongs to, from DescribeNodegroup; ``None`` for a self-managed group.
        region: AWS region of the cluster.
        kubelet_version: Version that the node reports.
        kubelet_port: Loopback port on which the kubelet's API is served.
        ipv6: Whether pods have IPv6 addresses.
        registered: Labels and taints of a self-managed group, from its user data.
    """
    name = instance["PrivateDnsName"]
    disk_gib = (node_group or {}).get("diskSize", _DEFAULT_DISK_GIB)
    pods = max_pods(instance_type, managed=node_group is not None, ipv6=ipv6)
    architecture, system = _architecture(instance_type), _operating_system(node_group)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                **registered.labels,
                **_group_labels(node_group),
                **_labels(instance, architecture, system, region),
            },
        },
        "spec": {"providerID": provider_id(instance), "taints": [*registered.taints, *_taints(node_group)]},
        "status": {
            "capacity": dict(capacity(instance_type, disk_gib, pods)),
            "allocatable": dict(allocatable(instance_type, disk_gib, pods)),
            "conditions": [
                {
                    "type": "Ready",
                    "status": "False",
                    "reason": "KubeletNotReady",
                    "message": "the node has just joined",
                }
            ],
            "addresses": [
                {"type": "InternalIP", "address": instance["PrivateIpAddress"]},
                {"type": "InternalDNS", "address": name},
                {"type": "Hostname", "address": name},
                # Where the kubelet's API really is, for `kubectl logs`.
                {"type": "ExternalDNS", "address": LOOPBACK},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet_port}},
            "nodeInfo": {
                "architecture": architecture,
                "operatingSystem": system,
                "osImage": "kwok (a simulated node)",
                "containerRuntimeVersion": "kwok://",
                "kernelVersion": "kwok",
                "kubeletVersion": kubelet_version,
                "kubeProxyVersion": "",
                "machineID": instance["InstanceId"],
                "systemUUID": instance["InstanceId"],
                "bootID": instance["InstanceId"],
            },
        },
    }


def provider_id(instance: InstanceTypeDef) -> str:
    """How Kubernetes names the instance, and Cluster Autoscaler finds its node."""
    return f"aws:///{instance['Placement']['AvailabilityZone']}/{instance['InstanceId']}"


def _architecture(instance_type: InstanceTypeInfoTypeDef) -> str:
    supported = instance_type["ProcessorInfo"]["SupportedArchitectures"]
    return next(_ARCHITECTURES[name] for name in supported if name in _ARCHITECTURES)


def _operating_system(node_group: NodegroupTypeDef | None) -> str:
    return "windows" if (node_group or {}).get("amiType", "").startswith("WINDOWS_") else "linux"


def _labels(instance: InstanceTypeDef, architecture: str, system: str, region: str) -> Mapping[str, str]:
    zone = instance["Placement"]["AvailabilityZone"]
    kind = instance["InstanceType"]
    return {
        "kubernetes.io/hostname": instance["PrivateDnsName"],
        "kubernetes.io/arch": architecture,
        "kubernetes.io/os": system,
        "node.kubernetes.io/instance-type": kind,
        "topology.kubernetes.io/region": region,
        "topology.kubernetes.io/zone": zone,
        # Deprecated, but nodes of EKS still have them.
        "beta.kubernetes.io/arch": architecture,
        "beta.kubernetes.io/os": system,
        "beta.kubernetes.io/instance-type": kind,
        "failure-domain.beta.kubernetes.io/region": region,
        "failure-domain.beta.kubernetes.io/zone": zone,
    }


def _group_labels(node_group: NodegroupTypeDef | None) -> Mapping[str, str]:
    if node_group is None:
        return {}
    return {
        **node_group.get("labels", {}),
        "eks.amazonaws.com/nodegroup": node_group["nodegroupName"],
        "eks.amazonaws.com/capacityType": node_group.get("capacityType", "ON_DEMAND"),
    }


def _taints(node_group: NodegroupTypeDef | None) -> list[dict[str, str]]:
    return [
        {"key": taint["key"], "value": taint.get("value", ""), "effect": _TAINT_EFFECTS[taint["effect"]]}
        for taint in (node_group or {}).get("taints", [])
    ]
