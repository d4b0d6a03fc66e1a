"""Dotted paths of properties, as resource types declare them: ``vpcConfig.subnetIds``, without list indexes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers.differences import join


def dotted(path: str) -> str:
    """An engine path without list indexes and map keys: ``taints[0].key`` is ``taints.key``."""
    return re.sub(r"\[[^\]]*\]", "", path)


def values_at(value: Any, names: list[str], path: str = "") -> Iterator[tuple[str, Any]]:
    """All values at a dotted path, through lists, with their engine paths."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from values_at(item, names, join(path, index))
    elif not names:
        yield path, value
    elif isinstance(value, Mapping) and names[0] in value:
        yield from values_at(value[names[0]], names[1:], join(path, names[0]))


def fill(properties: dict[str, Any], path: str, value: Any) -> bool:
    """Puts a value at a dotted path where nothing is, if the object that it belongs into exists."""
    name, _, rest = path.partition(".")
    if not rest:
        if properties.get(name) is not None:
            return False
        properties[name] = value
        return True
    inner = properties.get(name)
    if not isinstance(inner, Mapping):
        return False
    copy = dict(inner)
    properties[name] = copy
    return fill(copy, rest, value)
