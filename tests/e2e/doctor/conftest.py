"""The doctor on the program that the sandbox's tests share, in each of the three modes."""

from collections.abc import Iterator

import pytest

from sandbox.tests.harness import Sandbox
from tests.e2e.doctor.bench import DeployedBench, served, settled
from tests.e2e.doctor.commands import Doctor, Traces, wait_for
from tests.e2e.program.stack import Stack

MODES = ("irsa", "podIdentity", "nodeRole")


@pytest.fixture(scope="session")
def doctor(sandbox: Sandbox, stack: Stack) -> Doctor:
    """The doctor on the stack as it is."""
    return Doctor(sandbox, stack)


@pytest.fixture(scope="module", autouse=True)
def healthy(sandbox: Sandbox, stack: Stack, doctor: Doctor) -> None:
    """Each module starts on a healthy stack.

    What ran before may have changed its pods a moment ago, or its nodes: a change of credentials updates the node
    groups, and the emulated EKS replaces all nodes at once and does not wait until the new ones are ready.
    """
    wait_for("the nodes to be ready", Traces(sandbox, stack).nodes_are_ready)
    assert settled(doctor).code == 0


@pytest.fixture(scope="module", params=MODES)
def mode(request: pytest.FixtureRequest, stack: Stack, doctor: Doctor) -> Iterator[str]:
    """The stack in one mode, for all tests of a module; afterwards it is by IRSA again, without drift."""
    if request.param == stack.get("credentials"):
        yield request.param
        return
    with stack.edited(credentials=request.param):
        stack.up()
        doctor.forget_outputs()
        yield request.param
    stack.up("--refresh")
    doctor.forget_outputs()


@pytest.fixture
def traces(sandbox: Sandbox, stack: Stack) -> Iterator[Traces]:
    """What exists; afterwards all is as it was."""
    found = Traces(sandbox, stack)
    before = found.sizes()
    yield found
    assert found.objects() == []
    wait_for("the nodes to go again", lambda: found.sizes() == before)


@pytest.fixture(scope="module")
def bench(
    sandbox: Sandbox, stack: Stack, mode: str, doctor: Doctor, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DeployedBench]:
    """The program in one mode; afterwards it is as its state describes it, whatever happened here."""
    assert settled(doctor).code == 0
    charts = tmp_path_factory.mktemp("charts")
    with served(charts) as port:
        deployed = DeployedBench(sandbox, stack, tmp_path_factory.mktemp("checkout"))
        deployed.add_charts(charts, port)
        yield deployed
    if mode == "irsa":
        stack.up("--refresh")
        doctor.forget_outputs()
