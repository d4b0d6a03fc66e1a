"""What EC2 instance types have, by ``aws.ec2.get_instance_type``.

Imitates terraform-provider-aws internal/service/ec2/ec2_instance_type_data_source.go (``dataSourceInstanceTypeRead``).
"""

from __future__ import annotations

from typing import Any

import pulumi_aws as aws

from sandbox.providers.aws.function import Function
from sandbox.providers.aws.resource import Properties
from sandbox.providers.aws.session import Cloud, explained


def get_instance_type(cloud: Cloud, args: Properties) -> Properties:
    """``aws.ec2.get_instance_type``: those members that decide where pods and images fit.

    ``gpuses`` and ``neuronDevices`` are absent for a type without, as upstream sets them only if EC2 lists them.
    """
    name: Any = args["instanceType"]
    # Upstream passes on EC2's error for an unknown type (``findInstanceTypes`` in internal/service/ec2/find.go).
    with explained("reading EC2 Instance Type"):
        answer = cloud.ec2.describe_instance_types(InstanceTypes=[name])
    kind: Any = answer["InstanceTypes"][0]
    network = kind["NetworkInfo"]
    values = {
        "bareMetal": kind["BareMetal"],
        "defaultNetworkCardIndex": network["DefaultNetworkCardIndex"],
        "defaultVcpus": kind["VCpuInfo"]["DefaultVCpus"],
        "hibernationSupported": kind["HibernationSupported"],
        "hypervisor": kind["Hypervisor"],
        "id": name,
        "instanceType": name,
        "maximumIpv4AddressesPerInterface": network["Ipv4AddressesPerInterface"],
        "maximumNetworkInterfaces": network["MaximumNetworkInterfaces"],
        "memorySize": kind["MemoryInfo"]["SizeInMiB"],
        "networkCards": [
            {"index": card["NetworkCardIndex"], "maximumInterfaces": card["MaximumNetworkInterfaces"]}
            for card in network["NetworkCards"]
        ],
        "region": cloud.region,
        "supportedArchitectures": kind["ProcessorInfo"]["SupportedArchitectures"],
    }
    if "GpuInfo" in kind:
        values["gpuses"] = [_device(each) for each in kind["GpuInfo"]["Gpus"]]
    if "NeuronInfo" in kind:
        values["neuronDevices"] = [_device(each) for each in kind["NeuronInfo"]["NeuronDevices"]]
    return values


def _device(device: Any) -> dict[str, Any]:
    maker = {"manufacturer": device["Manufacturer"]} if "Manufacturer" in device else {}
    return {**maker, "count": device["Count"], "memorySize": device["MemoryInfo"]["SizeInMiB"], "name": device["Name"]}


FUNCTIONS = [
    Function(
        "aws:ec2/getInstanceType:getInstanceType",
        aws.ec2.get_instance_type,
        get_instance_type,
        required=frozenset({"instanceType"}),
    ),
]
