"""Fixtures and scheduling that every suite on a sandbox shares: this one and ``tests/e2e``."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from sandbox.tests.harness import Sandbox

ROOT = Path(__file__).parents[2]
SUITES = (ROOT / "tests" / "e2e", ROOT / "sandbox" / "tests")


class FolderScheduling(LoadScopeScheduling):
    """Keeps the tests of a folder in one worker, and so in one sandbox: what they set up is set up once.

    In the full form of the reliability suite each case runs on its own: each takes minutes, most of them idle.
    """

    def _split_scope(self, nodeid: str) -> str:
        if self.config.getoption("reliability") == "full":
            return nodeid
        return folder_of(ROOT / nodeid.partition("::")[0])


def folder_of(path: Path) -> str:
    """The first folder below its suite that a test file is in, such as ``program``; empty outside of the suites."""
    suite = next((suite for suite in SUITES if path.is_relative_to(suite)), None)
    return path.relative_to(suite).parts[0] if suite else ""


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FolderScheduling:
    """How the tests are dealt out when there are several workers (``-n 2``)."""
    return FolderScheduling(config, log)


def by_folder(longest: Sequence[str]) -> Callable[[list[pytest.Item]], None]:
    """Return a hook that runs the folders named here first, in this order."""

    def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
        order = {folder: index for index, folder in enumerate(longest)}
        items.sort(key=lambda item: order.get(folder_of(item.path), len(order)))

    return pytest_collection_modifyitems


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox of this session; nothing runs in it until a test asks for it with ``sandbox.start(...)``."""
    # Not below pytest's own folder: paths of Unix sockets have a short limit.
    root = Path(tempfile.mkdtemp(prefix="sandbox-"))
    session = Sandbox(root)
    yield session
    session.stop()
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def tools(sandbox: Sandbox) -> Path:
    """The folder of the tools: pulumi, kubectl, helm, etcd, kube-apiserver ..."""
    return sandbox.tools()
