import pytest

from policies.rules.autoscaler_tag_spelling import RULE
from tests.policies.compliant import NODE_GROUP, SELF_MANAGED_GROUP, TAINT_TAG
from tests.policies.judging import UNKNOWN, Declared, judge

TEMPLATE = "k8s.io/cluster-autoscaler/node-template/"


def tag(key: str, value: str = "x") -> Declared:
    return TAINT_TAG.but("tag", {"key": key, "value": value})


@pytest.mark.parametrize("key", ["eks:cluster-autoscaler/enabled", "eks:cluster-name", "eks:nodegroup-name"])
def test_the_prefix_of_eks_is_refused(key: str) -> None:
    assert judge(RULE, tag(key)).messages == [
        f"The tag {key} has the prefix that EKS keeps for itself; Cluster Autoscaler reads "
        "k8s.io/cluster-autoscaler/..."
    ]


@pytest.mark.parametrize(
    "key", ["kubernetes.io/cluster-autoscaler/enabled", "cluster-autoscaler/enabled", "K8s.io/cluster-autoscaler/prod"]
)
def test_another_prefix_is_refused(key: str) -> None:
    assert judge(RULE, tag(key)).messages == [
        f"The tag {key} is not read by Cluster Autoscaler; expected the prefix k8s.io/cluster-autoscaler/."
    ]


@pytest.mark.parametrize("rest", ["labels/team", "taints/dedicated", "resource/nvidia.com/gpu", "label/", "label"])
def test_a_node_template_tag_of_no_known_kind_is_refused(rest: str) -> None:
    (message,) = judge(RULE, tag(TEMPLATE + rest)).messages
    assert message.endswith(f"expected {TEMPLATE}<label|taint|resources|autoscaling-options>/<name>.")


@pytest.mark.parametrize("value", ["NoSchedule", "batch", "batch:NO_SCHEDULE", "batch:noschedule"])
def test_a_taint_without_a_kubernetes_effect_is_refused(value: str) -> None:
    (message,) = judge(RULE, tag(f"{TEMPLATE}taint/dedicated", value)).messages
    assert message.startswith(f"The tag {TEMPLATE}taint/dedicated = {value} is dropped")


@pytest.mark.parametrize("value", ["batch:NoSchedule", ":NoExecute", "a:PreferNoSchedule", UNKNOWN])
def test_a_taint_with_an_effect_passes_with_or_without_a_value(value: str) -> None:
    assert judge(RULE, tag(f"{TEMPLATE}taint/dedicated", value)).passes


def test_an_option_that_aws_groups_do_not_have_is_refused() -> None:
    assert judge(RULE, tag(f"{TEMPLATE}autoscaling-options/scaledownunneededtime", "5m")).passes
    (message,) = judge(RULE, tag(f"{TEMPLATE}autoscaling-options/maxnodeprovisiontime", "5m")).messages
    assert "sets an option that AWS groups do not have" in message


@pytest.mark.parametrize("key", ["Name", "k8s.io/cluster-autoscaler/enabled", f"{TEMPLATE}resources/nvidia.com/gpu"])
def test_other_tags_pass(key: str) -> None:
    assert judge(RULE, tag(key)).passes


def test_the_tags_of_groups_are_judged_alike() -> None:
    wrong = "eks:cluster-autoscaler/enabled"
    assert len(judge(RULE, SELF_MANAGED_GROUP.but("tags/0/key", wrong)).messages) == 1
    assert len(judge(RULE, NODE_GROUP.but("tags", {wrong: "true"})).messages) == 1


def test_a_key_that_is_not_known_yet_is_undecided() -> None:
    assert judge(RULE, tag(UNKNOWN)).undecided
