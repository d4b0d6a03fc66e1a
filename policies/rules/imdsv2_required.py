"""Nodes hand out their credentials by IMDSv2 only."""

from collections.abc import Iterator

from pulumi_policy import PolicyResource

from .model.memory import asked
from .model.properties import dig
from .model.rule import Rule, Settings
from .model.stack import LAUNCH_CONFIGURATION, LAUNCH_TEMPLATE, Stack
from .model.tags import launches_nodes


def _judge(template: PolicyResource, stack: Stack, _: Settings) -> Iterator[str]:
    options = dig(asked(template), "metadataOptions")
    if not launches_nodes(template, stack) or dig(options, "httpEndpoint") == "disabled":
        return
    tokens = dig(options, "httpTokens") or "nothing"
    if tokens != "required":
        yield f"metadataOptions.httpTokens is {tokens}; expected required."


RULE = Rule(
    name="imdsv2-required",
    reason=(
        "With IMDSv1 a request forged through any pod or service on the node reads the credentials of the node's role."
    ),
    fix=(
        "Set metadataOptions.httpTokens to required in the launch template of the nodes, with an explicit "
        "httpPutResponseHopLimit."
    ),
    types=(LAUNCH_TEMPLATE, LAUNCH_CONFIGURATION),
).per_stack(_judge)
