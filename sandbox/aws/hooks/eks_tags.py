"""Tags of EKS resources: what TagResource and UntagResource changed is what Describe shows."""

from __future__ import annotations

import json
from typing import Any

from ministack.services import eks

from sandbox.aws.errors import ApiError
from sandbox.aws.hooking import Hook, wrap
from sandbox.aws.hooks.eks_api import Call, Json, Route


def tag_resource(call: Call) -> Json:
    """TagResource, on the resource's own record too."""
    arn = _known(call.path["arn"])
    _set(arn, eks._tags.get(arn, {}) | call.body["tags"])
    return {}


def untag_resource(call: Call) -> Json:
    """UntagResource, on the resource's own record too; ministack heeds only the first of several keys."""
    arn = _known(call.path["arn"])
    _set(arn, {key: value for key, value in eks._tags.get(arn, {}).items() if key not in call.query["tagKeys"]})
    return {}


def _known(arn: str) -> str:
    resolved, refusal = eks._resolve_tag_resource_arn(arn)
    if refusal:
        status, headers, body = refusal
        raise ApiError(headers["x-amzn-errortype"], json.loads(body)["message"], status)
    return str(resolved)


def _set(arn: str, tags: dict[str, str]) -> None:
    eks._tags[arn] = tags
    # Clusters and node groups are always shown with the tags of now; these others carry a copy.
    for record in (*eks._addons.values(), *eks._access_entries.values(), *eks._pod_identity_associations.values()):
        if arn in (record.get("addonArn"), record.get("accessEntryArn"), record.get("associationArn")):
            record["tags"] = dict(tags)


def resolve_tag_resource_arn(original: Any, arn: str) -> tuple[str | None, Any]:
    """Ministack knows no tags of Pod Identity associations."""
    if any(one["associationArn"] == arn for one in eks._pod_identity_associations.values()):
        return arn, None
    resolved: tuple[str | None, Any] = original(arn)
    return resolved


ROUTES = (
    Route("POST", "/tags/{arn+}", tag_resource),
    Route("DELETE", "/tags/{arn+}", untag_resource),
)

HOOKS: tuple[Hook, ...] = (wrap(eks, "_resolve_tag_resource_arn", resolve_tag_resource_arn),)
