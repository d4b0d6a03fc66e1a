"""What EKS and EC2 refuse of a managed node group's warm pool."""

from collections.abc import Sequence

from . import ami, validation
from .faults import Fault
from .instances import InstanceType

STOPPED = "STOPPED"
HIBERNATED = "HIBERNATED"
STATES = (STOPPED, "RUNNING", HIBERNATED)
"""``WarmPoolState`` of the EKS API."""

SPOT = "SPOT"

LARGEST = 2**31 - 1
"""Sizes are 32-bit numbers in the EKS API."""


def faults(*, min_size: int, prepared: int, state: str, reuse: bool, ami_type: str, capacity_type: str) -> list[Fault]:
    """Find what cannot work, by paths below the pool's key.

    "Decrease latency for applications with long boot times using warm pools with managed node groups" of the EKS user
    guide names the limits of images, as does ``WarmPoolConfig`` of the EKS API. EC2 Auto Scaling has no warm pools of
    spot instances: "You can't add a warm pool to an Auto Scaling group that has [...] a launch template or launch
    configuration that requests Spot Instances". Its announcement of 2025-11 takes back the other half of that sentence,
    mixed instances policies, of which every managed node group has one; so several instance types work.

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
        found.append(Fault("", f"a warm pool with amiType {ami.CUSTOM}", "none: EKS warms its own images only"))
    if capacity_type == SPOT:
        expected = "none, or capacityType ON_DEMAND: EC2 has no warm pools of spot instances"
        found.append(Fault("", f"a warm pool with capacityType {SPOT}", expected))
    if ami.is_bottlerocket(ami_type):
        if state == HIBERNATED:
            expected = "STOPPED or RUNNING: EKS does not hibernate Bottlerocket"
            found.append(Fault("poolState", f"{state} with amiType {ami_type}", expected))
        if reuse:
            expected = "false, or none: EKS does not reuse nodes of Bottlerocket"
            found.append(Fault("reuseOnScaleIn", f"true with amiType {ami_type}", expected))
    return found


def hibernation_faults(types: Sequence[InstanceType], disk_gib: int | None) -> list[Fault]:
    """Find instance types that EC2 does not hibernate, and those whose memory does not fit into the root volume.

    "Prerequisites for EC2 instance hibernation" of the EC2 user guide; the program encrypts the volume, as it demands.

    Args:
        types: Instance types of the group.
        disk_gib: Size of the root volume; None if your own launch template has it.
    """
    found = [
        Fault("poolState", f"{HIBERNATED} with {each.name}", "STOPPED or RUNNING, or a type that EC2 can hibernate")
        for each in types
        if not each.hibernates
    ]
    largest = max((each.memory_mib for each in types if each.hibernates), default=0)
    if disk_gib is not None and disk_gib * 1024 <= largest:
        got = f"{HIBERNATED} with {disk_gib} GiB of disk"
        expected = f"a diskSizeGib above {largest // 1024}: EC2 saves the memory of the instance on that volume"
        found.append(Fault("poolState", got, expected))
    return found
