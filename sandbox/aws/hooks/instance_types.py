"""EC2 instance types from the sandbox's true table: ministack invents sizes and accepts any name."""

from __future__ import annotations

from sandbox.aws import instance_types
from sandbox.aws.errors import ApiError
from sandbox.aws.hooking import Hook
from sandbox.aws.instance_types import InstanceType
from sandbox.aws.query_protocol import EC2, Params, page


def describe_instance_types(params: Params) -> Params:
    """DescribeInstanceTypes by name; a page of 100 by default. It knows no filters, and refuses them."""
    for condition in params.get("Filter", []):
        raise ApiError("InvalidParameterValue", f"The filter '{condition['Name']}' is not known to the sandbox's EC2")
    kinds = instance_types.find(params.get("InstanceType") or instance_types.catalog())
    rows, token = page(kinds, params, "MaxResults", 100)
    return {"instanceTypeSet": [_describe(kind) for kind in rows], "nextToken": token}


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
        "hibernationSupported": kind.hibernation,
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


HOOKS: tuple[Hook, ...] = (EC2.answer("DescribeInstanceTypes", describe_instance_types),)
