"""A sandbox with one cluster, three node groups and the kubelet, for all tests of this folder."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.tests.harness import Sandbox
from sandbox.tests.kubelet.installation import EMPTY, GROUP, OPEN, Installation
from sandbox.tests.kubernetes.eks import Account


@pytest.fixture(scope="session")
def whole() -> Iterator[Installation]:
    """The cluster and its groups; a sandbox apart from the session's, whose account others fill."""
    root = Path(tempfile.mkdtemp(prefix="sandbox-"))
    own = Sandbox(root)
    try:
        account = Account(own.start("aws", "clusters", "kubelet"))
        found = Installation(account, account.create_cluster("red"))
        found.create_group(GROUP, sizes=(1, 3, 1))
        found.create_group(OPEN, hop_limit=2, taints=[{"key": OPEN, "value": "yes", "effect": "NO_SCHEDULE"}])
        taints = [{"key": EMPTY, "value": "yes", "effect": "NO_SCHEDULE"}]
        found.create_group(EMPTY, sizes=(0, 2, 0), labels={"pool": EMPTY}, taints=taints)
        yield found
    finally:
        own.stop()
        shutil.rmtree(root)


@pytest.fixture
def installation(whole: Installation) -> Iterator[Installation]:
    """The same without the chart, with a right role; the test installs, and what it leaves is removed."""
    whole.reset()
    yield whole
    whole.relax()
    whole.uninstall()
