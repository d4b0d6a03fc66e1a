"""Property values between the engine's wire format and plain Python.

Plain Python here means ``None``, ``bool``, ``int``, ``float``, ``str``, ``list`` and ``dict``, and :data:`UNKNOWN` for
what a preview cannot know yet. The stand-ins make no secrets and decline those of others: the engine unwraps them and
marks the output of the same path as secret by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from google.protobuf import struct_pb2
from pulumi.runtime import rpc


class Unknown(Enum):
    """The type of :data:`UNKNOWN`; an enum, so that ``value is UNKNOWN`` narrows for the type checker."""

    UNKNOWN = "unknown until the resource exists"

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown.UNKNOWN
"""A value that is known only after the apply. It occurs only in a preview."""

# One marker per type of the value to come: `Unknown...Value` in the engine's sdk/go/common/resource/plugin/rpc.go.
_UNKNOWN_MARKERS = frozenset(
    {
        rpc.UNKNOWN,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
_SIGNATURE = rpc._special_sig_key
_SECRET = rpc._special_secret_sig
_OUTPUT = rpc._special_output_value_sig


def decode(properties: struct_pb2.Struct) -> dict[str, Any]:
    """The engine's properties as plain Python.

    Whole numbers become ``int`` (the wire has only floats), secrets and output values their bare value, and unknowns
    :data:`UNKNOWN`. Assets and archives stay the signed dictionaries that they are, so they survive a round trip.
    """
    return {key: _decode(value) for key, value in properties.fields.items()}


def encode(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Plain Python as the engine's properties: the inverse of :func:`decode`."""
    return struct_pb2.Struct(fields={key: _encode(value) for key, value in properties.items()})


def contains_unknown(value: Any) -> bool:
    """Whether ``value`` is, or anywhere inside holds, :data:`UNKNOWN`."""
    if isinstance(value, Mapping):
        return any(contains_unknown(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(contains_unknown(item) for item in value)
    return value is UNKNOWN


def _decode(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value in _UNKNOWN_MARKERS else value.string_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_decode(item) for item in value.list_value.values]
    if kind == "struct_value":
        plain = decode(value.struct_value)
        if plain.get(_SIGNATURE) == _SECRET:
            return plain.get("value")
        if plain.get(_SIGNATURE) == _OUTPUT:
            return plain.get("value", UNKNOWN)
        return plain
    return None


def _encode(value: Any) -> struct_pb2.Value:
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if value is UNKNOWN:
        return struct_pb2.Value(string_value=rpc.UNKNOWN)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, int | float):
        return struct_pb2.Value(number_value=value)
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    if isinstance(value, Mapping):
        return struct_pb2.Value(struct_value=encode(value))
    if isinstance(value, list | tuple):
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_encode(item) for item in value]))
    raise TypeError(f"a property cannot hold a {type(value).__name__}")
