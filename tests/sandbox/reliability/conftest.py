"""The reliability suite: faults put in on purpose, in a short form for every day and a full one (`make faults`)."""

import importlib.metadata
import os
import platform
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.sandbox.harness import Sandbox
from tests.sandbox.reliability.emulator import Emulator
from tests.sandbox.reliability.suite import FULL, Finding
from tests.sandbox.reliability.victim import Victim

_PACKAGES = ("pulumi", "pulumi-aws", "pulumi-eks", "pulumi-kubernetes", "ministack", "boto3")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{FULL}: belongs to the full form only (--reliability full)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves the cases of the full form out of the short one. They are not skipped: they are not of that suite."""
    if config.getoption("reliability") == "full":
        return
    left_out = [item for item in items if item.get_closest_marker(FULL)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session", autouse=True)
def conditions(sandbox: Sandbox, record_testsuite_property: Callable[[str, object], None]) -> None:
    """Date, machine and versions of this run, for the report."""
    kubernetes = sandbox.run([sandbox.tools() / "kube-apiserver", "--version"]).split()[-1]
    versions = [f"Pulumi {sandbox.pulumi('version').strip()}", f"Kubernetes {kubernetes}"]
    versions += [f"Python {platform.python_version()}"]
    versions += [f"{package} {importlib.metadata.version(package)}" for package in _PACKAGES]
    record_testsuite_property("date", f"{datetime.now(UTC):%Y-%m-%d}")
    record_testsuite_property("machine", _machine())
    record_testsuite_property("versions", ", ".join(versions))


@pytest.fixture
def finding(record_property: Callable[[str, object], None]) -> Finding:
    """This test's row of the report."""
    return Finding(record_property)


@pytest.fixture
def emulator(sandbox: Sandbox) -> Iterator[Emulator]:
    """The switches of the emulated AWS; no fault outlives the test."""
    sandbox.start()
    switches = Emulator(sandbox)
    yield switches
    switches.clear()


@pytest.fixture(scope="session")
def victim(sandbox: Sandbox) -> Iterator[Victim]:
    """A whole stack to be maltreated: up or down, as the test before left it."""
    sandbox.start()
    made = Victim(sandbox)
    yield made
    made.emulator.clear()
    sandbox.start()
    made.stack.pulumi("cancel", "--yes", "--stack", made.stack.name, check=False)
    made.stack.destroy()


def _machine() -> str:
    gibibytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0].split(":", 1)[1].strip() if models else platform.machine()
    return f"{os.cpu_count()} cores ({model}), {gibibytes:.0f} GiB, {platform.system()} {platform.release()}"
