"""Ask the AWS provider of a component, in code that must go on when AWS refuses an answer."""

import importlib.metadata
from typing import Any

import pulumi


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
