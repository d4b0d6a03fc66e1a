"""Warm pools of Auto Scaling groups: instances that wait next to a group, and join it when it grows.

As ``PutWarmPool`` of the EC2 Auto Scaling API describes them. DescribeAutoScalingGroups does not show the instances,
only how many they are; a group remembers them in ``_warm``. Nothing but EKS makes a pool here, because EKS asks its
users to leave that API alone.
"""

from __future__ import annotations

from typing import Any

from ministack.services import ec2

Group = dict[str, Any]
"""An Auto Scaling group, as :data:`sandbox.aws.hooks.capacity.Group`."""

_RUNNING = {"Code": 16, "Name": "running"}
_STOPPED = {"Code": 80, "Name": "stopped"}
_EC2_STATES = {"Running": _RUNNING, "Stopped": _STOPPED, "Hibernated": _STOPPED}


def instances(group: Group) -> list[dict[str, Any]]:
    """The group's records of the instances in its pool; changes of the list count."""
    found: list[dict[str, Any]] = group.setdefault("_warm", [])
    return found


def wanted(group: Group) -> int:
    """How many instances the pool should have: those that the group may still grow by, or its minimum."""
    pool = group.get("WarmPoolConfiguration")
    if pool is None:
        return 0
    prepared = pool.get("MaxGroupPreparedCapacity", group["MaxSize"])
    return int(max(pool["MinSize"], prepared - group["DesiredCapacity"]))


def store(group: Group, record: dict[str, Any]) -> None:
    """Puts an instance that was launched into the pool, in the pool's state."""
    state = group["WarmPoolConfiguration"]["PoolState"]
    ec2._instances[record["InstanceId"]]["State"] = dict(_EC2_STATES[state])
    instances(group).append(record | {"LifecycleState": f"Warmed:{state}"})


def take(group: Group) -> dict[str, Any] | None:
    """Takes an instance out of the pool, running and in service; None if the pool is empty."""
    if not instances(group):
        return None
    record = instances(group).pop(0)
    ec2._instances[record["InstanceId"]]["State"] = dict(_RUNNING)
    return record | {"LifecycleState": "InService"}
