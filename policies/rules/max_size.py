"""A node group may grow, but not without end."""

from collections.abc import Iterator

from pulumi_policy import EnforcementLevel, ResourceValidationArgs, Severity

from .model.properties import dig, whole
from .model.rule import Rule, Settings, number
from .model.stack import AUTO_SCALING_GROUP, NODE_GROUP
from .model.tags import runs_nodes, tags_of


def _judge(group: ResourceValidationArgs, settings: Settings) -> Iterator[str]:
    if group.resource_type == AUTO_SCALING_GROUP and not runs_nodes(tags_of(group)):
        return
    limits = dig(group.props, "scalingConfig") if group.resource_type == NODE_GROUP else group.props
    smallest, largest = whole(dig(limits, "minSize"), 0), whole(dig(limits, "maxSize"), 0)
    if largest > settings.number("largest"):
        yield f"maxSize is {largest}; expected {settings.number('largest')} or less."
    if largest <= smallest:
        yield f"maxSize is {largest} and minSize {smallest}, which leaves Cluster Autoscaler no room."


RULE = Rule(
    name="max-size",
    reason=(
        "maxSize is the only brake when a faulty workload asks for pods without end, and a group whose limits are "
        "equal never scales."
    ),
    fix="Set maxSize to what the group may cost at most, above minSize.",
    types=(NODE_GROUP, AUTO_SCALING_GROUP),
    level=EnforcementLevel.ADVISORY,
    severity=Severity.MEDIUM,
    settings={"largest": number(100, "Most nodes that one group may grow to.")},
).per_resource(_judge)
