"""IPv6 networks: what EC2 cuts and routes, and which clusters and nodes EKS makes in them."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.tests.aws.support import REGION, SUBNETS, Aws, Cluster, Emulator, code, policy

ALLOWED = policy({"Action": ["ec2:AssignIpv6Addresses", "ec2:Describe*"]})


@pytest.fixture
def vpc(aws: Aws) -> dict[str, Any]:
    made = aws("ec2").create_vpc(CidrBlock="10.4.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
    return dict(made)


@pytest.fixture
def subnets(aws: Aws, vpc: dict[str, Any]) -> list[str]:
    """A subnet in each of two zones, with IPv6 addresses for instances."""
    made = [subnet(aws, vpc, index, AvailabilityZone=f"{REGION}{'ab'[index]}") for index in range(2)]
    for each in made:
        aws("ec2").modify_subnet_attribute(SubnetId=each, AssignIpv6AddressOnCreation={"Value": True})
    return made


def block(vpc: dict[str, Any]) -> str:
    return str(vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"])


def part(vpc: dict[str, Any], index: int) -> str:
    return str([*ipaddress.IPv6Network(block(vpc)).subnets(new_prefix=64)][index])


def subnet(aws: Aws, vpc: dict[str, Any], index: int, **members: Any) -> str:
    request = {"CidrBlock": f"10.4.{index}.0/24", "Ipv6CidrBlock": part(vpc, index), **members}
    return str(aws("ec2").create_subnet(VpcId=vpc["VpcId"], **request)["Subnet"]["SubnetId"])


@pytest.fixture
def ipv6_cluster(aws: Aws, emulator: Emulator, name: str, subnets: list[str], creating_cluster: Cluster) -> Cluster:
    """An active IPv6 cluster."""
    ipv6 = f"{name}-6"
    role = aws("eks").describe_cluster(name=creating_cluster.name)["cluster"]["roleArn"]
    made = aws("eks").create_cluster(
        name=ipv6,
        roleArn=role,
        resourcesVpcConfig={"subnetIds": subnets},
        accessConfig={"authenticationMode": "API"},
        kubernetesNetworkConfig={"ipFamily": "ipv6"},
    )["cluster"]
    cluster = Cluster(ipv6, made["arn"], made["identity"]["oidc"]["issuer"])
    report = {"endpoint": "https://127.0.0.1:6443", "certificateAuthority": "Q0E=", "jwks": cluster.jwks}
    emulator.private("POST", f"clusters/{REGION}/{ipv6}", report)
    return cluster


def test_networks_are_shown_as_amazon_gave_them(aws: Aws, vpc: dict[str, Any], subnets: list[str]) -> None:
    (shown,) = aws("ec2").describe_vpcs(VpcIds=[vpc["VpcId"]])["Vpcs"]
    assert block(shown) == block(vpc)
    assert ipaddress.IPv6Network(block(vpc)).prefixlen == 56
    found = aws("ec2").describe_subnets(SubnetIds=subnets)["Subnets"]
    assert {block(each) for each in found} == {part(vpc, 0), part(vpc, 1)}
    assert all(each["AssignIpv6AddressOnCreation"] for each in found)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("2600:1f18:0:100::/64", "InvalidSubnet.Range"),
        ("whole", "InvalidSubnet.Range"),
        ("taken", "InvalidSubnet.Conflict"),
        ("10.4.9.0/24", "InvalidParameterValue"),
    ],
)
def test_a_subnet_gets_a_free_part_of_its_vpc_only(
    aws: Aws, vpc: dict[str, Any], subnets: list[str], wanted: str, expected: str
) -> None:
    given = {"whole": block(vpc), "taken": part(vpc, 0)}.get(wanted, wanted)
    with pytest.raises(ClientError) as error:
        subnet(aws, vpc, 9, Ipv6CidrBlock=given)
    assert code(error) == expected


def test_a_subnet_without_ipv6_assigns_no_addresses(aws: Aws, vpc: dict[str, Any]) -> None:
    plain = aws("ec2").create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.4.8.0/24")["Subnet"]["SubnetId"]
    with pytest.raises(ClientError) as error:
        aws("ec2").modify_subnet_attribute(SubnetId=plain, AssignIpv6AddressOnCreation={"Value": True})
    assert code(error) == "InvalidParameterValue"


def test_an_ipv6_route_leads_to_a_gateway_for_it(aws: Aws, vpc: dict[str, Any]) -> None:
    ec2 = aws("ec2")
    gateway = ec2.create_egress_only_internet_gateway(VpcId=vpc["VpcId"])["EgressOnlyInternetGateway"]
    table = ec2.create_route_table(VpcId=vpc["VpcId"])["RouteTable"]["RouteTableId"]
    route = {"RouteTableId": table, "DestinationIpv6CidrBlock": "::/0"}
    for target, expected in (
        ({"NatGatewayId": "nat-1"}, "InvalidParameterValue"),
        ({"EgressOnlyInternetGatewayId": "eigw-0"}, "InvalidGatewayID.NotFound"),
        ({}, "MissingParameter"),
    ):
        with pytest.raises(ClientError) as error:
            ec2.create_route(**route, **target)
        assert code(error) == expected
    target = {"EgressOnlyInternetGatewayId": gateway["EgressOnlyInternetGatewayId"]}
    ec2.create_route(**route, **target)
    (shown,) = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    routes = {each.get("DestinationIpv6CidrBlock"): each for each in shown["Routes"]}
    assert routes[block(vpc)]["GatewayId"] == "local"
    assert target.items() <= routes["::/0"].items()
    with pytest.raises(ClientError) as error:
        ec2.create_route(**route, **target)
    assert code(error) == "RouteAlreadyExists"
    with pytest.raises(ClientError) as error:
        ec2.delete_vpc(VpcId=vpc["VpcId"])
    assert code(error) == "DependencyViolation"
    ec2.delete_route(**route)
    ec2.delete_egress_only_internet_gateway(**target)


def test_an_ipv6_cluster_has_services_in_a_local_network(aws: Aws, ipv6_cluster: Cluster) -> None:
    config = aws("eks").describe_cluster(name=ipv6_cluster.name)["cluster"]["kubernetesNetworkConfig"]
    assert config["ipFamily"] == "ipv6"
    assert config["serviceIpv6Cidr"].startswith("fd")
    assert "serviceIpv4Cidr" not in config


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"ipFamily": "ipv6"}, "have no IPv6 CIDR block"),
        ({"ipFamily": "ipv6", "serviceIpv4Cidr": "10.100.0.0/16"}, "cannot be specified when ipFamily is ipv6"),
    ],
)
def test_an_ipv6_cluster_needs_ipv6_subnets_and_chooses_the_network_of_its_services(
    aws: Aws, creating_cluster: Cluster, config: dict[str, str], message: str
) -> None:
    role = aws("eks").describe_cluster(name=creating_cluster.name)["cluster"]["roleArn"]
    with pytest.raises(ClientError, match=message):
        aws("eks").create_cluster(
            name="refused",
            roleArn=role,
            resourcesVpcConfig={"subnetIds": SUBNETS},
            kubernetesNetworkConfig=config,
        )


@pytest.mark.parametrize(
    ("allowed", "assigned", "status", "issues"),
    [
        (True, True, "ACTIVE", []),
        (False, True, "CREATE_FAILED", ["NodeCreationFailure"]),
        (True, False, "CREATE_FAILED", ["Ec2SubnetMissingIpv6Assignment"]),
    ],
)
def test_nodes_of_an_ipv6_cluster_need_subnets_and_a_role_that_assign_addresses(
    aws: Aws,
    ipv6_cluster: Cluster,
    subnets: list[str],
    node_role: str,
    allowed: bool,
    assigned: bool,
    status: str,
    issues: list[str],
) -> None:
    if allowed:
        role = node_role.rpartition("/")[2]
        aws("iam").put_role_policy(RoleName=role, PolicyName="ipv6", PolicyDocument=ALLOWED)
    if not assigned:
        aws("ec2").modify_subnet_attribute(SubnetId=subnets[0], AssignIpv6AddressOnCreation={"Value": False})
    group = {"clusterName": ipv6_cluster.name, "nodegroupName": "workers"}
    sizes = {"minSize": 0, "maxSize": 1, "desiredSize": 0}
    aws("eks").create_nodegroup(**group, subnets=subnets, nodeRole=node_role, scalingConfig=sizes)
    found = aws("eks").describe_nodegroup(**group)["nodegroup"]
    assert (found["status"], [each["code"] for each in found["health"]["issues"]]) == (status, issues)
