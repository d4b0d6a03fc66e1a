"""The reliability suite: faults put in on purpose: all of the full form (`make faults`, and every night)."""

import importlib.metadata
import os
import platform
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sandbox.private_api import PrivateApi
from sandbox.tests.harness import Sandbox
from tests.e2e.program.stack import Stack
from tests.e2e.reliability.engine import switches
from tests.e2e.reliability.killed_stack import KilledStack
from tests.e2e.reliability.suite import Finding

_PACKAGES = ("pulumi", "pulumi-aws", "pulumi-eks", "pulumi-kubernetes", "ministack", "boto3")


@pytest.fixture(scope="session")
def conditions(sandbox: Sandbox) -> dict[str, str]:
    """Date, machine and versions of this run, for the report."""
    kubernetes = sandbox.run([sandbox.tools() / "kube-apiserver", "--version"]).split()[-1]
    versions = [f"Pulumi {sandbox.pulumi('version').strip()}", f"Kubernetes {kubernetes}"]
    versions += [f"Python {platform.python_version()}"]
    versions += [f"{package} {importlib.metadata.version(package)}" for package in _PACKAGES]
    return {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": _machine(), "versions": ", ".join(versions)}


@pytest.fixture
def finding(record_property: Callable[[str, object], None], conditions: dict[str, str]) -> Finding:
    """This test's row of the report, which holds the conditions as well: workers have no other way to."""
    for name, value in conditions.items():
        record_property(name, value)
    return Finding(record_property)


@pytest.fixture
def emulator(sandbox: Sandbox) -> Iterator[PrivateApi]:
    """The switches of the emulated AWS; no fault outlives the test, nor one that failed."""
    sandbox.start()
    found = switches(sandbox)
    found.clear_faults()
    yield found
    found.clear_faults()


@pytest.fixture(scope="session")
def whole_stack(sandbox: Sandbox, stack: Stack) -> Iterator[KilledStack]:
    """A separate stack to break: up or down, as the test before left it.

    The shared stack comes first, so that all that is made or goes while the stack is watched is its own.
    """
    sandbox.start()
    made = KilledStack(sandbox)
    yield made
    made.emulator.clear_faults()
    sandbox.start()
    made.stack.pulumi("cancel", "--yes", "--stack", made.stack.name, check=False)
    made.stack.destroy()


@pytest.fixture
def killed(whole_stack: KilledStack, emulator: PrivateApi) -> KilledStack:
    """The stack to break, next to an emulator without faults of other tests."""
    assert emulator.faults() == []
    return whole_stack


def _machine() -> str:
    gibibytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0].split(":", 1)[1].strip() if models else platform.machine()
    return f"{os.cpu_count()} cores ({model}), {gibibytes:.0f} GiB, {platform.system()} {platform.release()}"
