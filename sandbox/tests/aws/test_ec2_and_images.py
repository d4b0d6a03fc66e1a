"""Instance types, node images, instances and launch templates as EC2 and SSM show them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.kubernetes.capacity import max_pods
from sandbox.tests.aws.support import Aws, code


def test_instance_types_have_their_true_sizes(aws: Aws) -> None:
    wanted = ["t3.medium", "m5.large", "m7g.xlarge", "g4dn.xlarge", "p4d.24xlarge", "inf2.xlarge"]
    pages = aws("ec2").get_paginator("describe_instance_types").paginate(PaginationConfig={"PageSize": 10})
    found = [one for page in pages for one in page["InstanceTypes"] if one["InstanceType"] in wanted]
    sizes = {
        one["InstanceType"]: (
            one["VCpuInfo"]["DefaultVCpus"],
            one["MemoryInfo"]["SizeInMiB"],
            one["ProcessorInfo"]["SupportedArchitectures"],
            [(gpu["Manufacturer"], gpu["Count"]) for gpu in one.get("GpuInfo", {}).get("Gpus", [])],
            [device["Name"] for device in one.get("NeuronInfo", {}).get("NeuronDevices", [])],
            # What bounds the pods of a node with the VPC CNI.
            one["NetworkInfo"]["MaximumNetworkInterfaces"] * (one["NetworkInfo"]["Ipv4AddressesPerInterface"] - 1) + 2,
        )
        for one in found
    }
    assert sizes == {
        "t3.medium": (2, 4096, ["x86_64"], [], [], 17),
        "m5.large": (2, 8192, ["x86_64"], [], [], 29),
        "m7g.xlarge": (4, 16384, ["arm64"], [], [], 58),
        "g4dn.xlarge": (4, 16384, ["x86_64"], [("NVIDIA", 1)], [], 29),
        "p4d.24xlarge": (96, 1179648, ["x86_64"], [("NVIDIA", 8)], [], 2942),
        "inf2.xlarge": (4, 16384, ["x86_64"], [], ["Inferentia2"], 58),
    }


def test_pods_use_the_interfaces_of_the_default_network_card(aws: Aws) -> None:
    (found,) = aws("ec2").describe_instance_types(InstanceTypes=["p4d.24xlarge"])["InstanceTypes"]
    cards = [card["MaximumNetworkInterfaces"] for card in found["NetworkInfo"]["NetworkCards"]]
    assert (cards, found["NetworkInfo"]["DefaultNetworkCardIndex"]) == ([15, 15, 15, 15], 0)
    assert max_pods(found) == 250, "the limit of EKS for machines of more than 30 vCPU"


def test_unknown_instance_types_and_filters_are_refused(aws: Aws) -> None:
    with pytest.raises(ClientError, match=r"do not exist: \[m99.large\]") as error:
        aws("ec2").describe_instance_types(InstanceTypes=["m5.large", "m99.large"])
    assert code(error) == "InvalidInstanceType"
    with pytest.raises(ClientError, match="not known to the sandbox"):
        aws("ec2").describe_instance_types(Filters=[{"Name": "hypervisor", "Values": ["nitro"]}])


@pytest.mark.parametrize("minor", [f"1.{number}" for number in range(29, 37)])
def test_node_images_are_found_by_ssm_parameter_and_described(aws: Aws, minor: str) -> None:
    folder = f"/aws/service/eks/optimized-ami/{minor}/amazon-linux-2023"
    for machine, architecture in (("x86_64", "x86_64"), ("arm64", "arm64")):
        name = f"{folder}/{machine}/standard/recommended"
        image_id = aws("ssm").get_parameter(Name=f"{name}/image_id")["Parameter"]["Value"]
        facts = json.loads(aws("ssm").get_parameter(Name=name)["Parameter"]["Value"])
        assert facts["image_id"] == image_id
        assert facts["release_version"].startswith(f"{minor}.")
        (image,) = aws("ec2").describe_images(ImageIds=[image_id])["Images"]
        assert (image["Name"], image["Architecture"]) == (facts["image_name"], architecture)
        assert minor in image["Name"]
    by_name = aws("ec2").describe_images(
        Owners=["amazon"], Filters=[{"Name": "name", "Values": [f"amazon-eks-node-al2023-*-standard-{minor}-*"]}]
    )["Images"]
    assert len(by_name) == 2


def test_amazon_linux_2_ends_with_kubernetes_1_32(aws: Aws) -> None:
    name = "/aws/service/eks/optimized-ami/{}/amazon-linux-2/recommended/image_id"
    assert aws("ssm").get_parameter(Name=name.format("1.32"))["Parameter"]["Value"].startswith("ami-")
    with pytest.raises(ClientError) as error:
        aws("ssm").get_parameter(Name=name.format("1.33"))
    assert code(error) == "ParameterNotFound"


def test_instances_are_filtered_by_what_was_asked_or_the_filter_is_refused(
    aws: Aws, scaling_group: Callable[..., str]
) -> None:
    group = scaling_group(DesiredCapacity=3)
    ours = {"Name": "tag:aws:autoscaling:groupName", "Values": [group]}

    def found(**filters: list[str]) -> list[dict[str, Any]]:
        wanted = [{"Name": key.replace("_", "-"), "Values": values} for key, values in filters.items()]
        reservations = aws("ec2").describe_instances(Filters=[ours, *wanted])["Reservations"]
        return [one for reservation in reservations for one in reservation["Instances"]]

    (one,) = found(availability_zone=["us-east-1b"])
    assert found(private_dns_name=[one["PrivateDnsName"]], subnet_id=[one["SubnetId"]]) == [one]
    assert found(instance_state_name=["stopped"]) == []
    with pytest.raises(ClientError, match="filter 'colour' is invalid"):
        found(colour=["red"])


def test_a_launched_instance_is_where_its_subnet_is_or_is_refused(aws: Aws, name: str) -> None:
    vpc = aws("ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = aws("ec2").create_subnet(VpcId=vpc, CidrBlock="10.9.8.0/29", AvailabilityZone="us-east-1c")["Subnet"]

    def run(**changed: Any) -> list[dict[str, Any]]:
        usual = {"ImageId": "ami-1", "InstanceType": "t3.micro", "SubnetId": subnet["SubnetId"]}
        return list(aws("ec2").run_instances(MinCount=1, MaxCount=1, **(usual | changed))["Instances"])

    addresses = []
    for _ in range(3):
        (instance,) = run()
        assert (instance["VpcId"], instance["Placement"]["AvailabilityZone"]) == (vpc, "us-east-1c")
        addresses.append(instance["PrivateIpAddress"])
    assert addresses == ["10.9.8.4", "10.9.8.5", "10.9.8.6"]
    with pytest.raises(ClientError) as error:
        run()
    assert code(error) == "InsufficientFreeAddressesInSubnet"
    with pytest.raises(ClientError) as error:
        run(SubnetId="subnet-absent")
    assert code(error) == "InvalidSubnetID.NotFound"
    with pytest.raises(ClientError) as error:
        run(InstanceType="m99.large")
    assert code(error) == "InvalidInstanceType"


def test_a_launch_template_is_shown_with_the_tags_of_now(aws: Aws, name: str) -> None:
    ec2 = aws("ec2")
    template = ec2.create_launch_template(
        LaunchTemplateName=name,
        LaunchTemplateData={"InstanceType": "t3.micro"},
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": [{"Key": "a", "Value": "1"}]}],
    )["LaunchTemplate"]["LaunchTemplateId"]
    ec2.create_tags(Resources=[template], Tags=[{"Key": "b", "Value": "2"}])
    ec2.delete_tags(Resources=[template], Tags=[{"Key": "a"}])
    (shown,) = ec2.describe_launch_templates(LaunchTemplateIds=[template])["LaunchTemplates"]
    assert shown["Tags"] == [{"Key": "b", "Value": "2"}]


def test_a_terminated_instance_takes_its_root_volume_with_it(aws: Aws) -> None:
    (instance,) = aws("ec2").run_instances(ImageId="ami-1", InstanceType="t3.micro", MinCount=1, MaxCount=1)[
        "Instances"
    ]
    volume = {"Name": "volume-id", "Values": [instance["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]]}
    assert len(aws("ec2").describe_volumes(Filters=[volume])["Volumes"]) == 1
    aws("ec2").terminate_instances(InstanceIds=[instance["InstanceId"]])
    assert aws("ec2").describe_volumes(Filters=[volume])["Volumes"] == []


def test_subnets_and_route_tables_are_filtered_by_what_aws_documents(aws: Aws) -> None:
    ec2 = aws("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.31.0.0/16")["Vpc"]["VpcId"]
    of_vpc = {"Name": "vpc-id", "Values": [vpc]}
    public, private = (
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.31.{number}.0/24")["Subnet"]["SubnetId"] for number in (1, 2)
    )
    ec2.modify_subnet_attribute(SubnetId=public, MapPublicIpOnLaunch={"Value": True})

    def subnets(*filters: Any, **wanted: Any) -> list[str]:
        answer = ec2.describe_subnets(Filters=[of_vpc, *filters], **wanted)["Subnets"]
        return [subnet["SubnetId"] for subnet in answer]

    assert subnets({"Name": "map-public-ip-on-launch", "Values": ["true"]}) == [public]
    assert subnets({"Name": "map-public-ip-on-launch", "Values": ["false"]}, SubnetIds=[public, private]) == [private]
    assert subnets({"Name": "cidr-block", "Values": ["10.31.9.0/24"]}) == []
    with pytest.raises(ClientError, match="The filter 'public' is invalid"):
        subnets({"Name": "public", "Values": ["true"]})
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    for name, value in (("route-table-id", table), ("route.gateway-id", "igw-*"), ("association.main", "false")):
        tables = ec2.describe_route_tables(Filters=[of_vpc, {"Name": name, "Values": [value]}])["RouteTables"]
        assert [each["RouteTableId"] for each in tables] == [table], name
    assert (
        ec2.describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": [public]}])["RouteTables"] == []
    )
