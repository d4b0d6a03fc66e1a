"""IAM answers stay well-formed XML whatever a tag or description contains (``Team=R&D``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import iam

from sandbox.aws.hooking import Hook, wrap

# ministack percent-encodes these itself, so they must stay as they are.
_DOCUMENTS = ("AssumeRolePolicyDocument", "Versions", "InlinePolicies")


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: inner if key in _DOCUMENTS else _escaped(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_escaped(inner) for inner in value]
    return escape(value) if isinstance(value, str) else value


def _rendering(store: Any) -> Callable[..., str]:
    """A stand-in for the function that renders a record of ``store``, found by its key."""

    def render_escaped(original: Any, key: str, *args: Any, **kwargs: Any) -> str:
        record = store.get(key)
        if record is None:
            rendered: str = original(key, *args, **kwargs)
            return rendered
        store[key] = _escaped(record)
        try:
            rendered = original(key, *args, **kwargs)
        finally:
            store[key] = record
        return rendered

    return render_escaped


HOOKS: tuple[Hook, ...] = (
    wrap(iam, "_role_xml", _rendering(iam._roles)),
    wrap(iam, "_user_xml", _rendering(iam._users)),
    wrap(iam, "_managed_policy_xml", _rendering(iam._policies)),
    wrap(iam, "_instance_profile_xml", _rendering(iam._instance_profiles)),
)
