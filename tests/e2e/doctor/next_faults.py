"""Faults whose test has not been run yet: `pytest tests/e2e/doctor/next_faults.py`; see ``faults.NEXT``."""

import pytest

from sandbox.tests.harness import Sandbox
from tests.e2e.doctor.bench import DeployedBench, assert_named_and_fixed
from tests.e2e.doctor.commands import Doctor
from tests.e2e.doctor.faults import NEXT, Fault
from tests.e2e.program.stack import Stack


@pytest.mark.parametrize("fault", [each for each in NEXT if each.mode == "irsa"], ids=lambda fault: fault.name)
def test_a_planted_fault_is_named_and_its_first_fix_fixes_it(
    bench: DeployedBench, doctor: Doctor, fault: Fault
) -> None:
    assert_named_and_fixed(bench, doctor, fault)


def test_the_faults_of_another_mode_are_named_and_fixed_in_that_mode(
    doctor: Doctor, sandbox: Sandbox, stack: Stack, mode: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    deployed = DeployedBench(sandbox, stack, tmp_path_factory.mktemp("checkout"))
    for fault in NEXT:
        if fault.mode == mode != "irsa":
            assert_named_and_fixed(deployed, doctor, fault)
