"""Live objects, cut down to what a program declares of them: the rules behind refresh and import."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

_SERVERS_OWN: Final = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


def observed(declared: Any, recorded: Any, live: Any) -> Any:
    """The declaration that would describe the live object: ``declared``, with what has changed since.

    A value counts as changed only if it differs from what the server answered last time (``recorded``), since servers
    rewrite some values (``1000m`` becomes ``1``) and never store others (empty maps). What the program does not
    declare belongs to others and is left out.

    Args:
        declared: A value of the program's inputs.
        recorded: The same value in the state.
        live: The same value now.

    Returns:
        The value, None where it has gone.
    """
    if live is None:
        return declared if recorded is None else None
    if isinstance(declared, Mapping) and isinstance(live, Mapping):
        before = recorded if isinstance(recorded, Mapping) else {}
        pairs = {key: observed(value, before.get(key), live.get(key)) for key, value in declared.items()}
        return {key: value for key, value in pairs.items() if value is not None}
    if isinstance(declared, list) and isinstance(live, list):
        triples = zip(declared, _matched(declared, recorded), _matched(declared, live), strict=True)
        return [value for triple in triples if (value := observed(*triple)) is not None]
    return declared if live == recorded else live


def importable(live: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that an import starts from: the whole object but what only the server sets."""
    inputs = {key: value for key, value in live.items() if key != "status"}
    metadata = {key: value for key, value in live["metadata"].items() if key not in _SERVERS_OWN}
    annotations = {key: value for key, value in metadata.get("annotations", {}).items() if key != _LAST_APPLIED}
    if annotations:
        metadata["annotations"] = annotations
    else:
        metadata.pop("annotations", None)
    return inputs | {"metadata": metadata}


def without_bookkeeping(live: Mapping[str, Any]) -> dict[str, Any]:
    """A live object without who-manages-what and the counters that every write moves."""
    metadata = {
        key: value
        for key, value in live["metadata"].items()
        if key not in ("generation", "managedFields", "resourceVersion")
    }
    return {**live, "metadata": metadata}


def with_string_data(live: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
    """A live Secret with ``stringData`` for the keys that the program declares so; servers only store ``data``."""
    names = declared.get("stringData") or {}
    data = live.get("data") or {}
    texts = {name: base64.b64decode(data[name]).decode(errors="replace") for name in names if name in data}
    return {**live, "stringData": texts} if names else dict(live)


def without_nulls(value: Any) -> Any:
    """The value without map entries that are None: server-side apply would read them as wishes."""
    if isinstance(value, Mapping):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def _matched(declared: list[Any], others: Any) -> list[Any]:
    """For each declared item its counterpart among ``others``: by ``name`` if all have one, else by position."""
    others = others if isinstance(others, list) else []
    if all(isinstance(item, Mapping) and "name" in item for item in (*declared, *others)):
        by_name = {item["name"]: item for item in others}
        return [by_name.get(item["name"]) for item in declared]
    return [others[index] if index < len(others) else None for index in range(len(declared))]
