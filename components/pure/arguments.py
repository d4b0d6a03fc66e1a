"""Check a dict of arguments against the TypedDict that declares them.

The TypedDict is the only declaration of an argument. Python callers give its keys in snake_case, an environment's YAML
gives them in camelCase; both get the same errors, in their own spelling.
"""

import json
import math
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Any, ForwardRef, NamedTuple, NotRequired, Required, Union, get_args, get_origin, is_typeddict

from . import flags
from .faults import Fault
from .suggestions import letters, nearest

Spelling = Callable[[str], str]
"""How the reader spells the name of an argument, which is in snake_case here."""


class Field(NamedTuple):
    """One declared argument.

    Attributes:
        hint: Its type.
        required: Whether it must be given.
    """

    hint: Any
    required: bool


@cache
def fields(shape: type) -> Mapping[str, Field]:
    """The arguments that a TypedDict declares, inherited ones included, by name."""
    required = shape.__required_keys__  # type: ignore[attr-defined]
    # Not evaluated: pulumi.Input holds a reference to "Output[T]", a name that only Pulumi's own modules know.
    return {name: Field(_bare(hint), name in required) for name, hint in shape.__annotations__.items()}


def snake_case(name: str) -> str:
    """The spelling of Python callers: ``node_groups``."""
    return name


def camel_case(name: str) -> str:
    """The spelling of YAML, of the plugin and of its SDKs: ``nodeGroups``."""
    head, *rest = name.split("_")
    return "".join([head, *(word.capitalize() for word in rest)])


def check(
    given: object,
    shape: type,
    spelling: Spelling = snake_case,
    fields_of: Callable[[type], Mapping[str, Field]] = fields,
) -> tuple[dict[str, Any], list[Fault]]:
    """Check arguments against the TypedDict that declares them.

    Args:
        given: The arguments, as the caller wrote them.
        shape: The TypedDict.
        spelling: How the caller spells their names.
        fields_of: The arguments of each TypedDict in ``shape``, for a caller who may not give all of them.

    Returns:
        The arguments by their Python names, without those that are None, whole numbers as ``int``; and what is wrong
        with their names and types. With errors, the arguments are not fit for use.
    """
    reader = _Reader(spelling, fields_of, shape)
    cleaned = reader.typed_dict(shape, given, "")
    return cleaned, reader.found


def known_paths(
    shape: type, spelling: Spelling = camel_case, fields_of: Callable[[type], Mapping[str, Field]] = fields
) -> dict[str, Field]:
    """Every argument of a TypedDict and of those within it, by path: ``nodeGroups[].taints[].key``."""
    found: dict[str, Field] = {}
    for name, field in fields_of(shape).items():
        found[spelling(name)] = field
        for inner, marks in shapes_in(field.hint):
            prefix = f"{spelling(name)}{marks}."
            found |= {f"{prefix}{path}": each for path, each in known_paths(inner, spelling, fields_of).items()}
    return found


def texts(
    shape: type,
    given: Mapping[str, Any],
    spelling: Spelling = camel_case,
    fields_of: Callable[[type], Mapping[str, Field]] = fields,
) -> Iterator[tuple[str, str]]:
    """Yield the path and value of each plain text among checked arguments, but not of what is in maps.

    Args:
        shape: The TypedDict that declares the arguments.
        given: The arguments, by their Python names.
        spelling: How the paths are spelled.
        fields_of: The arguments of each TypedDict in ``shape``.
    """

    def within(hint: Any, value: object, path: str) -> Iterator[tuple[str, str]]:
        bare = kind(hint)
        if isinstance(value, str):
            yield path, value
        elif is_typeddict(bare) and isinstance(value, Mapping):
            inner = texts(bare, value, spelling, fields_of)
            yield from ((f"{path}.{key}", text) for key, text in inner)
        elif get_origin(bare) in (list, Sequence) and isinstance(value, list | tuple):
            for index, item in enumerate(value):
                yield from within(get_args(bare)[0], item, f"{path}[{index}]")

    for name, field in fields_of(shape).items():
        if name in given:
            yield from within(field.hint, given[name], spelling(name))


