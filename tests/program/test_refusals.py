"""Bad settings end the whole program before it has asked for anything."""

import pytest

from components.errors import FaultsError
from tests.cloud import Cloud, Graph
from tests.program.test_program import run_program
from tests.unit.test_settings import BAD, GOOD


@pytest.mark.parametrize(("change", "message"), BAD, ids=[message[:60] for _, message in BAD])
def test_a_bad_setting_ends_the_program_before_it_registers_or_looks_up_anything(change, message):
    graph = Graph()
    with pytest.raises(FaultsError) as refused:
        run_program("dev", graph=graph, **{**GOOD, **change})
    assert message in str(refused.value)
    assert (graph.registrations, graph.invokes) == ([], [])


UNEQUAL = {**GOOD["nodeGroups"][0], "instanceTypes": ["m6i.large", "g5.large"], "subnetIds": ["subnet-0000000a"]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cluster": {"name": "series-api", "ipFamily": "ipv6"}}, "ipFamily: got ipv6"),
        ({"nodeGroups": [UNEQUAL]}, "or set allowUnequalTypes: true"),
    ],
)
def test_what_only_aws_can_refuse_is_reported_under_the_keys_of_the_file(change, message):
    with pytest.raises(FaultsError) as refused:
        run_program("adopt", cloud=Cloud(), **{**GOOD, **change})
    assert message in str(refused.value)
    assert "_" not in "".join(fault.path for fault in refused.value.faults)
