"""Ask the AWS provider of a component, in code that must go on when AWS refuses an answer."""

import importlib.metadata
from typing import Any

import pulumi

_ABSENT = ("not found", "couldn't find resource", "ResourceNotFoundException")
"""What data sources answer for something that does not exist.

terraform-provider-aws: ``dataSourceOpenIDConnectProviderRead`` (open_id_connect_provider_data_source.go),
``dataSourceAddonRead`` (addon_data_source.go, which passes on ``retry.NotFoundError``), and EKS without the cluster.
"""


class Refused(Exception):
    """The provider gave no answer; the message is its own."""


async def ask(owner: pulumi.Resource, token: str, **args: object) -> Any:
    """Return the answer of a function of the AWS provider, in the provider's own names.

    Args:
        owner: Component whose provider is asked.
        token: Function, such as ``aws:eks/getNodeGroup:getNodeGroup``.
        args: Its arguments, in camelCase.

    Raises:
        Refused: The call failed: a missing permission, or something that does not exist.
    """
    options = pulumi.InvokeOptions(parent=owner, version=importlib.metadata.version("pulumi-aws"))
    try:
        return await pulumi.runtime.invoke_async(token, dict(args), options)
    except Exception as error:  # the SDK has no narrower type
        raise Refused(str(error)) from error


async def find(owner: pulumi.Resource, token: str, unless: str, **args: object) -> Any:
    """Return what a function of the AWS provider describes, or None if it does not exist or AWS refuses to answer.

    Args:
        owner: Component whose AWS provider is asked.
        token: Function, such as ``aws:eks/getAddon:getAddon``.
        unless: What is not done without an answer and the permission to allow, for the warning if AWS refuses.
        args: Arguments of the function, in camelCase. With one that is not known yet, nothing exists.
    """
    if pulumi.contains_unknowns(args):
        return None
    try:
        return await ask(owner, token, **args)
    except Refused as error:
        if not any(absent in str(error) for absent in _ABSENT):
            pulumi.log.warn(f"{unless} {error}", owner)
        return None
