import copy
from typing import Any

import pytest

from policies.rules.pod_identity_trust_is_narrow import RULE
from tests.policies.compliant import (
    ASSOCIATION,
    IRSA_ROLE,
    NODE_ROLE,
    POD_IDENTITY_ROLE,
    POD_IDENTITY_TRUST,
    POLICY,
    RELEASE,
    role,
)
from tests.policies.judging import UNKNOWN, Declared, Verdict, judge

PINNED = POD_IDENTITY_TRUST["Statement"][0]["Condition"]["StringEquals"]
ARN_KEY = "aws:RequestTag/eks-cluster-arn"
PLAIN_RELEASE = RELEASE.without("values/rbac/serviceAccount/annotations")


def judged(holder: Declared) -> Verdict:
    """The verdict on a role that is associated with the autoscaler's service account."""
    return judge(RULE, holder, ASSOCIATION, PLAIN_RELEASE)


def trusting(**changes: Any) -> Declared:
    trust = copy.deepcopy(POD_IDENTITY_TRUST)
    trust["Statement"][0] |= changes
    return role(trust)


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ("aws:RequestTag/kubernetes-namespace", "namespace"),
        ("aws:RequestTag/kubernetes-service-account", "service account"),
        (ARN_KEY, "cluster"),
    ],
)
def test_each_condition_is_needed(key: str, what: str) -> None:
    rest = {name: value for name, value in PINNED.items() if name != key}
    (message,) = judged(trusting(Condition={"StringEquals": rest})).messages
    assert message.startswith(f"Statement number 1 is open to any {what}; expected StringEquals {key}")


def test_a_trust_of_the_service_alone_is_refused_thrice() -> None:
    assert len(judged(trusting(Condition={})).messages) == 3


def test_patterns_do_not_narrow() -> None:
    patterns = {key: f"{value[:-1]}*" for key, value in PINNED.items()}
    assert len(judged(trusting(Condition={"StringLike": patterns})).messages) == 3
    assert judged(trusting(Condition={"StringLike": PINNED})).passes, "without wildcards it is StringEquals"


@pytest.mark.parametrize("key", ["aws:RequestTag/eks-cluster-name", "aws:SourceArn"])
def test_the_cluster_may_be_named_in_other_ways(key: str) -> None:
    others = {name: value for name, value in PINNED.items() if name != ARN_KEY}
    assert judged(trusting(Condition={"StringEquals": others | {key: "prod"}})).passes


@pytest.mark.parametrize("operator", ["ArnEquals", "ArnLike", "StringLike"])
def test_the_cluster_may_be_named_by_the_source_arn(operator: str) -> None:
    others = {name: value for name, value in PINNED.items() if name != ARN_KEY}
    arn = PINNED[ARN_KEY]
    assert judged(trusting(Condition={"StringEquals": others, operator: {"aws:SourceArn": arn}})).passes
    loose = {"StringEquals": others, operator: {"aws:SourceArn": arn.replace("prod", "*")}}
    assert len(judged(trusting(Condition=loose)).messages) == 1


@pytest.mark.parametrize("key", ["aws:SourceAccount", "aws:SourceOrgID", "aws:RequestTag/kubernetes-pod-name"])
def test_another_condition_key_narrows_further_and_is_no_violation(key: str) -> None:
    assert judged(trusting(Condition={"StringEquals": PINNED | {key: "x"}})).passes


def test_the_trust_that_aws_documents_for_its_add_ons_passes_on_their_roles() -> None:
    of_the_cni = ASSOCIATION.but("serviceAccount", "aws-node")
    assert judge(RULE, trusting(Condition={}), of_the_cni, PLAIN_RELEASE).passes
    assert judge(RULE, trusting(Condition={}), of_the_cni).passes
    assert judge(RULE, trusting(Condition={})).passes


def test_a_role_that_may_scale_groups_is_the_autoscalers_wherever_it_runs() -> None:
    attachment = Declared(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        {},
        uses={"policyArn": ("autoscaler-policy",), "role": ("autoscaler-role",)},
    )
    assert len(judge(RULE, trusting(Condition={}), POLICY, attachment).messages) == 3


def test_without_session_tags_no_pod_gets_credentials() -> None:
    assert judged(trusting(Action="sts:AssumeRole")).messages == [
        "Statement number 1 does not allow sts:TagSession, without which no pod gets credentials."
    ]


@pytest.mark.parametrize("other", [IRSA_ROLE, NODE_ROLE], ids=["irsa", "node"])
def test_roles_for_others_pass(other: Declared) -> None:
    assert judged(other).passes


def test_a_trust_that_is_not_known_yet_is_undecided() -> None:
    assert judged(POD_IDENTITY_ROLE.but("assumeRolePolicy", UNKNOWN)).undecided
