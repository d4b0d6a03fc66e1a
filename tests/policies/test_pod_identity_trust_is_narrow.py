import copy
from typing import Any

import pytest

from policies.rules.pod_identity_trust_is_narrow import RULE
from tests.policies.compliant import IRSA_ROLE, NODE_ROLE, POD_IDENTITY_ROLE, POD_IDENTITY_TRUST, role
from tests.policies.judging import UNKNOWN, Declared, judge

PINNED = POD_IDENTITY_TRUST["Statement"][0]["Condition"]["StringEquals"]
ARN_KEY = "aws:RequestTag/eks-cluster-arn"


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
    (message,) = judge(RULE, trusting(Condition={"StringEquals": rest})).messages
    assert message.startswith(f"Statement number 1 is open to any {what}; expected StringEquals {key}")


def test_a_trust_of_the_service_alone_is_refused_thrice() -> None:
    assert len(judge(RULE, trusting(Condition={})).messages) == 3


def test_patterns_do_not_narrow() -> None:
    assert len(judge(RULE, trusting(Condition={"StringLike": PINNED})).messages) == 3


@pytest.mark.parametrize("key", ["aws:RequestTag/eks-cluster-name", "aws:SourceArn"])
def test_the_cluster_may_be_named_in_other_ways(key: str) -> None:
    others = {name: value for name, value in PINNED.items() if name != ARN_KEY}
    assert judge(RULE, trusting(Condition={"StringEquals": others | {key: "prod"}})).passes


def test_without_session_tags_no_pod_gets_credentials() -> None:
    assert judge(RULE, trusting(Action="sts:AssumeRole")).messages == [
        "Statement number 1 does not allow sts:TagSession, without which no pod gets credentials."
    ]


@pytest.mark.parametrize("other", [IRSA_ROLE, NODE_ROLE], ids=["irsa", "node"])
def test_roles_for_others_pass(other: Declared) -> None:
    assert judge(RULE, other).passes


def test_a_trust_that_is_not_known_yet_is_undecided() -> None:
    assert judge(RULE, POD_IDENTITY_ROLE.but("assumeRolePolicy", UNKNOWN)).undecided
