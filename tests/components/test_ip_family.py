"""Clusters whose pods have IPv6 addresses: the network, the cluster, the role of nodes, and what is refused."""

import base64
import json
import re
from contextlib import nullcontext

import pytest

from components import ClusterNetwork, EksCluster, FaultsError, ManagedNodeGroup, SelfManagedNodeGroup
from tests.cloud import CLUSTER, REGION, Cloud, run
from tests.program.test_program import run_program

ZONES = [f"{REGION}a", f"{REGION}b"]
CREATION = {
    "kubernetes_version": "1.35",
    "vpc_id": "vpc-00000001",
    "private_subnet_ids": ["subnet-0000000a", "subnet-0000000b"],
}
SIZES = {"minSize": 1, "maxSize": 3}
NODES = {"name": "general", **SIZES}
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"


def network(**args):
    return run(lambda: ClusterNetwork("net", {"cluster_name": CLUSTER, "zones": ZONES, **args}))


def group(cloud=None, **args):
    base = {"cluster_name": CLUSTER, "min_size": 1, "max_size": 3, "subnet_ids": ["subnet-0000000a"]}
    return run(lambda: ManagedNodeGroup("general", {**base, **args}), cloud or Cloud())


def self_managed(cloud=None, **args):
    base = {"cluster_name": CLUSTER, "min_size": 1, "max_size": 3, "subnet_ids": ["subnet-0000000a"]}
    return run(lambda: SelfManagedNodeGroup("general", {**base, **args}), cloud or Cloud())


def cluster(cloud, **args):
    return run(lambda: EksCluster("cluster", {"name": CLUSTER, **args}), cloud)


def routes(graph, name):
    return {
        route.get("cidrBlock") or route["ipv6CidrBlock"]: next(
            value for key, value in route.items() if key.endswith(("Id", "ID"))
        )
        for route in graph.one("aws:ec2/routeTable:RouteTable", name).inputs["routes"]
    }


def test_every_subnet_has_its_own_ipv6_network_of_the_vpc_and_assigns_addresses():
    graph = network(ip_family="ipv6")
    assert graph.one("aws:ec2/vpc:Vpc").inputs["assignGeneratedIpv6CidrBlock"] is True
    subnets = graph.of("aws:ec2/subnet:Subnet")
    assert all(subnet.inputs["assignIpv6AddressOnCreation"] for subnet in subnets)
    assert {subnet.name: subnet.inputs["ipv6CidrBlock"] for subnet in subnets} == {
        "net-private-us-east-1a": "2001:db8:1234:1a00::/64",
        "net-private-us-east-1b": "2001:db8:1234:1a01::/64",
        "net-public-us-east-1a": "2001:db8:1234:1a08::/64",
        "net-public-us-east-1b": "2001:db8:1234:1a09::/64",
    }


def test_the_internet_cannot_open_connections_to_the_private_subnets():
    graph = network(ip_family="ipv6")
    assert routes(graph, "net-public") == {"0.0.0.0/0": "net-id", "::/0": "net-id"}
    for zone in ZONES:
        (table,) = [found for found in graph.of("aws:ec2/routeTable:RouteTable") if found.name.endswith(zone)]
        (ipv6,) = [route for route in table.inputs["routes"] if "ipv6CidrBlock" in route]
        assert ipv6 == {"ipv6CidrBlock": "::/0", "egressOnlyGatewayId": "net-id"}


def test_without_nat_the_private_subnets_reach_the_internet_by_neither_family():
    graph = network(ip_family="ipv6", nat=False, endpoints={})
    assert graph.of("aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway") == []
    assert [f.inputs["routes"] for f in graph.of("aws:ec2/routeTable:RouteTable") if "private" in f.name] == [[], []]


CUSTOM = {
    "ami_type": "CUSTOM",
    "launch_template": {"id": "lt-0123456789abcdef0", "version": "3"},
    "instance_types": ["m6i.large"],
}
PODS = "k8s.io/cluster-autoscaler/node-template/resources/pods"


