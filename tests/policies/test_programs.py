"""Each bad program breaks its own rule and no other, and a compliant one breaks none."""

import runpy
from pathlib import Path

import pytest
from pulumi_policy import Policy

from policies.rules import RULES
from tests.cloud import Cloud, run
from tests.policies.judging import Declared, judge
from tests.policies.recorded import declared

PROGRAMS = Path(__file__).parent / "programs"


def planned(path: Path) -> list[Declared]:
    """Returns what a first preview of a program plans."""

    def program() -> None:
        runpy.run_path(str(path))

    return declared(run(program, Cloud(preview=True)))


def broken(resources: list[Declared]) -> list[str]:
    """Returns the names of the rules that resources break."""

    def breaks(rule: Policy) -> bool:
        return bool(judge(rule, *resources).violations)

    return [rule.name for rule in RULES if breaks(rule)]


def test_the_compliant_program_breaks_no_rule() -> None:
    assert broken(planned(PROGRAMS / "compliant.py")) == []


@pytest.mark.parametrize("path", sorted((PROGRAMS / "bad").glob("*.py")), ids=lambda path: path.stem)
def test_a_bad_program_breaks_its_own_rule_and_no_other(path: Path) -> None:
    assert broken(planned(path)) == [path.stem.replace("_", "-")]
