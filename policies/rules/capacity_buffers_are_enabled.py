"""The autoscaler of the stack works on the stack's CapacityBuffers."""

from collections.abc import Iterator

from pulumi_policy import EnforcementLevel, PolicyResource, Severity

from .model.autoscaler import AUTOSCALER_TYPES, Autoscaler, autoscaler_in
from .model.rule import Rule, Settings
from .model.stack import CAPACITY_BUFFERS, Stack

_FLAGS = ("capacity-buffer-controller-enabled", "capacity-buffer-pod-injection-enabled")
_TRUE = ("", "1", "t", "true")
"""How Go spells a boolean flag that is set (strconv.ParseBool, and a flag without a value)."""


def _judge(resource: PolicyResource, stack: Stack, _: Settings) -> Iterator[str]:
    autoscalers = [found for each in stack.of(*AUTOSCALER_TYPES) if (found := autoscaler_in(each))]
    missing = [_missing(each) for each in autoscalers]
    if missing and all(missing):
        yield f"CapacityBuffer {resource.name} does nothing: the autoscaler does not set {' and '.join(missing[0])}."


def _missing(autoscaler: Autoscaler) -> list[str]:
    flags = autoscaler.flags
    return [flag for flag in _FLAGS if not (flag in flags and flags[flag][-1].lower() in _TRUE)]


RULE = Rule(
    name="capacity-buffers-are-enabled",
    reason=(
        "Cluster Autoscaler ignores every CapacityBuffer unless two flags are on: one for its controller, one by which "
        "it counts the pods of buffers. Nothing reports that, and the capacity is not kept free."
    ),
    fix=(
        "Set both flags of Cluster Autoscaler, and grant what the controller reads and writes (a setting of this "
        "project's program, autoscaler.capacityBuffers, does both)."
    ),
    types=CAPACITY_BUFFERS,
    level=EnforcementLevel.ADVISORY,
    severity=Severity.MEDIUM,
).per_stack(_judge)
