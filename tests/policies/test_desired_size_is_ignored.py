from dataclasses import replace

import pytest

from policies.rules.desired_size_is_ignored import RULE
from tests.policies.compliant import NODE_GROUP, SELF_MANAGED_GROUP
from tests.policies.judging import UNKNOWN, judge

DESIRED = "scalingConfig.desiredSize"


def test_a_node_group_that_ignores_nothing_is_refused() -> None:
    assert judge(RULE, replace(NODE_GROUP, ignore_changes=())).messages == [
        "ignoreChanges is []; expected scalingConfig.desiredSize in it."
    ]


@pytest.mark.parametrize("path", ["scaling_config.desired_size", "scalingConfig", "desiredSize", "*"])
def test_a_path_that_means_nothing_or_too_much_is_refused(path: str) -> None:
    assert judge(RULE, replace(NODE_GROUP, ignore_changes=(path,))).messages == [
        f"ignoreChanges is ['{path}']; expected scalingConfig.desiredSize in it.",
        f"ignoreChanges has {path}, so Pulumi drops changes of it in the program without a message.",
    ]


@pytest.mark.parametrize("path", ["scalingConfig", "scalingConfig.maxSize", "tags", "*"])
def test_anything_but_the_desired_size_is_refused(path: str) -> None:
    assert judge(RULE, replace(NODE_GROUP, ignore_changes=(DESIRED, path))).messages == [
        f"ignoreChanges has {path}, so Pulumi drops changes of it in the program without a message."
    ]


@pytest.mark.parametrize("path", ['scalingConfig["desiredSize"]', "scalingConfig[desiredSize]"])
def test_the_other_spelling_of_the_path_passes(path: str) -> None:
    assert judge(RULE, replace(NODE_GROUP, ignore_changes=(path,))).passes


def test_further_paths_can_be_allowed() -> None:
    group = replace(NODE_GROUP, ignore_changes=(DESIRED, "releaseVersion"))
    assert judge(RULE, group, settings={"alsoIgnored": ["releaseVersion"]}).passes


def test_a_self_managed_group_of_nodes_must_ignore_its_desired_capacity() -> None:
    assert judge(RULE, replace(SELF_MANAGED_GROUP, ignore_changes=())).messages == [
        "ignoreChanges is []; expected desiredCapacity in it."
    ]
    assert len(judge(RULE, replace(SELF_MANAGED_GROUP, ignore_changes=("desiredCapacity", "maxSize"))).messages) == 1


def test_a_self_managed_group_may_ignore_tags_that_other_resources_give_it() -> None:
    assert judge(RULE, replace(SELF_MANAGED_GROUP, ignore_changes=("desiredCapacity", "tags"))).passes


def test_a_self_managed_group_that_sets_no_capacity_has_nothing_to_ignore() -> None:
    assert judge(RULE, replace(SELF_MANAGED_GROUP.without("desiredCapacity"), ignore_changes=())).passes


def test_a_group_of_no_cluster_is_not_judged() -> None:
    of_another_scaler = SELF_MANAGED_GROUP.without("tags/0").without("tags/0")
    assert judge(RULE, replace(of_another_scaler, ignore_changes=())).passes
    assert judge(RULE, replace(SELF_MANAGED_GROUP.but("tags", []), ignore_changes=())).passes


def test_a_group_of_one_size_is_not_judged() -> None:
    fixed = replace(NODE_GROUP.but("scalingConfig/minSize", 10.0), ignore_changes=())
    assert judge(RULE, fixed).passes
    assert judge(RULE, fixed.but("scalingConfig/maxSize", UNKNOWN)).undecided
    assert judge(RULE, replace(SELF_MANAGED_GROUP.but("minSize", 10.0), ignore_changes=())).passes


def test_a_size_that_is_not_known_yet_does_not_matter() -> None:
    assert judge(RULE, NODE_GROUP.but("scalingConfig", UNKNOWN)).passes


def test_the_component_that_sends_the_live_size_need_not_ignore_it() -> None:
    group = replace(NODE_GROUP, ignore_changes=(), parent="eks-cluster-autoscaler:index:ManagedNodeGroup")
    assert judge(RULE, group).passes
    assert not judge(RULE, replace(group, parent="acme:index:ManagedNodeGroup")).passes


def test_the_component_must_not_ignore_more_either() -> None:
    group = replace(
        NODE_GROUP, ignore_changes=("scalingConfig",), parent="eks-cluster-autoscaler:index:ManagedNodeGroup"
    )
    assert len(judge(RULE, group).messages) == 1
