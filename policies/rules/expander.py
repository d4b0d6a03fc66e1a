"""The program says which group grows when several could."""

from collections.abc import Iterator

from pulumi_policy import EnforcementLevel, ResourceValidationArgs, Severity

from .model.autoscaler import AUTOSCALER_TYPES, HelmAutoscaler, autoscaler_in
from .model.rule import Rule, Settings, text_list


def _judge(resource: ResourceValidationArgs, settings: Settings) -> Iterator[str]:
    autoscaler = autoscaler_in(resource)
    if autoscaler is None:
        return
    stated = autoscaler.flags.get("expander", ())
    if not stated:
        yield "The flag expander is not set; its default is random up to 1.32 and least-waste from 1.33 on."
    names = [name for value in stated for name in value.split(",")]
    allowed = settings.texts("allowed")
    for name in names:
        if name not in allowed:
            yield f"expander is {name!r}; expected {', '.join(allowed)}, or several of them joined by bare commas."
    if "priority" in names and isinstance(autoscaler, HelmAutoscaler) and not autoscaler.value("expanderPriorities"):
        yield "expander is priority, and without expanderPriorities it is skipped."


RULE = Rule(
    name="expander",
    reason=(
        "The default expander changed with 1.33, so an upgrade changes which group grows. The expander price ends the "
        "program on AWS, and a blank after a comma makes a name that nobody knows."
    ),
    fix="Set extraArgs.expander, for example to least-waste, and expanderPriorities where it is priority.",
    types=AUTOSCALER_TYPES,
    level=EnforcementLevel.ADVISORY,
    severity=Severity.LOW,
    settings={
        "allowed": text_list(
            ("least-waste", "priority", "most-pods", "least-nodes", "random", "grpc"), "Expanders that may be used."
        )
    },
).per_resource(_judge)
