"""Reading the properties of a resource, of which any may be missing or not known before the update.

The engine hands out mappings and lists that raise `UnknownValueError` when an unknown value is touched. A rule lets it
through where the value decides (`dig`), and ignores it where it does not (`peek`, `has`).
"""

from collections.abc import Mapping, Sequence

from pulumi_policy.proxy import UnknownValueError


def dig(value: object, *path: str) -> object:
    """Return the value at a path of keys, or None where a step is missing.

    Raises:
        UnknownValueError: A value on the path is not known yet.
    """
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def peek(value: object, *path: str) -> object:
    """Return the value at a path of keys, or None where a step is missing or not known yet."""
    try:
        return dig(value, *path)
    except UnknownValueError:
        return None


def has(value: object, key: str) -> bool:
    """Return whether a mapping has a key, whatever its value is (`in` would raise for an unknown value)."""
    return isinstance(value, Mapping) and any(key == present for present in value)


def texts(value: object) -> tuple[str, ...]:
    """Return one text or a list of texts as a tuple; anything else is empty."""
    if isinstance(value, str):
        return (value,)
    return tuple(str(item) for item in value) if isinstance(value, Sequence) else ()


def mappings(value: object) -> tuple[Mapping[str, object], ...]:
    """Return the mappings in a list, or the one mapping that stands for such a list."""
    if isinstance(value, Mapping):
        return (value,)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(item for item in value if isinstance(item, Mapping))
    return ()


def whole(value: object, default: int) -> int:
    """Return a number as an integer, or the default if there is none; the engine sends floats, some programs texts."""
    try:
        return int(float(str(value)))
    except ValueError:
        return default
