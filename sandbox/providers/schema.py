"""The property types of resources and functions, read from the official SDK so that they are never written down twice.

The SDK's ``*Args`` classes are generated from the official provider's schema: property names, types and which of them
are required all come from there.
"""

from __future__ import annotations

import collections.abc
import difflib
import functools
import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import _types as sdk_types  # the SDK's own reader of its generated classes; it has no public twin

from sandbox.providers.differences import join
from sandbox.providers.rpc import Failure
from sandbox.providers.values import UNKNOWN


@dataclass(frozen=True)
class Scalar:
    """A string, number or boolean.

    Attributes:
        name: What messages call it.
        types: The Python types that it accepts.
    """

    name: str
    types: tuple[type, ...]


STRING = Scalar("a string", (str,))
NUMBER = Scalar("a number", (int, float))
BOOLEAN = Scalar("a boolean", (bool,))
ANYTHING = Scalar("anything", (object,))


@dataclass(frozen=True)
class Document:
    """A JSON document, as text or as an object."""


@dataclass(frozen=True)
class ListOf:
    """A list of items of one type."""

    item: PropertyType


@dataclass(frozen=True)
class MapOf:
    """A mapping of strings to values of one type."""

    item: PropertyType


@dataclass(frozen=True)
class Object:
    """An object with known properties.

    Attributes:
        fields: Property name to type.
        required: The properties that must be given.
    """

    fields: Mapping[str, PropertyType]
    required: frozenset[str]


PropertyType = Scalar | Document | ListOf | MapOf | Object


@functools.cache
def object_type(args_class: type) -> Object:
    """The type that one of the SDK's ``*Args`` classes describes."""
    names = sdk_types.input_type_py_to_pulumi_names(args_class)
    parameters = list(inspect.signature(args_class).parameters.values())
    return Object(
        fields={name: _property_type(hint) for name, hint in sdk_types.input_type_types(args_class).items()},
        required=frozenset(names[each.name] for each in parameters if each.default is inspect.Parameter.empty),
    )


def function_type(function: Callable[..., Any]) -> Mapping[str, PropertyType]:
    """The types of the arguments of one of the SDK's functions, such as ``aws.eks.get_cluster``."""
    hints = typing.get_type_hints(function)
    del hints["return"], hints["opts"]
    return {_camel(name): _property_type(hint) for name, hint in hints.items()}


def output_names(resource_class: type[pulumi.Resource]) -> frozenset[str]:
    """The names of all output properties of one of the SDK's resource classes."""
    return frozenset(sdk_types.resource_types(resource_class))


def validate(value: Any, expected: PropertyType, path: str = "") -> Iterator[Failure]:
    """All that is wrong with a value. Unknown values are right, and so are absent ones unless required."""
    if value is None or value is UNKNOWN:
        return
    if isinstance(expected, Object):
        yield from _validate_object(value, expected, path)
    elif isinstance(expected, ListOf):
        if not isinstance(value, list):
            yield _mistyped(value, "a list", path)
            return
        for index, item in enumerate(value):
            yield from validate(item, expected.item, join(path, index))
    elif isinstance(expected, MapOf):
        if not isinstance(value, Mapping):
            yield _mistyped(value, "a map", path)
            return
        for key, item in value.items():
            yield from validate(item, expected.item, join(path, key))
    elif isinstance(expected, Document):
        if not isinstance(value, str | Mapping):
            yield _mistyped(value, "a JSON document", path)
    elif not isinstance(value, expected.types) or (isinstance(value, bool) and expected is NUMBER):
        yield _mistyped(value, expected.name, path)


def _validate_object(value: Any, expected: Object, path: str) -> Iterator[Failure]:
    if not isinstance(value, Mapping):
        yield _mistyped(value, "an object", path)
        return
    for name, item in value.items():
        if name in expected.fields:
            yield from validate(item, expected.fields[name], join(path, name))
        elif not name.startswith("__"):
            yield Failure(join(path, name), _unknown_property(name, expected))
    for name in sorted(expected.required):
        if value.get(name) is None:
            yield Failure(join(path, name), f"required property {name!r} is missing")


def _unknown_property(name: str, expected: Object) -> str:
    close = difflib.get_close_matches(name, expected.fields, n=1, cutoff=0.8)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    return f"unknown property {name!r}{hint} Known: {', '.join(sorted(expected.fields))}"


def _mistyped(value: Any, expected: str, path: str) -> Failure:
    kinds = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list", dict: "an object"}
    return Failure(path, f"expected {expected}, got {kinds.get(type(value), type(value).__name__)}")


def _property_type(hint: Any) -> PropertyType:
    members = [hint] if typing.get_origin(hint) is not typing.Union else list(typing.get_args(hint))
    wanted = [each for each in members if not _is_plumbing(each)]
    if len(wanted) > 1 and str in wanted:
        # A string or something: an enum, a resource (sent as its ID), or the object form of a JSON document.
        return Document() if any(_is_document(each) for each in wanted) else STRING
    if len(wanted) > 1:
        return ANYTHING  # One of several forms, such as an asset or an archive.
    [only] = wanted
    origin = typing.get_origin(only)
    if origin in (list, collections.abc.Sequence):
        return ListOf(_property_type(typing.get_args(only)[0]))
    if origin in (dict, collections.abc.Mapping):
        return MapOf(_property_type(typing.get_args(only)[1]))
    if sdk_types.is_input_type(only):
        return object_type(only)
    return {str: STRING, int: NUMBER, float: NUMBER, bool: BOOLEAN}.get(only, ANYTHING)


def _is_plumbing(hint: Any) -> bool:
    """Whether a member of a union only describes how a value may come: later, not at all, or as another form of it."""
    origin = typing.get_origin(hint) or hint
    if origin in (collections.abc.Awaitable, pulumi.Output, type(None)) or typing.is_typeddict(hint):
        return True
    return isinstance(hint, type) and sdk_types.is_output_type(hint)


def _is_document(hint: Any) -> bool:
    return isinstance(hint, type) and hint.__name__ == "PolicyDocumentArgs"


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
