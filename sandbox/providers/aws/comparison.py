"""What changes between a resource as it is recorded and as the program wants it.

Imitates pulumi-terraform-bridge v3 pkg/tfbridge: ``Diff`` of provider.go, ``makeDetailedDiff`` of diff.go and
``nameRequiresDeleteBeforeReplace`` of schema.go.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.providers.aws import documents, tags
from sandbox.providers.aws.checks import DEFAULTED
from sandbox.providers.aws.paths import dotted
from sandbox.providers.aws.resource import Properties, ResourceType
from sandbox.providers.differences import Change, Difference, compare, join, root
from sandbox.providers.rpc import State
from sandbox.providers.schema import Document, ListOf, Object, PropertyType
from sandbox.providers.values import UNKNOWN, contains_unknown


def difference(
    kind: ResourceType, old: State, new: Properties, default_tags: Mapping[str, str], default_region: str
) -> Difference:
    """Compares a resource as it is recorded with checked inputs.

    A property that is given is compared with the recorded state, so that drift seen by a refresh shows. One that is not
    given is compared only if it was given before, or AWS would not have chosen it by itself.
    """
    changes: dict[str, Change] = {}
    for name, expected in kind.arguments().fields.items():
        if name != "region":
            changes |= _property_changes(kind, name, expected, old, new)
    if kind.taggable():
        changes |= tags.inherited_changes(old, new, default_tags, changes)
    old_region = old.outputs.get("region")
    if old_region and (new.get("region") or default_region) != old_region:
        changes["region"] = Change.UPDATE
    replaces = {path for path, change in changes.items() if _replaces(kind, path, change)}
    return Difference(
        changes,
        frozenset(replaces),
        delete_before_replace=bool(replaces) and (kind.delete_before_replace or _has_a_given_name(kind, new)),
    )


def changed_properties(kind: ResourceType, changes: Difference) -> frozenset[str]:
    """The top-level properties that a difference touches, without the tags, which the provider sets in its own way."""
    return _roots(changes) - (frozenset({"tags", "tagsAll"}) if kind.taggable() else frozenset())


def unsettled_outputs(kind: ResourceType, changes: Difference, inputs: Properties) -> frozenset[str]:
    """The outputs that are not known before an update is carried out."""
    changed = _roots(changes) - {"tagsAll"}
    return kind.unsettled(changed, inputs) if changed else frozenset()


def _roots(changes: Difference) -> frozenset[str]:
    return frozenset(root(path) for path in changes.changes)


def value_changes(
    kind: ResourceType, path: str, expected: PropertyType, wanted: Any, actual: Any, before: Any
) -> dict[str, Change]:
    """What changes between an actual and a wanted value of a property that is given; ``before`` was its last input."""
    if wanted is UNKNOWN:
        return {path: Change.ADD if actual is None else Change.UPDATE}
    if isinstance(expected, Object):
        return _object_changes(kind, path, expected, wanted, actual, before)
    if is_empty(wanted) and is_empty(actual):
        return {}
    if isinstance(expected, ListOf):
        known = not contains_unknown(wanted)
        return (
            {} if known and kind.alike(path, actual or [], wanted) else _list_changes(kind, path, wanted, actual or [])
        )
    if isinstance(wanted, Mapping) and not isinstance(expected, Document):
        return compare(actual or {}, wanted, path)
    if actual is None or actual == "":
        return {path: Change.ADD}
    return {} if _alike(kind, path, actual, wanted) else {path: Change.UPDATE}


def is_empty(value: Any) -> bool:
    """Whether a value means the same as leaving it out; the official provider cannot distinguish these either."""
    return value is None or value is False or value in ("", 0, [], {})


def _property_changes(
    kind: ResourceType, name: str, expected: PropertyType, old: State, new: Properties
) -> dict[str, Change]:
    wanted, actual, before = new.get(name), old.outputs.get(name), old.inputs.get(name)
    if wanted is None:
        if name in kind.computed or is_empty(actual) or _is_made_up(kind, name, new):
            return {}
        if isinstance(expected, Object) and isinstance(actual, Mapping):
            given = before if isinstance(before, Mapping) else actual
            return {join(name, key): Change.DELETE for key, value in given.items() if not is_empty(value)}
        return {name: Change.DELETE}
    return value_changes(kind, name, expected, wanted, actual, before)


def _is_made_up(kind: ResourceType, name: str, new: Properties) -> bool:
    """Whether this is the name that the provider makes up behind a given prefix: Optional and Computed upstream."""
    return kind.naming is not None and name == kind.naming.key and new.get(kind.naming.prefix_key) is not None


def _object_changes(
    kind: ResourceType, path: str, expected: Object, wanted: Properties, actual: Any, before: Any
) -> dict[str, Change]:
    actual = actual if isinstance(actual, Mapping) else {}
    before = before if isinstance(before, Mapping) else {}
    changes: dict[str, Change] = {}
    for name, field in expected.fields.items():
        inner = join(path, name)
        if wanted.get(name) is not None:
            changes |= value_changes(kind, inner, field, wanted[name], actual.get(name), before.get(name))
        elif not is_empty(before.get(name)) and dotted(inner) not in kind.computed:
            changes[inner] = Change.DELETE
    return changes


def _list_changes(kind: ResourceType, path: str, wanted: list[Any], actual: list[Any]) -> dict[str, Change]:
    if dotted(path) in kind.ordered:
        return compare([_plain(each) for each in actual], [_plain(each) for each in wanted], path)
    missing, extra = list(enumerate(wanted)), list(enumerate(actual))
    for index, item in enumerate(wanted):
        match = next((each for each in extra if not contains_unknown(item) and _alike(kind, path, each[1], item)), None)
        if match:
            extra.remove(match)
            missing.remove((index, item))
    changes = {join(path, index): Change.DELETE for index, _ in extra}
    for index, _ in missing:
        inner = join(path, index)
        changes[inner] = Change.UPDATE if inner in changes else Change.ADD
    return changes


def _replaces(kind: ResourceType, path: str, change: Change) -> bool:
    plain = dotted(path)
    declared = any(plain == each or plain.startswith(f"{each}.") for each in kind.replaces)
    return plain == "region" or declared or kind.replaces_when(plain, change)


def _has_a_given_name(kind: ResourceType, new: Properties) -> bool:
    """Whether the program itself gives a name that could be made up, be it the old one or another.

    ``nameRequiresDeleteBeforeReplace`` does not compare it with the old name, except where pulumi-aws declares
    ``UniqueNameFields``, which none of these types has.
    """
    if not kind.naming:
        return False
    return new.get(kind.naming.key) is not None and kind.naming.key not in new.get(DEFAULTED, ())


def _alike(kind: ResourceType, path: str, actual: Any, wanted: Any) -> bool:
    """Whether a live value is the wanted one. What AWS chose in an object although it was not asked does not count."""
    place = dotted(path)
    if isinstance(actual, Mapping) and isinstance(wanted, Mapping):
        given = {name for name, item in wanted.items() if not is_empty(item)}
        live = {name for name, item in actual.items() if not is_empty(item) and f"{place}.{name}" not in kind.computed}
        return all(_alike(kind, join(path, name), actual.get(name), wanted.get(name)) for name in given | live)
    if isinstance(actual, list) and isinstance(wanted, list) and place not in kind.ordered:
        return sorted(map(_canonical, actual)) == sorted(map(_canonical, wanted))
    if place in kind.documents:
        return documents.equivalent(actual, wanted)
    return _canonical(actual) == _canonical(wanted) or kind.alike(place, actual, wanted)


def _canonical(value: Any) -> str:
    return json.dumps(_plain(value), sort_keys=True, default=repr)


def _plain(value: Any) -> Any:
    """A value without its empty parts."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items() if not is_empty(item)}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
