"""Nodes hand out their credentials by IMDSv2 only."""

from collections.abc import Iterator

from pulumi_policy import ResourceValidationArgs

from .model.properties import dig, has
from .model.rule import Rule, Settings
from .model.stack import LAUNCH_CONFIGURATION, LAUNCH_TEMPLATE, NODE_GROUP


def _judge(resource: ResourceValidationArgs, _: Settings) -> Iterator[str]:
    if resource.resource_type == NODE_GROUP:
        if not has(resource.props, "launchTemplate"):
            yield "The node group has no launch template, so EKS chooses the metadata options, with hop limit 2."
        return
    if dig(resource.props, "metadataOptions", "httpEndpoint") == "disabled":
        return
    tokens = dig(resource.props, "metadataOptions", "httpTokens") or "nothing"
    if tokens != "required":
        yield f"metadataOptions.httpTokens is {tokens}; expected required."


RULE = Rule(
    name="imdsv2-required",
    reason=(
        "With IMDSv1 a request forged through any pod or service on the node reads the credentials of the node's role."
    ),
    fix=(
        "Give the node group a launch template with metadataOptions httpTokens = required and an explicit "
        "httpPutResponseHopLimit."
    ),
    types=(LAUNCH_TEMPLATE, LAUNCH_CONFIGURATION, NODE_GROUP),
).per_resource(_judge)
