"""What all EC2 resource types share: found, made and removed by EC2's name of them, tagged by their ID."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from botocore import xform_name
from botocore.exceptions import ClientError

from sandbox.providers.aws.api_shapes import shape, to_api
from sandbox.providers.aws.resource import Properties, ResourceType
from sandbox.providers.aws.session import Cloud, found
from sandbox.providers.aws.tags import from_pairs, to_pairs
from sandbox.providers.rpc import State

IN_USE_SECONDS = 60.0
"""How long a deletion waits for what depends on the thing, such as network interfaces of instances going down."""


class Ec2Resource(ResourceType):
    """A resource type of EC2, whose ID is that of its thing."""

    thing: ClassVar[str]
    """EC2's name of it, such as ``Vpc`` of CreateVpc, DescribeVpcs, DeleteVpc and ``VpcId``."""

    kind: ClassVar[str]
    """EC2's name of it in ARNs and tag specifications, such as ``internet-gateway``."""

    gone: ClassVar[tuple[str, ...]]
    """The error codes for one that does not exist."""

    @abstractmethod
    def outputs(self, cloud: Cloud, old: State, thing: Any) -> dict[str, Any]:
        """Its outputs but for ARN and tags, from what EC2 describes."""

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Make it with those inputs that are members of the request."""
        answer = self.call(cloud, "Create", **self.request(inputs), **self.tag_specifications(inputs))
        return str(answer[self.thing][f"{self.thing}Id"])

    def request(self, inputs: Properties) -> dict[str, Any]:
        """The request that makes it, without its tags."""
        request: dict[str, Any] = to_api(inputs, shape("ec2", f"Create{self.thing}Request"), {})
        return request

    def tag_specifications(self, inputs: Properties) -> dict[str, Any]:
        """The member of a request that tags what it makes; absent without tags, as EC2 demands."""
        tags = to_pairs(inputs["tags"])
        return {"TagSpecifications": [{"ResourceType": self.kind, "Tags": tags}]} if tags else {}

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """Its outputs."""
        thing = self.describe(cloud, old.id)
        if thing is None:
            return None
        arn = {"arn": cloud.arn("ec2", f"{self.kind}/{old.id}")} if "arn" in self.output_names() else {}
        return {**arn, "tags": from_pairs(thing.get("Tags")), **self.outputs(cloud, old, thing)}

    def delete(self, cloud: Cloud, old: State) -> None:
        """Remove it, once nothing uses it any more."""
        self.when_unused(cloud, old, lambda: self.call(cloud, "Delete", **{f"{self.thing}Id": old.id}))

    def tag(self, cloud: Cloud, old: State, tags: Mapping[str, str]) -> None:
        """Adds or overwrites tags."""
        cloud.ec2.create_tags(Resources=[old.id], Tags=to_pairs(tags))

    def untag(self, cloud: Cloud, old: State, keys: list[str]) -> None:
        """Removes tags."""
        cloud.ec2.delete_tags(Resources=[old.id], Tags=[{"Key": key} for key in keys])

    def describe(self, cloud: Cloud, resource_id: str) -> Any:
        """What EC2 describes, or None."""
        ids = {f"{self.thing}Ids": [resource_id]}
        answer = found(lambda: getattr(cloud.ec2, xform_name(f"Describe{self.thing}s"))(**ids), *self.gone)
        return next(iter(answer[f"{self.thing}s"]), None) if answer else None

    def call(self, cloud: Cloud, verb: str, **request: Any) -> Any:
        """The answer to a request that is named by a verb and the thing."""
        return getattr(cloud.ec2, xform_name(f"{verb}{self.thing}"))(**request)

    def when_unused(self, cloud: Cloud, old: State, delete: Callable[[], Any]) -> None:
        """Delete, trying again while EC2 reports that something still depends on the thing.

        Raises:
            ClientError: It cannot be deleted; after a while also because it is still in use.
        """
        blocked: list[ClientError] = []

        def deleted() -> bool:
            try:
                found(delete, *self.gone)
            except ClientError as error:
                if error.response["Error"]["Code"] != "DependencyViolation":
                    raise
                blocked[:] = [error]
                return False
            return True

        try:
            cloud.wait(deleted, f"{self.kind} {old.id} to be unused", IN_USE_SECONDS)
        except Exception:
            if blocked:
                raise blocked[0] from None
            raise


def asked_filters(args: Properties) -> list[Any]:
    """The EC2 filters of a function's ``filters``, as upstream's internal/service/ec2/filters.go."""
    return [{"Name": each["name"], "Values": each["values"]} for each in args.get("filters") or ()]


def listed(cloud: Cloud, args: Properties, ids: list[str]) -> dict[str, Any]:
    """What all functions that list IDs answer alike: the filters that were asked for; the ID is the region."""
    return {"filters": args.get("filters"), "id": cloud.region, "ids": ids, "region": cloud.region, "tags": {}}
