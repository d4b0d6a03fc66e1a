"""EC2 networks and launch templates through the provider stand-in."""

import base64

import grpc
import pytest
from botocore.exceptions import ClientError

from sandbox.tests.providers.aws.lifecycle import (
    Properties,
    answered,
    differences,
    drifted,
    imported,
    made,
    removed,
    replaced,
    updated,
)

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
GATEWAY = "aws:ec2/internetGateway:InternetGateway"
EIP = "aws:ec2/eip:Eip"
NAT = "aws:ec2/natGateway:NatGateway"
TABLE = "aws:ec2/routeTable:RouteTable"
TABLE_ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
GET_SUBNET = "aws:ec2/getSubnet:getSubnet"
GET_SUBNETS = "aws:ec2/getSubnets:getSubnets"
GET_TABLE = "aws:ec2/getRouteTable:getRouteTable"
GET_TABLES = "aws:ec2/getRouteTables:getRouteTables"
EGRESS_ONLY = "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
GET_SERVICE = "aws:ec2/getVpcEndpointService:getVpcEndpointService"
GET_INSTANCE_TYPE = "aws:ec2/getInstanceType:getInstanceType"


@pytest.fixture
def vpc(engine):
    return engine.create(VPC, {"cidrBlock": "10.9.0.0/16", "tags": {"Name": "test"}})


@pytest.fixture
def subnet(engine, vpc):
    return engine.create(SUBNET, {"vpcId": vpc.id, "cidrBlock": "10.9.1.0/24", "availabilityZone": "us-east-1a"})


def retagged(cloud, resource):
    """Change, from outside, the tags of a thing that has the tag `team` with the value `b`."""

    def tamper():
        tags = [{"Key": "team", "Value": "z"}, {"Key": "extra", "Value": "1"}]
        cloud("ec2").create_tags(Resources=[resource.id], Tags=tags)

    return tamper, {"tags.team": "UPDATE", "tags.extra": "DELETE"}


def test_vpc_life(engine, cloud):
    inputs: Properties = {"cidrBlock": "10.8.0.0/16", "tags": {"team": "a"}}
    vpc = made(engine, VPC, inputs)
    assert vpc.id.startswith("vpc-")
    assert vpc.outputs["arn"] == f"arn:aws:ec2:us-east-1:123456789012:vpc/{vpc.id}"
    assert vpc.outputs["mainRouteTableId"].startswith("rtb-")
    assert vpc.outputs["defaultSecurityGroupId"].startswith("sg-")
    inputs |= {"enableDnsHostnames": True}
    vpc = updated(engine, VPC, vpc, inputs, {"enableDnsHostnames": "UPDATE"})
    inputs |= {"enableDnsSupport": False, "enableDnsHostnames": False}
    changes = {"enableDnsSupport": "UPDATE", "enableDnsHostnames": "UPDATE"}
    vpc = updated(engine, VPC, vpc, inputs, changes)
    inputs |= {"tags": {"team": "b"}}
    vpc = updated(engine, VPC, vpc, inputs, {"tags.team": "UPDATE"})
    replaced(engine, VPC, vpc, inputs | {"cidrBlock": "10.7.0.0/16"}, "cidrBlock")
    imported(engine, VPC, vpc.id, vpc, inputs)
    vpc = drifted(engine, VPC, vpc, inputs, *retagged(cloud, vpc))
    removed(engine, VPC, vpc)


def test_subnet_life(engine, cloud, vpc):
    inputs = {"vpcId": vpc.id, "cidrBlock": "10.9.2.0/24", "availabilityZone": "us-east-1b", "tags": {"team": "a"}}
    subnet = made(engine, SUBNET, inputs)
    assert subnet.id.startswith("subnet-")
    inputs |= {"mapPublicIpOnLaunch": True}
    subnet = updated(engine, SUBNET, subnet, inputs, {"mapPublicIpOnLaunch": "UPDATE"})
    inputs |= {"tags": {"team": "b"}}
    subnet = updated(engine, SUBNET, subnet, inputs, {"tags.team": "UPDATE"})
    for key, value in (("cidrBlock", "10.9.3.0/24"), ("availabilityZone", "us-east-1c"), ("vpcId", "vpc-other")):
        replaced(engine, SUBNET, subnet, inputs | {key: value}, key)
    imported(engine, SUBNET, subnet.id, subnet, inputs)
    subnet = drifted(engine, SUBNET, subnet, inputs, *retagged(cloud, subnet))
    removed(engine, SUBNET, subnet)


