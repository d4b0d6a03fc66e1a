"""The program of this project passes its own policy pack, in every environment and credential mode."""

import pytest

from policies.rules import RULES
from tests.policies.judging import judge
from tests.policies.recorded import declared
from tests.program.test_program import STACKS, run_program


@pytest.mark.parametrize("preview", [True, False], ids=["first preview", "update"])
@pytest.mark.parametrize("credentials", ["irsa", "podIdentity", "nodeRole"])
@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_breaks_no_rule(stack: str, credentials: str, preview: bool) -> None:
    resources = declared(run_program(stack, preview=preview, credentials=credentials))
    verdicts = {rule.name: judge(rule, *resources) for rule in RULES}
    assert {name: verdict.messages for name, verdict in verdicts.items() if verdict.violations} == {}
    if not preview:
        assert [name for name, verdict in verdicts.items() if verdict.undecided] == []
