"""Every group of nodes that EKS does not tag itself carries both discovery tags."""

from collections.abc import Iterator

from pulumi_policy import PolicyResource

from .model.autoscaler import AUTOSCALER_TYPES, autoscaler_in
from .model.rule import Rule, Settings
from .model.stack import AUTO_SCALING_GROUP, AUTO_SCALING_TAG, NODE_GROUP, Stack
from .model.tags import (
    ENABLED,
    OWNED,
    PREFIX,
    cluster_of,
    is_for_autoscaler,
    points_at,
    runs_nodes,
    size_limits,
    tags_in_stack,
    tags_of,
    target_of,
)


def _judge(resource: PolicyResource, stack: Stack, _: Settings) -> Iterator[str]:
    if resource.resource_type == AUTO_SCALING_GROUP:
        tags = tags_in_stack(resource, stack)
        if _is_meant_to_scale(resource, tags, stack):
            yield from _missing(tags, f"Group {resource.name}")
    elif _is_first_for_outside_group(resource, stack):
        tags = {}
        for tag in _tags_for(target_of(resource), stack):
            tags |= tags_of(tag)
        if any(key == ENABLED or cluster_of(key) for key in tags):
            yield from _missing(tags, f"Group {target_of(resource)}")


def _is_meant_to_scale(group: PolicyResource, tags: dict[str, str | None], stack: Stack) -> bool:
    """Return whether a group has some tag for Cluster Autoscaler, or maxSize above minSize in a stack that runs one."""
    if is_for_autoscaler(tags):
        return True
    smallest, largest = size_limits(group)
    return runs_nodes(tags) and smallest < largest and any(map(autoscaler_in, stack.of(*AUTOSCALER_TYPES)))


def _missing(tags: dict[str, str | None], group: str) -> Iterator[str]:
    clusters = {key: value for key, value in tags.items() if cluster_of(key)}
    if ENABLED not in tags:
        yield f"{group} has no tag {ENABLED}."
    if not clusters:
        yield f"{group} has no tag {PREFIX}<cluster>."
    for key, value in clusters.items():
        if value not in (None, OWNED):
            yield f"{group} has the tag {key} = {value}; expected {OWNED}, which the role's condition asks for."


def _is_first_for_outside_group(tag: PolicyResource, stack: Stack) -> bool:
    """Return whether a tag resource is the one by which to judge a group that is not in the stack: once per group."""
    target = target_of(tag)
    # EKS tags the group behind a managed node group for discovery by itself.
    inside = (*stack.of(NODE_GROUP), *stack.of(AUTO_SCALING_GROUP))
    if target is None or any(points_at(tag, group) for group in inside):
        return False
    return tag is next(_tags_for(target, stack))


def _tags_for(target: str | None, stack: Stack) -> Iterator[PolicyResource]:
    return (tag for tag in stack.of(AUTO_SCALING_TAG) if target_of(tag) == target)


RULE = Rule(
    name="discovery-tags",
    reason=(
        "Cluster Autoscaler finds a group only by both discovery tags together and may change it only by the second. "
        "EKS adds them to the group of a managed node group, but not to a self-managed group. Cluster Autoscaler does "
        "not report a group that it cannot find: the group never scales."
    ),
    fix=(
        "Tag the Auto Scaling group k8s.io/cluster-autoscaler/enabled = true and "
        "k8s.io/cluster-autoscaler/<cluster> = owned."
    ),
    types=(AUTO_SCALING_GROUP, AUTO_SCALING_TAG),
).per_stack(_judge)
