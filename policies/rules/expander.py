"""The program sets which group grows when several could."""

from collections.abc import Iterator

from pulumi_policy import EnforcementLevel, ResourceValidationArgs, Severity

from .model.autoscaler import AUTOSCALER_TYPES, HelmAutoscaler, autoscaler_in
from .model.flags import EXPANDERS
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
        if name in EXPANDERS and name not in allowed:
            yield f"expander is {name}; expected {', '.join(allowed)}, or several of them joined by commas."
    if "priority" in names and isinstance(autoscaler, HelmAutoscaler) and not autoscaler.value("expanderPriorities"):
        yield "expander is priority, and without expanderPriorities it is skipped."


RULE = Rule(
    name="expander",
    reason=(
        "The default expander changed with 1.33, so an upgrade changes which group grows. The expander priority does "
        "nothing without its priorities."
    ),
    fix="Set extraArgs.expander, for example to least-waste, and expanderPriorities where it is priority.",
    types=AUTOSCALER_TYPES,
    level=EnforcementLevel.ADVISORY,
    severity=Severity.LOW,
    settings={"allowed": text_list(EXPANDERS, "Expanders that may be used, by default all that work on AWS.")},
).per_resource(_judge)
