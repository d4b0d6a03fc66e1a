"""Tags of EKS resources: what TagResource and UntagResource changed is what Describe shows."""

from __future__ import annotations

from typing import Any

from ministack.services import eks

from sandbox.aws.hooking import Hook, wrap
from sandbox.aws.hooks.eks_api import Json
from sandbox.aws.query_protocol import Response


def tag_resource(original: Any, arn: str, body: Json) -> Response:
    """TagResource, on the resource's own record too."""
    response: Response = original(arn, body)
    _refresh(arn)
    return response


def untag_resource(original: Any, arn: str, query: Json) -> Response:
    """UntagResource, on the resource's own record too; all keys of a repeated parameter count."""
    response: Response = original(arn, query)
    _refresh(arn)
    return response


def resolve_tag_resource_arn(original: Any, arn: str) -> tuple[str | None, Any]:
    """Ministack knows no tags of Pod Identity associations."""
    if any(one["associationArn"] == arn for one in eks._pod_identity_associations.values()):
        return arn, None
    resolved: tuple[str | None, Any] = original(arn)
    return resolved


def _refresh(arn: str) -> None:
    """Clusters and node groups are always shown with the tags of now; these others carry a copy."""
    for record in (*eks._addons.values(), *eks._access_entries.values(), *eks._pod_identity_associations.values()):
        if arn in (record.get("addonArn"), record.get("accessEntryArn"), record.get("associationArn")):
            record["tags"] = dict(eks._tags.get(arn, {}))


HOOKS: tuple[Hook, ...] = (
    wrap(eks, "_tag_resource", tag_resource),
    wrap(eks, "_untag_resource", untag_resource),
    wrap(eks, "_resolve_tag_resource_arn", resolve_tag_resource_arn),
)
