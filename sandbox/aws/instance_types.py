"""The EC2 instance types that the emulated AWS knows: a small table of true values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.aws.errors import ApiError

_TABLE = Path(__file__).with_name("instance_types.tsv")


@dataclass(frozen=True)
class InstanceType:
    """One row of ``instance_types.tsv``.

    Attributes:
        name: Such as ``m5.large``.
        vcpus: Virtual CPUs.
        threads_per_core: 2 with hyper-threading, else 1.
        memory_mib: Memory in MiB.
        architecture: ``x86_64`` or ``arm64``.
        cpu_manufacturer: ``Intel``, ``AMD`` or ``AWS``.
        network_interfaces: Greatest number of network interfaces (ENIs).
        addresses_per_interface: IPv4 addresses of each; both together bound the pods of a node.
        network_performance: In AWS's words.
        hypervisor: ``nitro`` or ``xen``.
        current_generation: Whether AWS counts it so.
        burstable: Whether it is of a T family.
        gpus: Number of GPUs; 0 for most.
        gpu: Manufacturer and model, or ``-``.
        gpu_memory_mib: Memory of each GPU in MiB.
        neuron_devices: Number of Inferentia or Trainium chips; 0 for most.
        neuron: Their name, or ``-``.
        hibernation: Whether EC2 can hibernate it.
    """

    name: str
    vcpus: int
    threads_per_core: int
    memory_mib: int
    architecture: str
    cpu_manufacturer: str
    network_interfaces: int
    addresses_per_interface: int
    network_performance: str
    hypervisor: str
    current_generation: bool
    burstable: bool
    gpus: int
    gpu: str
    gpu_memory_mib: int
    neuron_devices: int
    neuron: str
    hibernation: bool

    @property
    def network_cards(self) -> int:
        """Number of network cards, over which the interfaces are spread evenly: a card has 15 at most."""
        return -(-self.network_interfaces // 15)


_READERS: dict[str, Any] = {"int": int, "bool": lambda text: text == "yes", "str": str}


@cache
def catalog() -> dict[str, InstanceType]:
    """All known instance types by name, in the table's order."""
    lines = [line for line in _TABLE.read_text().splitlines() if not line.startswith("#")]
    header = lines[0].split("\t")
    readers = {field.name: _READERS[str(field.type)] for field in fields(InstanceType)}
    rows = (dict(zip(header, line.split("\t"), strict=True)) for line in lines[1:])
    types = [InstanceType(**{name: readers[name](text) for name, text in row.items()}) for row in rows]
    return {kind.name: kind for kind in types}


def find(names: Iterable[str]) -> list[InstanceType]:
    """The instance types of these names.

    Raises:
        ApiError: ``InvalidInstanceType`` with all unknown names, as EC2 answers; the table holds only about 45 types.
    """
    names = list(names)
    unknown = [name for name in names if name not in catalog()]
    if unknown:
        raise ApiError(
            "InvalidInstanceType",
            f"The following supplied instance types do not exist: [{', '.join(unknown)}] "
            f"(the sandbox's AWS knows {', '.join(catalog())})",
        )
    return [catalog()[name] for name in names]
