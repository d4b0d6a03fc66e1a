"""Which EC2 instance types fit together in one node group, to its image, and how many pods a node of them runs."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from . import ami
from .faults import Fault

ADDRESSES_PER_PREFIX = 16
"""A delegated prefix is a /28."""

MANY_CPUS = 30
MOST_PODS_OF_FEW_CPUS = 110
MOST_PODS_OF_MANY_CPUS = 250
"""What EKS lets the kubelet of a managed node run at most, with prefix delegation or without."""

UNKNOWN_PODS = "110"
"""What Cluster Autoscaler assumes of an empty group (``buildNodeFromTemplate`` in ``aws_manager.go``)."""


def advertised_pods(number: int | None) -> str:
    """Return a number of pods as a node-template tag has it; None stands for one that is not known."""
    return UNKNOWN_PODS if number is None else str(number)


class InstanceType(NamedTuple):
    """An EC2 instance type as EC2 describes it.

    Attributes:
        name: Its name.
        architectures: CPU architectures, as EC2 spells them.
        vcpus: Number of vCPUs.
        memory_mib: Memory.
        nvidia: Number of GPUs of NVIDIA.
        gpus: Number of GPUs of any maker.
        neurons: Number of Inferentia or Trainium chips.
        interfaces: Most network interfaces of the network card that pods use.
        addresses: IPv4 addresses of each interface.
        nitro: Whether it is built on the Nitro system.
        hibernates: Whether EC2 can hibernate it.
    """

    name: str
    architectures: frozenset[str]
    vcpus: int
    memory_mib: int
    nvidia: int
    gpus: int
    neurons: int
    interfaces: int
    addresses: int
    nitro: bool
    hibernates: bool

    @classmethod
    def read(cls, name: str, found: Mapping[str, Any]) -> "InstanceType":
        """Read the answer of ``aws.ec2.get_instance_type``."""
        cards = {card.get("index"): card.get("maximumInterfaces") for card in found.get("networkCards") or ()}
        gpus = found.get("gpuses") or ()
        return cls(
            name,
            frozenset(found.get("supportedArchitectures", ())),
            int(found.get("defaultVcpus", 0)),
            int(found.get("memorySize", 0)),
            sum(int(gpu.get("count", 1)) for gpu in gpus if gpu.get("manufacturer") == "NVIDIA"),
            sum(int(gpu.get("count", 1)) for gpu in gpus),
            sum(int(chip.get("count", 1)) for chip in found.get("neuronDevices") or ()),
            int(cards.get(found.get("defaultNetworkCardIndex", 0)) or found.get("maximumNetworkInterfaces", 0)),
            int(found.get("maximumIpv4AddressesPerInterface", 0)),
            found.get("hypervisor") == "nitro" or bool(found.get("bareMetal")),
            bool(found.get("hibernationSupported", True)),
        )


def default_ami_type(types: Sequence[InstanceType]) -> str:
    """Return the AMI type of Amazon Linux 2023 for the CPU and the accelerators of the instance types."""
    standard = ami.default_type([each.name for each in types])
    if types and all(each.nvidia for each in types):
        return standard.replace("STANDARD", "NVIDIA")
    neurons = bool(types) and all(each.neurons for each in types)
    return standard.replace("STANDARD", "NEURON") if neurons and ami.architecture(standard) == ami.X86 else standard


def max_pods(
    types: Sequence[InstanceType], *, windows: bool = False, prefix_delegation: bool = False, ipv6: bool = False
) -> int | None:
    """Return the number of pods that EKS lets a node of a managed group run, or None if no type is known.

    It is that of the smallest type, because EKS gives all nodes of a group one number (aws/aws-cdk 29418). The formula
    is that of ``max-pods-calculator.sh`` in awslabs/amazon-eks-ami. A Windows node has one network interface and no
    pods on the host's network ("Deploy Windows nodes on EKS clusters" of the EKS user guide). With IPv6 the VPC CNI
    assigns prefixes always (``isConfigValid`` in pkg/ipamd/ipamd.go of aws/amazon-vpc-cni-k8s), and the formula counts
    them ("Schedule Based on Compute Resources" in content/networking/docs/ipv6.md of aws/aws-eks-best-practices).

    Args:
        types: The types of one group.
        windows: Whether the nodes run Windows.
        prefix_delegation: Whether the VPC CNI assigns prefixes to the nodes.
        ipv6: Whether the pods have IPv6 addresses.
    """
    known = [each for each in types if each.interfaces and each.addresses]
    return min((_max_pods(each, windows, prefix_delegation or ipv6) for each in known), default=None)


def _max_pods(each: InstanceType, windows: bool, prefixes: bool) -> int:
    per_address = ADDRESSES_PER_PREFIX if prefixes and each.nitro else 1
    per_interface = (each.addresses - 1) * per_address
    pods = per_interface if windows else each.interfaces * per_interface + 2
    return min(pods, MOST_PODS_OF_MANY_CPUS if each.vcpus > MANY_CPUS else MOST_PODS_OF_FEW_CPUS)


def faults(
    types: Sequence[InstanceType], ami_type: str, *, unequal: bool, gpu: bool = False, ipv6: bool = False
) -> list[Fault]:
    """Find types that do not fit the image, and types of unequal size.

    Cluster Autoscaler sizes a group by its first type: a pod that fits the largest only is never scheduled, and nodes
    that are larger than the first are scaled down late (``aws_manager.go``, ``buildInstanceType``).

    Args:
        types: The types of one group, in order.
        ami_type: AMI type of the group; CUSTOM fits any.
        unequal: Whether the user accepts types of unequal size.
        gpu: Whether the user declares GPUs.
        ipv6: Whether the pods have IPv6 addresses, which nodes of the Nitro system alone can give.
    """
    found = []
    for index, each in enumerate(types):
        path = f"instanceTypes[{index}]"
        if ami_type != ami.CUSTOM:
            found += _image_faults(path, each, ami_type)
        if gpu and not (each.gpus or each.neurons):
            found.append(Fault(path, f"{each.name} with gpu", "a type with GPUs, or no gpu: this one has none"))
        if ipv6 and not each.nitro:
            found.append(Fault(path, f"{each.name} with ipFamily ipv6", "a type that is built on the Nitro system"))
        if not unequal and _size(each) != _size(types[0]):
            expected = (
                f"{_size(types[0])}, as {types[0].name} has: the autoscaler sizes the group by the first type; or set "
            )
            found.append(Fault(path, f"{each.name} with {_size(each)}", f"{expected}allowUnequalTypes: true"))
    return found


def _image_faults(path: str, each: InstanceType, ami_type: str) -> list[Fault]:
    found = []
    if each.architectures and ami.architecture(ami_type) not in each.architectures:
        cpus = ", ".join(sorted(each.architectures))
        found.append(Fault(path, f"{each.name} ({cpus}) with {ami_type}", "a type with the CPU of the image"))
    if ami.needs_nvidia(ami_type) and not each.nvidia:
        found.append(Fault(path, f"{each.name} with {ami_type}", "a type with NVIDIA GPUs, or another AMI type"))
    if ami.needs_neuron(ami_type) and not each.neurons:
        expected = "a type with Inferentia or Trainium chips, or another AMI type"
        found.append(Fault(path, f"{each.name} with {ami_type}", expected))
    return found


def _size(each: InstanceType) -> str:
    accelerators = each.gpus or each.neurons
    return f"{each.vcpus} vCPU and {each.memory_mib} MiB" + (f" and {accelerators} GPU" if accelerators else "")
