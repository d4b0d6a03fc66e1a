"""Look up the instance types of a node group at preview."""

import asyncio
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import pulumi

from .invoking import Refused, ask
from .pure import instances
from .pure.faults import Fault
from .pure.instances import InstanceType

DESCRIBE = "aws:ec2/getInstanceType:getInstanceType"
UNKNOWN_TYPE = "no matching EC2 Instance Type found"
"""What the data source answers for a type that the region does not have (``SingularDataSourceFindError``)."""

_ASKED: WeakKeyDictionary[pulumi.ProviderResource, dict[str, asyncio.Future[Any]]] = WeakKeyDictionary()
"""Answers by provider, which is a region, and type: however many groups have it, EC2 is asked once."""


async def look_up(owner: pulumi.Resource, names: Sequence[str]) -> tuple[list[InstanceType], list[Fault]]:
    """Return the instance types, none if AWS refuses to describe them, and those that the region does not have.

    Args:
        owner: Component whose AWS provider is asked.
        names: The types.
    """
    types, missing = [], []
    for index, name in enumerate(names):
        try:
            types.append(InstanceType.read(name, await _ask_once(owner, name)))
        except Refused as error:
            if UNKNOWN_TYPE not in str(error):
                pulumi.log.warn(f"Cannot check the instance types: allow ec2:DescribeInstanceTypes. {error}", owner)
                return [], []
            missing.append(Fault(f"instanceTypes[{index}]", repr(name), "an instance type that the region has"))
    return types, missing


async def fitting(
    owner: pulumi.Resource,
    names: Sequence[str],
    ami_type: str | None,
    *,
    unequal: bool,
    gpu: bool = False,
    ipv6: bool = False,
) -> tuple[list[InstanceType], list[Fault]]:
    """Return the instance types, and what does not fit together or to the image.

    Args:
        owner: Component whose AWS provider is asked.
        names: The types of one group.
        ami_type: AMI type of the group; None for the one that fits the types.
        unequal: Whether the user accepts types of unequal size.
        gpu: Whether the user declares GPUs.
        ipv6: Whether the pods have IPv6 addresses.
    """
    types, found = await look_up(owner, names)
    if types and not found:
        image = ami_type or instances.default_ami_type(types)
        found = instances.faults(types, image, unequal=unequal, gpu=gpu, ipv6=ipv6)
    return types, found


def _ask_once(owner: pulumi.Resource, name: str) -> asyncio.Future[Any]:
    provider = owner.get_provider(DESCRIBE)
    answers = {} if provider is None else _ASKED.setdefault(provider, {})
    if name not in answers:
        answers[name] = asyncio.ensure_future(ask(owner, DESCRIBE, instanceType=name))
    return answers[name]
