"""Bad settings end the whole program before it has asked for anything."""

import pytest

from components.errors import FaultsError
from tests.cloud import Graph
from tests.program.test_program import run_program
from tests.unit.test_settings import BAD, GOOD


@pytest.mark.parametrize(("change", "message"), BAD, ids=[message[:60] for _, message in BAD])
def test_a_bad_setting_ends_the_program_before_it_registers_or_looks_up_anything(change, message):
    graph = Graph()
    with pytest.raises(FaultsError) as refused:
        run_program("dev", graph=graph, **{**GOOD, **change})
    assert message in str(refused.value)
    assert (graph.registrations, graph.invokes) == ([], [])
