from policies.rules.priority_class import RULE
from tests.policies.compliant import DEPLOYMENT, RELEASE
from tests.policies.judging import UNKNOWN, judge

VALUE = "values/priorityClassName"
FIELD = "spec/template/spec/priorityClassName"


def test_another_class_is_refused() -> None:
    assert judge(RULE, RELEASE.but(VALUE, "batch")).messages == [
        "priorityClassName is batch; expected system-cluster-critical or system-node-critical."
    ]


def test_no_class_is_refused() -> None:
    expected = ["priorityClassName is not set; expected system-cluster-critical or system-node-critical."]
    assert judge(RULE, RELEASE.but(VALUE, "")).messages == expected
    assert judge(RULE, DEPLOYMENT.without(FIELD)).messages == expected


def test_the_charts_default_passes() -> None:
    assert judge(RULE, RELEASE.without(VALUE)).passes


def test_the_classes_can_be_set() -> None:
    assert judge(RULE, DEPLOYMENT.but(FIELD, "platform"), settings={"allowed": ["platform"]}).passes
    assert len(judge(RULE, DEPLOYMENT, settings={"allowed": ["platform"]}).messages) == 1


def test_a_class_that_is_not_known_yet_is_undecided() -> None:
    assert judge(RULE, RELEASE.but(VALUE, UNKNOWN)).undecided
