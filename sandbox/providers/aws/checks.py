"""The program's inputs of a resource: what is wrong with them, and the defaults and the name that they do not give.

Imitates pulumi-terraform-bridge v3 pkg/tfbridge: ``Check`` of provider.go, ``applyDefaults`` and
``buildConflictsWith`` of schema.go, and ``ComputeAutoNameDefault`` of info/autonaming.go.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.providers.aws import api_shapes, documents
from sandbox.providers.aws.paths import fill, values_at
from sandbox.providers.aws.resource import AutoName, Properties, ResourceType
from sandbox.providers.differences import join
from sandbox.providers.rpc import Checked, Failure, Naming, Resource
from sandbox.providers.schema import validate
from sandbox.providers.values import UNKNOWN, contains_unknown

DEFAULTED = "__defaults"
"""Input that lists the properties which the provider and not the program gave, as the official provider keeps it."""

_SUFFIX_LENGTH = 7

_UNIQUE = itertools.count()


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
        failures += [*_bad_values(kind, inputs), *kind.check(inputs)]
    defaulted = [name for name, value in kind.defaults.items() if fill(inputs, name, value) and "." not in name]
    if kind.naming and inputs.get(kind.naming.key) is None and inputs.get(kind.naming.prefix_key) is None:
        # With a prefix it conflicts, so that no name is made up: the name is not known before the resource is.
        defaulted.append(kind.naming.key)
        inputs[kind.naming.key] = _name(kind.naming, resource, old, naming)
    failures += _bad_name(kind, inputs)
    return Checked({**inputs, DEFAULTED: sorted(defaulted)}, failures)


@functools.cache
def enum_values(service: str, name: str) -> list[str]:
    """The values that a service's API model allows for one of its shapes."""
    values: list[str] = api_shapes.shape(service, name).enum
    return values


def with_name(kind: ResourceType, inputs: Properties) -> Properties:
    """The inputs of a resource to be made, with the name that its prefix asks for (``create.Name`` upstream)."""
    if not kind.naming or inputs.get(kind.naming.key) is not None:
        return inputs
    return {**inputs, kind.naming.key: f"{inputs[kind.naming.prefix_key]}{_unique_suffix()}"}


def _unique_suffix() -> str:
    """A timestamp and a counter, as ``id.PrefixedUniqueId`` of terraform-plugin-sdk."""
    return f"{datetime.now(UTC):%Y%m%d%H%M%S%f}"[:18] + f"{next(_UNIQUE):08x}"


def _name(auto: AutoName, resource: Resource, old: Properties, naming: Naming) -> Any:
    """The name of a resource to which the program gives none; None if it must give one."""
    if auto.key in old.get(DEFAULTED, ()):
        return old.get(auto.key)
    suffix = hashlib.sha256(naming.seed + resource.urn.encode()).hexdigest()[:_SUFFIX_LENGTH]
    return None if naming.disabled else naming.proposal or f"{resource.name}-{suffix}"


def _bad_name(kind: ResourceType, inputs: Properties) -> Iterator[Failure]:
    if not kind.naming:
        return
    key, prefix_key = kind.naming.key, kind.naming.prefix_key
    name, prefix = inputs.get(key), inputs.get(prefix_key)
    if name is None and prefix is None:
        yield Failure(key, f"{key!r} is required: pulumi:autonaming forbids made-up names")
    if name is not None and prefix is not None:
        yield Failure(key, f"{key!r} conflicts with {prefix_key!r}")
    for place, value, longest in ((key, name, kind.naming.longest), (prefix_key, prefix, kind.naming.longest_prefix)):
        if isinstance(value, str):
            if len(value) > longest:
                yield Failure(place, f"{value!r} has {len(value)} characters; AWS allows {longest}")
            elif reason := kind.naming.valid(value):
                yield Failure(place, reason)


def _unsupported(kind: ResourceType, inputs: Properties) -> Iterator[Failure]:
    for name in sorted(kind.arguments().fields.keys() - kind.supported - {"region"}):
        if inputs.get(name) is not None:
            yield Failure(name, f"the sandbox's stand-in for the aws provider does not do {name!r} of {kind.token()}")


def _bad_documents(kind: ResourceType, inputs: Properties) -> Iterator[Failure]:
    for path in kind.documents:
        for place, value in values_at(inputs, path.split(".")):
            if reason := documents.fault(value):
                yield Failure(place, reason)


def _bad_values(kind: ResourceType, inputs: Properties) -> Iterator[Failure]:
    for path, valid in kind.validators.items():
        for place, value in values_at(inputs, path.split(".")):
            if value is not None and value is not UNKNOWN and (reason := valid(value)):
                yield Failure(place, reason)
    for path, (fewest, most) in kind.counts.items():
        *holders, name = path.split(".")
        for place, holder in values_at(inputs, holders):
            value = holder.get(name) if isinstance(holder, Mapping) else None
            if isinstance(value, list) and not fewest <= len(value) <= (most or len(value)):
                expected = f"at least {fewest}" if most is None else f"{fewest} to {most}"
                yield Failure(join(place, name), f"needs {expected} items; the program gives {len(value)}")


def _bad_enums(kind: ResourceType, inputs: Properties) -> Iterator[Failure]:
    for path, (service, shape) in kind.enums.items():
        allowed = enum_values(service, shape)
        for place, value in values_at(inputs, path.split(".")):
            if isinstance(value, str) and value not in allowed:
                yield Failure(place, f"{value!r} is not one of {', '.join(allowed)}")
