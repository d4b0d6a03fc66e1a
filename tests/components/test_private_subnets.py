"""Nodes belong into private subnets: which of an adopted cluster's subnets those are, and what is asked of AWS."""

import pulumi
import pulumi_aws as aws
import pytest

from components import EksCluster, FaultsError
from components.pure import subnets
from components.pure.subnets import RouteTable
from tests.cloud import CLUSTER, Cloud, run
from tests.program.test_program import run_program

PRIVATE = RouteTable(frozenset({"subnet-a"}), main=False, gateway_ids=frozenset())
PUBLIC = RouteTable(frozenset({"subnet-b"}), main=False, gateway_ids=frozenset({"igw-1"}))


@pytest.mark.parametrize(
    ("tables", "addressless", "private"),
    [
        ((PRIVATE, PUBLIC), {"subnet-a", "subnet-b", "subnet-c"}, ["subnet-a", "subnet-c"]),
        ((PRIVATE, PUBLIC), {"subnet-b", "subnet-c"}, ["subnet-c"]),
        ((PRIVATE, PUBLIC._replace(main=True)), {"subnet-a", "subnet-b", "subnet-c"}, ["subnet-a"]),
        ((PRIVATE, PUBLIC._replace(gateway_ids=frozenset({"vgw-1"}))), {"subnet-b"}, ["subnet-b"]),
    ],
    ids=["an internet gateway", "public addresses", "a public main table", "another gateway"],
)
def test_a_subnet_is_private_without_internet_gateway_and_public_addresses(tables, addressless, private):
    assert subnets.private(["subnet-a", "subnet-b", "subnet-c"], addressless, tables) == private


def adopted(cloud, use=lambda cluster: cluster.private_subnet_ids):
    def program():
        options = pulumi.ResourceOptions(providers=[aws.Provider("named", region="us-east-1")])
        pulumi.export("subnets", use(EksCluster("cluster", {"name": CLUSTER}, options)))

    return run(program, cloud)


def test_an_adopted_cluster_returns_its_private_subnets():
    cloud = Cloud(preview=True)
    cloud.public_subnets = {"subnet-0000000a"}
    graph = adopted(cloud)
    assert graph.stack_outputs()["subnets"] == ["subnet-0000000b"]
    asked = [token for token, _, provider in graph.invokes if token.startswith("aws:ec2/")]
    assert len(asked) == 4
    assert all("::named::" in provider for *_, provider in graph.invokes)


def test_nodes_are_refused_where_every_subnet_is_public_and_the_error_names_subnets_and_setting():
    cloud = Cloud(preview=True)
    cloud.public_subnets = {"subnet-0000000a", "subnet-0000000b"}
    assert adopted(cloud).stack_outputs()["subnets"] == []
    with pytest.raises(FaultsError, match=r"subnet_ids.*subnet-0000000a, subnet-0000000b"):
        adopted(cloud, lambda cluster: cluster.node_subnet_ids)


def test_without_permission_the_error_names_the_permission_or_setting():
    class Refusing(Cloud):
        def call(self, args):
            if args.token.startswith("aws:ec2/"):
                return {}, [("", "UnauthorizedOperation")]
            return super().call(args)

    with pytest.raises(FaultsError, match=r"UnauthorizedOperation.*ec2:DescribeRouteTables"):
        adopted(Refusing(preview=True), lambda cluster: cluster.node_subnet_ids)


def test_a_created_cluster_returns_the_private_subnets_that_it_was_given():
    def program():
        subnets = {
            "private_subnet_ids": ["subnet-0000000a", "subnet-0000000b"],
            "public_subnet_ids": ["subnet-0000000c"],
        }
        create = {"kubernetes_version": "1.35", "vpc_id": "vpc-00000001", **subnets}
        pulumi.export("subnets", EksCluster("cluster", {"name": CLUSTER, "create": create}).node_subnet_ids)

    assert run(program, Cloud()).stack_outputs()["subnets"] == ["subnet-0000000a", "subnet-0000000b"]


def test_nodes_wait_for_routes_and_nat_gateways_and_on_destroy_these_outlive_them():
    graph = run_program("sandbox")
    group = graph.one("aws:eks/nodeGroup:NodeGroup", "general")
    before = {urn.split("::")[2].split("$")[-1] for urn in graph.reached_from(group.urn)}
    assert before >= {
        "aws:ec2/natGateway:NatGateway",
        "aws:ec2/routeTable:RouteTable",
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
    }
