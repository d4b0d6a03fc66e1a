"""What changes between a resource as it is and as wanted, path by path, as ``pulumi preview --diff`` shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from sandbox.providers.values import contains_unknown


class Change(Enum):
    """What happens to one property. The values are the protocol's names (``PropertyDiff.Kind``)."""

    ADD = "ADD"
    DELETE = "DELETE"
    UPDATE = "UPDATE"


@dataclass(frozen=True)
class Difference:
    """The answer to Diff.

    Attributes:
        changes: Property path (``tags["team"]``, ``taints[0].key``) to what happens there. Empty: nothing changes.
        replaces: Those of the paths whose change needs a new resource.
        delete_before_replace: The old resource must go before the new one can be made (they would share a name).
        of_inputs: The paths compare old with new inputs; else (the default) the old state with the new inputs.
    """

    changes: Mapping[str, Change] = field(default_factory=dict)
    replaces: frozenset[str] = frozenset()
    delete_before_replace: bool = False
    of_inputs: bool = False


def join(path: str, key: str | int) -> str:
    """``path`` extended by a property name, map key or list index, in the engine's notation."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if not key.isidentifier():
        quoted = key.replace("\\", "\\\\").replace('"', '\\"')
        return f'{path}["{quoted}"]'
    return f"{path}.{key}" if path else key


def root(path: str) -> str:
    """The top-level property that ``path`` lies in."""
    if path.startswith('["'):
        return path[2 : path.index('"]')]
    return path.split(".", 1)[0].split("[", 1)[0]


def compare(old: Any, new: Any, path: str = "") -> dict[str, Change]:
    """The leaves in which two plain values differ. An unknown differs from everything, absent equals ``None``."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        changes: dict[str, Change] = {}
        for key in dict.fromkeys([*old, *new]):
            changes |= compare(old.get(key), new.get(key), join(path, key))
        return changes
    if isinstance(old, list) and isinstance(new, list):
        changes = {}
        for index in range(max(len(old), len(new))):
            before, after = (items[index] if index < len(items) else None for items in (old, new))
            changes |= compare(before, after, join(path, index))
        return changes
    if old == new and not contains_unknown(new):
        return {}
    if old is None:
        return {path: Change.ADD}
    return {path: Change.DELETE if new is None else Change.UPDATE}
