"""The program's inputs of a resource: what is wrong with them, and the defaults and the name that they do not give."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers.aws import api_shapes, documents
from sandbox.providers.aws.paths import fill, values_at
from sandbox.providers.aws.resource import AutoName, Properties, ResourceType
from sandbox.providers.rpc import Checked, Failure, Naming, Resource
from sandbox.providers.schema import validate
from sandbox.providers.values import UNKNOWN, contains_unknown

DEFAULTED = "__defaults"
"""Input that lists the properties which the provider and not the program gave, as the official provider keeps it."""

_SUFFIX_LENGTH = 7


def check(kind: ResourceType, resource: Resource, old: Properties, given: Properties, naming: Naming) -> Checked:
    """Judges a resource's inputs, and fills in a name and the defaults.

    Args:
        kind: The resource type.
        resource: Which resource.
        old: The last checked inputs; empty for a new resource.
        given: The program's inputs.
        naming: How to make up a name.
    """
    inputs = {name: value for name, value in given.items() if name != DEFAULTED}
    for name in kind.documents:
        if isinstance(inputs.get(name), Mapping):
            inputs[name] = UNKNOWN if contains_unknown(inputs[name]) else documents.text(inputs[name])
    failures = [
        *validate(inputs, kind.arguments()),
        *_unsupported(kind, inputs),
        *_bad_documents(kind, inputs),
        *_bad_enums(kind, inputs),
    ]
    if not failures:
        failures += kind.check(inputs)
    defaulted = [name for name, value in kind.defaults.items() if fill(inputs, name, value) and "." not in name]
    if kind.naming and inputs.get(kind.naming.key) is None:
        defaulted.append(kind.naming.key)
        inputs[kind.naming.key] = _name(kind.naming, resource, old, inputs, naming)
    failures += _bad_name(kind, inputs)
    return Checked({**inputs, DEFAULTED: sorted(defaulted)}, failures)


@functools.cache
def enum_values(service: str, name: str) -> list[str]:
    """The values that a service's API model allows for one of its shapes."""
    values: list[str] = api_shapes.shape(service, name).enum
    return values


def _name(auto: AutoName, resource: Resource, old: Properties, inputs: Properties, naming: Naming) -> Any:
    """The name of a resource to which the program gives none, or only a prefix; None if it must give one."""
    prefix = inputs.get(auto.prefix_key)
    if auto.key in old.get(DEFAULTED, ()) and prefix == old.get(auto.prefix_key):
        return old.get(auto.key)
    if prefix is UNKNOWN:
        return UNKNOWN
    suffix = hashlib.sha256(naming.seed + resource.urn.encode()).hexdigest()[:_SUFFIX_LENGTH]
    if prefix is not None:
        return f"{prefix}{suffix}"
    return None if naming.disabled else naming.proposal or f"{resource.name}-{suffix}"


def _bad_name(kind: ResourceType, inputs: Properties) -> Iterator[Failure]:
    if not kind.naming:
        return
    key, longest = kind.naming.key, kind.naming.longest
    name = inputs[key]
    if name is None:
        yield Failure(key, f"{key!r} is required: pulumi:autonaming forbids made-up names")
    elif isinstance(name, str) and len(name) > longest:
        yield Failure(key, f"{name!r} has {len(name)} characters; AWS allows {longest}")


def _unsupported(kind: ResourceType, inputs: Properties) -> Iterator[Failure]:
    for name in kind.unsupported:
        if inputs.get(name) is not None:
            yield Failure(name, f"the sandbox's stand-in for the aws provider does not do {name!r} of {kind.token()}")


def _bad_documents(kind: ResourceType, inputs: Properties) -> Iterator[Failure]:
    for path in kind.documents:
        for place, value in values_at(inputs, path.split(".")):
            if reason := documents.fault(value):
                yield Failure(place, reason)


def _bad_enums(kind: ResourceType, inputs: Properties) -> Iterator[Failure]:
    for path, (service, shape) in kind.enums.items():
        allowed = enum_values(service, shape)
        for place, value in values_at(inputs, path.split(".")):
            if isinstance(value, str) and value not in allowed:
                yield Failure(place, f"{value!r} is not one of {', '.join(allowed)}")
