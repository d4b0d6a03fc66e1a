"""The tags of Auto Scaling groups that Cluster Autoscaler reads (its aws_manager.go, 1.36.1, read 2026-08-22)."""

from pulumi_policy import PolicyResource

from .properties import dig, mappings, peek, whole
from .stack import AUTO_SCALING_GROUP, AUTO_SCALING_TAG, NODE_GROUP, Judged, Stack, used_by

PREFIX = "k8s.io/cluster-autoscaler/"
ENABLED = PREFIX + "enabled"
NODE_TEMPLATE = PREFIX + "node-template/"
OWNER_PREFIX = "kubernetes.io/cluster/"
OWNED = "owned"


def cluster_of(key: str) -> str | None:
    """Return the cluster that a discovery tag names (`k8s.io/cluster-autoscaler/<cluster>`), None for other keys."""
    name = key.removeprefix(PREFIX)
    return name if name and name != key and key != ENABLED and "/" not in name else None


def tags_of(resource: Judged) -> dict[str, str | None]:
    """Return the tags that a group, a tag resource or any other AWS resource declares itself.

    A value that is not known yet is None.

    Raises:
        UnknownValueError: The tags, or a key among them, are not known yet.
    """
    tags = dig(resource.props, "tag" if resource.resource_type == AUTO_SCALING_TAG else "tags")
    if resource.resource_type in (AUTO_SCALING_GROUP, AUTO_SCALING_TAG):
        return {str(dig(tag, "key")): _text(peek(tag, "value")) for tag in mappings(tags)}
    return {key: _text(peek(tags, key)) for declared in mappings(tags) for key in declared}


def tags_in_stack(group: PolicyResource, stack: Stack) -> dict[str, str | None]:
    """Return the tags of a group, both its own and those of the tag resources that point at it."""
    tags = tags_of(group)
    for tag in stack.of(AUTO_SCALING_TAG):
        if points_at(tag, group):
            tags |= tags_of(tag)
    return tags


def points_at(tag: PolicyResource, group: PolicyResource) -> bool:
    """Return whether a tag resource is for a group of the stack, by reference or by name."""
    target = target_of(tag)
    return target is not None and target in (group.urn, peek(group.props, "name"))


def target_of(tag: PolicyResource) -> str | None:
    """Return what a tag resource is for: the URN of a group in the stack, or the name of one outside it."""
    for target in used_by(tag, "autoscalingGroupName", AUTO_SCALING_GROUP, NODE_GROUP):
        return target.urn
    return _text(peek(tag.props, "autoscalingGroupName"))


def runs_nodes(tags: dict[str, str | None]) -> bool:
    """Return whether a group with these tags belongs to a Kubernetes cluster; other groups are not judged."""
    return any(key.startswith((PREFIX, OWNER_PREFIX)) for key in tags)


def is_for_autoscaler(tags: dict[str, str | None]) -> bool:
    """Return whether any of these tags is one that Cluster Autoscaler reads."""
    return any(key.startswith(PREFIX) for key in tags)


def launches_nodes(template: PolicyResource, stack: Stack) -> bool:
    """Return whether a group of nodes in the stack uses a launch template or configuration."""
    return any(
        template in user.dependencies and (user.resource_type == NODE_GROUP or runs_nodes(tags_in_stack(user, stack)))
        for user in stack.of(NODE_GROUP, AUTO_SCALING_GROUP)
    )


def size_limits(group: Judged) -> tuple[int, int]:
    """Return minSize and maxSize of a managed node group or an Auto Scaling group.

    Raises:
        UnknownValueError: One of them is not known yet.
    """
    limits = dig(group.props, "scalingConfig") if group.resource_type == NODE_GROUP else group.props
    return whole(dig(limits, "minSize"), 0), whole(dig(limits, "maxSize"), 0)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
