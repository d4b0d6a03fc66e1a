"""Faults planted in the deployed program, one by one: the doctor names the right link, and its first fix fixes it.

The default form types one fix for each link; the full form (`make fixes`) types every fix, in every mode.
"""

import pytest

from sandbox.tests.harness import Sandbox
from tests.e2e.doctor.bench import DeployedBench, assert_named_and_fixed, cases
from tests.e2e.doctor.commands import Doctor
from tests.e2e.doctor.conftest import MODES
from tests.e2e.doctor.faults import FAULTS, Fault


# The scope is named because pytest gives a parametrization with a direct argument the scope of one test, and would set
# the mode up again for each fault (`_pytest/python.py`, `_infer_parametrize_scope`).
@pytest.mark.parametrize(("mode", "fault"), cases(FAULTS, *MODES), indirect=["mode"], scope="module")
def test_a_planted_fault_is_named_and_its_first_fix_fixes_it(
    bench: DeployedBench, doctor: Doctor, fault: Fault
) -> None:
    assert_named_and_fixed(bench, doctor, fault)


@pytest.mark.parametrize("mode", ["irsa"], indirect=True)
def test_a_cluster_that_is_only_named_is_found_healthy_too(bench: DeployedBench, sandbox: Sandbox) -> None:
    name = bench.outputs["clusterName"]
    command = [".venv/bin/python", "-m", "doctor", "check", "--cluster", name, "--region", bench.region]
    assert "every link holds" in sandbox.run(command)
