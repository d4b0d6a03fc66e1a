"""Tags of Auto Scaling groups: filters, paging, the limit of 50, and values with any character."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from ministack.services import autoscaling

from sandbox.aws.delays import DELAYS
from sandbox.aws.errors import ApiError
from sandbox.aws.hooking import Hook
from sandbox.aws.query_protocol import AUTOSCALING, Params, is_true, page

Tag = dict[str, Any]

_MAX_TAGS = 50


def merged(existing: list[Tag], wanted: list[Params], group: str) -> list[Tag]:
    """The tags of ``group`` after setting ``wanted``.

    Raises:
        ApiError: ``LimitExceeded``: more than 50.
    """
    tags = {tag["Key"]: tag for tag in existing}
    for tag in wanted:
        tags[tag["Key"]] = {
            "ResourceId": group,
            "ResourceType": "auto-scaling-group",
            "Key": tag["Key"],
            "Value": tag.get("Value", ""),
            "PropagateAtLaunch": is_true(tag, "PropagateAtLaunch"),
        }
    if len(tags) > _MAX_TAGS:
        raise ApiError(
            "LimitExceeded", f"{len(tags)} tags for AutoScalingGroup {group}: at most {_MAX_TAGS} are allowed"
        )
    return list(tags.values())


def matches(tags: list[Tag], condition: Params) -> bool:
    """Whether tags fulfil one filter of DescribeAutoScalingGroups.

    Raises:
        ApiError: ``ValidationError``: not one of the filters ``tag-key``, ``tag-value`` and ``tag:<key>``.
    """
    name, values = condition["Name"], condition.get("Values", [])
    if name == "tag-key":
        return any(tag["Key"] in values for tag in tags)
    if name == "tag-value":
        return any(tag["Value"] in values for tag in tags)
    if name.startswith("tag:"):
        return any(tag["Key"] == name[4:] and tag["Value"] in values for tag in tags)
    raise ApiError(
        "ValidationError", f"Filter type {name} is not correct. Allowed Filter types are: tag-key tag-value tag:<key>"
    )


_TAG_FILTERS: Mapping[str, Any] = {
    "auto-scaling-group": lambda tag: tag["ResourceId"],
    "key": lambda tag: tag["Key"],
    "value": lambda tag: tag["Value"],
    "propagate-at-launch": lambda tag: str(tag["PropagateAtLaunch"]).lower(),
}


def describe(params: Params) -> Params:
    """DescribeTags, 50 a page by default."""
    tags = [tag for group in autoscaling._asgs.values() for tag in group["Tags"]]
    for condition in params.get("Filters", []):
        if condition["Name"] not in _TAG_FILTERS:
            raise ApiError(
                "ValidationError",
                f"Filter type {condition['Name']} is not correct. Allowed Filter types are: {' '.join(_TAG_FILTERS)}",
            )
        read = _TAG_FILTERS[condition["Name"]]
        tags = [tag for tag in tags if read(tag) in condition.get("Values", [])]
    rows, token = page(tags, params, "MaxRecords", 50)
    return {"Tags": rows, "NextToken": token}


def create_or_update(params: Params) -> None:
    """CreateOrUpdateTags: all of them or, when one group is missing or would have too many, none."""
    wanted = _by_group(params)
    _take(wanted)
    changed = {name: merged(group["Tags"], tags, name) for name, (group, tags) in wanted.items()}
    for name, tags in changed.items():
        autoscaling._asgs[name]["Tags"] = tags


def delete(params: Params) -> None:
    """DeleteTags by key."""
    wanted = _by_group(params)
    _take(wanted)
    for group, tags in wanted.values():
        gone = {tag["Key"] for tag in tags}
        group["Tags"] = [tag for tag in group["Tags"] if tag["Key"] not in gone]


_BUSY: dict[str, float] = {}
"""Group to the time until which a tag call keeps it busy; see ``delays``."""


def _take(groups: Iterable[str]) -> None:
    """Keep groups busy for as long as a tag call takes, or refuse: ResourceContention of the API reference.

    AWS answers so when several calls tag one group at once; its SDKs try again, for the status is 500.
    """
    groups, now = list(groups), time.time()
    for name in groups:
        if _BUSY.get(name, 0) > now:
            raise ApiError("ResourceContention", f"You already have a pending update to AutoScalingGroup {name}.", 500)
    _BUSY.update(dict.fromkeys(groups, DELAYS.until("tag-call")))


def _by_group(params: Params) -> dict[str, tuple[dict[str, Any], list[Params]]]:
    grouped: dict[str, tuple[dict[str, Any], list[Params]]] = {}
    for tag in params.get("Tags", []):
        name = tag.get("ResourceId")
        if name not in autoscaling._asgs:
            raise ApiError("ValidationError", f"AutoScalingGroup name not found - AutoScalingGroup {name} not found")
        grouped.setdefault(name, (autoscaling._asgs[name], []))[1].append(tag)
    return grouped


HOOKS: tuple[Hook, ...] = (
    AUTOSCALING.answer("DescribeTags", describe),
    AUTOSCALING.answer("CreateOrUpdateTags", create_or_update),
    AUTOSCALING.answer("DeleteTags", delete),
)
