"""Tags for Cluster Autoscaler are spelled as it reads them."""

import re
from collections.abc import Iterator

from pulumi_policy import ResourceValidationArgs

from .model.rule import Rule, Settings
from .model.stack import AUTO_SCALING_GROUP, AUTO_SCALING_TAG, NODE_GROUP
from .model.tags import NODE_TEMPLATE, PREFIX, tags_of

# What aws_manager.go and auto_scaling_groups.go of 1.36.1 read after the prefix (read 2026-08-22).
_TEMPLATE_KINDS = ("label", "taint", "resources", "autoscaling-options")
_OPTIONS = (
    "scaledownutilizationthreshold",
    "scaledowngpuutilizationthreshold",
    "scaledownunneededtime",
    "scaledownunreadytime",
    "ignoredaemonsetsutilization",
)
_TAINT = re.compile(r".*:(NoSchedule|NoExecute|PreferNoSchedule)")


def _judge(resource: ResourceValidationArgs, _: Settings) -> Iterator[str]:
    for key, value in tags_of(resource).items():
        if key.startswith("eks:"):
            yield f"The tag {key} has the prefix that EKS keeps for itself; Cluster Autoscaler reads {PREFIX}..."
        elif key.startswith(NODE_TEMPLATE):
            yield from _judge_template(key, value)
        elif "cluster-autoscaler/" in key and not key.startswith(PREFIX):
            yield f"The tag {key} is not read by Cluster Autoscaler; expected the prefix {PREFIX}."


def _judge_template(key: str, value: str | None) -> Iterator[str]:
    kind, _, name = key.removeprefix(NODE_TEMPLATE).partition("/")
    if kind not in _TEMPLATE_KINDS or not name:
        expected = f"{NODE_TEMPLATE}<{'|'.join(_TEMPLATE_KINDS)}>/<name>"
        yield f"The tag {key} is not read by Cluster Autoscaler; expected {expected}."
    elif kind == "autoscaling-options" and name not in _OPTIONS:
        yield f"The tag {key} sets an option that AWS groups do not have; expected one of {', '.join(_OPTIONS)}."
    elif kind == "taint" and value is not None and not _TAINT.fullmatch(value):
        yield (
            f"The tag {key} = {value} is dropped; expected <value>:<NoSchedule|NoExecute|PreferNoSchedule>, where the "
            "value may be empty."
        )


RULE = Rule(
    name="autoscaler-tag-spelling",
    reason=(
        "Cluster Autoscaler ignores a tag that it cannot read and reports nothing: it does not find the group, or it "
        "does not know its labels and taints while the group is empty. The prefix eks: belongs to EKS, and on a "
        "self-managed group it makes Cluster Autoscaler ask EKS for a node group that does not exist."
    ),
    fix=(
        "Use k8s.io/cluster-autoscaler/enabled, k8s.io/cluster-autoscaler/<cluster> and "
        "k8s.io/cluster-autoscaler/node-template/{label,taint,resources,autoscaling-options}/<name>."
    ),
    types=(AUTO_SCALING_GROUP, AUTO_SCALING_TAG, NODE_GROUP),
).per_resource(_judge)
