from policies.rules.max_size import RULE
from tests.policies.compliant import NODE_GROUP, SELF_MANAGED_GROUP
from tests.policies.judging import UNKNOWN, judge

SIZE = "scalingConfig/maxSize"


def test_a_group_without_a_sensible_end_is_refused() -> None:
    assert judge(RULE, NODE_GROUP.but(SIZE, 1000.0)).messages == ["maxSize is 1000; expected 100 or less."]
    assert len(judge(RULE, SELF_MANAGED_GROUP.but("maxSize", 1000.0)).messages) == 1


def test_a_group_of_one_size_is_not_judged() -> None:
    assert judge(RULE, NODE_GROUP.but("scalingConfig/minSize", 1000.0).but(SIZE, 1000.0)).passes
    assert judge(RULE, NODE_GROUP.but("scalingConfig/minSize", 10.0)).passes


def test_the_limit_can_be_set() -> None:
    assert judge(RULE, NODE_GROUP.but(SIZE, 1000.0), settings={"largest": 1000.0}).passes
    assert len(judge(RULE, NODE_GROUP, settings={"largest": 5.0}).messages) == 1


def test_a_group_of_no_cluster_is_not_judged() -> None:
    assert judge(RULE, SELF_MANAGED_GROUP.but("tags", []).but("maxSize", 1000.0)).passes


def test_a_size_that_is_not_known_yet_is_undecided() -> None:
    assert judge(RULE, NODE_GROUP.but(SIZE, UNKNOWN)).undecided
