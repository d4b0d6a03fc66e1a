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


@pytest.mark.parametrize("operator", ["StringEqualsIfExists", "ForAllValues:StringEquals"])
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


@pytest.mark.parametrize(
    ("issuer", "subject", "audience"),
    [
        ("token.actions.githubusercontent.com", "repo:us/infra:*", "sts.amazonaws.com"),
        ("gitlab.com", "project_path:acme/infra:ref_type:branch:ref:main", "https://gitlab.com"),
        ("gitlab.example.com/self-managed", "project_path:acme/*", "https://gitlab.example.com"),
        ("api.pulumi.com/oidc", "pulumi:deploy:org:acme:project:*", "aws:acme"),
        ("app.terraform.io", "organization:acme:project:*", "aws.workload.identity"),
        ("oidc.circleci.com/org/0a1b", "org/0a1b/project/*", "0a1b"),
    ],
)
def test_issuers_that_are_no_clusters_are_not_judged(issuer: str, subject: str, audience: str) -> None:
    condition = {"StringEquals": {f"{issuer}:aud": audience}, "StringLike": {f"{issuer}:sub": subject}}
    assert judge(RULE, trusting(condition, issuer=issuer)).passes
    assert judge(RULE, trusting({}, issuer=issuer)).passes


@pytest.mark.parametrize("issuer", ["oidc.eks.cn-north-1.amazonaws.com.cn/id/0A", "oidc-eks.us-east-1.api.aws/id/0A"])
def test_every_form_of_a_clusters_issuer_is_judged(issuer: str) -> None:
    assert len(judge(RULE, trusting({}, issuer=issuer)).messages) == 2


def test_a_custom_issuer_is_judged_where_it_names_service_accounts() -> None:
    issuer = "s3.eu-central-1.amazonaws.com/our-kubernetes"
    loose = {"StringLike": {f"{issuer}:sub": "system:serviceaccount:*"}}
    assert len(judge(RULE, trusting(loose, issuer=issuer)).messages) == 2


@pytest.mark.parametrize("key", ["aws:SourceVpc", "aws:SourceVpce", "aws:PrincipalOrgID", "aws:RequestedRegion"])
def test_a_global_condition_key_narrows_further_and_is_no_violation(key: str) -> None:
    assert judge(RULE, trusting({"StringEquals": PINNED | {key: "x"}})).passes
    assert judge(RULE, trusting({"StringEquals": PINNED, "StringLike": {key: "x*"}})).passes


def test_a_pattern_without_wildcards_pins_too() -> None:
    assert judge(RULE, trusting({"StringLike": PINNED})).passes
    loose = PINNED | {SUBJECT: "system:serviceaccount:kube-system:cluster-*"}
    assert len(judge(RULE, trusting({"StringLike": loose})).messages) == 1
    assert judge(RULE, trusting({"StringEquals": PINNED, "StringLike": {SUBJECT: "system:serviceaccount:*"}})).passes


def test_the_audience_of_another_workload_is_its_own_affair() -> None:
    subject = {SUBJECT: "system:serviceaccount:kube-system:external-dns"}
    assert judge(RULE, trusting({"StringEquals": subject})).passes
    assert judge(RULE, trusting({"StringEquals": subject | {AUDIENCE: "vault"}})).passes


def test_a_trust_that_is_not_known_yet_is_undecided() -> None:
    assert judge(RULE, IRSA_ROLE.but("assumeRolePolicy", UNKNOWN)).undecided


def test_a_document_given_as_an_object_is_read_like_text() -> None:
    assert judge(RULE, IRSA_ROLE.but("assumeRolePolicy", IRSA_TRUST)).passes
    loose = copy.deepcopy(IRSA_TRUST)
    del loose["Statement"][0]["Condition"]
    assert len(judge(RULE, IRSA_ROLE.but("assumeRolePolicy", loose)).messages) == 2