def test_a_subnet_is_found_by_id(engine, subnet):
    assert answered(engine, GET_SUBNET, id=subnet.id)["availabilityZone"] == "us-east-1a"
    with pytest.raises(grpc.RpcError, match="no matching EC2 Subnet found"):
        engine.invoke(GET_SUBNET, id="subnet-0badbadbad")
    with pytest.raises(grpc.RpcError, match="unknown property 'vpcId'"):
        engine.invoke(GET_SUBNET, id=subnet.id, vpcId="vpc-1")


def test_all_subnets_that_fit_are_listed(engine, vpc, subnet):
    public = engine.create(SUBNET, {"vpcId": vpc.id, "cidrBlock": "10.9.5.0/24", "mapPublicIpOnLaunch": True})
    of_vpc = {"name": "vpc-id", "values": [vpc.id]}
    listed = answered(engine, GET_SUBNETS, filters=[of_vpc])
    assert sorted(listed["ids"]) == sorted([subnet.id, public.id])
    of_public = {"name": "map-public-ip-on-launch", "values": ["true"]}
    assert answered(engine, GET_SUBNETS, filters=[of_vpc, of_public])["ids"] == [public.id]
    assert answered(engine, GET_SUBNETS, filters=[of_vpc, {"name": "tag:tier", "values": ["none"]}])["ids"] == []


def test_a_route_table_shows_where_its_routes_lead(engine, vpc, subnet):
    gateway = engine.create(GATEWAY, {"vpcId": vpc.id})
    table = engine.create(
        TABLE, {"vpcId": vpc.id, "routes": [{"cidrBlock": "0.0.0.0/0", "gatewayId": gateway.id}], "tags": {"a": "b"}}
    )
    engine.create(TABLE_ASSOCIATION, {"subnetId": subnet.id, "routeTableId": table.id})
    shown = answered(engine, GET_TABLE, routeTableId=table.id)
    [route] = shown["routes"]
    assert (route["cidrBlock"], route["gatewayId"], route["natGatewayId"]) == ("0.0.0.0/0", gateway.id, "")
    assert [each["subnetId"] for each in shown["associations"]] == [subnet.id]
    assert (shown["id"], shown["vpcId"], shown["tags"]) == (table.id, vpc.id, {"a": "b"})
    main = [{"name": "association.main", "values": ["true"]}]
    assert answered(engine, GET_TABLES, vpcId=vpc.id, filters=main)["ids"] == [vpc.outputs["mainRouteTableId"]]
    assert sorted(answered(engine, GET_TABLES, vpcId=vpc.id)["ids"]) == sorted(
        [table.id, vpc.outputs["mainRouteTableId"]]
    )
    with pytest.raises(grpc.RpcError, match="query returned no results"):
        engine.invoke(GET_TABLE, routeTableId="rtb-0badbadbad")


@pytest.mark.parametrize(
    "route",
    [{"gatewayId": "igw-1"}, {"cidrBlock": "0.0.0.0/0"}, {"cidrBlock": "0.0.0.0/0", "vpcEndpointId": "vpce-1"}],
)
def test_a_route_that_the_stand_in_cannot_make_is_refused(engine, route):
    _, failures = engine.check(TABLE, {"vpcId": "vpc-1", "routes": [route]})
    assert list(failures) == ["routes[0]"]


