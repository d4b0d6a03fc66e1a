"""The autoscaler has a standby."""

from collections.abc import Iterator

from pulumi_policy import EnforcementLevel, ResourceValidationArgs, Severity

from .model.autoscaler import AUTOSCALER_TYPES, autoscaler_in
from .model.rule import Rule, Settings, number


def _judge(resource: ResourceValidationArgs, settings: Settings) -> Iterator[str]:
    autoscaler = autoscaler_in(resource)
    if autoscaler and autoscaler.replicas < settings.number("minimum"):
        yield f"The autoscaler runs {autoscaler.replicas} pod(s); expected {settings.number('minimum')} or more."


RULE = Rule(
    name="replicas",
    reason="While a single pod is rescheduled, nothing scales. Leader election lets a second pod wait as a standby.",
    fix="Set replicaCount (or spec.replicas) to 2.",
    types=AUTOSCALER_TYPES,
    level=EnforcementLevel.ADVISORY,
    severity=Severity.LOW,
    settings={"minimum": number(2, "Minimum number of autoscaler pods.")},
).per_resource(_judge)
