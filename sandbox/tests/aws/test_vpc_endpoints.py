"""VPC endpoints: what EC2 refuses, and what one makes and takes with it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.tests.aws.support import Aws, code

STS = "com.amazonaws.us-east-1.sts"
S3 = "com.amazonaws.us-east-1.s3"
MAIL = "com.amazonaws.us-east-1.email-smtp"


@pytest.fixture
def vpc(aws: Aws) -> str:
    ec2 = aws("ec2")
    made = str(ec2.create_vpc(CidrBlock="10.3.0.0/16")["Vpc"]["VpcId"])
    ec2.modify_vpc_attribute(VpcId=made, EnableDnsHostnames={"Value": True})
    return made


@pytest.fixture
def subnets(aws: Aws, vpc: str) -> list[str]:
    """Two subnets in zone a and one in zone b."""
    zones = enumerate(("us-east-1a", "us-east-1a", "us-east-1b"))
    made = (
        aws("ec2").create_subnet(VpcId=vpc, CidrBlock=f"10.3.{index}.0/24", AvailabilityZone=zone)["Subnet"]
        for index, zone in zones
    )
    return [str(each["SubnetId"]) for each in made]


def interface(aws: Aws, vpc: str, service: str = STS, **members: Any) -> Any:
    answer = aws("ec2").create_vpc_endpoint(VpcId=vpc, ServiceName=service, VpcEndpointType="Interface", **members)
    return answer["VpcEndpoint"]


def gateway(aws: Aws, vpc: str, **members: Any) -> Any:
    return aws("ec2").create_vpc_endpoint(VpcId=vpc, ServiceName=S3, **members)["VpcEndpoint"]


def main_table(aws: Aws, vpc: str) -> Any:
    (found,) = aws("ec2").describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    return found


def test_an_endpoint_has_an_interface_in_each_subnet_which_goes_with_it(aws: Aws, vpc: str, subnets: list[str]) -> None:
    ec2 = aws("ec2")
    endpoint = interface(aws, vpc, SubnetIds=subnets[1:], PrivateDnsEnabled=True)
    found = ec2.describe_network_interfaces(NetworkInterfaceIds=endpoint["NetworkInterfaceIds"])["NetworkInterfaces"]
    assert sorted(each["SubnetId"] for each in found) == sorted(subnets[1:])
    for refused in (lambda: ec2.delete_subnet(SubnetId=subnets[1]), lambda: ec2.delete_vpc(VpcId=vpc)):
        with pytest.raises(ClientError) as error:
            refused()
        assert code(error) == "DependencyViolation"
    ids = [endpoint["VpcEndpointId"]]
    assert ec2.delete_vpc_endpoints(VpcEndpointIds=ids)["Unsuccessful"] == []
    (missing,) = ec2.delete_vpc_endpoints(VpcEndpointIds=ids)["Unsuccessful"]
    assert missing["Error"]["Code"] == "InvalidVpcEndpointId.NotFound"
    ec2.delete_subnet(SubnetId=subnets[1])


def test_a_gateway_endpoint_adds_a_route_which_goes_with_it(aws: Aws, vpc: str) -> None:
    table = main_table(aws, vpc)["RouteTableId"]
    endpoint = gateway(aws, vpc, RouteTableIds=[table])["VpcEndpointId"]
    assert [each.get("GatewayId") for each in main_table(aws, vpc)["Routes"]] == ["local", endpoint]
    with pytest.raises(ClientError) as error:
        gateway(aws, vpc, RouteTableIds=[table])
    assert code(error) == "RouteAlreadyExists"
    aws("ec2").modify_vpc_endpoint(VpcEndpointId=endpoint, RemoveRouteTableIds=[table])
    assert [each.get("GatewayId") for each in main_table(aws, vpc)["Routes"]] == ["local"]


def test_a_second_subnet_in_a_zone_and_a_zone_without_the_service_are_refused(
    aws: Aws, vpc: str, subnets: list[str]
) -> None:
    with pytest.raises(ClientError) as error:
        interface(aws, vpc, SubnetIds=subnets)
    assert code(error) == "DuplicateSubnetsInSameZone"
    with pytest.raises(ClientError, match="does not support the availability zone of the subnet"):
        interface(aws, vpc, MAIL, SubnetIds=subnets[:1])
    assert interface(aws, vpc, MAIL, SubnetIds=subnets[2:])["State"] == "available"


def test_private_dns_is_refused_without_the_dns_of_the_vpc_and_twice(aws: Aws, vpc: str) -> None:
    interface(aws, vpc, PrivateDnsEnabled=True)
    with pytest.raises(ClientError, match=r"conflicting DNS domain for sts\.us-east-1\.amazonaws\.com"):
        interface(aws, vpc, PrivateDnsEnabled=True)
    aws("ec2").modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": False})
    with pytest.raises(ClientError, match="requires both enableDnsSupport and enableDnsHostnames"):
        interface(aws, vpc, "com.amazonaws.us-east-1.ec2", PrivateDnsEnabled=True)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"ServiceName": "com.amazonaws.us-east-1.none"}, "InvalidServiceName"),
        ({"ServiceName": STS}, "InvalidParameter"),
        ({"ServiceName": S3, "RouteTableIds": ["rtb-0bad"]}, "InvalidRouteTableId.NotFound"),
        ({"ServiceName": S3, "SubnetIds": ["subnet-00000001"]}, "InvalidParameter"),
        ({"ServiceName": STS, "VpcEndpointType": "Interface", "SubnetIds": ["subnet-00000001"]}, "InvalidParameter"),
        (
            {"ServiceName": STS, "VpcEndpointType": "Interface", "SubnetIds": ["subnet-0bad"]},
            "InvalidSubnetId.NotFound",
        ),
    ],
)
def test_what_does_not_exist_or_belongs_elsewhere_is_refused(
    aws: Aws, vpc: str, members: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ClientError) as error:
        aws("ec2").create_vpc_endpoint(VpcId=vpc, **members)
    assert code(error) == expected
