"""Bad settings end the whole program before it has asked for anything."""

import pytest

from components.errors import FaultsError
from tests.cloud import Graph
from tests.program.test_program import run_program
from tests.unit.test_settings import BAD, GOOD


@pytest.mark.parametrize(("change", "told"), BAD, ids=[told[:60] for _, told in BAD])
def test_a_bad_setting_ends_the_program_before_it_registers_or_looks_up_anything(change, told):
    graph = Graph()
    with pytest.raises(FaultsError) as refused:
        run_program("dev", graph=graph, **{**GOOD, **change})
    assert told in str(refused.value)
    assert (graph.registrations, graph.invokes) == ([], [])
