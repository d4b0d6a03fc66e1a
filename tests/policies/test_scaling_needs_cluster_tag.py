import copy
import json
from typing import Any

import pytest

from policies.rules.scaling_needs_cluster_tag import RULE
from tests.policies.compliant import IRSA_ROLE, NODE_ROLE, POD_IDENTITY_ROLE, POLICY, POLICY_DOCUMENT, policy, role
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
        '<cluster>": "owned", or the groups in Resource.'
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
        condition("StringLike", "aws:ResourceTag/eks:cluster-name", "prod-*"),
        condition("StringEquals", "aws:ResourceTag/eks:cluster-name", ["prod", "staging"]),
        condition("StringEquals", "aws:SourceVpc", "vpc-0a"),
        condition("StringEquals", "aws:RequestedRegion", "eu-central-1"),
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
        condition("StringEquals", "autoscaling:ResourceTag/kubernetes.io/cluster/prod", "owned"),
        condition("StringEquals", "aws:ResourceTag/eks:cluster-name", "prod"),
        condition("StringEquals", "aws:ResourceTag/eks:cluster-name", "${aws:PrincipalTag/eks-cluster-name}"),
        condition("StringLike", "aws:ResourceTag/k8s.io/cluster-autoscaler/prod", "owned"),
    ],
)
def test_other_spellings_of_the_same_condition_pass(given: dict[str, Any]) -> None:
    assert judge(RULE, scale(Condition=given)).passes


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("StringEquals", "aws:SourceVpc", "vpc-0a"),
        ("StringEquals", "aws:RequestedRegion", "eu-central-1"),
        ("StringEquals", "aws:PrincipalOrgID", "o-1"),
        ("IpAddress", "aws:VpcSourceIp", "10.0.0.0/8"),
        ("Bool", "aws:SecureTransport", "true"),
    ],
)
def test_a_global_condition_key_narrows_further_and_is_no_violation(operator: str, key: str, value: str) -> None:
    tag = {"aws:ResourceTag/k8s.io/cluster-autoscaler/prod": "owned"}
    given = {"StringEquals": {**tag}}
    given.setdefault(operator, {})[key] = value
    assert judge(RULE, scale(Condition=given)).passes


GROUP = "arn:aws:autoscaling:eu-central-1:123456789012:autoScalingGroup"


@pytest.mark.parametrize(
    "resource",
    [
        f"{GROUP}:0a1b:autoScalingGroupName/eks-workers-0a1b",
        f"{GROUP}:*:autoScalingGroupName/eks-workers-*",
        [f"{GROUP}:*:autoScalingGroupName/a", f"{GROUP}:*:autoScalingGroupName/b-?", "arn:aws:eks:*:*:nodegroup/*"],
    ],
)
def test_groups_that_are_named_need_no_condition(resource: Any) -> None:
    assert judge(RULE, scale(Condition=None, Resource=resource)).passes


@pytest.mark.parametrize(
    "resource",
    [
        "*",
        "arn:aws:autoscaling:*",
        "arn:*:*:*:*:*",
        f"{GROUP}:*",
        f"{GROUP}:*:autoScalingGroupName/*",
        f"{GROUP}:*:autoScalingGroupName/eks-*",
        [f"{GROUP}:*:autoScalingGroupName/a", "*"],
        None,
    ],
)
def test_groups_by_pattern_alone_are_of_any_cluster(resource: Any) -> None:
    assert len(judge(RULE, scale(Condition=None, Resource=resource)).messages) == 1


def test_everything_but_some_groups_is_of_any_cluster() -> None:
    spared = f"{GROUP}:*:autoScalingGroupName/a"
    assert len(judge(RULE, scale(Condition=None, Resource=None, NotResource=spared)).messages) == 1


def attached_to(holder: Declared) -> Declared:
    return Declared(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        {},
        "attachment",
        uses={"policyArn": ("autoscaler-policy",), "role": (holder.name,)},
    )


def ci_trust(**principal: str) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": principal}]}


OUTSIDE = {
    "GitHub": ci_trust(Federated="arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"),
    "people": ci_trust(AWS="arn:aws:iam::123456789012:root"),
    "CodeBuild": ci_trust(Service="codebuild.amazonaws.com"),
}


