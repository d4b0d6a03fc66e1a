"""Trust documents are judged as IAM judges them, and no document crashes the judge."""

import copy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.pure import iam
from doctor.documents import Request, condition_keys, far_reaching, judge_trust, unconditioned
from doctor.facts import Policy

from .examples import few

PATH = "oidc.eks.us-east-1.amazonaws.com/id/ABC"
PROVIDER = f"arn:aws:iam::123456789012:oidc-provider/{PATH}"
CONTEXT = {f"{PATH}:sub": "system:serviceaccount:kube-system:ca", f"{PATH}:aud": "sts.amazonaws.com"}
REQUEST = Request("Federated", PROVIDER, ("sts:AssumeRoleWithWebIdentity",), CONTEXT)
TRUST = iam.irsa_trust(PROVIDER, f"https://{PATH}", "kube-system", "ca")
ARN = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:1:autoScalingGroupName/other"


def changed(**statement) -> dict:
    document: dict = copy.deepcopy(TRUST)
    document["Statement"][0].update(statement)
    return document


def test_the_project_s_own_trust_is_allowed_and_pins_both_claims():
    verdict = judge_trust(TRUST, REQUEST)
    assert verdict.allowed
    assert verdict.loose == frozenset()


@pytest.mark.parametrize(
    "condition",
    [
        {"StringLike": {f"{PATH}:sub": "system:serviceaccount:kube-system:*", f"{PATH}:aud": "sts.amazonaws.com"}},
        {"StringEquals": {f"{PATH}:aud": "sts.amazonaws.com"}},
        {},
    ],
)
def test_a_trust_that_does_not_pin_the_subject_is_allowed_and_loose(condition):
    verdict = judge_trust(changed(Condition=condition), REQUEST)
    assert verdict.allowed
    assert f"{PATH}:sub" in verdict.loose


@pytest.mark.parametrize(
    ("condition", "key", "given_"),
    [
        ({"StringEquals": {f"{PATH}:sub": "system:serviceaccount:default:ca"}}, "sub", CONTEXT[f"{PATH}:sub"]),
        ({"StringLike": {f"{PATH}:sub": "system:serviceaccount:*:caa"}}, "sub", CONTEXT[f"{PATH}:sub"]),
        ({"StringEquals": {f"{PATH}:aud": ["sts.amazonaws.com.cn"]}}, "aud", "sts.amazonaws.com"),
        ({"StringNotEquals": {f"{PATH}:aud": "sts.amazonaws.com"}}, "aud", "sts.amazonaws.com"),
        ({"ForAnyValue:StringEquals": {f"{PATH}:aud": ["x"]}}, "aud", "sts.amazonaws.com"),
        ({"StringEquals": {"other.example:sub": "x"}}, "other.example:sub", None),
    ],
)
def test_a_condition_that_does_not_hold_is_named(condition, key, given_):
    verdict = judge_trust(changed(Condition=condition), REQUEST)
    assert not verdict.allowed
    (refusal,) = verdict.refusals
    assert refusal.key.endswith(key)
    assert refusal.given == given_


def test_if_exists_lets_an_absent_key_pass():
    assert judge_trust(changed(Condition={"StringEqualsIfExists": {"aws:x": "y"}}), REQUEST).allowed


def test_an_operator_that_is_not_evaluated_is_reported():
    verdict = judge_trust(changed(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), REQUEST)
    assert verdict.unjudged == ("IpAddress aws:SourceIp",)


def test_the_statement_that_came_nearest_is_the_one_explained():
    far = {"StringEquals": {f"{PATH}:sub": "a", f"{PATH}:aud": "b"}}
    near = {"StringEquals": {f"{PATH}:sub": "a"}}
    document = {"Statement": [changed(Condition=far)["Statement"][0], changed(Condition=near)["Statement"][0]]}
    assert [refusal.key for refusal in judge_trust(document, REQUEST).refusals] == [f"{PATH}:sub"]


def test_a_denial_outweighs_what_is_allowed():
    denial = changed(Effect="Deny")["Statement"][0]
    verdict = judge_trust({"Statement": [changed()["Statement"][0], denial]}, REQUEST)
    assert not verdict.allowed


