"""What all EKS resource types share: tags by ARN, IDs of several parts, new roles and updates to wait for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from sandbox.providers.aws.resource import Properties, ResourceType, split_id
from sandbox.providers.aws.session import POLL_SECONDS, Cloud
from sandbox.providers.rpc import ProviderError, State

GONE = "ResourceNotFoundException"
"""The error code for what does not exist."""

PROPAGATION_SECONDS = 20.0
"""How long EKS may take to know a new role. Upstream waits 120 s; the sandbox's delays are shorter."""

_ROLE_UNKNOWN = (
    "Role could not be assumed because the trusted entity is not correct",
    "Role provided in the request does not exist",
)

T = TypeVar("T")

UPDATE_SECONDS = 300.0
"""How long an update may take. It is done in milliseconds here, but instances may have to be replaced."""


class EksResource(ResourceType):
    """A resource type whose tags are EKS's own, by ARN."""

    arn_output = "arn"
    """The output that holds the ARN."""

    separator: ClassVar[str] = ":"
    """What is between the parts of an ID."""

    parts: ClassVar[Mapping[str, str]]
    """The parts of an ID by the members of requests that they are: ``clusterName`` to ``cluster name``."""

    def named(self, resource_id: str) -> Any:
        """The members of a request that name the resource of an ID.

        Raises:
            ProviderError: The ID has another form, as a mistyped import may have.
        """
        values = split_id(resource_id, self.separator, *self.parts.values())
        return dict(zip(self.parts, values, strict=True))

    def tag(self, cloud: Cloud, old: State, tags: Mapping[str, str]) -> None:
        """Adds or overwrites tags."""
        cloud.eks.tag_resource(resourceArn=old.outputs[self.arn_output], tags=dict(tags))

    def untag(self, cloud: Cloud, old: State, keys: list[str]) -> None:
        """Removes tags."""
        cloud.eks.untag_resource(resourceArn=old.outputs[self.arn_output], tagKeys=keys)


def given(inputs: Properties, *names: str) -> dict[str, Any]:
    """Those of the named inputs that are given. The official provider sends no empty ones, and names them as EKS."""
    return {name: inputs[name] for name in names if inputs.get(name)}


def health(thing: Any) -> str:
    """The issues that EKS reports of something, as text."""
    issues = (thing or {}).get("health", {}).get("issues", [])
    reasons = (
        f"{each.get('code')}: {each.get('message')} ({', '.join(each.get('resourceIds') or [])})" for each in issues
    )
    return "; ".join(reasons) or "EKS gives no reason"


def once_role_is_known(cloud: Cloud, call: Callable[[], T]) -> T:
    """The answer of a call that EKS refuses until it knows a new role.

    As ``resourceClusterCreate`` and ``PodIdentityAssociation.Create`` upstream, which try again for
    ``propagationTimeout`` (two minutes).

    Raises:
        ClientError: EKS refuses it for another reason, or for too long.
    """
    deadline = time.monotonic() + PROPAGATION_SECONDS
    while True:
        try:
            return call()
        except cloud.eks.exceptions.InvalidParameterException as error:
            if not any(text in str(error) for text in _ROLE_UNKNOWN) or time.monotonic() > deadline:
                raise
        cloud.pause(POLL_SECONDS)


def wait_for_update(cloud: Cloud, answer: Mapping[str, Any], **owner: str) -> None:
    """Waits until an update that an EKS call started is done.

    Args:
        cloud: The cloud.
        answer: The call's answer.
        **owner: Whose update it is: ``name`` of the cluster, and of the ``nodegroupName`` or ``addonName``.

    Raises:
        ProviderError: The update failed, with EKS's own words.
    """
    update_id = answer["update"]["id"]

    def done() -> bool:
        update = cloud.eks.describe_update(updateId=update_id, **owner)["update"]
        if update["status"] in ("Failed", "Cancelled"):
            reasons = "; ".join(f"{each.get('errorCode')}: {each.get('errorMessage')}" for each in update["errors"])
            raise ProviderError(f"EKS update {update['type']} of {'/'.join(owner.values())} failed: {reasons}")
        return update["status"] == "Successful"

    cloud.wait(done, f"the EKS update of {'/'.join(owner.values())}", UPDATE_SECONDS)
