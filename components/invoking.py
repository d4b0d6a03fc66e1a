"""Ask the AWS provider of a component, in code that must go on when AWS refuses an answer."""

import importlib.metadata
from typing import Any, TypeVar, cast

import pulumi
import pulumi_aws as aws

from .errors import FaultsError
from .pure.faults import Fault

T = TypeVar("T")

_ABSENT = ("not found", "couldn't find resource", "ResourceNotFoundException", "no matching ")
"""What data sources answer for something that does not exist.

terraform-provider-aws: ``dataSourceOpenIDConnectProviderRead`` (open_id_connect_provider_data_source.go),
``dataSourceAddonRead`` (addon_data_source.go, which passes on ``retry.NotFoundError``), EKS without the cluster, and
``SingularDataSourceFindError`` (internal/tfresource), as of a subnet.
"""


_REASON = "returned an error: "
"""Ends the engine's words before the provider's (pulumi, ``pkg/resource/deploy/source_eval.go``)."""


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
        if not _is_absent(str(error)):
            pulumi.log.warn(f"{unless} {error}", owner)
        return None


def described(
    owner: pulumi.ComponentResource,
    subject: str,
    shape: type,
    path: str,
    wanted: pulumi.Input[str],
    answer: pulumi.Output[T],
    expected: str,
) -> pulumi.Output[T]:
    """Return what AWS describes of something that exists, or the error about the argument that names it.

    Without it, a misspelled name ends the program in the traceback of the Pulumi SDK.

    Args:
        owner: Component that asks.
        subject: Name of the component, for the error.
        shape: TypedDict of its arguments.
        path: The argument that has the name.
        wanted: The name.
        answer: What the provider answers.
        expected: What is accepted.
    """
    # The error below takes the place of the answer's own, by which the SDK would end the program as well.
    getattr(answer, "_untrack", lambda: None)()

    async def read() -> pulumi.Output[T]:
        try:
            await answer.future()
        except Exception as error:  # the SDK has no narrower type
            name = await pulumi.Output.from_input(wanted).future()
            found = [undescribed(path, str(name), error, expected)]
            raise FaultsError.of(type(owner), subject, shape, found) from None
        return answer

    reading: Any = read()
    return cast("pulumi.Output[T]", pulumi.Output.from_input(reading))


def undescribed(path: str, name: str, error: Exception, expected: str) -> Fault:
    """Return the error about an argument that names what AWS does not describe.

    Args:
        path: The argument.
        name: What it names.
        error: Why there is no answer.
        expected: What is accepted.
    """
    got = "which does not exist"
    if not _is_absent(str(error)):
        got = f"which cannot be read: {str(error).rpartition(_REASON)[2]}"
    return Fault(path, f"{name}, {got}", expected)


def describe_cluster(
    owner: pulumi.ComponentResource, subject: str, shape: type, path: str, name: pulumi.Input[str]
) -> pulumi.Output[aws.eks.GetClusterResult]:
    """Return what EKS describes of a cluster, or the error about the argument that names it; see ``described``."""
    answer = aws.eks.get_cluster_output(name=name, opts=pulumi.InvokeOutputOptions(parent=owner))
    expected = "a cluster in the account and region of the AWS provider: aws eks list-clusters"
    return described(owner, subject, shape, path, name, answer, expected)


def _is_absent(reason: str) -> bool:
    return any(absent in reason for absent in _ABSENT)
