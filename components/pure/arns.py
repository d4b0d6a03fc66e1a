"""Whether an ARN is of the partition and the region in which it is used."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from . import arguments
from .arguments import Field, Spelling
from .faults import Fault

_PARTITIONS = (
    (r"cn-\w+-\d+", "aws-cn"),
    (r"us-gov-\w+-\d+", "aws-us-gov"),
    (r"eusc-de-\w+-\d+", "aws-eusc"),
    (r"us-iso-\w+-\d+", "aws-iso"),
    (r"us-isob-\w+-\d+", "aws-iso-b"),
    (r"eu-isoe-\w+-\d+", "aws-iso-e"),
    (r"us-isof-\w+-\d+", "aws-iso-f"),
    (r"(us|eu|ap|sa|ca|me|af|il|mx)-\w+-\d+", "aws"),
)
"""Partition by the form of its regions (``regionRegex`` in botocore/data/partitions.json)."""


def partition(region: str) -> str | None:
    """Return the partition of a region; None for a region of a form that is not known."""
    return next((name for form, name in _PARTITIONS if re.fullmatch(form, region)), None)


def place_faults(
    shape: type,
    given: Mapping[str, Any],
    region: str,
    spelling: Spelling = arguments.camel_case,
    fields_of: Callable[[type], Mapping[str, Field]] = arguments.fields,
) -> list[Fault]:
    """Find ARNs of another partition, and those of another region, among the arguments that a TypedDict declares.

    AWS answers such an ARN with an error about the resource that has it, often after others are made. An ARN of a
    global service, such as IAM, has no region. An Output is not checked, nor is what a map holds: it is no reference.

    Args:
        shape: The TypedDict.
        given: The arguments, by their Python names.
        region: Region of the cluster.
        spelling: How the paths are spelled.
        fields_of: The arguments of each TypedDict in ``shape``.
    """
    where = partition(region)
    found = []
    for path, text in arguments.texts(shape, given, spelling, fields_of):
        parts = text.split(":", 5)
        if parts[0] != "arn" or len(parts) < 6:
            continue
        if where and parts[1] != where:
            expected = f"an ARN of the partition {where}, which has the region {region}: arn:{where}:…"
            found.append(Fault(path, repr(text), expected))
        elif parts[3] and parts[3] != region:
            found.append(Fault(path, repr(text), f"an ARN of {region}, the region of the cluster"))
    return found
