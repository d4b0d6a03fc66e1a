"""Cluster Autoscaler owns the desired size of a node group, and the program owns everything else."""

import re
from collections.abc import Iterator

from pulumi_policy import ResourceValidationArgs

from .model.properties import has
from .model.rule import Rule, Settings, text_list
from .model.stack import AUTO_SCALING_GROUP, NODE_GROUP
from .model.tags import is_for_autoscaler, size_limits, tags_of

_OWNED_BY_AUTOSCALER = {NODE_GROUP: "scalingConfig.desiredSize", AUTO_SCALING_GROUP: "desiredCapacity"}
# Tags that `aws.autoscaling.Tag` resources put on a self-managed group would otherwise be removed by the group itself.
_ALSO_HARMLESS = {NODE_GROUP: (), AUTO_SCALING_GROUP: ("tags",)}
_SENDS_THE_LIVE_SIZE = "eks-cluster-autoscaler:index:ManagedNodeGroup$"
"""In the URN of a group whose component ignores the desired size, unless it sends the live one with new limits."""


def _judge(group: ResourceValidationArgs, settings: Settings) -> Iterator[str]:
    findings = [*_findings(group, settings)]
    if findings:
        smallest, largest = size_limits(group)
        # Cluster Autoscaler never changes a group whose limits are equal.
        yield from findings if smallest < largest else ()


def _findings(group: ResourceValidationArgs, settings: Settings) -> Iterator[str]:
    if group.resource_type == AUTO_SCALING_GROUP and not (
        has(group.props, "desiredCapacity") and is_for_autoscaler(tags_of(group))
    ):
        return
    wanted = _OWNED_BY_AUTOSCALER[group.resource_type]
    ignored = [_dotted(path) for path in group.opts.ignore_changes]
    if wanted not in ignored and _SENDS_THE_LIVE_SIZE not in group.urn:
        yield f"ignoreChanges is {ignored}; expected {wanted} in it."
    harmless = (wanted, *_ALSO_HARMLESS[group.resource_type], *settings.texts("alsoIgnored"))
    for path in ignored:
        if path not in harmless:
            yield f"ignoreChanges has {path}, so Pulumi drops changes of it in the program without a message."


def _dotted(path: str) -> str:
    return re.sub(r'\["?([^"\]]+)"?\]', r".\1", path)


RULE = Rule(
    name="desired-size-is-ignored",
    reason=(
        "A program that sets the desired size undoes every scaling of Cluster Autoscaler at its next update and drains "
        "live nodes. Ignoring more, such as all of scalingConfig, also drops changes of the limits."
    ),
    fix=(
        'Set ignoreChanges to ["scalingConfig.desiredSize"] on node groups and ["desiredCapacity"] on self-managed '
        "groups. Write the path as shown: scaling_config.desired_size means nothing to the engine. Then run pulumi up "
        "with --refresh: a change of the limits sends the size in Pulumi's state. The component ManagedNodeGroup reads "
        "the live size and needs neither."
    ),
    types=tuple(_OWNED_BY_AUTOSCALER),
    settings={"alsoIgnored": text_list((), "Further paths that a group may ignore, such as releaseVersion.")},
).per_resource(_judge)
