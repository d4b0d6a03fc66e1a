from policies.rules.discovery_tags import RULE
from tests.policies.compliant import NODE_GROUP, RELEASE, SELF_MANAGED_GROUP
from tests.policies.judging import UNKNOWN, Declared, judge

ENABLED = "k8s.io/cluster-autoscaler/enabled"
CLUSTER = "k8s.io/cluster-autoscaler/prod"


def tag(key: str, value: str, group: str = "own-asg", uses: tuple[str, ...] = ()) -> Declared:
    props = {"autoscalingGroupName": group, "tag": {"key": key, "value": value}}
    return Declared("aws:autoscaling/tag:Tag", props, f"tag {key}", uses={"autoscalingGroupName": uses})


def test_a_self_managed_group_without_the_first_tag_is_refused() -> None:
    assert judge(RULE, SELF_MANAGED_GROUP.without("tags/0")).messages == [
        "Group self-managed has no tag k8s.io/cluster-autoscaler/enabled."
    ]


def test_a_self_managed_group_without_the_clusters_tag_is_refused() -> None:
    assert judge(RULE, SELF_MANAGED_GROUP.without("tags/1")).messages == [
        "Group self-managed has no tag k8s.io/cluster-autoscaler/<cluster>."
    ]


def test_a_group_that_only_its_nodes_call_a_clusters_own_needs_both() -> None:
    only_owner = SELF_MANAGED_GROUP.without("tags/0").without("tags/0")
    assert len(judge(RULE, only_owner, RELEASE).messages) == 2
    assert judge(RULE, only_owner).passes, "no autoscaler in the stack, and no tag that asks for one"


def test_a_group_of_one_size_needs_none() -> None:
    fixed = SELF_MANAGED_GROUP.without("tags/0").without("tags/0").but("minSize", 10.0)
    assert judge(RULE, fixed, RELEASE).passes


def test_the_clusters_tag_must_be_owned() -> None:
    assert judge(RULE, SELF_MANAGED_GROUP.but("tags/1/value", "true")).messages == [
        "Group self-managed has the tag k8s.io/cluster-autoscaler/prod = true; expected owned, which the role's "
        "condition asks for."
    ]


def test_tags_may_come_from_resources_that_point_at_the_group() -> None:
    bare = SELF_MANAGED_GROUP.without("tags/0").without("tags/0")
    by_reference = (tag(ENABLED, "true", UNKNOWN, ("self-managed",)), tag(CLUSTER, "owned", UNKNOWN, ("self-managed",)))
    by_name = (tag(ENABLED, "true", "workers-asg"), tag(CLUSTER, "owned", "workers-asg"))
    assert judge(RULE, bare, RELEASE, *by_reference).passes
    assert judge(RULE, bare, RELEASE, *by_name).passes
    assert len(judge(RULE, bare, RELEASE, by_name[0]).messages) == 1


def test_a_tag_on_some_group_elsewhere_is_not_counted_for_one_whose_name_is_not_known_either() -> None:
    bare = SELF_MANAGED_GROUP.without("tags/0").without("tags/0").but("name", UNKNOWN)
    assert len(judge(RULE, bare, RELEASE, tag(ENABLED, "true", UNKNOWN), tag(CLUSTER, "owned", UNKNOWN)).messages) == 2


def test_a_managed_group_needs_none_because_eks_tags_it() -> None:
    assert judge(RULE, NODE_GROUP).passes
    assert judge(RULE, NODE_GROUP, tag(ENABLED, "true", UNKNOWN, ("node-group",))).passes


def test_a_self_managed_group_that_gets_one_tag_needs_the_other_too() -> None:
    assert judge(RULE, tag(ENABLED, "true"), tag(CLUSTER, "owned")).passes
    verdict = judge(RULE, tag(ENABLED, "true"), tag(CLUSTER, "owned", "other-asg"))
    assert verdict.messages == [
        "Group own-asg has no tag k8s.io/cluster-autoscaler/<cluster>.",
        "Group other-asg has no tag k8s.io/cluster-autoscaler/enabled.",
    ]


def test_a_self_managed_group_that_gets_only_hints_for_scaling_from_zero_passes() -> None:
    assert judge(RULE, tag("k8s.io/cluster-autoscaler/node-template/label/team", "a")).passes


def test_a_group_of_no_cluster_is_not_judged() -> None:
    assert judge(RULE, SELF_MANAGED_GROUP.but("tags", [{"key": "Name", "value": "bastion"}])).passes


def test_a_value_that_is_not_known_yet_passes_and_a_key_is_undecided() -> None:
    assert judge(RULE, SELF_MANAGED_GROUP.but("tags/1/value", UNKNOWN)).passes
    assert judge(RULE, SELF_MANAGED_GROUP.but("tags/1/key", UNKNOWN)).undecided