@pytest.mark.parametrize(
    ("args", "pods"),
    [
        ({}, "29"),
        ({"ip_family": "ipv6"}, "110"),
        ({"ip_family": "ipv6", "max_pods": 58}, "58"),
        ({"ip_family": "ipv6", **CUSTOM}, "29"),
    ],
    ids=["IPv4", "IPv6", "your number", "a custom image"],
)
def test_a_managed_group_advertises_as_many_pods_as_its_kubelet_accepts(args, pods):
    assert group(**args).tags()[PODS] == pods


def test_a_self_managed_group_of_an_ipv6_cluster_gives_its_kubelet_the_number_that_it_advertises():
    cloud = Cloud()
    cloud.ip_family = "ipv6"
    graph = self_managed(cloud, ip_family="ipv6")
    tags = {tag["key"]: tag["value"] for tag in graph.one("aws:autoscaling/group:Group").inputs["tags"]}
    user_data = base64.b64decode(graph.one("aws:ec2/launchTemplate:LaunchTemplate").inputs["userData"]).decode()
    assert tags[PODS] == "110"
    assert "maxPods: 110" in user_data


@pytest.mark.parametrize("args", [{}, {"ip_family": "ipv4"}])
def test_an_ipv4_network_has_nothing_of_ipv6(args):
    graph = network(**args)
    texts = [json.dumps(found.inputs) for found in graph.registrations if found.custom]
    assert [text for text in texts if "ipv6" in text.lower()] == []


@pytest.mark.parametrize(("family", "sent"), [("ipv6", "ipv6"), ("ipv4", None), (None, None)])
def test_a_created_cluster_gets_the_family(family, sent):
    cloud = Cloud()
    cloud.has_cluster = False
    given = {"ip_family": family} if family else {}
    assert cluster(cloud, create=CREATION, **given).one("eks:index:Cluster").inputs.get("ipFamily") == sent


@pytest.mark.parametrize(
    ("build", "nodes"), [(group, "aws:eks/nodeGroup:NodeGroup"), (self_managed, "aws:autoscaling/group:Group")]
)
def test_the_role_of_nodes_may_assign_ipv6_addresses_before_the_nodes_exist(build, nodes):
    graph = build(ip_family="ipv6")
    policy = graph.one(ROLE_POLICY)
    statements = json.loads(policy.inputs["policy"])["Statement"]
    assert "ec2:AssignIpv6Addresses" in statements[0]["Action"]
    assert statements[1]["Resource"] == ["arn:aws:ec2:*:*:network-interface/*"]
    assert policy.inputs["role"] == "general-node"
    assert policy.urn in graph.one(nodes).depends_on


@pytest.mark.parametrize(
    "args", [{}, {"ip_family": "ipv4"}, {"ip_family": "ipv6", "node_role_arn": "arn:aws:iam::123456789012:role/n"}]
)
def test_a_role_of_ipv4_nodes_and_a_given_one_stay_as_they_are(args):
    assert group(**args).of(ROLE_POLICY) == []


class Xen(Cloud):
    """A region whose instance types are not built on the Nitro system."""

    def instance_type(self, name):
        return {**super().instance_type(name), "hypervisor": "xen"}


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: group(ip_family="IPv6"), "ip_family: got 'IPv6'; expected one of ipv4, ipv6"),
        (lambda: self_managed(ip_family="6"), "ip_family: got '6'; expected one of ipv4, ipv6"),
        (lambda: self_managed(Xen(), ip_family="ipv6"), "expected a type that is built on the Nitro system"),
        (lambda: network(ip_family="dual"), "ip_family: got 'dual'; expected one of ipv4, ipv6"),
        (lambda: cluster(Cloud(), ip_family="6"), "ip_family: got '6'; expected one of ipv4, ipv6"),
        (lambda: group(ip_family="ipv6", ami_type="WINDOWS_CORE_2022_x86_64"), "expected a Linux AMI type: EKS has no"),
        (
            lambda: group(Xen(), ip_family="ipv6"),
            r"instance_types\[0\]: got m6i.large with ip_family ipv6; expected a type",
        ),
    ],
)
def test_what_eks_cannot_do_with_ipv6_is_refused(build, message):
    with pytest.raises(FaultsError, match=message):
        build()


