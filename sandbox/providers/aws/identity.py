"""Functions of the root module: who asks, and where."""

from __future__ import annotations

import functools
from typing import Any

import botocore.session
import pulumi_aws as aws

from sandbox.providers.aws.function import Function
from sandbox.providers.aws.resource import Properties, ResourceType
from sandbox.providers.aws.session import Cloud
from sandbox.providers.rpc import ProviderError


def get_caller_identity(cloud: Cloud, args: Properties) -> Properties:
    """``aws.get_caller_identity``."""
    return {**cloud.session.caller, "id": cloud.session.account}


def get_partition(cloud: Cloud, args: Properties) -> Properties:
    """``aws.get_partition``."""
    partition = _partition(cloud.session.partition)
    suffix = partition["dnsSuffix"]
    return {
        "dnsSuffix": suffix,
        "id": partition["partition"],
        "partition": partition["partition"],
        "reverseDnsPrefix": ".".join(reversed(suffix.split("."))),
    }


def get_region(cloud: Cloud, args: Properties) -> Properties:
    """``aws.get_region``: the provider's region, or one that is named."""
    name = args.get("region") or args.get("name") or cloud.region
    partition = _partition(cloud.session.partition)
    if name not in partition["regions"]:
        raise ProviderError(f"finding region {name!r}: the partition {partition['partition']} has no such region")
    return {
        "description": partition["regions"][name]["description"],
        "endpoint": f"ec2.{name}.{partition['dnsSuffix']}",
        "id": name,
        "name": name,
        "region": name,
    }


@functools.cache
def _partition(name: str) -> Any:
    """A partition of AWS from botocore's table of endpoints."""
    table: Any = botocore.session.get_session().get_data("endpoints")
    return next(each for each in table["partitions"] if each["partition"] == name)


RESOURCES: list[ResourceType] = []
FUNCTIONS: list[Function] = [
    Function("aws:index/getCallerIdentity:getCallerIdentity", aws.get_caller_identity, get_caller_identity),
    Function("aws:index/getPartition:getPartition", aws.get_partition, get_partition),
    Function("aws:index/getRegion:getRegion", aws.get_region, get_region),
]