@pytest.mark.parametrize("action", ["sts:*", "*", "STS:assumerolewithwebidentity", ["x", "sts:AssumeRoleWith*"]])
def test_actions_may_be_patterns_in_any_case(action):
    assert judge_trust(changed(Action=action), REQUEST).allowed


def test_another_principal_is_reported():
    other = PROVIDER.replace("ABC", "XYZ")
    verdict = judge_trust(changed(Principal={"Federated": [other]}), REQUEST)
    assert (verdict.allowed, verdict.principals) == (False, (other,))


def test_pod_identity_needs_both_actions():
    document: dict = iam.pod_identity_trust("arn:cluster", "kube-system", "ca")
    context = {
        "aws:RequestTag/eks-cluster-arn": "arn:cluster",
        "aws:RequestTag/kubernetes-namespace": "kube-system",
        "aws:RequestTag/kubernetes-service-account": "ca",
    }
    request = Request("Service", "pods.eks.amazonaws.com", ("sts:AssumeRole", "sts:TagSession"), context)
    assert judge_trust(document, request).allowed
    document["Statement"][0]["Action"] = "sts:AssumeRole"
    assert judge_trust(document, request).missing_actions == ("sts:TagSession",)


POLICY = Policy("own", iam.autoscaler_policy(iam.ClusterIdentity("aws", "us-east-1", "123456789012", "demo")))
WIDE = Policy("AutoScalingFullAccess", {"Statement": {"Effect": "Allow", "Action": "autoscaling:*", "Resource": "*"}})
OFFICIAL = Policy(
    "official", {"Statement": [{"Effect": "Allow", "Action": list(iam.WRITE_ACTIONS), "Resource": ["*"]}]}
)


def test_the_project_s_own_policy_reaches_nothing_else():
    assert far_reaching([POLICY], ["autoscaling:DeleteAutoScalingGroup"]) == {}
    assert unconditioned([POLICY], iam.WRITE_ACTIONS, ARN) == {}
    assert condition_keys([POLICY]) == {"aws:ResourceTag/k8s.io/cluster-autoscaler/demo"}


def test_wide_policies_are_named_with_what_they_allow():
    assert far_reaching([POLICY, WIDE], ["autoscaling:DeleteAutoScalingGroup", "iam:PassRole"]) == {
        "AutoScalingFullAccess": ("autoscaling:DeleteAutoScalingGroup",)
    }
    assert unconditioned([POLICY, OFFICIAL], iam.WRITE_ACTIONS, ARN) == {"official": iam.WRITE_ACTIONS}


def test_a_policy_on_named_groups_is_narrow_without_a_condition():
    named = {"Effect": "Allow", "Action": list(iam.WRITE_ACTIONS), "Resource": ARN.replace("other", "eks-mine-*")}
    assert unconditioned([Policy("named", {"Statement": [named]})], iam.WRITE_ACTIONS, ARN) == {}


words = (
    st.sampled_from(["Allow", "Deny", "*", "sts:*", PROVIDER, "Federated", f"{PATH}:sub", "StringLike", "a?[b"])
    | st.text()
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Statement", "Effect", "Action", "Principal", "Federated", "Condition", "StringEquals", "Resource"]
            ),
            children,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@few
@given(st.dictionaries(st.sampled_from(["Statement", "Version"]), anything))
def test_no_document_crashes_the_judge(document):
    judge_trust(document, REQUEST)
    policy = Policy("any", document)
    far_reaching([policy], ["iam:CreateRole"])
    unconditioned([policy], iam.WRITE_ACTIONS, ARN)
    condition_keys([policy])


@few
@given(st.text(st.characters(exclude_characters="*?"), min_size=1), st.text(min_size=1))
def test_without_wildcards_a_pattern_matches_itself_only(namespace, other):
    trust = iam.irsa_trust(PROVIDER, f"https://{PATH}", namespace, "ca")
    context = {**CONTEXT, f"{PATH}:sub": iam.subject(other, "ca")}
    assert judge_trust(trust, replace(REQUEST, context=context)).allowed == (namespace == other)
