"""AWS resources carry the tags that the organisation asks for."""

import json
from collections.abc import Iterator, Mapping

from pulumi_policy import EnforcementLevel, ResourceValidationArgs, Severity

from .model import stack as types
from .model.properties import peek
from .model.rule import Settings, resource_rule, text_list
from .model.tags import tags_of

_TAGGABLE = (
    types.CLUSTER,
    types.NODE_GROUP,
    types.POD_IDENTITY_ASSOCIATION,
    types.ROLE,
    types.POLICY,
    types.LAUNCH_TEMPLATE,
    types.AUTO_SCALING_GROUP,
    "aws:eks/addon:Addon",
    "aws:eks/accessEntry:AccessEntry",
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
    "aws:ec2/vpc:Vpc",
    "aws:ec2/subnet:Subnet",
    "aws:ec2/internetGateway:InternetGateway",
    "aws:ec2/natGateway:NatGateway",
    "aws:ec2/eip:Eip",
    "aws:ec2/routeTable:RouteTable",
    "aws:ec2/securityGroup:SecurityGroup",
)


def _judge(resource: ResourceValidationArgs, settings: Settings) -> Iterator[str]:
    required = settings.texts("required")
    present = {*tags_of(resource), *_inherited(resource)} if required else set()
    for key in required:
        if key not in present:
            yield f"The tag {key} is missing."


def _inherited(resource: ResourceValidationArgs) -> tuple[str, ...]:
    """Returns the keys of the provider's default tags."""
    # An Auto Scaling group is the one resource that takes none.
    if resource.resource_type == types.AUTO_SCALING_GROUP or resource.provider is None:
        return ()
    default = peek(resource.provider.props, "defaultTags")
    # The engine keeps structured provider settings as JSON text.
    tags = peek(json.loads(default) if isinstance(default, str) else default, "tags")
    return tuple(tags) if isinstance(tags, Mapping) else ()


RULE = resource_rule(
    name="organisation-tags",
    reason="Untagged resources cannot be charged, searched or cleaned up by the organisation that owns the account.",
    fix="Set the tags on the resource, or once for all in the AWS provider's defaultTags.",
    types=_TAGGABLE,
    judge=_judge,
    level=EnforcementLevel.ADVISORY,
    severity=Severity.LOW,
    settings={"required": text_list((), "Keys of the tags that every resource needs; none by default.")},
)
