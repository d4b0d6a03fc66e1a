"""Tags: maps in Pulumi, lists of pairs in most AWS services, with the provider's default tags beneath."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.providers.differences import Change, compare, root
from sandbox.providers.rpc import State
from sandbox.providers.values import UNKNOWN


def to_pairs(tags: Mapping[str, str] | None) -> list[Any]:
    """A map as ``[{"Key": ..., "Value": ...}]``, sorted, so that equal tags make equal requests."""
    return [{"Key": key, "Value": value} for key, value in sorted((tags or {}).items())]


def from_pairs(pairs: Iterable[Mapping[str, Any]] | None) -> dict[str, str]:
    """A list of pairs as a map."""
    return {pair["Key"]: pair.get("Value", "") for pair in pairs or ()}


def merged(inputs: Mapping[str, Any], default_tags: Mapping[str, str]) -> Any:
    """A resource's tags with the provider's default tags beneath; unknown if the resource's are."""
    given = inputs.get("tags")
    return UNKNOWN if given is UNKNOWN else {**default_tags, **(given or {})}


def own(every: Mapping[str, str], recorded: Mapping[str, Any], default_tags: Mapping[str, str]) -> dict[str, str]:
    """Those of a resource's tags that do not come from the provider's defaults."""
    if not recorded:  # An import: only its value shows whether a tag is the default's or overrides it.
        return {key: value for key, value in every.items() if default_tags.get(key) != value}
    given = recorded.get("tags") or {}
    return {key: value for key, value in every.items() if key in given or key not in default_tags}


def inherited_changes(
    old: State, new: Mapping[str, Any], default_tags: Mapping[str, str], changes: Mapping[str, Change]
) -> dict[str, Change]:
    """Changes of the provider's default tags, where the resource's own tags do not already show them."""
    wanted = merged(new, default_tags)
    if wanted is UNKNOWN:
        return {}
    found = compare(old.outputs.get("tagsAll") or {}, wanted, "tagsAll")
    shown = {path.removeprefix("tags") for path in changes if root(path) == "tags"}
    if "" in shown:
        return {}
    return {path: change for path, change in found.items() if path.removeprefix("tagsAll") not in shown}
