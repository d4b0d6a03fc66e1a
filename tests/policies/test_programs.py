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


# What is true of programs of other people: each of these findings names something that their authors would confirm.
TRUE_OF_OTHERS = {
    "terraform_eks_style": {"replicas"},
    "pulumi_eks_quickstart": {"api-endpoint-not-open"},
    "irsa_for_controllers": set(),
    "ci_roles": set(),
    "karpenter_mix": {"encrypted-volumes"},
}


@pytest.mark.parametrize("path", sorted((PROGRAMS / "others").glob("*.py")), ids=lambda path: path.stem)
def test_a_program_of_others_gets_no_false_finding(path: Path) -> None:
    assert set(broken(planned(path))) == TRUE_OF_OTHERS[path.stem]


@pytest.mark.parametrize("path", sorted((PROGRAMS / "bad").glob("*.py")), ids=lambda path: path.stem)
def test_a_bad_program_breaks_its_own_rule_and_no_other(path: Path) -> None:
    assert broken(planned(path)) == [path.stem.replace("_", "-")]
