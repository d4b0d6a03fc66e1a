"""One sandbox for all tests of a session; each test starts the parts that it needs."""

from collections.abc import Iterator

import pytest

from sandbox.tests.harness import Sandbox
from sandbox.tests.sessions import by_folder, pytest_xdist_make_scheduler, sandbox, tools
from tests.e2e.program.stack import Stack, inventory

__all__ = ["before", "pytest_collection_modifyitems", "pytest_xdist_make_scheduler", "sandbox", "stack", "tools"]

LONGEST = ("program", "doctor", "reliability")
"""Folders that take minutes each; they start first, and the other worker runs the others meanwhile."""

pytest_collection_modifyitems = by_folder(LONGEST)


@pytest.fixture(scope="session")
def before(sandbox: Sandbox) -> dict[str, list[str]]:
    """What the emulated AWS holds before the program runs."""
    sandbox.start()
    return inventory(sandbox)


@pytest.fixture(scope="session")
def stack(sandbox: Sandbox, before: dict[str, list[str]]) -> Iterator[Stack]:
    """The stack `sandbox`, up: network, cluster, two node groups and the autoscaler, by IRSA."""
    deployed = Stack(sandbox, "sandbox")
    deployed.up()
    yield deployed
    deployed.pulumi("cancel", "--yes", "--stack", deployed.name, check=False)
    deployed.destroy()
