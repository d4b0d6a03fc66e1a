"""What EKS and EC2 refuse of a managed node group's warm pool."""

from collections.abc import Sequence

from . import ami, validation
from .faults import Fault
from .instances import InstanceType

STOPPED = "STOPPED"
HIBERNATED = "HIBERNATED"
STATES = (STOPPED, "RUNNING", HIBERNATED)
"""``WarmPoolState`` of the EKS API."""

COLD_CAPACITY = ("SPOT", "CAPACITY_BLOCK")
"""Capacity types without warm pools."""

LARGEST = 2**31 - 1
"""Sizes are 32-bit numbers in the EKS API."""


MOST_LINUX_MEMORY_GIB, MOST_WINDOWS_MEMORY_GIB = 149, 16
"""EC2 hibernates Linux with less than 150 GiB of memory, and Windows with 16 GiB at most."""


def faults(*, min_size: int, prepared: int, state: str, reuse: bool, ami_type: str, capacity_type: str) -> list[Fault]:
    """Find what cannot work, by paths below the pool's key.

    "Decrease latency for applications with long boot times using warm pools with managed node groups" of the EKS user
    guide names the limits of images, as does ``WarmPoolConfig`` of the EKS API. EC2 Auto Scaling has no warm pools of
    spot instances: "You can't add a warm pool to an Auto Scaling group that has [...] a launch template or launch
    configuration that requests Spot Instances". Its announcement of 2025-11 lifts the other half of that sentence,
    mixed instances policies, of which every managed node group has one; so several instance types work. "Warm pools are
    not supported when your launch template targets a Capacity Block" ("Use Capacity Blocks for machine learning
    workloads" of its user guide).

    Args:
        min_size: Minimum number of instances in the pool.
        prepared: Maximum number of instances in pool and group together.
        state: State of the instances in the pool.
        reuse: Whether instances return to the pool.
        ami_type: AMI type of the group.
        capacity_type: Capacity type of the group.
    """
    found = [
        *validation.bounds("minSize", min_size, 0, LARGEST),
        *validation.bounds("maxGroupPreparedCapacity", prepared, 1, LARGEST),
        *validation.choice("poolState", state, STATES),
    ]
    if ami_type == ami.CUSTOM:
        expected = "no warmPool: EKS has warm pools for its own images only"
        found.append(Fault("", f"a warm pool with amiType {ami.CUSTOM}", expected))
    if capacity_type in COLD_CAPACITY:
        expected = "capacityType ON_DEMAND, or no warmPool: EC2 has no warm pools of spot instances or Capacity Blocks"
        found.append(Fault("", f"a warm pool with capacityType {capacity_type}", expected))
    if ami.is_bottlerocket(ami_type):
        if state == HIBERNATED:
            expected = "STOPPED or RUNNING: EKS does not hibernate Bottlerocket nodes"
            found.append(Fault("poolState", f"{state} with amiType {ami_type}", expected))
        if reuse:
            expected = "false, or leave reuseOnScaleIn out: EKS does not reuse Bottlerocket nodes"
            found.append(Fault("reuseOnScaleIn", f"true with amiType {ami_type}", expected))
    return found


def hibernation_faults(types: Sequence[InstanceType], disk_gib: int | None, *, windows: bool) -> list[Fault]:
    """Find instance types that EC2 does not hibernate, and those whose memory does not fit into the root volume.

    "Prerequisites for EC2 instance hibernation" of the EC2 user guide; the program encrypts the volume, as it demands.

    Args:
        types: Instance types of the group.
        disk_gib: Size of the root volume; None if your own launch template has it.
        windows: Whether the nodes run Windows.
    """
    most = MOST_WINDOWS_MEMORY_GIB if windows else MOST_LINUX_MEMORY_GIB
    limit = f"a type that EC2 can hibernate, with {most} GiB of memory at most"
    found = [
        Fault("poolState", f"{HIBERNATED} with {each.name}", f"STOPPED or RUNNING, or {limit}")
        for each in types
        if not each.hibernates or each.memory_mib > most * 1024
    ]
    largest = max((each.memory_mib for each in types if each.hibernates), default=0)
    if disk_gib is not None and disk_gib * 1024 <= largest:
        got = f"{HIBERNATED} with {disk_gib} GiB of disk"
        expected = f"a diskSizeGib above {largest // 1024}: EC2 saves the memory of the instance on that volume"
        found.append(Fault("poolState", got, expected))
    return found
