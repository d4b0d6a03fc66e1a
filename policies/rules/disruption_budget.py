"""The autoscaler's pods have a disruption budget."""

from collections.abc import Iterator

from pulumi_policy import EnforcementLevel, PolicyResource, Severity

from .model.autoscaler import AUTOSCALER_TYPES, HelmAutoscaler, autoscaler_in
from .model.properties import dig, has, mappings
from .model.rule import Rule, Settings
from .model.stack import DISRUPTION_BUDGET, Stack


def _judge(resource: PolicyResource, stack: Stack, _: Settings) -> Iterator[str]:
    autoscaler = autoscaler_in(resource)
    if isinstance(autoscaler, HelmAutoscaler):
        # The chart makes a budget unless the value is null; leaving it out keeps the default.
        values = dig(resource.props, "values")
        if has(values, "podDisruptionBudget") and dig(values, "podDisruptionBudget") is None:
            yield "The chart value podDisruptionBudget is null, so there is no budget."
    elif autoscaler:
        labels = dig(resource.props, "spec", "template", "metadata", "labels")
        budgets = stack.of(DISRUPTION_BUDGET)
        if not any(_covers(budget, autoscaler.namespace, labels) for budget in budgets):
            yield f"No PodDisruptionBudget of the stack selects the pods of Deployment {resource.name}."


def _covers(budget: PolicyResource, namespace: str, labels: object) -> bool:
    if (dig(budget.props, "metadata", "namespace") or "default") != namespace:
        return False
    selector = dig(budget.props, "spec", "selector", "matchLabels")
    wanted = [(key, value) for mapping in mappings(selector) for key, value in mapping.items()]
    return bool(wanted) and all(dig(labels, key) == value for key, value in wanted)


RULE = Rule(
    name="disruption-budget",
    reason=(
        "A budget keeps a node drain from evicting every autoscaler pod at once; without any, an upgrade of the nodes "
        "can stop scaling when it is needed most."
    ),
    fix="Keep the chart's podDisruptionBudget, or add a PodDisruptionBudget that selects the autoscaler's pods.",
    types=AUTOSCALER_TYPES,
    level=EnforcementLevel.ADVISORY,
    severity=Severity.LOW,
).per_stack(_judge)
