"""What EC2 instance types have, by ``aws.ec2.get_instance_type``.

Imitates terraform-provider-aws internal/service/ec2/ec2_instance_type_data_source.go (``dataSourceInstanceTypeRead``).
"""

from __future__ import annotations

from typing import Any

import pulumi_aws as aws

from sandbox.providers.aws.ec2.common import the_only
from sandbox.providers.aws.function import Function
from sandbox.providers.aws.resource import Properties
from sandbox.providers.aws.session import Cloud, found

# Property to where EC2's answer has it.
_MEMBERS = {
    "bareMetal": "BareMetal",
    "burstablePerformanceSupported": "BurstablePerformanceSupported",
    "currentGeneration": "CurrentGeneration",
    "defaultCores": "VCpuInfo.DefaultCores",
    "defaultNetworkCardIndex": "NetworkInfo.DefaultNetworkCardIndex",
    "defaultThreadsPerCore": "VCpuInfo.DefaultThreadsPerCore",
    "defaultVcpus": "VCpuInfo.DefaultVCpus",
    "ebsOptimizedSupport": "EbsInfo.EbsOptimizedSupport",
    "hypervisor": "Hypervisor",
    "instanceType": "InstanceType",
    "maximumIpv4AddressesPerInterface": "NetworkInfo.Ipv4AddressesPerInterface",
    "maximumNetworkCards": "NetworkInfo.MaximumNetworkCards",
    "maximumNetworkInterfaces": "NetworkInfo.MaximumNetworkInterfaces",
    "memorySize": "MemoryInfo.SizeInMiB",
    "networkPerformance": "NetworkInfo.NetworkPerformance",
    "supportedArchitectures": "ProcessorInfo.SupportedArchitectures",
    "supportedRootDeviceTypes": "SupportedRootDeviceTypes",
    "supportedUsagesClasses": "SupportedUsageClasses",
    "supportedVirtualizationTypes": "SupportedVirtualizationTypes",
    "totalGpuMemory": "GpuInfo.TotalGpuMemoryInMiB",
    "totalNeuronDeviceMemory": "NeuronInfo.TotalNeuronDeviceMemoryInMiB",
}


def get_instance_type(cloud: Cloud, args: Properties) -> Properties:
    """``aws.ec2.get_instance_type``.

    ``gpuses`` and ``neuronDevices`` are absent for a type without, as upstream sets them only if EC2 lists them.
    """
    name: Any = args["instanceType"]
    answer = found(lambda: cloud.ec2.describe_instance_types(InstanceTypes=[name]), "InvalidInstanceType")
    kind: Any = the_only(answer["InstanceTypes"] if answer else [], "EC2 Instance Type")
    values = {name: _value(kind, path) for name, path in _MEMBERS.items()}
    values["networkCards"] = [
        {"index": card["NetworkCardIndex"], "maximumInterfaces": card["MaximumNetworkInterfaces"]}
        for card in kind["NetworkInfo"].get("NetworkCards", [])
    ]
    if kind.get("GpuInfo"):
        values["gpuses"] = [_device(each) for each in kind["GpuInfo"]["Gpus"]]
    if kind.get("NeuronInfo"):
        values["neuronDevices"] = [
            {
                "coreCount": each["CoreInfo"]["Count"],
                "coreVersion": each["CoreInfo"]["Version"],
                "count": each["Count"],
                "memorySize": each["MemoryInfo"]["SizeInMiB"],
                "name": each["Name"],
            }
            for each in kind["NeuronInfo"]["NeuronDevices"]
        ]
    return {
        **{name: value for name, value in values.items() if value is not None},
        "id": kind["InstanceType"],
        "region": cloud.region,
    }


def _value(kind: Any, path: str) -> Any:
    value = kind
    for member in path.split("."):
        value = (value or {}).get(member)
    return value


def _device(device: Any) -> dict[str, Any]:
    return {
        "count": device["Count"],
        "manufacturer": device["Manufacturer"],
        "memorySize": device["MemoryInfo"]["SizeInMiB"],
        "name": device["Name"],
    }


FUNCTIONS = [
    Function(
        "aws:ec2/getInstanceType:getInstanceType",
        aws.ec2.get_instance_type,
        get_instance_type,
        frozenset({"instanceType"}),
    ),
]
