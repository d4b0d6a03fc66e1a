"""One sandbox for all tests of a session; each test starts the parts that it needs."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.sandbox.harness import Sandbox
from tests.sandbox.program.stack import Stack, inventory

FOLDER = Path(__file__).parent
LONGEST = ("program", "doctor", "reliability")
"""Folders that take minutes each, to begin with; the other worker does the others meanwhile."""


class FolderScheduling(LoadScopeScheduling):
    """Keeps the tests of a folder together, in one worker and so in one sandbox: what they set up is set up once.

    In the full form of the reliability suite each case goes where there is room: each takes minutes, most of them idle.
    """

    def _split_scope(self, nodeid: str) -> str:
        if self.config.getoption("reliability") == "full":
            return nodeid
        return str(Path(nodeid.partition("::")[0]).relative_to("tests/sandbox").parts[0])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FolderScheduling:
    """How the tests are dealt out when there are several workers (``-n 2``)."""
    return FolderScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest folders first."""

    def order(item: pytest.Item) -> int:
        folder = item.path.relative_to(FOLDER).parts[0] if item.path.is_relative_to(FOLDER) else ""
        return LONGEST.index(folder) if folder in LONGEST else len(LONGEST)

    items.sort(key=order)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox of this session's own; nothing runs in it until a test asks for it with ``sandbox.start(...)``."""
    # Not below pytest's own folder: paths of Unix sockets may not be long.
    root = Path(tempfile.mkdtemp(prefix="sandbox-"))
    session = Sandbox(root)
    yield session
    session.stop()
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def tools(sandbox: Sandbox) -> Path:
    """The folder of the tools: pulumi, kubectl, helm, etcd, kube-apiserver ..."""
    return sandbox.tools()


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
