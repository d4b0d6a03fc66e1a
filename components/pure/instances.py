"""Which EC2 instance types fit together in one node group, and to its image."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from . import ami
from .faults import Fault


class InstanceType(NamedTuple):
    """An EC2 instance type as EC2 describes it.

    Attributes:
        name: Its name.
        architectures: CPU architectures, as EC2 spells them.
        vcpus: Number of vCPUs.
        memory_mib: Memory.
        nvidia: Whether it has a GPU of NVIDIA.
    """

    name: str
    architectures: frozenset[str]
    vcpus: int
    memory_mib: int
    nvidia: bool

    @classmethod
    def read(cls, name: str, found: Mapping[str, Any]) -> "InstanceType":
        """Read the answer of ``aws.ec2.get_instance_type``."""
        return cls(
            name,
            frozenset(found.get("supportedArchitectures", ())),
            int(found.get("defaultVcpus", 0)),
            int(found.get("memorySize", 0)),
            any(gpu.get("manufacturer") == "NVIDIA" for gpu in found.get("gpuses") or ()),
        )


def faults(types: Sequence[InstanceType], ami_type: str, *, unequal: bool) -> list[Fault]:
    """Find types that do not fit the image, and types of unequal size.

    Cluster Autoscaler sizes a group by its first type: a pod that fits the largest only is never scheduled, and nodes
    that are larger than the first are scaled down late (``aws_manager.go``, ``buildInstanceType``).

    Args:
        types: The types of one group, in order.
        ami_type: AMI type of the group.
        unequal: Whether the user accepts types of unequal size.
    """
    found = []
    first = types[0]
    for index, each in enumerate(types):
        path = f"instanceTypes[{index}]"
        if each.architectures and ami.architecture(ami_type) not in each.architectures:
            cpus = ", ".join(sorted(each.architectures))
            found.append(Fault(path, f"{each.name} ({cpus}) with {ami_type}", "a type with the CPU of the image"))
        if ami.needs_nvidia(ami_type) and not each.nvidia:
            found.append(Fault(path, f"{each.name} with {ami_type}", "a type with NVIDIA GPUs, or another AMI type"))
        if not unequal and (each.vcpus, each.memory_mib) != (first.vcpus, first.memory_mib):
            sizes = [f"{one.vcpus} vCPU and {one.memory_mib} MiB" for one in (each, first)]
            expected = f"{sizes[1]}, as {first.name} has: the autoscaler sizes the group by the first type; or set "
            found.append(Fault(path, f"{each.name} with {sizes[0]}", f"{expected}allowUnequalTypes: true"))
    return found