@pytest.mark.parametrize("trust", OUTSIDE.values(), ids=OUTSIDE)
def test_what_a_role_outside_the_cluster_may_do_is_not_judged(trust: dict[str, Any]) -> None:
    wide = scale(Action="autoscaling:*", Condition=None)
    outside = role(trust, "outside")
    assert judge(RULE, wide, outside, attached_to(outside)).passes
    inline = outside.but("inlinePolicies", [{"name": "all", "policy": wide.props["policy"]}])
    assert judge(RULE, inline).passes


@pytest.mark.parametrize("holder", [IRSA_ROLE, POD_IDENTITY_ROLE, NODE_ROLE], ids=["irsa", "pod identity", "node"])
def test_what_a_pod_or_node_may_do_is_judged(holder: Declared) -> None:
    wide = scale(Action="autoscaling:*", Condition=None)
    assert len(judge(RULE, wide, holder, attached_to(holder)).messages) == 1
    unknown = holder.but("assumeRolePolicy", UNKNOWN)
    assert len(judge(RULE, wide, unknown, attached_to(unknown)).messages) == 1


def test_a_policy_for_users_alone_is_not_judged() -> None:
    user = Declared("aws:iam/userPolicyAttachment:UserPolicyAttachment", {}, uses={"policyArn": ("autoscaler-policy",)})
    wide = scale(Action="autoscaling:*", Condition=None)
    assert judge(RULE, wide, user).passes


@pytest.mark.parametrize(
    "action",
    ["*", "*:*", "autoscaling:*", "autoscaling:Set*", "autoscaling:D*", "AUTOSCALING:setdesiredcapacity", "auto*:*"],
)
def test_a_wildcard_that_covers_a_write_counts_as_one(action: str) -> None:
    assert len(judge(RULE, scale(Action=action, Condition=None)).messages) == 1


@pytest.mark.parametrize("action", ["autoscaling:Describe*", "autoscaling:GetPredictiveScalingForecast", "ec2:*"])
def test_reads_and_other_services_need_no_condition(action: str) -> None:
    assert judge(RULE, scale(Action=action, Condition=None)).passes


def test_everything_but_another_program_is_refused() -> None:
    messages = judge(RULE, scale(Action=None, NotAction="iam:*", Condition=None)).messages
    assert messages[0].startswith("Statement Scale allows everything but iam:* on groups of any cluster")


def test_everything_but_auto_scaling_passes() -> None:
    assert judge(RULE, scale(Action=None, NotAction=["autoscaling:*"], Condition=None)).passes


def test_a_deny_needs_no_condition() -> None:
    assert judge(RULE, scale(Effect="Deny", Condition=None)).passes


def test_inline_policies_of_a_role_are_judged() -> None:
    document = {"Statement": {"Effect": "Allow", "Action": "autoscaling:*", "Resource": "*"}}
    holder = IRSA_ROLE.but("inlinePolicies", [{"name": "scale", "policy": json.dumps(document)}])
    assert judge(RULE, holder).messages[0].startswith("Statement number 1 allows autoscaling:*")
    inline = Declared("aws:iam/rolePolicy:RolePolicy", {"policy": document})
    assert len(judge(RULE, inline).messages) == 1


def test_actions_of_another_controller_can_be_exempt() -> None:
    hook = scale(Action="autoscaling:CompleteLifecycleAction", Condition=None)
    assert judge(RULE, hook).passes, "the node termination handler's"
    assert len(judge(RULE, hook, settings={"exemptActions": []}).messages) == 1
    protect = scale(Action="autoscaling:SetInstanceProtection", Condition=None)
    assert len(judge(RULE, protect).messages) == 1
    assert judge(RULE, protect, settings={"exemptActions": ["autoscaling:SetInstanceProtection"]}).passes


def test_a_document_that_is_not_known_yet_is_undecided() -> None:
    assert judge(RULE, POLICY.but("policy", UNKNOWN)).undecided


def test_what_is_no_document_is_left_to_aws() -> None:
    assert judge(RULE, POLICY.but("policy", "{")).passes