def test_an_instance_type_shows_architecture_size_and_accelerators(engine):
    large = answered(engine, GET_INSTANCE_TYPE, instanceType="m6g.large")
    assert (large["supportedArchitectures"], large["defaultVcpus"], large["memorySize"]) == (["arm64"], 2, 8192)
    assert (large["maximumNetworkInterfaces"], large["maximumIpv4AddressesPerInterface"]) == (3, 10)
    assert "gpuses" not in large
    gpu = answered(engine, GET_INSTANCE_TYPE, instanceType="g5.xlarge")
    assert [(each["manufacturer"], each["count"]) for each in gpu["gpuses"]] == [("NVIDIA", 1)]
    neuron = answered(engine, GET_INSTANCE_TYPE, instanceType="inf2.xlarge")
    assert [(each["name"], each["count"]) for each in neuron["neuronDevices"]] == [("Inferentia2", 1)]
    with pytest.raises(grpc.RpcError, match="reading EC2 Instance Type: InvalidInstanceType"):
        engine.invoke(GET_INSTANCE_TYPE, instanceType="m99.large")


def test_internet_gateway_life(engine, cloud, vpc):
    inputs = {"vpcId": vpc.id, "tags": {"team": "a"}}
    gateway = made(engine, GATEWAY, inputs)
    assert gateway.id.startswith("igw-")
    other = engine.create(VPC, {"cidrBlock": "10.6.0.0/16"})
    inputs |= {"vpcId": other.id, "tags": {"team": "b"}}
    gateway = updated(engine, GATEWAY, gateway, inputs, {"vpcId": "UPDATE", "tags.team": "UPDATE"})
    imported(engine, GATEWAY, gateway.id, gateway, inputs)
    gateway = drifted(engine, GATEWAY, gateway, inputs, *retagged(cloud, gateway))
    removed(engine, GATEWAY, gateway)


def test_nat_gateway_and_address_life(engine, cloud, subnet):
    inputs = {"domain": "vpc", "tags": {"team": "a"}}
    address = made(engine, EIP, inputs)
    assert address.id.startswith("eipalloc-")
    assert address.outputs["publicIp"].count(".") == 3
    inputs |= {"tags": {"team": "b"}}
    address = updated(engine, EIP, address, inputs, {"tags.team": "UPDATE"})
    imported(engine, EIP, address.id, address, inputs)
    address = drifted(engine, EIP, address, inputs, *retagged(cloud, address))

    nat_inputs = {"allocationId": address.id, "subnetId": subnet.id, "tags": {"team": "a"}}
    nat = made(engine, NAT, nat_inputs)
    assert nat.id.startswith("nat-")
    nat_inputs |= {"tags": {"team": "b"}}
    nat = updated(engine, NAT, nat, nat_inputs, {"tags.team": "UPDATE"})
    replaced(engine, NAT, nat, nat_inputs | {"subnetId": "subnet-other"}, "subnetId")
    # ministack does not return the address of a NAT gateway.
    imported(engine, NAT, nat.id, nat, {key: value for key, value in nat_inputs.items() if key != "allocationId"})
    nat = drifted(engine, NAT, nat, nat_inputs, *retagged(cloud, nat))
    removed(engine, NAT, nat)
    removed(engine, EIP, address)


def test_egress_only_gateway_life(engine, cloud, vpc):
    inputs = {"vpcId": vpc.id, "tags": {"team": "a"}}
    gateway = made(engine, EGRESS_ONLY, inputs)
    assert gateway.id.startswith("eigw-")
    inputs |= {"tags": {"team": "b"}}
    gateway = updated(engine, EGRESS_ONLY, gateway, inputs, {"tags.team": "UPDATE"})
    replaced(engine, EGRESS_ONLY, gateway, inputs | {"vpcId": "vpc-other"}, "vpcId")
    imported(engine, EGRESS_ONLY, gateway.id, gateway, inputs)
    gateway = drifted(engine, EGRESS_ONLY, gateway, inputs, *retagged(cloud, gateway))
    removed(engine, EGRESS_ONLY, gateway)


