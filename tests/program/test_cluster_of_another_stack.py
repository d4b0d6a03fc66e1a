"""A cluster that another stack owns: which of its outputs are read, and what is reported when they do not fit."""

import pytest

from components import FaultsError
from tests.cloud import CLUSTER, Cloud
from tests.program.test_program import run_program

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
GROUPS = [{"name": "general", "minSize": 1, "maxSize": 2}]
OWNER = "organization/eks-cluster-autoscaler/dev"


def run_on(outputs, **cluster):
    cloud = Cloud(cluster_version="1.36")
    cloud.other_stack = outputs
    return run_program("adopt", cloud=cloud, cluster={"stack": OWNER, **cluster}, nodeGroups=GROUPS)


def subnets(graph):
    return graph.one(NODE_GROUP).inputs["subnetIds"]


def test_nodes_go_to_the_private_subnets_that_the_other_stack_names():
    assert subnets(run_on({"clusterName": CLUSTER, "privateSubnetIds": ["subnet-0000000c"]})) == ["subnet-0000000c"]


@pytest.mark.parametrize("more", [{}, {"privateSubnetIds": []}], ids=["an older version", "none known there"])
def test_without_that_output_the_private_subnets_are_looked_up(more):
    assert subnets(run_on({"clusterName": CLUSTER, **more})) == ["subnet-0000000a", "subnet-0000000b"]


def test_an_output_that_the_stack_does_not_have_is_refused_with_those_that_it_has():
    with pytest.raises(FaultsError) as error:
        run_on({"clusterName": CLUSTER, "region": "us-east-1"}, stackOutput="clustername")
    (fault,) = error.value.faults
    assert (fault.path, fault.got) == ("cluster.stackOutput", "'clustername'")
    assert f"{OWNER} that is text (clusterName, region)" in fault.expected


def test_an_output_that_is_no_text_is_refused():
    with pytest.raises(FaultsError, match="'nodeGroups', which is no text"):
        run_on({"nodeGroups": [{}]}, stackOutput="nodeGroups")
