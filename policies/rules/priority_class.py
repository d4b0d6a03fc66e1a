"""The autoscaler's pod is scheduled before other pending pods."""

from collections.abc import Iterator

from pulumi_policy import EnforcementLevel, ResourceValidationArgs, Severity

from .model.autoscaler import AUTOSCALER_TYPES, autoscaler_in
from .model.rule import Rule, Settings, text_list


def _judge(resource: ResourceValidationArgs, settings: Settings) -> Iterator[str]:
    autoscaler = autoscaler_in(resource)
    if autoscaler and autoscaler.priority_class not in settings.texts("allowed"):
        given = autoscaler.priority_class or "not set"
        yield f"priorityClassName is {given}; expected {' or '.join(settings.texts('allowed'))}."


RULE = Rule(
    name="priority-class",
    reason="In a full cluster an autoscaler pod of ordinary priority waits behind the pods that need new nodes.",
    fix="Set priorityClassName to system-cluster-critical.",
    types=AUTOSCALER_TYPES,
    level=EnforcementLevel.ADVISORY,
    severity=Severity.MEDIUM,
    settings={
        "allowed": text_list(
            ("system-cluster-critical", "system-node-critical"), "Priority classes that are high enough."
        )
    },
).per_resource(_judge)
