"""What one node group more costs the program and the doctor, counted without the engine."""

from collections import Counter

import pytest

from benchmarks.parts.growth import WHY
from tests.benchmarks.golden import assert_recorded
from tests.doctor.fakes import Cloud as DoctorsCloud
from tests.doctor.fakes import Cluster
from tests.doctor.test_gather import take
from tests.program.test_program import run_program

SMALL, LARGE = 1, 11


def grown(groups, **changes):
    node_groups = [
        {"name": f"group-{number}", "minSize": 0, "maxSize": 3, "labels": {"workload": f"work-{number}"}}
        for number in range(groups)
    ]
    return run_program("dev", preview=True, nodeGroups=node_groups, **changes)


def each_more(small, large):
    """What every group adds; the same for each."""
    added = large - small
    assert all(count % (LARGE - SMALL) == 0 for count in added.values()), added
    return {name: count // (LARGE - SMALL) for name, count in sorted(added.items())}


def kinds(graph):
    return Counter(found.type for found in graph.registrations)


def asked_of_aws(graph):
    """The invokes without those that the provider answers by itself.

    It knows the partition (``Read`` in internal/service/meta/partition_data_source.go of terraform-provider-aws).
    """
    return [invoke for invoke in graph.invokes if invoke[0] != "aws:index/getPartition:getPartition"]


@pytest.mark.parametrize("credentials", ["irsa", "podIdentity", "nodeRole"])
def test_a_node_group_adds_the_recorded_resources_and_no_call_of_aws(credentials):
    small, large = grown(SMALL, credentials=credentials), grown(LARGE, credentials=credentials)
    assert_recorded(f"resources of a node group, {credentials}", each_more(kinds(small), kinds(large)))
    # Several are under way at once, in no fixed order.
    assert sorted(map(str, asked_of_aws(small))) == sorted(map(str, asked_of_aws(large)))


def test_the_page_explains_why_each_resource_of_a_node_group_exists():
    assert set(each_more(kinds(grown(SMALL)), kinds(grown(LARGE)))) == set(WHY)


def test_a_shared_role_saves_four_resources_a_group():
    def roles(groups):
        graph = run_program(
            "dev",
            preview=True,
            nodeGroups=[
                {"name": f"g{n}", "minSize": 0, "maxSize": 3, "nodeRoleArn": "arn:aws:iam::123456789012:role/nodes"}
                for n in range(groups)
            ],
        )
        return {name: count for name, count in kinds(graph).items() if name.startswith("aws:iam/role")}

    assert roles(LARGE) == roles(SMALL)


def test_the_rest_of_a_stack_is_the_recorded_one():
    graph = grown(0)
    assert_recorded("resources without node groups", dict(sorted(kinds(graph).items())))
    assert_recorded("invokes", dict(sorted(Counter(token for token, *_ in graph.invokes).items())))


def test_a_node_group_costs_the_doctor_the_recorded_calls():
    seen = {}
    for groups in (SMALL, LARGE):
        cloud, cluster = DoctorsCloud(groups=groups), Cluster(groups=groups)
        take(cloud, cluster)
        seen[groups] = Counter(cloud.calls), Counter(call.partition(" ")[0] for call in cluster.calls)
    (aws, kubernetes), (more_aws, more_kubernetes) = seen[SMALL], seen[LARGE]
    assert_recorded("AWS calls of a check", dict(sorted(aws.items())))
    assert_recorded("AWS calls of a check, each more group", each_more(aws, more_aws))
    assert_recorded("Kubernetes calls of a check", dict(sorted(kubernetes.items())))
    assert more_kubernetes == kubernetes
