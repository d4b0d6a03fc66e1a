"""Properties to the members of AWS API requests and back, where the official provider follows the API name by name.

Property ``blockDeviceMappings[].ebs.volumeSize`` is member ``BlockDeviceMappings[].Ebs.VolumeSize``; what differs
beyond the case is given as renames. The API's own model (botocore's) lists the members and their types.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session

from sandbox.providers.aws.tags import from_pairs, to_pairs
from sandbox.providers.differences import join
from sandbox.providers.schema import STRING, ListOf, MapOf, Object, PropertyType


@functools.cache
def shape(service: str, name: str) -> Any:
    """A shape of a service's API model, such as ``RequestLaunchTemplateData`` of ``ec2``."""
    return botocore.session.get_session().get_service_model(service).shape_for(name)


def nameless(properties: Any, wanted: Any, renames: Mapping[str, str], path: str = "") -> Iterator[str]:
    """The paths of properties for which a shape has no member, so that :func:`to_api` could only leave them out."""
    if isinstance(properties, list) and wanted.type_name == "list":
        for index, item in enumerate(properties):
            yield from nameless(item, wanted.member, renames, join(path, index))
    if isinstance(properties, Mapping) and wanted.type_name == "structure":
        members = _members(wanted)
        for name, value in properties.items():
            member = members.get(renames.get(name, name).lower())
            if member is None and value is not None:
                yield join(path, name)
            elif member is not None:
                yield from nameless(value, wanted.members[member], renames, join(path, name))


def to_api(properties: Any, wanted: Any, renames: Mapping[str, str]) -> Any:
    """Property values as a shape of the API.

    Args:
        properties: The values; absent ones are left out.
        wanted: The shape.
        renames: Property name to member name, where they differ beyond the case.
    """
    if wanted.type_name == "structure":
        members = _members(wanted)
        named = {members.get(renames.get(name, name).lower()): value for name, value in properties.items()}
        return {
            member: to_api(value, wanted.members[member], renames)
            for member, value in named.items()
            if member is not None and value is not None
        }
    if wanted.type_name == "list":
        if isinstance(properties, Mapping):
            return to_pairs(properties)
        return [to_api(item, wanted.member, renames) for item in properties]
    if wanted.type_name == "boolean":
        return properties if isinstance(properties, bool) else properties == "true"
    if wanted.type_name in ("integer", "long"):
        return int(properties)
    return str(properties)


def from_api(answer: Any, expected: PropertyType, renames: Mapping[str, str]) -> Any:
    """An answer of the API as property values: the inverse of :func:`to_api`; what has no property is left out."""
    if isinstance(expected, Object):
        members = {name.lower(): value for name, value in answer.items()}
        found = {name: members.get(renames.get(name, name).lower()) for name in expected.fields}
        return {
            name: from_api(value, expected.fields[name], renames) for name, value in found.items() if value is not None
        }
    if isinstance(expected, ListOf):
        return [from_api(item, expected.item, renames) for item in answer]
    if isinstance(expected, MapOf):
        return from_pairs(answer)
    if expected is STRING:
        return str(answer).lower() if isinstance(answer, bool) else str(answer)
    return answer


def _members(structure: Any) -> dict[str, str]:
    return {name.lower(): name for name in structure.members}
