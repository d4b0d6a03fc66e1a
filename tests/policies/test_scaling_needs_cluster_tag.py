import copy
import json
from typing import Any

import pytest

from policies.rules.scaling_needs_cluster_tag import RULE
from tests.policies.compliant import IRSA_ROLE, POLICY, POLICY_DOCUMENT, policy
from tests.policies.judging import UNKNOWN, Declared, judge


def scale(**changes: Any) -> Declared:
    """The compliant policy with its write statement changed; None removes a key."""
    document = copy.deepcopy(POLICY_DOCUMENT)
    statement = document["Statement"][1] | changes
    document["Statement"][1] = {key: value for key, value in statement.items() if value is not None}
    return policy(document)


def condition(operator: str, key: str, value: Any) -> dict[str, Any]:
    return {operator: {key: value}}


def test_writes_without_a_condition_are_refused_by_statement_and_action() -> None:
    assert judge(RULE, scale(Condition=None)).messages == [
        "Statement Scale allows autoscaling:SetDesiredCapacity, autoscaling:TerminateInstanceInAutoScalingGroup on "
        'groups of any cluster; expected a condition StringEquals "aws:ResourceTag/k8s.io/cluster-autoscaler/'
        '<cluster>": "owned".'
    ]


@pytest.mark.parametrize(
    "given",
    [
        condition("StringEquals", "aws:ResourceTag/k8s.io/cluster-autoscaler/enabled", "true"),
        condition("StringEquals", "aws:ResourceTag/k8s.io/cluster-autoscaler/enabled", "owned"),
        condition("StringLike", "aws:ResourceTag/k8s.io/cluster-autoscaler/prod", "*"),
        condition("StringEqualsIfExists", "aws:ResourceTag/k8s.io/cluster-autoscaler/prod", "owned"),
        condition("ForAllValues:StringEquals", "aws:ResourceTag/k8s.io/cluster-autoscaler/prod", "owned"),
        condition("StringEquals", "aws:RequestTag/k8s.io/cluster-autoscaler/prod", "owned"),
        condition("StringEquals", "aws:ResourceTag/k8s.io/cluster-autoscaler/prod", ["owned", "shared"]),
        condition("StringEquals", "aws:ResourceTag/team", "owned"),
    ],
)
def test_a_condition_that_does_not_pin_one_clusters_tag_is_refused(given: dict[str, Any]) -> None:
    assert len(judge(RULE, scale(Condition=given)).messages) == 1


@pytest.mark.parametrize(
    "given",
    [
        condition("StringEquals", "autoscaling:ResourceTag/k8s.io/cluster-autoscaler/prod", "owned"),
        condition("stringequals", "AWS:resourcetag/k8s.io/cluster-autoscaler/Prod", ["owned"]),
        condition("StringEquals", "aws:ResourceTag/kubernetes.io/cluster/prod", "owned"),
    ],
)
def test_other_spellings_of_the_same_condition_pass(given: dict[str, Any]) -> None:
    assert judge(RULE, scale(Condition=given)).passes


@pytest.mark.parametrize(
    "action",
    ["*", "*:*", "autoscaling:*", "autoscaling:Set*", "autoscaling:D*", "AUTOSCALING:setdesiredcapacity", "auto*:*"],
)
def test_a_wildcard_that_covers_a_write_counts_as_one(action: str) -> None:
    assert len(judge(RULE, scale(Action=action, Condition=None)).messages) == 1


@pytest.mark.parametrize("action", ["autoscaling:Describe*", "autoscaling:GetPredictiveScalingForecast", "ec2:*"])
def test_reads_and_other_services_need_no_condition(action: str) -> None:
    assert judge(RULE, scale(Action=action, Condition=None)).passes


def test_everything_but_something_else_is_refused() -> None:
    messages = judge(RULE, scale(Action=None, NotAction="iam:*", Condition=None)).messages
    assert messages[0].startswith("Statement Scale allows everything but iam:* on groups of any cluster")


def test_everything_but_auto_scaling_passes() -> None:
    assert judge(RULE, scale(Action=None, NotAction=["autoscaling:*"], Condition=None)).passes


def test_a_deny_needs_no_condition() -> None:
    assert judge(RULE, scale(Effect="Deny", Condition=None)).passes


def test_inline_policies_of_a_role_are_judged() -> None:
    document = {"Statement": {"Effect": "Allow", "Action": "autoscaling:*", "Resource": "*"}}
    role = IRSA_ROLE.but("inlinePolicies", [{"name": "scale", "policy": json.dumps(document)}])
    assert judge(RULE, role).messages[0].startswith("Statement number 1 allows autoscaling:*")
    inline = Declared("aws:iam/rolePolicy:RolePolicy", {"policy": document})
    assert len(judge(RULE, inline).messages) == 1


def test_actions_of_another_controller_can_be_exempt() -> None:
    hook = scale(Action="autoscaling:CompleteLifecycleAction", Condition=None)
    assert len(judge(RULE, hook).messages) == 1
    assert judge(RULE, hook, settings={"exemptActions": ["autoscaling:CompleteLifecycleAction"]}).passes


def test_a_document_that_is_not_known_yet_is_undecided() -> None:
    assert judge(RULE, POLICY.but("policy", UNKNOWN)).undecided


def test_what_is_no_document_is_left_to_aws() -> None:
    assert judge(RULE, POLICY.but("policy", "{")).passes
