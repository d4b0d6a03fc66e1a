"""The functions of the root module that a program needs: in which partition and region it works, and as whom.

Imitates terraform-provider-aws internal/service/meta/partition_data_source.go and region_data_source.go, and
internal/service/sts/caller_identity_data_source.go.
"""

from __future__ import annotations

from typing import Any

import botocore.session
import pulumi_aws as aws

from sandbox.providers.aws.function import Function
from sandbox.providers.aws.resource import Properties, ResourceType
from sandbox.providers.aws.session import Cloud


def get_partition(cloud: Cloud, args: Properties) -> Properties:
    """``aws.get_partition``, from botocore's table of endpoints."""
    table: Any = botocore.session.get_session().get_data("endpoints")
    partition = next(each for each in table["partitions"] if each["partition"] == cloud.session.partition)
    suffix = partition["dnsSuffix"]
    return {
        "dnsSuffix": suffix,
        "id": partition["partition"],
        "partition": partition["partition"],
        "reverseDnsPrefix": ".".join(reversed(suffix.split("."))),
    }


def get_region(cloud: Cloud, args: Properties) -> Properties:
    """``aws.get_region`` of the provider, or of the argument that every function has."""
    return {"id": cloud.region, "name": cloud.region, "region": cloud.region}


def get_caller_identity(cloud: Cloud, args: Properties) -> Properties:
    """``aws.get_caller_identity``."""
    caller = cloud.session.client("sts", cloud.region).get_caller_identity()
    return {"accountId": caller["Account"], "arn": caller["Arn"], "id": caller["Account"], "userId": caller["UserId"]}


RESOURCES: list[ResourceType] = []
FUNCTIONS: list[Function] = [
    Function("aws:index/getCallerIdentity:getCallerIdentity", aws.get_caller_identity, get_caller_identity),
    Function("aws:index/getPartition:getPartition", aws.get_partition, get_partition),
    Function("aws:index/getRegion:getRegion", aws.get_region, get_region),
]
