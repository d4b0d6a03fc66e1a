"""Who may log in to an emulated cluster: EKS tokens, access entries, and what they make of a caller."""

import base64
import datetime

import pytest

from sandbox.kubernetes.access import (
    AccessEntry,
    AssociatedPolicy,
    Caller,
    Refused,
    find_principal,
    policy_group,
    presigned_url,
    principal_of,
    user_of_creator,
    user_of_entry,
)

EMULATOR = "http://127.0.0.1:4566"
NOW = datetime.datetime(2026, 3, 1, 12, 10, tzinfo=datetime.UTC)
QUERY = {
    "Action": "GetCallerIdentity",
    "Version": "2011-06-15",
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": "AKIA%2F20260301%2Fus-east-1%2Fsts%2Faws4_request",
    "X-Amz-Date": "20260301T120000Z",
    "X-Amz-Expires": "60",
    "X-Amz-SignedHeaders": "host%3Bx-k8s-aws-id",
    "X-Amz-Signature": "abc",
}
USER = Caller("arn:aws:iam::123456789012:user/alice", "AIDA1")
SESSION = Caller("arn:aws:sts::123456789012:assumed-role/dev/alice@example.com", "AROA1:alice@example.com")
POLICY_ARN = "arn:aws:eks::aws:cluster-access-policy/"


def url(base=EMULATOR + "/", **changed):
    query = QUERY | {name.replace("_", "-"): value for name, value in changed.items()}
    return base + "?" + "&".join(f"{name}={value}" for name, value in query.items() if value is not None)


def token(text):
    return "k8s-aws-v1." + base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def test_a_good_token_yields_its_url():
    assert presigned_url(token(url()), EMULATOR, NOW) == url()


def test_a_token_with_a_session_token_is_good_too():
    assert presigned_url(token(url(X_Amz_Security_Token="s")), EMULATOR, NOW).endswith("X-Amz-Security-Token=s")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("k8s-aws-v1.!!!", "base64url"),
        ("k8s-aws-v1." + "A" * 20_000, "longer than"),
        (token("https://sts.us-east-1.amazonaws.com/?" + url().partition("?")[2]), "set AWS_ENDPOINT_URL=" + EMULATOR),
        (token("http://127.0.0.1:9/?" + url().partition("?")[2]), "not for the sandbox's STS"),
        (token(url(EMULATOR + "/_sandbox/clusters")), "not for the sandbox's STS"),
        (token(url(Action="AssumeRole")), "asks for 'AssumeRole'"),
        (token(url(X_Amz_SignedHeaders="host")), "does not cover the header x-k8s-aws-id"),
        (token(url(RoleArn="arn")), "do not belong there: rolearn"),
        (token(url() + "&Action=GetCallerIdentity"), "twice"),
        (token(url(X_Amz_Date="20260301T115459Z")), "signed at 11:54:59 UTC"),
        (token(url(X_Amz_Date="20260301T121501Z")), "signed at 12:15:01 UTC"),
        (token(url(X_Amz_Date="yesterday")), "expected a time like"),
        (token(url(X_Amz_Date=None)), "expected a time like"),
    ],
)
def test_a_bad_token_is_refused_with_the_reason(bad, reason):
    with pytest.raises(Refused, match=reason.replace("?", r"\?")):
        presigned_url(bad, EMULATOR, NOW)


def test_a_session_is_known_by_its_role():
    assert principal_of(SESSION.arn) == "arn:aws:iam::123456789012:role/dev"
    assert principal_of(USER.arn) == USER.arn


def test_an_entry_for_a_role_with_a_path_is_found_by_the_session_which_has_lost_it():
    principals = ["arn:aws:iam::123456789012:role/dev2", "arn:aws:iam::123456789012:role/team/a/dev"]
    assert find_principal(SESSION.arn, principals) == principals[1]


def test_a_role_of_the_same_name_in_another_account_is_another_role():
    assert find_principal(SESSION.arn, ["arn:aws:iam::210987654321:role/dev"]) is None


def test_a_user_gets_the_names_and_groups_of_the_entry():
    entry = AccessEntry(USER.arn, username="alice", groups=("devs",))
    user = user_of_entry(USER, entry)
    assert (user.username, user.uid, user.groups) == ("alice", "AIDA1", ("devs",))
    assert user.extra["arn"] == [USER.arn]


@pytest.mark.parametrize(
    ("caller", "username", "expected"),
    [
        (USER, "", USER.arn),
        (SESSION, "", "arn:aws:sts::123456789012:assumed-role/dev/alice-example.com"),
        (SESSION, "dev:{{SessionName}}", "dev:alice-example.com"),
        (SESSION, "dev:{{SessionNameRaw}}", "dev:alice@example.com"),
        (SESSION, "{{AccountID}}:dev", "123456789012:dev"),
    ],
)
def test_user_names_follow_the_templates_of_eks(caller, username, expected):
    assert user_of_entry(caller, AccessEntry("arn", username=username)).username == expected


@pytest.mark.parametrize(
    "policy", ["AmazonEKSClusterAdminPolicy", "AmazonEKSAdminPolicy", "AmazonEKSEditPolicy", "AmazonEKSViewPolicy"]
)
def test_each_known_policy_becomes_its_group(policy):
    entry = AccessEntry(USER.arn, groups=("devs",), policies=(AssociatedPolicy(POLICY_ARN + policy, "cluster"),))
    assert user_of_entry(USER, entry).groups == ("devs", policy_group(policy))


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (AccessEntry("arn", policies=(AssociatedPolicy(POLICY_ARN + "AmazonEKSJobPolicy", "cluster"),)), "JobPolicy"),
        (AccessEntry("arn", policies=(AssociatedPolicy(POLICY_ARN + "AmazonEKSViewPolicy", "namespace"),)), "scope"),
        (AccessEntry("arn", kind="EC2_LINUX"), "EC2_LINUX"),
    ],
)
def test_what_the_sandbox_does_not_act_out_is_refused_by_name(entry, reason):
    with pytest.raises(Refused, match=reason):
        user_of_entry(USER, entry)


def test_the_creator_of_a_cluster_without_access_entries_is_its_master():
    assert user_of_creator(USER).groups == ("system:masters",)
