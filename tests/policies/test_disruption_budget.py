from policies.rules.disruption_budget import RULE
from tests.policies.compliant import DEPLOYMENT, DISRUPTION_BUDGET, RELEASE
from tests.policies.judging import UNKNOWN, judge


def test_a_release_that_removes_the_budget_is_refused() -> None:
    assert judge(RULE, RELEASE.but("values/podDisruptionBudget", None)).messages == [
        "The chart value podDisruptionBudget is null, so there is no budget."
    ]


def test_the_charts_default_budget_passes() -> None:
    assert judge(RULE, RELEASE.without("values/podDisruptionBudget")).passes


def test_a_deployment_without_a_budget_is_refused() -> None:
    assert judge(RULE, DEPLOYMENT).messages == [
        "No PodDisruptionBudget of the stack selects the pods of Deployment deployment."
    ]
    assert judge(RULE, DEPLOYMENT, DISRUPTION_BUDGET).passes


def test_a_budget_for_other_pods_does_not_count() -> None:
    labels = DISRUPTION_BUDGET.but("spec/selector/matchLabels", {"app": "web"})
    namespace = DISRUPTION_BUDGET.but("metadata/namespace", "default")
    everything = DISRUPTION_BUDGET.but("spec/selector/matchLabels", {})
    for other in (labels, namespace, everything):
        assert len(judge(RULE, DEPLOYMENT, other).messages) == 1


def test_a_budget_that_is_not_known_yet_is_undecided() -> None:
    assert judge(RULE, RELEASE.but("values/podDisruptionBudget", UNKNOWN)).undecided
    assert judge(RULE, DEPLOYMENT, DISRUPTION_BUDGET.but("spec/selector/matchLabels", UNKNOWN)).undecided
