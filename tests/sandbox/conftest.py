"""One sandbox for all tests of a session; each test starts the parts that it needs."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.harness import Sandbox
from tests.sandbox.program.stack import Stack, inventory

FOLDER = Path(__file__).parent
LONGEST = ("program", "doctor", "reliability")
"""Folders that take minutes each; the other worker does all the others meanwhile."""


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lets folders run side by side with ``-n 2 --dist loadgroup``, each folder in one sandbox; the longest first."""

    def folder(item: pytest.Item) -> str:
        return item.path.relative_to(FOLDER).parts[0] if item.path.is_relative_to(FOLDER) else ""

    for item in items:
        if name := folder(item):
            item.add_marker(pytest.mark.xdist_group(name))
    items.sort(key=lambda item: LONGEST.index(folder(item)) if folder(item) in LONGEST else len(LONGEST))


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
