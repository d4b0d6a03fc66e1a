"""Fixtures and scheduling that every suite on a sandbox shares: this one and ``tests/e2e``."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from sandbox.tests.harness import Sandbox

OWN_SUITE = PurePath("sandbox", "tests")


class SandboxScheduling(LoadScopeScheduling):
    """Keeps tests that share a set-up in one worker, and so in one sandbox.

    Such tests are in one folder of the sandbox's own suite and in one file of ``tests/e2e``, whose files all use the
    stack that a worker deploys once. In the full form each case of the reliability suite runs on its own: each takes
    minutes, most of them idle.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = PurePath(nodeid.partition("::")[0])
        if self.config.getoption("form") == "full" and "reliability" in path.parts:
            return nodeid
        return path.relative_to(OWN_SUITE).parts[0] if path.is_relative_to(OWN_SUITE) else str(path)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SandboxScheduling:
    """How the tests are dealt out when there are several workers (``-n 2``)."""
    return SandboxScheduling(config, log)


def longest_first(suite: Path, names: Sequence[str]) -> Callable[[list[pytest.Item]], None]:
    """Return a hook that runs the files and folders of a suite that are named here first, in this order."""

    def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: _place(item.path, suite, names))

    return pytest_collection_modifyitems


def _place(path: Path, suite: Path, names: Sequence[str]) -> int:
    return next((index for index, name in enumerate(names) if path.is_relative_to(suite / name)), len(names))


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
