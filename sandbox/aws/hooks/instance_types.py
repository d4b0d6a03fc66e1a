"""EC2 instance types from the sandbox's true table: ministack invents sizes and accepts any name."""

from __future__ import annotations

from typing import Any

from ministack.services import ec2

from sandbox.aws import instance_types
from sandbox.aws.errors import ApiError
from sandbox.aws.hooking import Hook
from sandbox.aws.instance_types import InstanceType
from sandbox.aws.query_protocol import EC2, Params, page

# EC2's Query protocol names the lists of InstanceRequirements in the singular, all other protocols in the plural.
_SINGULAR = ("CpuManufacturer", "InstanceGeneration", "ExcludedInstanceType", "AllowedInstanceType")

_STRATEGIES = ["cluster", "partition", "spread"]


def describe_instance_types(params: Params) -> Params:
    """DescribeInstanceTypes, with its commonest filters; a page of 100 by default."""
    kinds = instance_types.find(params.get("InstanceType") or instance_types.catalog())
    for condition in params.get("Filter", []):
        read = _filter_reader(condition["Name"])
        kinds = [kind for kind in kinds if any(value in condition.get("Value", []) for value in read(kind))]
    rows, token = page(kinds, params, "MaxResults", 100)
    return {"instanceTypeSet": [_describe(kind) for kind in rows], "nextToken": token}


def _filter_reader(name: str) -> Any:
    readers = {
        "instance-type": lambda kind: [kind.name],
        "processor-info.supported-architecture": lambda kind: [kind.architecture],
        "current-generation": lambda kind: [str(kind.current_generation).lower()],
        "burstable-performance-supported": lambda kind: [str(kind.burstable).lower()],
        "bare-metal": lambda kind: ["false"],
        "supported-usage-class": lambda kind: ["on-demand", "spot"],
    }
    if name not in readers:
        raise ApiError("InvalidParameterValue", f"The filter '{name}' is not known to the sandbox's EC2")
    return readers[name]


def _describe(kind: InstanceType) -> Params:
    manufacturer, _, model = kind.gpu.partition(" ")
    gpu = {
        "name": model,
        "manufacturer": manufacturer,
        "count": kind.gpus,
        "memoryInfo": {"sizeInMiB": kind.gpu_memory_mib},
    }
    return {
        "instanceType": kind.name,
        "currentGeneration": kind.current_generation,
        "supportedUsageClasses": ["on-demand", "spot"],
        "supportedRootDeviceTypes": ["ebs"],
        "supportedVirtualizationTypes": ["hvm"],
        "bareMetal": False,
        "hypervisor": kind.hypervisor,
        "processorInfo": {
            "supportedArchitectures": [kind.architecture],
            "manufacturer": kind.cpu_manufacturer,
        },
        "vCpuInfo": {
            "defaultVCpus": kind.vcpus,
            "defaultCores": kind.vcpus // kind.threads_per_core,
            "defaultThreadsPerCore": kind.threads_per_core,
        },
        "memoryInfo": {"sizeInMiB": kind.memory_mib},
        "networkInfo": {
            "networkPerformance": kind.network_performance,
            "maximumNetworkInterfaces": kind.network_interfaces,
            "maximumNetworkCards": kind.network_cards,
            "defaultNetworkCardIndex": 0,
            "networkCards": [
                {"networkCardIndex": index, "maximumNetworkInterfaces": kind.network_interfaces // kind.network_cards}
                for index in range(kind.network_cards)
            ],
            "ipv4AddressesPerInterface": kind.addresses_per_interface,
        },
        "gpuInfo": {"gpus": [gpu], "totalGpuMemoryInMiB": kind.gpus * kind.gpu_memory_mib} if kind.gpus else None,
        "neuronInfo": _neuron(kind) if kind.neuron_devices else None,
        "ebsInfo": {
            "ebsOptimizedSupport": "default" if kind.hypervisor == "nitro" else "unsupported",
            "encryptionSupport": "supported",
            "nvmeSupport": "required" if kind.hypervisor == "nitro" else "unsupported",
        },
        # Burstable types cannot be in a cluster placement group.
        "placementGroupInfo": {
            "supportedStrategies": [*([] if kind.burstable else ["cluster"]), "partition", "spread"]
        },
        "burstablePerformanceSupported": kind.burstable,
    }


def _neuron(kind: InstanceType) -> Params:
    """Each Inferentia2 or Trainium chip has two cores of the second version and 32 GiB."""
    device = {
        "count": kind.neuron_devices,
        "name": kind.neuron,
        "coreInfo": {"count": 2, "version": 2},
        "memoryInfo": {"sizeInMiB": 32768},
    }
    return {"neuronDevices": [device], "totalNeuronDeviceMemoryInMiB": kind.neuron_devices * 32768}


def instance_types_from_requirements(params: Params) -> Params:
    """GetInstanceTypesFromInstanceRequirements over the same table."""
    requirements = dict(params.get("InstanceRequirements", {}))
    for name in _SINGULAR:
        if name in requirements:
            requirements[f"{name}s"] = requirements.pop(name)
    kinds = instance_types.satisfying(requirements, params.get("ArchitectureType", ["x86_64"]))
    rows, token = page(kinds, params, "MaxResults", 1000)
    return {"instanceTypeSet": [{"instanceType": kind.name} for kind in rows], "nextToken": token}


def describe_instance_type_offerings(params: Params) -> Params:
    """DescribeInstanceTypeOfferings: every type of the table is offered in all three zones."""
    kind_of_location = params.get("LocationType", "region")
    locations = {
        "region": [ec2.get_region()],
        "availability-zone": zones(),
        "availability-zone-id": [ec2._az_id_for_zone_name(zone) for zone in zones()],
    }[kind_of_location]
    wanted = {condition["Name"]: condition.get("Value", []) for condition in params.get("Filter", [])}
    offerings = [
        {"instanceType": name, "locationType": kind_of_location, "location": location}
        for location in locations
        for name in instance_types.catalog()
        if name in wanted.get("instance-type", [name]) and location in wanted.get("location", [location])
    ]
    rows, token = page(offerings, params, "MaxResults", 1000)
    return {"instanceTypeOfferingSet": rows, "nextToken": token}


def zones() -> list[str]:
    """The availability zones of the request's region, as DescribeAvailabilityZones lists them."""
    return [f"{ec2.get_region()}{letter}" for letter in "abc"]


HOOKS: tuple[Hook, ...] = (
    EC2.answer("DescribeInstanceTypes", describe_instance_types),
    EC2.answer("GetInstanceTypesFromInstanceRequirements", instance_types_from_requirements, is_new=True),
    EC2.answer("DescribeInstanceTypeOfferings", describe_instance_type_offerings, is_new=True),
)
