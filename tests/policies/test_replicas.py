import pytest

from policies.rules.replicas import RULE
from tests.policies.compliant import DEPLOYMENT, RELEASE
from tests.policies.judging import UNKNOWN, Declared, judge


@pytest.mark.parametrize(
    "autoscaler",
    [
        RELEASE.but("values/replicaCount", 1.0),
        RELEASE.without("values/replicaCount"),
        DEPLOYMENT.but("spec/replicas", 1.0),
        DEPLOYMENT.without("spec/replicas"),
    ],
    ids=["release", "release by default", "deployment", "deployment by default"],
)
def test_a_single_pod_is_refused(autoscaler: Declared) -> None:
    assert judge(RULE, autoscaler).messages == ["The autoscaler runs 1 pod(s); expected 2 or more."]


def test_the_least_number_can_be_set() -> None:
    assert judge(RULE, RELEASE, settings={"minimum": 3.0}).messages == [
        "The autoscaler runs 2 pod(s); expected 3 or more."
    ]
    assert judge(RULE, RELEASE.but("values/replicaCount", 1.0), settings={"minimum": 1.0}).passes


def test_a_number_that_is_not_known_yet_is_undecided() -> None:
    assert judge(RULE, RELEASE.but("values/replicaCount", UNKNOWN)).undecided
