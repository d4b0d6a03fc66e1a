"""What all EC2 resource types share: tags by ID, and deletions that wait for what still uses the thing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from sandbox.providers.aws.resource import Properties, ResourceType
from sandbox.providers.aws.session import Cloud, found
from sandbox.providers.aws.tags import to_pairs
from sandbox.providers.rpc import ProviderError, State

IN_USE_SECONDS = 60.0
"""How long a deletion waits for what depends on the thing, such as network interfaces of instances going down."""


class Ec2Resource(ResourceType):
    """A resource type whose tags are EC2's, by ID."""

    def tag(self, cloud: Cloud, old: State, tags: Mapping[str, str]) -> None:
        """Adds or overwrites tags."""
        cloud.ec2.create_tags(Resources=[old.id], Tags=to_pairs(tags))

    def untag(self, cloud: Cloud, old: State, keys: list[str]) -> None:
        """Removes tags."""
        cloud.ec2.delete_tags(Resources=[old.id], Tags=[{"Key": key} for key in keys])


def tag_specifications(kind: str, tags: Mapping[str, str]) -> list[Any]:
    """``TagSpecifications`` of a request that makes a thing of that kind; empty without tags, as EC2 demands."""
    return [{"ResourceType": kind, "Tags": to_pairs(tags)}] if tags else []


def asked_filters(args: Properties) -> list[Any]:
    """The EC2 filters of a function's ``tags`` and ``filters``, as upstream's internal/service/ec2/filters.go."""
    tags = [{"Name": f"tag:{key}", "Values": [value]} for key, value in (args.get("tags") or {}).items()]
    return [*tags, *({"Name": each["name"], "Values": each["values"]} for each in args.get("filters") or ())]


def list_answer(cloud: Cloud, args: Properties) -> dict[str, Any]:
    """What all functions that list IDs answer alike: the filters and tags that were asked for; the ID is the region."""
    return {
        "filters": args.get("filters"),
        "id": cloud.region,
        "region": cloud.region,
        "tags": args.get("tags") or {},
    }


def the_only(found_ones: Sequence[Any], kind: str) -> Any:
    """The one thing that matched, with the errors of ``SingularDataSourceFindError`` (internal/tfresource).

    Raises:
        ProviderError: None or several matched.
    """
    if not found_ones:
        raise ProviderError(f"no matching {kind} found")
    if len(found_ones) > 1:
        raise ProviderError(
            f"multiple {kind}s matched; use additional constraints to reduce matches to a single {kind}"
        )
    return found_ones[0]


def delete_when_unused(cloud: Cloud, delete: Callable[[], Any], what: str, gone: str) -> None:
    """Deletes, trying again while EC2 reports that something still depends on the thing.

    Args:
        cloud: The cloud.
        delete: Asks for the deletion.
        what: The thing, for messages.
        gone: The error code for a thing that does not exist, which is fine.

    Raises:
        ClientError: It cannot be deleted; after a while also because it is still in use.
    """
    blocked: list[ClientError] = []

    def deleted() -> bool:
        try:
            found(delete, gone)
        except ClientError as error:
            if error.response["Error"]["Code"] != "DependencyViolation":
                raise
            blocked[:] = [error]
            return False
        return True

    try:
        cloud.wait(deleted, f"{what} to be unused", IN_USE_SECONDS)
    except Exception:
        if blocked:
            raise blocked[0] from None
        raise
