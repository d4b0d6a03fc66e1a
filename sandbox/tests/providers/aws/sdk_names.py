"""Whether values have the names and types that the official SDK's output classes expect."""

from __future__ import annotations

import collections.abc
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi import _types as sdk_types

from sandbox.providers.aws import catalogue


def strange_outputs(token: str, outputs: Mapping[str, Any]) -> list[str]:
    """The outputs of a resource that the SDK's class does not know, or knows with another type."""
    kind = catalogue.resource_type(token)
    assert kind is not None
    own = {name: value for name, value in outputs.items() if name != "id"}
    return list(_strange(own, sdk_types.resource_types(kind.resource), ""))


def strange_answer(token: str, answer: Mapping[str, Any]) -> list[str]:
    """The same of a function's answer."""
    function = catalogue.function(token)
    assert function is not None
    result_class = typing.get_type_hints(function.sdk)["return"]
    return list(_strange(answer, sdk_types.output_type_types(result_class.__bases__[0]), ""))


def _strange(values: Mapping[str, Any], known: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, value in values.items():
        if name not in known:
            yield f"{path}{name} is unknown"
        elif value is not None:
            yield from _strange_value(value, known[name], f"{path}{name}")


def _strange_value(value: Any, hint: Any, path: str) -> Iterator[str]:
    origin = typing.get_origin(hint) or hint
    if origin in (list, collections.abc.Sequence):
        assert isinstance(value, list), path
        for item in value:
            yield from _strange_value(item, typing.get_args(hint)[0], f"{path}[]")
    elif origin in (dict, collections.abc.Mapping):
        assert isinstance(value, dict), path
    elif isinstance(hint, type) and sdk_types.is_output_type(hint):
        yield from _strange(value, sdk_types.output_type_types(hint), f"{path}.")
    elif origin is not typing.Union and not isinstance(value, (int, float) if hint in (int, float) else hint):
        yield f"{path} is {value!r}, not {hint.__name__}"
