"""All resource types and functions that the stand-in knows, by token."""

from __future__ import annotations

from sandbox.providers.aws import autoscaling, ec2, eks, iam, identity
from sandbox.providers.aws.function import Function
from sandbox.providers.aws.resource import ResourceType

RESOURCES: dict[str, ResourceType] = {
    kind.token(): kind for module in (autoscaling, ec2, eks, iam) for kind in module.RESOURCES
}
"""Type token to resource type."""

FUNCTIONS: dict[str, Function] = {
    each.token: each for module in (autoscaling, ec2, eks, iam, identity) for each in module.FUNCTIONS
}
"""Function token to function."""
