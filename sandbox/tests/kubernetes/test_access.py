"""Who gets into a cluster by `aws eks get-token`, from the caller's keys to what RBAC then allows."""

import json
import re

import pytest

from sandbox.layout import REGION
from sandbox.tests.kubernetes.eks import eventually

POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKS{}Policy"
REFUSED = re.compile(r"You must be logged in to the server|Unauthorized|the server has asked for the client to provide")


@pytest.fixture(scope="module")
def grant(account, cluster):
    """Makes an access entry, with access policies at cluster scope."""

    def make(principal, *policies, **entry):
        account.eks.create_access_entry(clusterName=cluster.name, principalArn=principal, **entry)
        for policy in policies:
            account.eks.associate_access_policy(
                clusterName=cluster.name,
                principalArn=principal,
                policyArn=POLICY.format(policy),
                accessScope={"type": "cluster"},
            )

    return make


def arn(user):
    return f"arn:aws:iam::123456789012:user/{user}"


def log(account):
    return account.sandbox.layout.log("clusters").read_text()


def test_the_creator_gets_in_with_the_real_aws_cli(account, cluster):
    command = ["aws", "eks", "get-token", "--cluster-name", cluster.name, "--region", REGION, "--output", "json"]
    token = json.loads(account.sandbox.run(command))["status"]["token"]
    assert cluster.whoami(token)["username"] == arn("sandbox")
    assert cluster.kubectl("auth", "can-i", "*", "*", token=token).strip() == "yes"


def test_an_unknown_principal_is_rejected_and_the_log_shows_why(account, cluster):
    token = account.token(account.create_user("unknown"), cluster.name)
    assert REFUSED.search(cluster.whoami(token)["error"])
    assert f"no access entry of cluster blue names {arn('unknown')}" in log(account)


@pytest.mark.parametrize(
    ("policy", "allowed", "denied"),
    [
        ("View", "list pods", "create deployments"),
        ("Edit", "create deployments", "create rolebindings"),
        ("Admin", "create rolebindings", "list nodes"),
        ("ClusterAdmin", "delete nodes", None),
    ],
)
def test_an_access_policy_allows_what_it_allows_on_eks(account, cluster, grant, policy, allowed, denied):
    keys = account.create_user(f"with-{policy}")
    grant(arn(f"with-{policy}"), policy)
    token = account.token(keys, cluster.name)
    assert cluster.kubectl("auth", "can-i", *allowed.split(), "-A", token=token).strip() == "yes"
    if denied:
        assert cluster.kubectl("auth", "can-i", *denied.split(), "-A", token=token, check=False).strip() == "no"


def test_an_entry_gives_its_user_name_and_groups(account, cluster, grant):
    keys = account.create_user("named")
    grant(arn("named"), username="nora", kubernetesGroups=["devs"])
    user = cluster.whoami(account.token(keys, cluster.name))
    assert (user["username"], user["groups"]) == ("nora", ["devs", "system:authenticated"])


def test_a_role_session_gets_in_by_the_entry_of_its_role(account, cluster, grant):
    role = account.create_role("dev", {"AWS": arn("sandbox")}, Path="/team/")
    grant(role, "View")
    user = cluster.whoami(account.token(account.assume(role, "alice"), cluster.name))
    assert user["username"] == "arn:aws:sts::123456789012:assumed-role/dev/alice"


def test_a_removed_entry_shuts_out(account, cluster, grant):
    keys = account.create_user("leaver")
    grant(arn("leaver"), "View")
    assert "username" in cluster.whoami(account.token(keys, cluster.name))
    account.eks.delete_access_entry(clusterName=cluster.name, principalArn=arn("leaver"))
    # A new token, made in another second than the first: the API server remembers tokens for a while.
    eventually(lambda: "error" in cluster.whoami(account.token(keys, cluster.name)), seconds=3)


def test_a_token_for_another_cluster_stays_out(account, cluster):
    token = account.token(account.create_user("wanderer"), "green")
    assert "error" in cluster.whoami(token)
    assert "STS does not accept the token for cluster blue" in log(account)


def test_a_token_signed_with_a_wrong_secret_stays_out(account, cluster):
    keys = account.create_user("forger") | {"aws_secret_access_key": "x" * 40}
    assert "error" in cluster.whoami(account.token(keys, cluster.name))
    assert "SignatureDoesNotMatch" in log(account)


def test_a_token_signed_for_the_real_sts_is_rejected_and_the_log_shows_what_to_set(account, cluster):
    keys = account.create_user("elsewhere")
    token = account.token(keys, cluster.name, endpoint="https://sts.us-east-1.amazonaws.com")
    assert "error" in cluster.whoami(token)
    assert f"set AWS_ENDPOINT_URL={account.sandbox.layout.aws_endpoint}" in log(account)


def test_a_request_without_a_token_is_rejected(cluster):
    assert "error" in cluster.whoami("not-a-token")
