"""The program of this project passes its own policy pack, in every environment and credential mode."""

import pytest

from policies.rules import RULES
from tests.policies.judging import judge
from tests.policies.recorded import declared
from tests.program.test_partitions import PARTITIONS, Elsewhere
from tests.program.test_program import STACKS, run_program

by_stack = pytest.mark.parametrize("stack", STACKS)


@by_stack
@pytest.mark.parametrize("credentials", ["irsa", "podIdentity", "nodeRole"])
def test_an_update_of_a_stack_breaks_no_rule_and_leaves_none_undecided(stack: str, credentials: str) -> None:
    resources = declared(run_program(stack, credentials=credentials))
    assert [rule.name for rule in RULES if not judge(rule, *resources).passes] == []


@by_stack
def test_the_first_preview_of_a_stack_breaks_no_rule(stack: str) -> None:
    resources = declared(run_program(stack, preview=True))
    assert [rule.name for rule in RULES if judge(rule, *resources).violations] == []


@pytest.mark.parametrize(("region", "partition"), PARTITIONS)
@pytest.mark.parametrize("credentials", ["irsa", "podIdentity", "nodeRole"])
def test_a_stack_in_another_partition_breaks_no_rule(region: str, partition: str, credentials: str) -> None:
    cloud = Elsewhere(region, partition)
    resources = declared(run_program("dev", cloud=cloud, region=region, credentials=credentials))
    assert [rule.name for rule in RULES if not judge(rule, *resources).passes] == []
