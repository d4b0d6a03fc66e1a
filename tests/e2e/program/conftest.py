"""Clusters that exist before the program."""

from collections.abc import Iterator

import pytest

from sandbox import adoption
from sandbox.tests.harness import Sandbox
from tests.e2e.program.stack import inventory, remove_shared


@pytest.fixture(scope="module")
def legacy(sandbox: Sandbox) -> Iterator[dict[str, list[str]]]:
    """The cluster `legacy` and its node group `workers`, created by other means."""
    sandbox.start()
    clients = [sandbox.client(service) for service in ("ec2", "eks", "iam")]
    adoption.make(*clients)
    yield inventory(sandbox)
    remove_shared(sandbox, adoption.CLUSTER)
    adoption.remove(*clients)
