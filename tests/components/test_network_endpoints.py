"""VPC endpoints of a created network: which, under which names, where, and what waits for them."""

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import ClusterNetwork, EksCluster, FaultsError, ManagedNodeGroup
from components.pure import endpoints
from tests.cloud import CLUSTER, REGION, Cloud, run

ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
ZONES = [f"{REGION}a", f"{REGION}b"]
NEEDED = {"autoscaling", "ec2", "ecr-api", "ecr-dkr", "eks", "s3", "sts"}


def network(**args):
    return ClusterNetwork("net", {"cluster_name": CLUSTER, "zones": ZONES, "endpoints": {}, **args})


def made(cloud=None, **args):
    graph = run(lambda: network(**args), cloud or Cloud())
    return {found.name.removeprefix("net-"): found for found in graph.of(ENDPOINT)}


def test_each_service_of_nodes_and_the_autoscaler_gets_one_endpoint_in_every_zone():
    found = made()
    assert found.keys() == NEEDED
    for name, endpoint in found.items():
        inputs = endpoint.inputs
        assert inputs["serviceName"] == f"com.amazonaws.{REGION}.{name.replace('ecr-', 'ecr.')}"
        if name == "s3":
            assert inputs["vpcEndpointType"] == "Gateway"
            assert inputs["routeTableIds"] == [f"net-private-{zone}-id" for zone in ZONES]
            assert not {"subnetIds", "securityGroupIds", "privateDnsEnabled"} & inputs.keys()
        else:
            assert inputs["vpcEndpointType"] == "Interface"
            assert inputs["subnetIds"] == [f"net-private-{zone}-id" for zone in ZONES]
            assert inputs["securityGroupIds"] == ["net-endpoints-id"]
            assert inputs["privateDnsEnabled"] is True


def test_only_https_from_the_vpc_reaches_the_interface_endpoints():
    (group,) = run(lambda: network(cidr="10.9.0.0/18")).of("aws:ec2/securityGroup:SecurityGroup")
    assert group.inputs["ingress"] == [
        {"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ["10.9.0.0/18"]}
    ]
    assert "egress" not in group.inputs


def test_without_endpoints_nothing_is_asked_or_made():
    graph = run(lambda: ClusterNetwork("net", {"cluster_name": CLUSTER, "zones": ZONES}))
    assert graph.of(ENDPOINT) == graph.of("aws:ec2/securityGroup:SecurityGroup") == []
    assert graph.invokes == []


def test_further_services_are_added_and_none_is_repeated():
    assert made(endpoints={"services": ["logs", "ec2"]}).keys() == NEEDED | {"logs"}


def test_an_endpoint_is_only_in_zones_where_the_service_has_endpoints():
    assert made(endpoints={"services": ["eks-auth"]})["eks-auth"].inputs["subnetIds"] == [f"net-private-{ZONES[0]}-id"]


def test_in_china_the_name_of_each_service_is_looked_up():
    cloud = Cloud()
    cloud.reverse_dns_prefix = "cn.com.amazonaws"
    cloud.endpoints_in = {"ec2": "cn.com.amazonaws", "eks": "cn.com.amazonaws"}
    names = {name: found.inputs["serviceName"] for name, found in made(cloud).items()}
    assert names["ec2"] == f"cn.com.amazonaws.{REGION}.ec2"
    assert names["s3"] == f"com.amazonaws.{REGION}.s3"


def test_elsewhere_one_name_is_asked_for_because_govcloud_ignores_the_filter():
    graph = run(network)
    asked = [args for token, args, _ in graph.invokes if "getVpcEndpointService" in token]
    assert len(asked) == len(NEEDED)
    assert all("serviceName" in args and "filters" not in args for args in asked)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"endpoints": {"services": ["no-such"]}}, r"endpoints\.services: got no-such, which AWS does not describe"),
        ({"zones": [ZONES[1], f"{REGION}c"], "endpoints": {"services": ["eks-auth"]}}, "has endpoints in us-east-1a"),
        ({"endpoints": {"services": ["com.amazonaws.us-east-1.logs"]}}, r"endpoints\.services\[0\]: got 'com\.amazon"),
        ({"endpoints": {"services": [""]}}, r"endpoints\.services\[0\]: got ''"),
        ({"endpoints": {"services": ["Logs"]}}, r"endpoints\.services\[0\]: got 'Logs'"),
        ({"endpoints": {"services": ["logs", "ecr-api"]}}, r"services\[1\]: got 'ecr-api'; expected 'ecr\.api', or"),
        ({"endpoints": {"services": ["eks.auth"]}}, r"services\[0\]: got 'eks\.auth'; expected 'eks-auth', or"),
        ({"endpoints": {"services": ["a.b", "a-b"]}}, r"services\[1\]: got 'a-b'; expected 'a\.b', or another service"),
        ({"endpoints": {"services": ["ecr-api", "Logs"]}}, r"services\[1\]: got 'Logs'; expected the part of the end"),
        ({"endpoints": {"services": [".logs"]}}, r"services\[0\]: got '\.logs'"),
        ({"endpoints": {"services": ["logs-"]}}, r"services\[0\]: got 'logs-'"),
        ({"endpoints": {"logs": True}}, r"endpoints\.logs: got an unknown key"),
        ({"nat": False, "nat_per_zone": True}, "nat_per_zone: got true with nat: false"),
    ],
)
def test_services_and_ways_that_cannot_work_are_refused_by_name(args, message):
    with pytest.raises(FaultsError, match=message):
        run(lambda: network(**args))


