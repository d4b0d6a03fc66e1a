"""Tags between the maps of Pulumi and the lists of pairs of most AWS services."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def to_pairs(tags: Mapping[str, str] | None) -> list[Any]:
    """A map as ``[{"Key": ..., "Value": ...}]``, sorted, so that equal tags make equal requests."""
    return [{"Key": key, "Value": value} for key, value in sorted((tags or {}).items())]


def from_pairs(pairs: Iterable[Mapping[str, Any]] | None) -> dict[str, str]:
    """A list of pairs as a map."""
    return {pair["Key"]: pair.get("Value", "") for pair in pairs or ()}
