"""One emulated EKS cluster with its real control plane, for all tests of this folder."""

from collections.abc import Iterator

import pytest

from sandbox.tests.harness import Sandbox
from sandbox.tests.kubernetes.eks import Account, Cluster


@pytest.fixture(scope="session")
def account(sandbox: Sandbox) -> Account:
    """The emulated account, with what clusters need: a VPC and roles. The cluster controller follows it."""
    sandbox.start("aws", "clusters")
    return Account(sandbox)


@pytest.fixture(scope="session")
def cluster(account: Account) -> Iterator[Cluster]:
    """A cluster that serves."""
    cluster = account.create_cluster("blue", version="1.35")
    yield cluster
    account.delete_cluster("blue")
