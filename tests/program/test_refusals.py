"""Bad settings end the whole program before it has asked for anything."""

import re

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


ABSENT, DENIED = "couldn't find resource", "AccessDenied: not authorized to perform"


@pytest.mark.parametrize(
    ("change", "name", "path"),
    [
        ({"cluster": {"name": "misspelled"}}, "misspelled", "name"),
        ({"existingNodeGroups": [{"name": "misspelled"}]}, "misspelled", "nodeGroupName"),
        ({"autoScalingGroups": [{"name": "misspelled"}]}, "misspelled", "asgName"),
    ],
)
@pytest.mark.parametrize(
    ("reason", "got"), [(ABSENT, "which does not exist"), (DENIED, f"which cannot be read: .*{DENIED}")]
)
@pytest.mark.parametrize("preview", [True, False])
def test_what_cannot_be_looked_up_is_an_error_of_the_setting_that_names_it(change, name, path, reason, got, preview):
    cloud = Cloud(preview=preview)
    cloud.failures = {name: reason}
    with pytest.raises(FaultsError) as refused:
        run_program("adopt", cloud=cloud, **{**GOOD, **change})
    assert re.search(rf"{path}: got {name}, {got}", str(refused.value)), refused.value
    assert "aws " in refused.value.faults[0].expected
