import copy

from policies.rules.tags_name_the_discovered_cluster import RULE
from tests.policies.compliant import (
    DEPLOYMENT,
    IRSA_ROLE,
    NODE_GROUP,
    POLICY,
    POLICY_DOCUMENT,
    RELEASE,
    SELF_MANAGED_GROUP,
    TAINT_TAG,
    policy,
)
from tests.policies.judging import UNKNOWN, Declared, judge

COMMAND = "spec/template/spec/containers/0/command/3"


def policy_for(cluster: str) -> Declared:
    document = copy.deepcopy(POLICY_DOCUMENT)
    key = f"aws:ResourceTag/k8s.io/cluster-autoscaler/{cluster}"
    document["Statement"][1]["Condition"] = {"StringEquals": {key: "owned"}}
    return policy(document)


def test_a_group_tagged_for_another_cluster_is_refused() -> None:
    group = SELF_MANAGED_GROUP.but("tags/1/key", "k8s.io/cluster-autoscaler/staging")
    verdict = judge(RULE, RELEASE, SELF_MANAGED_GROUP, group)
    assert verdict.messages == ["The group is tagged for cluster staging; the autoscaler of this stack discovers prod."]
    assert verdict.violations[0][0] == "self-managed"


def test_a_permission_for_another_cluster_is_refused() -> None:
    assert judge(RULE, RELEASE, policy_for("staging")).messages == [
        "The policy lets its holder scale groups of cluster staging; the autoscaler of this stack discovers prod."
    ]


def test_inline_policies_are_judged_too_and_skipped_where_only_an_output_names_them() -> None:
    inline = {"name": "scale", "policy": policy_for("staging").props["policy"]}
    assert len(judge(RULE, RELEASE, IRSA_ROLE.but("inlinePolicies", [inline])).messages) == 1
    assert judge(RULE, RELEASE, IRSA_ROLE.but("inlinePolicies", UNKNOWN)).passes


def test_iam_reads_the_cluster_in_a_condition_without_case() -> None:
    assert judge(RULE, RELEASE, policy_for("PROD")).passes


def test_a_tag_for_another_cluster_than_the_node_groups_own_is_refused() -> None:
    wrong = TAINT_TAG.but("tag", {"key": "k8s.io/cluster-autoscaler/prod", "value": "owned"})
    verdict = judge(RULE, NODE_GROUP.but("clusterName", "staging"), wrong)
    assert verdict.messages == [
        "The group is tagged for cluster prod, and its node group node-group belongs to staging."
    ]


def test_each_of_two_autoscalers_has_its_own_cluster() -> None:
    second = DEPLOYMENT.but(COMMAND, "--node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/staging")
    assert judge(RULE, RELEASE, second, POLICY, policy_for("staging")).passes


def test_discovery_is_read_from_tags_templates_and_flags() -> None:
    for values in (
        {"autoDiscovery/tags": ["k8s.io/cluster-autoscaler/{{ .Values.autoDiscovery.clusterName }}"]},
        {"autoDiscovery/tags": ["k8s.io/cluster-autoscaler/enabled=true", "k8s.io/cluster-autoscaler/prod=owned"]},
        {
            "autoDiscovery/clusterName": "",
            "extraArgs/node-group-auto-discovery": "asg:tag=k8s.io/cluster-autoscaler/prod",
        },
    ):
        release = RELEASE
        for path, value in values.items():
            release = release.but(f"values/{path}", value)
        assert judge(RULE, release, POLICY).passes
        assert len(judge(RULE, release, policy_for("staging")).messages) == 1


def test_without_an_autoscaler_in_the_stack_any_cluster_passes() -> None:
    assert judge(RULE, POLICY, SELF_MANAGED_GROUP).passes


def test_a_cluster_that_is_not_known_yet_is_undecided() -> None:
    assert judge(RULE, RELEASE.but("values/autoDiscovery/clusterName", UNKNOWN), POLICY).undecided


def test_what_can_be_judged_is_judged_next_to_what_cannot() -> None:
    unknown = SELF_MANAGED_GROUP.but("tags/1/key", UNKNOWN)
    verdict = judge(RULE, RELEASE, unknown, policy_for("staging"))
    assert verdict.undecided
    assert len(verdict.messages) == 1
