"""An IAM user who may do what a policy of `scripts.deploy_policy` allows, and nothing else."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.private_api import PrivateApi
from sandbox.providers.aws.session import USER_AGENT
from sandbox.tests.harness import Sandbox
from scripts.deploy_policy.reading import read
from settings import Settings
from tests.e2e.program.stack import Stack

NAME = "deployer"
NEEDS_NO_RIGHT = {"sts:GetCallerIdentity"}


def calls(sandbox: Sandbox) -> Counter[str]:
    """Calls of the AWS provider so far."""
    made = PrivateApi(sandbox.layout.aws_endpoint, USER_AGENT).calls()
    return Counter({f"{service}:{action}": times for (service, action), times in made.items()})


def settings_of(stack: Stack) -> Settings:
    """The settings of a stack."""
    stack._write()
    return read(stack._file)


@contextmanager
def deployer(sandbox: Sandbox) -> Iterator[str]:
    """The user, without rights; its ARN."""
    iam = sandbox.client("iam")
    arn = iam.create_user(UserName=NAME)["User"]["Arn"]
    try:
        yield str(arn)
    finally:
        for policy in iam.list_user_policies(UserName=NAME)["PolicyNames"]:
            iam.delete_user_policy(UserName=NAME, PolicyName=policy)
        iam.delete_user(UserName=NAME)


@contextmanager
def acting(sandbox: Sandbox, policy: object) -> Iterator[None]:
    """The person at the keyboard is the user with exactly this policy."""
    iam = sandbox.client("iam")
    iam.put_user_policy(UserName=NAME, PolicyName="deploy", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=NAME)["AccessKey"]
    file = sandbox.layout.aws_credentials
    before = file.read_text()
    file.write_text(
        f"[default]\naws_access_key_id = {key['AccessKeyId']}\naws_secret_access_key = {key['SecretAccessKey']}\n"
    )
    try:
        yield
    finally:
        file.write_text(before)
        iam.delete_access_key(UserName=NAME, AccessKeyId=key["AccessKeyId"])
