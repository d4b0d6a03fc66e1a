"""Faults planted in the deployed program, one by one: the doctor names the right link, and its first fix fixes it."""

from collections.abc import Iterator

import pytest

from sandbox.tests.harness import Sandbox
from tests.e2e.doctor.bench import DeployedBench, assert_named_and_fixed, served, settled
from tests.e2e.doctor.commands import Doctor
from tests.e2e.doctor.faults import FAULTS, Fault
from tests.e2e.program.stack import Stack


@pytest.fixture(scope="module")
def bench(
    sandbox: Sandbox, stack: Stack, doctor: Doctor, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DeployedBench]:
    """The program by IRSA; afterwards it is as its state describes it, whatever happened here."""
    assert stack.get("credentials") == "irsa"
    assert settled(doctor).code == 0
    charts = tmp_path_factory.mktemp("charts")
    with served(charts) as port:
        deployed = DeployedBench(sandbox, stack, tmp_path_factory.mktemp("checkout"))
        deployed.add_charts(charts, port)
        yield deployed
    stack.up("--refresh")
    doctor.forget_outputs()


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.mode == "irsa"], ids=lambda fault: fault.name)
def test_a_planted_fault_is_named_and_its_first_fix_fixes_it(
    bench: DeployedBench, doctor: Doctor, fault: Fault
) -> None:
    assert_named_and_fixed(bench, doctor, fault)


def test_a_cluster_that_is_only_named_is_found_healthy_too(bench: DeployedBench, sandbox: Sandbox) -> None:
    name = bench.outputs["clusterName"]
    command = [".venv/bin/python", "-m", "doctor", "check", "--cluster", name, "--region", bench.region]
    assert "every link holds" in sandbox.run(command)
