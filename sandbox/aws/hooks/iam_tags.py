"""Tag keys of IAM: two that differ only in case are one, and refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sandbox.aws.errors import ApiError
from sandbox.aws.hooking import Hook
from sandbox.aws.query_protocol import IAM, Params, Response, parse

_ACTIONS = (
    "CreateInstanceProfile",
    "CreateOpenIDConnectProvider",
    "CreatePolicy",
    "CreateRole",
    "CreateUser",
    "TagInstanceProfile",
    "TagPolicy",
    "TagRole",
    "TagUser",
)


def check_keys(tags: Iterable[Params]) -> None:
    """Refuse keys that differ only in case, in IAM's words (aws/aws-cdk#26253, kubernetes/kops#11727)."""
    keys = [tag["Key"].lower() for tag in tags]
    if len(keys) != len(set(keys)):
        raise ApiError("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")


def _checked(original: Callable[..., Response], raw: Mapping[str, Any]) -> Response:
    check_keys(parse(raw).get("Tags", []))
    return original(raw)


HOOKS: tuple[Hook, ...] = tuple(IAM.wrap(action, _checked) for action in _ACTIONS)