def test_an_ipv6_network_is_cut_into_subnets_and_has_routes(engine):
    inputs: Properties = {"cidrBlock": "10.5.0.0/16", "assignGeneratedIpv6CidrBlock": True}
    vpc = made(engine, VPC, inputs)
    imported(engine, VPC, vpc.id, vpc, inputs)
    replaced(engine, VPC, vpc, {"cidrBlock": "10.5.0.0/16"}, "assignGeneratedIpv6CidrBlock")
    block = vpc.outputs["ipv6CidrBlock"].replace("::/56", "::/64")
    subnet_inputs: Properties = {"vpcId": vpc.id, "cidrBlock": "10.5.1.0/24", "ipv6CidrBlock": block}
    subnet = made(engine, SUBNET, subnet_inputs | {"assignIpv6AddressOnCreation": True})
    assert subnet.outputs["assignIpv6AddressOnCreation"] is True
    subnet = updated(engine, SUBNET, subnet, subnet_inputs, {"assignIpv6AddressOnCreation": "UPDATE"})
    gateway = engine.create(EGRESS_ONLY, {"vpcId": vpc.id})
    out = {"ipv6CidrBlock": "::/0", "egressOnlyGatewayId": gateway.id}
    table = made(engine, TABLE, {"vpcId": vpc.id, "routes": [out]})
    table = updated(engine, TABLE, table, {"vpcId": vpc.id, "routes": []}, {"routes[0]": "DELETE"})
    for token, resource in ((TABLE, table), (EGRESS_ONLY, gateway), (SUBNET, subnet), (VPC, vpc)):
        removed(engine, token, resource)


