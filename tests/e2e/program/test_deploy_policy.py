"""The policy that `scripts.deploy_policy` writes suffices for preview, up and destroy under enforcement, and no call is
missing from its table."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sandbox.private_api import PrivateApi
from sandbox.providers.aws.session import USER_AGENT
from sandbox.tests.harness import Sandbox
from scripts.deploy_policy.__main__ import read
from scripts.deploy_policy.document import RECORDED, actions, document, table
from tests.e2e.program.stack import Stack

CLUSTER = "legacy"
ACCOUNT = "123456789012"
NEEDS_NO_RIGHT = {"sts:GetCallerIdentity"}
ADMINISTRATOR = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


def calls(sandbox: Sandbox) -> Counter[str]:
    """Calls of the AWS provider so far."""
    made = PrivateApi(sandbox.layout.aws_endpoint, USER_AGENT).calls()
    return Counter({f"{service}:{action}": times for (service, action), times in made.items()})


@contextmanager
def user(sandbox: Sandbox, name: str) -> Iterator[None]:
    """An IAM user without rights, who may do anything in the cluster."""
    iam, eks = sandbox.client("iam"), sandbox.client("eks")
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    eks.create_access_entry(clusterName=CLUSTER, principalArn=arn)
    eks.associate_access_policy(
        clusterName=CLUSTER, principalArn=arn, policyArn=ADMINISTRATOR, accessScope={"type": "cluster"}
    )
    yield
    eks.delete_access_entry(clusterName=CLUSTER, principalArn=arn)
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    for policy in iam.list_user_policies(UserName=name)["PolicyNames"]:
        iam.delete_user_policy(UserName=name, PolicyName=policy)
    iam.delete_user(UserName=name)


@contextmanager
def acting(sandbox: Sandbox, name: str, policy: object) -> Iterator[None]:
    """The person at the keyboard is this user with exactly this policy."""
    iam = sandbox.client("iam")
    iam.put_user_policy(UserName=name, PolicyName="deploy", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    file = sandbox.layout.aws_credentials
    before = file.read_text()
    file.write_text(
        f"[default]\naws_access_key_id = {key['AccessKeyId']}\naws_secret_access_key = {key['SecretAccessKey']}\n"
    )
    try:
        yield
    finally:
        file.write_text(before)
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])


@pytest.mark.full
@pytest.mark.usefixtures("legacy")
def test_the_policies_suffice_to_adopt_a_cluster_in_every_mode_and_hold_nothing_unused(sandbox: Sandbox) -> None:
    stack = Stack(sandbox, "adopt")
    with user(sandbox, "deployer"):
        for mode in ("irsa", "podIdentity", "nodeRole"):
            stack.set("credentials", mode)
            stack._write()
            settings = read(stack._file)
            deploy, preview = (document(settings, ACCOUNT, write=write) for write in (True, False))
            before = calls(sandbox)
            with acting(sandbox, "deployer", deploy):
                stack.up()
            with acting(sandbox, "deployer", preview):
                assert stack.planned("--refresh") == []
                denied = stack.destroy(check=False)
                assert "AccessDenied" in denied
            with acting(sandbox, "deployer", deploy):
                stack.destroy()
            recorded = {row.action for row in actions(settings, write=True) if row.source == RECORDED}
            assert recorded - (calls(sandbox) - before).keys() == set(), f"{mode}: allowed as recorded, and not called"


def test_every_call_of_the_provider_is_in_the_table(stack: Stack, sandbox: Sandbox) -> None:
    assert stack.outputs()["releaseStatus"] == "deployed"
    assert calls(sandbox).keys() - {row.action for row in table()} - NEEDS_NO_RIGHT == set()
