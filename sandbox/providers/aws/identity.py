"""The one function of the root module that a program needs: in which partition it works.

Imitates terraform-provider-aws internal/service/meta/partition_data_source.go.
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


RESOURCES: list[ResourceType] = []
FUNCTIONS: list[Function] = [
    Function("aws:index/getPartition:getPartition", aws.get_partition, get_partition),
]