HTTPS: Properties = {"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ["10.9.0.0/16"]}


def test_security_group_life(engine, cloud, vpc):
    inputs: Properties = {"vpcId": vpc.id, "description": "test", "ingress": [HTTPS], "tags": {"team": "a"}}
    group = made(engine, GROUP, inputs)
    assert group.id.startswith("sg-")
    assert group.outputs["egress"] == []
    inputs |= {"ingress": [HTTPS | {"cidrBlocks": ["10.9.1.0/24"]}], "tags": {"team": "b"}}
    group = updated(engine, GROUP, group, inputs, {"ingress[0]": "UPDATE", "tags.team": "UPDATE"})
    replaced(engine, GROUP, group, inputs | {"description": "another"}, "description")
    imported(engine, GROUP, group.id, group, {**inputs, "name": group.outputs["name"]})
    group = drifted(engine, GROUP, group, inputs, *retagged(cloud, group))
    removed(engine, GROUP, group)


def test_gateway_endpoint_life(engine, cloud, vpc):
    one, other = (engine.create(TABLE, {"vpcId": vpc.id}) for _ in range(2))
    name = answered(engine, GET_SERVICE, serviceName="com.amazonaws.us-east-1.s3", serviceType="Gateway")["serviceName"]
    inputs: Properties = {"vpcId": vpc.id, "serviceName": name, "routeTableIds": [one.id], "tags": {"team": "a"}}
    endpoint = made(engine, ENDPOINT, inputs)
    assert endpoint.id.startswith("vpce-")
    assert endpoint.outputs["prefixListId"].startswith("pl-")
    assert engine.refresh(TABLE, one).outputs["routes"] == [], "the route of an endpoint is not the table's own"
    inputs |= {"routeTableIds": [other.id], "tags": {"team": "b"}}
    changes = {"routeTableIds[0]": "UPDATE", "tags.team": "UPDATE"}
    endpoint = updated(engine, ENDPOINT, endpoint, inputs, changes)
    imported(engine, ENDPOINT, endpoint.id, endpoint, inputs)
    endpoint = drifted(engine, ENDPOINT, endpoint, inputs, *retagged(cloud, endpoint))
    replaced(engine, ENDPOINT, endpoint, inputs | {"serviceName": f"{name}x"}, "serviceName")
    removed(engine, ENDPOINT, endpoint)


def test_interface_endpoint_life(engine, cloud, vpc, subnet):
    vpc = engine.update(VPC, vpc, {**vpc.inputs, "enableDnsHostnames": True})
    group = engine.create(GROUP, {"vpcId": vpc.id, "ingress": [HTTPS]})
    inputs: Properties = {
        "vpcId": vpc.id,
        "serviceName": "com.amazonaws.us-east-1.ecr.api",
        "vpcEndpointType": "Interface",
        "subnetIds": [subnet.id],
        "securityGroupIds": [group.id],
        "privateDnsEnabled": True,
    }
    endpoint = made(engine, ENDPOINT, inputs)
    assert len(endpoint.outputs["networkInterfaceIds"]) == 1
    second = engine.create(SUBNET, {"vpcId": vpc.id, "cidrBlock": "10.9.7.0/24", "availabilityZone": "us-east-1b"})
    inputs |= {"subnetIds": [second.id]}
    endpoint = updated(engine, ENDPOINT, endpoint, inputs, {"subnetIds[0]": "UPDATE"})
    assert endpoint.outputs["subnetConfigurations"][0]["subnetId"] == second.id
    with pytest.raises(ClientError, match="DependencyViolation"):
        cloud("ec2").delete_subnet(SubnetId=second.id)
    removed(engine, ENDPOINT, endpoint)
    removed(engine, GROUP, group)
    assert cloud("ec2").describe_network_interfaces()["NetworkInterfaces"] == []


def test_of_several_services_of_endpoints_none_is_chosen(engine):
    with pytest.raises(grpc.RpcError, match="multiple EC2 VPC Endpoint Services matched"):
        engine.invoke(GET_SERVICE, serviceName="com.amazonaws.us-east-1.s3")
    named = {"name": "service-name", "values": ["com.amazonaws.us-east-1.sts", "cn.com.amazonaws.us-east-1.sts"]}
    found = answered(engine, GET_SERVICE, filters=[named], serviceType="Interface")
    assert found["availabilityZones"] == ["us-east-1a", "us-east-1b", "us-east-1c"]
    with pytest.raises(grpc.RpcError, match="no matching EC2 VPC Endpoint Service found"):
        engine.invoke(GET_SERVICE, filters=[named], serviceType="Gateway")
    with pytest.raises(grpc.RpcError, match=r"The Vpc Endpoint Service 'com\.amazonaws\.us-east-1\.x' does not exist"):
        engine.invoke(GET_SERVICE, serviceName="com.amazonaws.us-east-1.x")


def test_route_table_life(engine, cloud, vpc, subnet):
    gateway = engine.create(GATEWAY, {"vpcId": vpc.id})
    inputs = {"vpcId": vpc.id, "routes": [{"cidrBlock": "0.0.0.0/0", "gatewayId": gateway.id}], "tags": {"team": "a"}}
    table = made(engine, TABLE, inputs)
    assert table.id.startswith("rtb-")
    inputs |= {"routes": [*inputs["routes"], {"cidrBlock": "192.168.0.0/16", "gatewayId": gateway.id}]}
    table = updated(engine, TABLE, table, inputs, {"routes[1]": "ADD"})
    inputs |= {"routes": inputs["routes"][:1], "tags": {"team": "b"}}
    table = updated(engine, TABLE, table, inputs, {"routes[1]": "DELETE", "tags.team": "UPDATE"})
    replaced(engine, TABLE, table, inputs | {"vpcId": "vpc-other"}, "vpcId")
    imported(engine, TABLE, table.id, table, inputs)

    def tamper():
        cloud("ec2").delete_route(RouteTableId=table.id, DestinationCidrBlock="0.0.0.0/0")

    table = drifted(engine, TABLE, table, inputs, tamper, {"routes[0]": "ADD"})

    association_inputs = {"routeTableId": table.id, "subnetId": subnet.id}
    association = made(engine, TABLE_ASSOCIATION, association_inputs)
    assert association.id.startswith("rtbassoc-")
    imported(engine, TABLE_ASSOCIATION, f"{subnet.id}/{table.id}", association, association_inputs)
    replaced(engine, TABLE_ASSOCIATION, association, association_inputs | {"subnetId": "subnet-other"}, "subnetId")
    other = engine.create(TABLE, {"vpcId": vpc.id})
    association_inputs |= {"routeTableId": other.id}
    assert differences(engine, TABLE_ASSOCIATION, association, association_inputs) == {"routeTableId": "UPDATE"}
    association = engine.update(TABLE_ASSOCIATION, association, association_inputs)
    refreshed = engine.refresh(TABLE_ASSOCIATION, association)
    assert refreshed.outputs["routeTableId"] == other.id
    removed(engine, TABLE_ASSOCIATION, association)
    removed(engine, TABLE, table)


def test_launch_template_life(engine, cloud, name):
    inputs = {
        "name": name,
        "description": "first",
        "imageId": "ami-0c2023a1b2c3d4e5f",
        "instanceType": "m5.large",
        "userData": base64.b64encode(b"#!/bin/sh\n").decode(),
        "ebsOptimized": "true",
        "vpcSecurityGroupIds": ["sg-00000001"],
        "metadataOptions": {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1},
        "blockDeviceMappings": [
            {"deviceName": "/dev/xvda", "ebs": {"volumeSize": 30, "volumeType": "gp3", "encrypted": "true"}}
        ],
        "tagSpecifications": [{"resourceType": "instance", "tags": {"Name": "worker"}}],
        "monitoring": {"enabled": True},
        "tags": {"team": "a"},
    }
    template = made(engine, TEMPLATE, inputs)
    assert template.id.startswith("lt-")
    assert (template.outputs["latestVersion"], template.outputs["defaultVersion"]) == (1, 1)

    inputs |= {"metadataOptions": {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 2}}
    template = updated(engine, TEMPLATE, template, inputs, {"metadataOptions.httpPutResponseHopLimit": "UPDATE"})
    assert (template.outputs["latestVersion"], template.outputs["defaultVersion"]) == (2, 1)
    inputs |= {"instanceType": "m5.xlarge"}
    template = updated(engine, TEMPLATE, template, inputs, {"instanceType": "UPDATE"})
    assert (template.outputs["latestVersion"], template.outputs["defaultVersion"]) == (3, 1)
    inputs |= {"blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"volumeSize": 40, "volumeType": "gp3"}}]}
    changes = {"blockDeviceMappings[0].ebs.volumeSize": "UPDATE", "blockDeviceMappings[0].ebs.encrypted": "DELETE"}
    template = updated(engine, TEMPLATE, template, inputs, changes)
    inputs |= {"tagSpecifications": [{"resourceType": "instance", "tags": {"Name": "node"}}]}
    template = updated(engine, TEMPLATE, template, inputs, {"tagSpecifications[0].tags.Name": "UPDATE"})
    inputs |= {"tags": {"team": "b"}}
    template = updated(engine, TEMPLATE, template, inputs, {"tags.team": "UPDATE"})
    assert template.outputs["latestVersion"] == 5
    del inputs["monitoring"]
    template = updated(engine, TEMPLATE, template, inputs, {"monitoring.enabled": "DELETE"})
    inputs = {**inputs, "description": "second"}
    # A new description makes a version, which the preview of the official provider does not foretell.
    before = template.outputs["latestVersion"]
    assert differences(engine, TEMPLATE, template, inputs) == {"description": "UPDATE"}
    assert engine.update(TEMPLATE, template, inputs, preview=True).outputs["latestVersion"] == before
    template = engine.update(TEMPLATE, template, inputs)
    assert template.outputs["latestVersion"] == before + 1
    replaced(engine, TEMPLATE, template, inputs | {"name": f"{name}-other"}, "name")
    imported(engine, TEMPLATE, template.id, template, inputs)

    def tamper():
        latest = str(template.outputs["latestVersion"])
        cloud("ec2").create_launch_template_version(
            LaunchTemplateId=template.id, SourceVersion=latest, LaunchTemplateData={"InstanceType": "t3.small"}
        )

    template = drifted(engine, TEMPLATE, template, inputs, tamper, {"instanceType": "UPDATE", "description": "ADD"})
    removed(engine, TEMPLATE, template)


def test_a_launch_template_with_network_interfaces(engine, name):
    interface = {"associatePublicIpAddress": "false", "deviceIndex": 0, "securityGroups": ["sg-00000001"]}
    inputs = {"name": name, "networkInterfaces": [interface]}
    template = made(engine, TEMPLATE, inputs)
    assert template.outputs["networkInterfaces"] == [interface]
    removed(engine, TEMPLATE, template)


def test_what_the_stand_in_cannot_do_with_launch_templates_is_refused_by_name(engine, name):
    inputs = {"name": name, "networkInterfaces": [{"ipv4PrefixCount": 1, "ipv4AddressCount": 2}]}
    _, failures = engine.check(TEMPLATE, inputs)
    assert list(failures) == ["networkInterfaces[0].ipv4AddressCount"]
