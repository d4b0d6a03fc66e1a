"""Decide how many nodes a managed node group is given when its limits change or when it is replaced.

The number of nodes belongs to Cluster Autoscaler. The AWS provider sends minimum, maximum and desired size together
(``resourceNodeGroupUpdate`` in hashicorp/terraform-provider-aws, ``internal/service/eks/node_group.go``), so an update
of the limits must repeat the live size, not a remembered one.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

REPLACING = ("amiType", "capacityType", "diskSize", "instanceTypes", "nodeRoleArn", "subnetIds")
"""Properties whose change makes the AWS provider replace a node group (``ForceNew`` in ``node_group.go``).

The launch template and the cluster are not in the list: a group is recognised by them.
"""

_UNORDERED = ("subnetIds",)


class Sizes(NamedTuple):
    """Minimum, maximum and number of nodes of a group."""

    minimum: int
    maximum: int
    desired: int


class LiveGroup(NamedTuple):
    """A node group as EKS describes it.

    Attributes:
        name: Name of the EKS node group.
        sizes: Its sizes now.
        template_id: ID of its launch template; empty if it has none.
        properties: Its properties by the names of :data:`REPLACING`.
    """

    name: str
    sizes: Sizes
    template_id: str
    properties: Mapping[str, Any]


def may_be_of(group: str, node_group_name: str) -> bool:
    """Return whether an EKS node group can have been created for the resource ``group``, judged by its name.

    Pulumi makes the name from that of the resource: ``<group>-<7 hexadecimal digits>`` unless ``pulumi:autonaming`` of
    the stack sets another pattern. Only the launch template is proof.
    """
    return group in node_group_name


def own(group: str, candidates: Sequence[LiveGroup]) -> list[LiveGroup]:
    """Return the groups that carry the very name that Pulumi makes for ``group``; all candidates if none does.

    Several groups can share one launch template of the user's, and one's name can begin with another's.
    """
    exact = re.compile(rf"{re.escape(group)}-[0-9a-f]{{7}}")
    return [each for each in candidates if exact.fullmatch(each.name)] or list(candidates)


def is_replaced(live: LiveGroup, requested: Mapping[str, Any]) -> bool:
    """Return whether the requested properties replace the group; a property that is not yet known counts as changed."""
    return any(_differ(key, live.properties.get(key), requested[key]) for key in REPLACING if key in requested)


def current(candidates: Sequence[LiveGroup], requested: Mapping[str, Any]) -> LiveGroup | None:
    """Return the group that the program has now: an interrupted replacement can leave the old and the new one."""
    return min(candidates, key=lambda each: (is_replaced(each, requested), -each.sizes.desired), default=None)


def desired_size(live: LiveGroup, minimum: int, maximum: int, requested: Mapping[str, Any]) -> int | None:
    """Return the desired size to send, or None if nothing that carries one is sent.

    Args:
        live: The group as it is.
        minimum: Requested minimum.
        maximum: Requested maximum.
        requested: Requested properties of the group.
    """
    same_limits = (live.sizes.minimum, live.sizes.maximum) == (minimum, maximum)
    if same_limits and not is_replaced(live, requested):
        return None
    return max(minimum, min(live.sizes.desired, maximum))


def _differ(key: str, live: object, requested: object) -> bool:
    if isinstance(live, list) and isinstance(requested, list) and key in _UNORDERED:
        return {*map(str, live)} != {*map(str, requested)}
    return live != requested
