"""Plans of two programs, made comparable: what would be made in the cloud, however it is grouped."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

_RANDOM_SUFFIX = re.compile(r"-[0-9a-f]{7}$")
"""What Pulumi appends to a name that the program did not set."""


def made(plan: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Any]:
    """Type and name of each resource that is more than a group of others, with its inputs."""
    return {(state["type"], state["urn"].split("::")[-1]): _inputs(state) for state in plan if state.get("custom")}


def differences(plan: Iterable[Mapping[str, Any]], other: Iterable[Mapping[str, Any]]) -> list[str]:
    """What one plan has and the other has not, or has otherwise; nothing when they make the same."""
    ours, theirs = made(plan), made(other)
    return [
        f"{type_} {name}: {ours.get((type_, name), 'not there')} against {theirs.get((type_, name), 'not there')}"
        for type_, name in sorted({*ours, *theirs})
        if ours.get((type_, name)) != theirs.get((type_, name))
    ]


def types(plan: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """How many resources of each type, components and providers too, the stack itself left out."""
    return Counter(state["type"] for state in plan if state["type"] != "pulumi:pulumi:Stack")


def _inputs(state: Mapping[str, Any]) -> Any:
    """What was given to a resource: no defaults, and not the version of the SDK that gave it."""
    inputs = state.get("inputs", {})
    left_out = {"__defaults", *inputs.get("__defaults", ())}
    if state["type"].startswith("pulumi:providers:"):
        left_out.add("version")
    return _plain({key: value for key, value in inputs.items() if key not in left_out})


def _plain(value: Any) -> Any:
    """A value without random suffixes, and with the JSON that it may hold as text read."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str) and value.startswith("{"):
        return _plain(json.loads(value))
    return _RANDOM_SUFFIX.sub("-X", value) if isinstance(value, str) else value