def in_spelling(fault: Fault, shape: type, spelling: Spelling) -> Fault:
    """Return a fault with its path and the names in its text in the caller's spelling; the fault is in camelCase."""
    names = {camel_case(name): spelling(name) for name in _names(shape)}

    def renamed(text: str) -> str:
        # What is in quotes is the user's own.
        return re.sub(r"'[^']*'|\b[a-z]+(?:[A-Z][a-z0-9]*)+\b", lambda word: names.get(word[0], word[0]), text)

    return Fault(*map(renamed, fault))


def plain(hint: Any) -> bool:
    """Return whether a value of this type must be known when the program runs: an Output does not fit."""
    return not any(_is_later_type(option) for option in _options(hint))


def kind(hint: Any) -> Any:
    """The type of the plain value, without the Output and awaitable that Pulumi's ``Input`` allows next to it."""
    return next(option for option in _options(hint) if not _is_later_type(option))


def _bare(hint: Any) -> Any:
    return _bare(get_args(hint)[0]) if get_origin(hint) in (Required, NotRequired) else hint


def _options(hint: Any) -> list[Any]:
    if get_origin(hint) in (Union, UnionType):
        return [option for option in get_args(hint) if option is not NoneType]
    return [hint]


def _is_later_type(hint: Any) -> bool:
    """Return whether this is an Output or an awaitable, which Pulumi's ``Input`` allows next to the plain value."""
    if isinstance(hint, ForwardRef):
        return hint.__forward_arg__.startswith("Output[")
    origin = get_origin(hint) or hint
    return isinstance(origin, type) and (issubclass(origin, Awaitable) or _is_pulumis(origin, "Output"))


def _is_later(value: object) -> bool:
    return _is_later_type(type(value))


def _is_pulumis(cls: type, name: str) -> bool:
    """Return whether it is a class of Pulumi's SDK, which this package does without."""
    return any(base.__name__ == name and base.__module__.startswith("pulumi.") for base in cls.__mro__)


def shapes_in(hint: Any, marks: str = "") -> Iterator[tuple[type, str]]:
    """The TypedDicts that a type names, with ``[]`` for each list around them."""
    if is_typeddict(hint):
        yield hint, marks
    elif not _is_later_type(hint):
        within = f"{marks}[]" if get_origin(hint) in (list, Sequence) else marks
        for part in get_args(hint):
            yield from shapes_in(part, within)


@cache
def _names(shape: type) -> frozenset[str]:
    inner = (_names(each) for field in fields(shape).values() for each, _ in shapes_in(field.hint))
    return frozenset(fields(shape)).union(*inner)


_REPLACED = {
    "look_up": "create: false",
    "existing_arn": "create: false; the provider is found by the issuer's URL",
    "tainted_from_zero": "nothing; the doctor reports what old versions make of taints",
    "keep_discovery_tags": "managed_by_eks: true",
    "instance_requirements": "instance_types: a list of types of equal size",
}
"""What to write instead of arguments that 0.1.0 or Auto Scaling has."""

_NO_OUTPUT = (
    "a plain value, because it must be known at preview: it decides which resources exist, what they are called or "
    "whether they fit together"
)
_WORDS = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}


