import copy
from typing import Any

import pytest

from policies.rules.irsa_trust_pins_service_account import RULE
from tests.policies.compliant import IRSA_ROLE, IRSA_TRUST, ISSUER, NODE_TRUST, POD_IDENTITY_TRUST, role
from tests.policies.judging import UNKNOWN, Declared, judge

SUBJECT, AUDIENCE = f"{ISSUER}:sub", f"{ISSUER}:aud"
PINNED = IRSA_TRUST["Statement"][0]["Condition"]["StringEquals"]


def trusting(condition: dict[str, Any], issuer: str = ISSUER) -> Declared:
    trust = copy.deepcopy(IRSA_TRUST)
    trust["Statement"][0]["Condition"] = condition
    trust["Statement"][0]["Principal"]["Federated"] = f"arn:aws:iam::123456789012:oidc-provider/{issuer}"
    return role(trust)


def test_a_trust_without_a_subject_is_refused() -> None:
    assert judge(RULE, trusting({"StringEquals": {AUDIENCE: "sts.amazonaws.com"}})).messages == [
        f"Statement number 1 does not pin {SUBJECT} by StringEquals; any service account of the cluster, or every one "
        "that a pattern matches, can take the role."
    ]


def test_a_trust_without_an_audience_is_refused() -> None:
    assert judge(RULE, trusting({"StringEquals": {SUBJECT: PINNED[SUBJECT]}})).messages == [
        f"Statement number 1 pins {AUDIENCE} to nothing; expected sts.amazonaws.com by StringEquals."
    ]


def test_another_audience_is_refused() -> None:
    verdict = judge(RULE, trusting({"StringEquals": PINNED | {AUDIENCE: "sts.amazonaws.com.cn"}}))
    assert verdict.messages == [
        f"Statement number 1 pins {AUDIENCE} to sts.amazonaws.com.cn; expected sts.amazonaws.com by StringEquals."
    ]


def test_a_trust_without_any_condition_is_refused_twice() -> None:
    assert len(judge(RULE, trusting({})).messages) == 2


@pytest.mark.parametrize("operator", ["StringLike", "StringEqualsIfExists", "ForAllValues:StringEquals"])
def test_any_operator_but_string_equals_is_refused(operator: str) -> None:
    assert len(judge(RULE, trusting({operator: PINNED})).messages) == 2


@pytest.mark.parametrize(
    "subject",
    ["*", "system:serviceaccount:kube-system:*", "system:serviceaccount:*:cluster-autoscaler", "cluster-autoscaler"],
)
def test_a_subject_that_is_no_single_service_account_is_refused(subject: str) -> None:
    verdict = judge(RULE, trusting({"StringEquals": PINNED | {SUBJECT: subject}}))
    assert verdict.messages == [
        f"Statement number 1 trusts the subject {subject}; expected "
        "system:serviceaccount:<namespace>:<service account>, without wildcards."
    ]


def test_a_condition_on_another_issuer_than_the_trusted_one_is_refused() -> None:
    other = "oidc.eks.eu-central-1.amazonaws.com/id/FFFF"
    assert len(judge(RULE, trusting({"StringEquals": PINNED}, issuer=other)).messages) == 2


def test_a_pattern_of_providers_is_refused() -> None:
    verdict = judge(RULE, trusting({"StringEquals": PINNED}, issuer="*"))
    assert verdict.messages == ["Statement number 1 trusts *; expected the OIDC provider of one cluster."]


def test_two_accounts_named_one_by_one_pass() -> None:
    subjects = [PINNED[SUBJECT], "system:serviceaccount:kube-system:aws-cluster-autoscaler"]
    assert judge(RULE, trusting({"StringEquals": PINNED | {SUBJECT: subjects}})).passes


def test_operators_and_keys_are_read_without_case_as_iam_does() -> None:
    condition = {"stringequals": {key.upper(): value for key, value in PINNED.items()}}
    assert judge(RULE, trusting(condition)).passes


@pytest.mark.parametrize("trust", [NODE_TRUST, POD_IDENTITY_TRUST])
def test_roles_for_others_pass(trust: dict[str, Any]) -> None:
    assert judge(RULE, role(trust)).passes


def test_a_trust_for_ci_is_exempt_until_the_setting_says_otherwise() -> None:
    issuer = "token.actions.githubusercontent.com"
    ci = trusting({"StringLike": {f"{issuer}:sub": "repo:us/infra:*"}}, issuer=issuer)
    assert judge(RULE, ci).passes
    assert len(judge(RULE, ci, settings={"exemptIssuers": []}).messages) == 2


def test_a_trust_that_is_not_known_yet_is_undecided() -> None:
    assert judge(RULE, IRSA_ROLE.but("assumeRolePolicy", UNKNOWN)).undecided


def test_a_document_given_as_an_object_is_read_like_text() -> None:
    assert judge(RULE, IRSA_ROLE.but("assumeRolePolicy", IRSA_TRUST)).passes
    loose = copy.deepcopy(IRSA_TRUST)
    del loose["Statement"][0]["Condition"]
    assert len(judge(RULE, IRSA_ROLE.but("assumeRolePolicy", loose)).messages) == 2
