"""How much of an EC2 instance Kubernetes counts, and how much of that pods may use, by EKS's formulas.

The formulas are those of the EKS-optimised AMIs (kubelet defaults of nodeadm, https://github.com/awslabs/amazon-eks-ami).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import InstanceTypeInfoTypeDef

_EVICTION_MEMORY_MIB = 100
_GIB = 1024**3
_MANY_CPUS = 30
_ADDRESSES_PER_PREFIX = 16
_MOST_PODS = 110
_MOST_PODS_OF_MANY_CPUS = 250

# Kubelet keeps so much of each CPU for itself, in thousandths: of the first, the second, the next two, every other one.
_RESERVED_CPU = ((1, 60), (1, 10), (2, 5))
_RESERVED_CPU_BEYOND = 2.5


def max_pods(instance_type: InstanceTypeInfoTypeDef, *, managed: bool = True, ipv6: bool = False) -> int:
    """Return the pods that a node of this type runs: those that the VPC CNI has addresses for, and two more.

    The formula and the two limits are those of ``max-pods-calculator.sh`` of awslabs/amazon-eks-ami: pods use the
    default network card only, and two are on the host's network. In an IPv6 cluster the VPC CNI always assigns
    prefixes (``isConfigValid`` in pkg/ipamd/ipamd.go of aws/amazon-vpc-cni-k8s), and EKS counts them; nodeadm itself
    does not (awslabs/amazon-eks-ami 2045).

    Args:
        instance_type: As DescribeInstanceTypes describes it.
        managed: Whether the node is of a managed node group, to which EKS gives a limit.
        ipv6: Whether pods have IPv6 addresses.
    """
    network = instance_type["NetworkInfo"]
    cards = {card["NetworkCardIndex"]: card["MaximumNetworkInterfaces"] for card in network.get("NetworkCards", [])}
    interfaces = cards.get(network.get("DefaultNetworkCardIndex", 0), network["MaximumNetworkInterfaces"])
    addresses = (network["Ipv4AddressesPerInterface"] - 1) * (_ADDRESSES_PER_PREFIX if managed and ipv6 else 1)
    pods = interfaces * addresses + 2
    most = _MOST_PODS_OF_MANY_CPUS if instance_type["VCpuInfo"]["DefaultVCpus"] > _MANY_CPUS else _MOST_PODS
    return min(most, pods) if managed else pods


def capacity(instance_type: InstanceTypeInfoTypeDef, disk_gib: int, pods: int) -> Mapping[str, str]:
    """Resources of a node, as quantities.

    Args:
        instance_type: As DescribeInstanceTypes describes it. NVIDIA GPUs count as if the device plugin ran.
        disk_gib: Size of the node's disk.
        pods: The pods that it runs, see :func:`max_pods`.
    """
    return {
        "cpu": str(instance_type["VCpuInfo"]["DefaultVCpus"]),
        "memory": f"{instance_type['MemoryInfo']['SizeInMiB']}Mi",
        "pods": str(pods),
        "ephemeral-storage": str(disk_gib * _GIB),
        **_gpus(instance_type),
    }


def allocatable(instance_type: InstanceTypeInfoTypeDef, disk_gib: int, pods: int) -> Mapping[str, str]:
    """What is left of :func:`capacity` for pods, after what kubelet keeps for the system and for eviction."""
    cpus = instance_type["VCpuInfo"]["DefaultVCpus"]
    memory_mib = instance_type["MemoryInfo"]["SizeInMiB"]
    return {
        "cpu": f"{cpus * 1000 - _reserved_millicpu(cpus)}m",
        "memory": f"{memory_mib - (255 + 11 * pods) - _EVICTION_MEMORY_MIB}Mi",
        "pods": str(pods),
        "ephemeral-storage": str(disk_gib * _GIB * 9 // 10 - _GIB),
        **_gpus(instance_type),
    }


def _reserved_millicpu(cpus: int) -> int:
    reserved = 0.0
    for count, share in _RESERVED_CPU:
        reserved += min(count, max(cpus, 0)) * share
        cpus -= count
    return int(reserved + max(cpus, 0) * _RESERVED_CPU_BEYOND)


def _gpus(instance_type: InstanceTypeInfoTypeDef) -> Mapping[str, str]:
    gpus = instance_type.get("GpuInfo", {}).get("Gpus", [])
    count = sum(gpu["Count"] for gpu in gpus if gpu["Manufacturer"] == "NVIDIA")
    return {"nvidia.com/gpu": str(count)} if count else {}
