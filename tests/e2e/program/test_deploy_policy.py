"""The policy that `scripts.deploy_policy` writes suffices for preview, up and destroy under enforcement, and no call is
missing from its table."""

from collections.abc import Iterator

import pytest

from sandbox.layout import ACCOUNT_ID
from sandbox.tests.harness import Sandbox
from scripts.deploy_policy.document import RECORDED, actions, document, table
from tests.e2e.program.deployer import NEEDS_NO_RIGHT, acting, calls, deployer, settings_of
from tests.e2e.program.stack import Stack

CLUSTER = "legacy"
ADMINISTRATOR = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


@pytest.fixture
def administrator(sandbox: Sandbox, legacy: dict[str, list[str]]) -> Iterator[str]:
    """An IAM user without rights, who may do anything in the cluster."""
    with deployer(sandbox) as arn:
        eks = sandbox.client("eks")
        eks.create_access_entry(clusterName=CLUSTER, principalArn=arn)
        eks.associate_access_policy(
            clusterName=CLUSTER, principalArn=arn, policyArn=ADMINISTRATOR, accessScope={"type": "cluster"}
        )
        yield arn
        eks.delete_access_entry(clusterName=CLUSTER, principalArn=arn)


@pytest.mark.full
@pytest.mark.usefixtures("administrator")
def test_the_policies_suffice_to_adopt_a_cluster_in_every_mode_and_hold_nothing_unused(sandbox: Sandbox) -> None:
    stack = Stack(sandbox, "adopt")
    for mode in ("irsa", "podIdentity", "nodeRole"):
        stack.set("credentials", mode)
        settings = settings_of(stack)
        deploy, preview = (document(settings, ACCOUNT_ID, write=write) for write in (True, False))
        before = calls(sandbox)
        with acting(sandbox, deploy):
            stack.up()
        with acting(sandbox, preview):
            assert stack.planned("--refresh") == []
            denied = stack.destroy(check=False)
            assert "AccessDenied" in denied
        with acting(sandbox, deploy):
            stack.destroy()
        recorded = {row.action for row in actions(settings, write=True) if row.source == RECORDED}
        assert recorded - (calls(sandbox) - before).keys() == set(), f"{mode}: allowed as recorded, and not called"


def test_every_call_of_the_provider_is_in_the_table(stack: Stack, sandbox: Sandbox) -> None:
    assert stack.outputs()["releaseStatus"] == "deployed"
    assert calls(sandbox).keys() - {row.action for row in table()} - NEEDS_NO_RIGHT == set()
