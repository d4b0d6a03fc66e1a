"""A node group may grow, but not without end."""

from collections.abc import Iterator

from pulumi_policy import EnforcementLevel, ResourceValidationArgs, Severity

from .model.rule import Rule, Settings, number
from .model.stack import AUTO_SCALING_GROUP, NODE_GROUP
from .model.tags import runs_nodes, size_limits, tags_of


def _judge(group: ResourceValidationArgs, settings: Settings) -> Iterator[str]:
    if group.resource_type == AUTO_SCALING_GROUP and not runs_nodes(tags_of(group)):
        return
    smallest, largest = size_limits(group)
    # A group whose limits are equal has one size, which Cluster Autoscaler never changes.
    if smallest < largest and largest > settings.number("largest"):
        yield f"maxSize is {largest}; expected {settings.number('largest')} or less."


RULE = Rule(
    name="max-size",
    reason="maxSize is the only limit when a faulty workload creates pods without end.",
    fix="Set maxSize to the largest number of nodes that you want to pay for.",
    types=(NODE_GROUP, AUTO_SCALING_GROUP),
    level=EnforcementLevel.ADVISORY,
    severity=Severity.MEDIUM,
    settings={"largest": number(100, "Maximum number of nodes of one group.")},
).per_resource(_judge)
