"""Look up the instance types of a node group at preview."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import pulumi

from .errors import FaultsError
from .invoking import Refused, ask
from .node_group_args import disk_size_gib
from .pure import ami, instances, warm_pools
from .pure.faults import Fault
from .pure.instances import InstanceType
from .pure.ip_family import IPV6

DESCRIBE = "aws:ec2/getInstanceType:getInstanceType"
UNKNOWN_TYPE = ("InvalidInstanceType", "no matching EC2 Instance Type found")
"""What the data source answers for a type that the region does not have.

EC2 answers a name that it does not know with the error InvalidInstanceType, which the data source passes on
(``findInstanceTypes`` in internal/service/ec2/find.go of hashicorp/terraform-provider-aws); an empty answer becomes the
other text (``SingularDataSourceFindError`` in internal/tfresource).
"""

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
            if not any(words in str(error) for words in UNKNOWN_TYPE):
                pulumi.log.warn(f"Cannot check the instance types: allow ec2:DescribeInstanceTypes. {error}", owner)
                return [], []
            missing.append(Fault(f"instanceTypes[{index}]", repr(name), "an instance type that the region has"))
    return types, missing


async def fitting(
    owner: pulumi.ComponentResource, name: str, args: Mapping[str, object], shape: type, names: Sequence[str]
) -> list[InstanceType]:
    """Return the instance types of a group, once it is known that they fit together and to the image.

    Args:
        owner: The group, whose AWS provider is asked.
        name: Its name, for the error.
        args: Its arguments, of which those count that instance types must fit.
        shape: The TypedDict of the arguments.
        names: The instance types.

    Raises:
        FaultsError: They do not fit.
    """
    given: Any = args
    types, found = await look_up(owner, names)
    if types and not found:
        found = instances.faults(
            types,
            given.get("ami_type") or instances.default_ami_type(types),
            unequal=given.get("allow_unequal_types", False),
            gpu="gpu" in given,
            ipv6=given.get("ip_family") == IPV6,
        )
        if given.get("warm_pool", {}).get("pool_state") == warm_pools.HIBERNATED:
            disk = None if "launch_template" in given else disk_size_gib(given)
            windows = ami.is_windows(given.get("ami_type", ""))
            wrong = warm_pools.hibernation_faults(types, disk, windows=windows)
            found += [fault.under("warmPool") for fault in wrong]
    if found:
        raise FaultsError.of(type(owner), name, shape, found)
    return types


def _ask_once(owner: pulumi.Resource, name: str) -> asyncio.Future[Any]:
    provider = owner.get_provider(DESCRIBE)
    answers = {} if provider is None else _ASKED.setdefault(provider, {})
    if name not in answers:
        answers[name] = asyncio.ensure_future(ask(owner, DESCRIBE, instanceType=name))
    return answers[name]