@given(st.lists(st.sampled_from([*endpoints.NODE_SERVICES, "ecr-api", "ecr-dkr", "eks-auth", "a.b", "a-b", "a"])))
def test_services_are_refused_exactly_if_two_of_them_would_be_one_resource(further):
    services = endpoints.services(further)
    clash = len({endpoints.resource_name(each) for each in services}) < len(services)
    assert bool(endpoints.faults("services", further)) is clash


def test_without_nat_the_endpoints_must_be_there():
    with pytest.raises(FaultsError, match="nat: got false without endpoints"):
        run(lambda: ClusterNetwork("net", {"cluster_name": CLUSTER, "zones": ZONES, "nat": False}))


def test_without_nat_the_private_subnets_have_no_default_route():
    graph = run(lambda: network(nat=False))
    assert graph.of("aws:ec2/natGateway:NatGateway") == graph.of("aws:ec2/eip:Eip") == []
    routes = {found.name: found.inputs.get("routes", []) for found in graph.of("aws:ec2/routeTable:RouteTable")}
    assert [name for name, found in routes.items() if found] == ["net-public"]


def nodes_in(where):
    subnets = list(where.private_subnets.values())
    args = {"cluster_name": CLUSTER, "min_size": 1, "max_size": 3, "subnet_ids": subnets}
    ManagedNodeGroup("general", args)
    create = {"kubernetes_version": "1.35", "vpc_id": where.vpc_id, "private_subnet_ids": subnets}
    EksCluster("cluster", {"name": CLUSTER, "create": create})


def test_nodes_and_the_cluster_wait_for_the_endpoints_which_outlive_them():
    graph = run(lambda: nodes_in(network()))
    needed = {found.urn for found in graph.of(ENDPOINT)}
    for kind in ("aws:eks/nodeGroup:NodeGroup", "eks:index:Cluster"):
        assert needed <= graph.reached_from(graph.one(kind).urn)


def test_an_endpoint_that_is_still_to_be_made_leaves_the_subnets_known():
    """A preview with unknown subnets would plan to replace the node groups."""

    class Later(Cloud):
        """A preview of a network that exists but for its endpoints."""

        def new_resource(self, args):
            self.preview = args.typ == ENDPOINT
            return super().new_resource(args)

    graph = run(lambda: nodes_in(network()), Later())
    expected = [f"net-private-{zone}-id" for zone in ZONES]
    assert graph.one("aws:eks/nodeGroup:NodeGroup").inputs["subnetIds"] == expected


def test_the_services_are_those_of_awss_own_sdk():
    named = {each.partition(".")[0] for each in [*endpoints.NODE_SERVICES, endpoints.POD_IDENTITY_SERVICE]}
    assert named <= {*botocore.session.get_session().get_available_services()}