class _Reader:
    """Reads arguments and collects what is wrong with them."""

    def __init__(self, spelling: Spelling, fields_of: Callable[[type], Mapping[str, Field]], root: type) -> None:
        self.found: list[Fault] = []
        self._spelling, self._fields_of, self._root = spelling, fields_of, root

    def typed_dict(self, shape: type, given: object, path: str) -> dict[str, Any]:
        if not isinstance(given, Mapping):
            self._refuse(path, given, "an object with keys")
            return {}
        declared = {self._spelling(name): name for name in self._fields_of(shape)}
        cleaned = {}
        for key, value in given.items():
            where = Fault(str(key), "", "").under(path).path
            if key not in declared:
                self.found.append(Fault(where, "an unknown key", self._hint(str(key), shape, declared)))
            elif value is not None:
                cleaned[declared[key]] = self._value(self._fields_of(shape)[declared[key]].hint, value, where)
        for key, name in declared.items():
            if self._fields_of(shape)[name].required and given.get(key) is None:
                where = Fault(key, "", "").under(path).path
                self.found.append(Fault(where, "nothing", "a value: this key is required"))
        return cleaned

    def _value(self, hint: Any, value: object, path: str) -> Any:
        if _is_later(value):
            if plain(hint) and hint is not Any:
                self.found.append(Fault(path, "an Output", _NO_OUTPUT))
            return value
        bare = kind(hint)
        if bare is Any:
            self._anything(value, path)
            return value
        if is_typeddict(bare):
            return self.typed_dict(bare, value, path)
        origin = get_origin(bare) or bare
        if origin in (dict, Mapping):
            return self._map(get_args(bare)[1], value, path)
        if origin in (list, Sequence):
            return self._list(get_args(bare)[0], value, path)
        return self._scalar(bare, value, path)

    def _map(self, hint: Any, value: object, path: str) -> Any:
        if not isinstance(value, Mapping):
            self._refuse(path, value, "a map")
            return {}
        cleaned = {}
        for key, item in value.items():
            if not isinstance(key, str):
                self.found.append(Fault(path, f"the key {_shown(key)}", "keys that are strings"))
            elif item is not None or hint is Any:  # Helm's null takes a value away.
                self._text(key, path)
                cleaned[key] = self._value(hint, item, f"{path}[{key!r}]")
        return cleaned

    def _list(self, hint: Any, value: object, path: str) -> Any:
        if not isinstance(value, list | tuple):
            self._refuse(path, value, "a list")
            return []
        return [self._value(hint, item, f"{path}[{index}]") for index, item in enumerate(value)]

    def _scalar(self, wanted: type, value: object, path: str) -> Any:
        if wanted is int and isinstance(value, float) and value.is_integer():
            return int(value)  # The plugin's host hands every number over as a float.
        fits = (int, float) if wanted is float else wanted
        if not isinstance(value, fits) or (isinstance(value, bool) and wanted is not bool):
            self._refuse(path, value, _expected(wanted, value))
        elif isinstance(value, str):
            self._text(value, path)
        return value

    def _anything(self, value: object, path: str) -> None:
        """Of a value of any type, only what no type allows."""
        if isinstance(value, str):
            self._text(value, path)
        elif isinstance(value, Mapping):
            for key, item in value.items():
                self._anything(item, f"{path}[{key!r}]")
        elif isinstance(value, list | tuple):
            for index, item in enumerate(value):
                self._anything(item, f"{path}[{index}]")

    def _text(self, value: str, path: str) -> None:
        # What pulumi.Output.__str__ returns instead of the value.
        if "Calling __str__ on an Output" in value:
            self.found.append(
                Fault(path, "a string made from an Output, as by an f-string", "pulumi.Output.format or .apply")
            )

    def _refuse(self, path: str, value: object, expected: str) -> None:
        if _is_pulumis(type(value), "Resource"):
            expected += "; give one of the resource's outputs, such as its id, name or arn"
        self.found.append(Fault(path, _shown(value), expected))

    def _hint(self, key: str, shape: type, declared: Mapping[str, str]) -> str:
        """What to write instead of an unknown key."""
        for old, new in _REPLACED.items():
            name, colon, _ = new.partition(":")
            if key == self._spelling(old) and (not colon or name in self._fields_of(shape)):
                return new.replace(name, self._spelling(name), 1) if colon else new
        near = nearest(key, declared)
        if near and letters(near) == letters(key):
            return f"the key {near}"
        flag = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", key).replace("_", "-").lower()
        if "flags" in declared.values() and flag in flags.table():
            return f"{flag} under flags: it is a flag of Cluster Autoscaler"
        if not near:
            paths = known_paths(self._root, self._spelling, self._fields_of)
            elsewhere = {path.rpartition(".")[2]: path for path in reversed(paths)}
            near = elsewhere.get(nearest(key, elsewhere) or "")
        return f"a known key, such as {near}" if near else f"one of {', '.join(declared)}"


def _expected(wanted: type, value: object) -> str:
    words = _WORDS[wanted]
    if wanted is str and isinstance(value, bool | int):
        return f'{words}: write "{_shown(value)}" in quotes'
    if wanted is str and isinstance(value, float) and math.isfinite(value):
        return f"{words}: put what you wrote in quotes, because without them 1.30 is the number 1.3"
    if wanted is not str and isinstance(value, str):
        return f"{words}, without quotes"
    return words


def _shown(value: object) -> str:
    if isinstance(value, str):
        text = repr(value)
    elif isinstance(value, bool | int | float | Mapping | list):
        text = json.dumps(value, default=lambda inner: f"<{type(inner).__name__}>", skipkeys=True)
    else:
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."