@pytest.mark.parametrize(("live", "asked"), [("ipv4", "ipv6"), ("ipv6", "ipv4")])
def test_another_family_than_a_created_cluster_has_is_refused_instead_of_replacing_it(live, asked):
    cloud = Cloud(preview=True)
    cloud.ip_family = live
    with pytest.raises(FaultsError, match=f"ip_family: got {asked}, and the cluster has {live}; expected {live}"):
        cluster(cloud, create=CREATION, ip_family=asked)


def test_an_adopted_ipv6_cluster_is_accepted_and_the_setting_for_its_nodes_is_named():
    cloud = Cloud()
    cloud.ip_family = "ipv6"
    (warning,) = cluster(cloud).warnings
    assert "Set ipFamily: ipv6 on the cluster, unless the VPC CNI has its own role" in warning
    assert cluster(cloud, ip_family="ipv6").warnings == []


@pytest.mark.parametrize(
    ("groups", "warned"),
    [
        ({"nodeGroups": [{**NODES, "nodeRoleArn": "arn:aws:iam::123456789012:role/n"}]}, False),
        ({"existingNodeGroups": [{"name": "workers"}]}, False),
        ({"autoScalingGroups": [{"name": "asg"}]}, False),
        ({"nodeGroups": [NODES]}, True),
        ({"autoScalingGroups": [{"name": "mixed", "create": SIZES}]}, True),
    ],
)
def test_the_program_names_the_setting_only_if_it_creates_a_role_of_nodes(groups, warned):
    cloud = Cloud(cluster_version="1.36")
    cloud.ip_family = "ipv6"
    found = run_program("adopt", cloud=cloud, **{"existingNodeGroups": [], **groups}).warnings
    assert any("Set ipFamily: ipv6" in text for text in found) is warned


@pytest.mark.parametrize(
    ("family", "cidr", "expected"),
    [
        ("ipv6", "2001:db8::/32", None),
        ("ipv6", "203.0.113.0/24", None),
        ("ipv6", "::/0", "the whole internet is refused"),
        ("ipv6", "2001:db8::1/32", "a network such as 10.0.0.0/16 or 2001:db8::/32"),
        ("ipv6", "2001:db8::1", "a network such as 10.0.0.0/16 or 2001:db8::/32"),
        ("ipv4", "2001:db8::/32", "an IPv4 network: EKS accepts an IPv6 network only for"),
        ("ipv4", "203.0.113.5/24", "a network such as"),
    ],
)
def test_the_api_server_of_an_ipv6_cluster_may_be_open_to_ipv6_networks(family, cidr, expected):
    cloud = Cloud()
    cloud.ip_family = family
    given = {"create": {**CREATION, "public_access_cidrs": [cidr]}, "ip_family": family}
    with pytest.raises(FaultsError, match=re.escape(expected)) if expected else nullcontext():
        assert cluster(cloud, **given).one("eks:index:Cluster").inputs["publicAccessCidrs"] == [cidr]


@pytest.mark.parametrize("live", ["", "ipv4"])
def test_an_adopted_ipv4_cluster_is_accepted_without_a_warning(live):
    cloud = Cloud()
    cloud.ip_family = live
    assert cluster(cloud).warnings == []


def test_ipv6_for_an_adopted_ipv4_cluster_is_refused():
    cloud = Cloud()
    cloud.ip_family = "ipv4"
    with pytest.raises(FaultsError, match="ip_family: got ipv6, and the cluster has ipv4"):
        cluster(cloud, ip_family="ipv6")
