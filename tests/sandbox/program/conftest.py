"""The program deployed once for all tests of this folder; each test leaves it as it found it."""

from collections.abc import Iterator

import pytest

from tests.sandbox.harness import Sandbox
from tests.sandbox.program.stack import Stack, inventory


@pytest.fixture(scope="session")
def before(sandbox: Sandbox) -> dict[str, list[str]]:
    """What the emulated AWS held before the program came."""
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
