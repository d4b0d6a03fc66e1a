"""Faults whose test has not passed yet: `pytest tests/e2e/doctor/next_faults.py --reliability full`."""

import pytest

from tests.e2e.doctor.bench import DeployedBench, assert_named_and_fixed, cases
from tests.e2e.doctor.commands import Doctor
from tests.e2e.doctor.faults import NEXT, Fault


@pytest.mark.parametrize(("mode", "fault"), cases(NEXT, "irsa", "podIdentity", "nodeRole"), indirect=["mode"])
def test_a_planted_fault_is_named_and_its_first_fix_fixes_it(
    bench: DeployedBench, doctor: Doctor, fault: Fault
) -> None:
    assert_named_and_fixed(bench, doctor, fault)
