"""What a resource's inputs mean before anything is done: checks, defaults, names, differences and previews.

Pure functions over a resource type's declarations. Nothing here asks the cloud.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers.aws import api_shapes, documents
from sandbox.providers.aws.resource import ResourceType
from sandbox.providers.differences import Change, Difference, compare, join, root
from sandbox.providers.rpc import Checked, Failure, Naming, Resource, State
from sandbox.providers.schema import Document, ListOf, Object, PropertyType, validate
from sandbox.providers.values import UNKNOWN, contains_unknown

DEFAULTED = "__defaults"
"""Input that lists the properties which the provider and not the program gave, as the official provider keeps it."""

_SUFFIX_LENGTH = 7


def check(
    kind: ResourceType, resource: Resource, old: Mapping[str, Any], given: Mapping[str, Any], naming: Naming
) -> Checked:
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
    defaulted = [name for name, value in kind.defaults.items() if _fill(inputs, name, value) and "." not in name]
    auto = kind.naming
    if auto and inputs.get(auto.key) is None:
        defaulted.append(auto.key)
        prefix = inputs.get(auto.prefix_key)
        if auto.key in old.get(DEFAULTED, ()) and prefix == old.get(auto.prefix_key):
            inputs[auto.key] = old.get(auto.key)
        elif prefix is None and naming.disabled:
            reason = f"{auto.key!r} is required: pulumi:autonaming forbids made-up names"
            failures.append(Failure(auto.key, reason))
        elif prefix is None:
            inputs[auto.key] = naming.proposal or f"{resource.name}-{_suffix(resource, naming.seed)}"
        else:
            inputs[auto.key] = UNKNOWN if prefix is UNKNOWN else f"{prefix}{_suffix(resource, naming.seed)}"
    chosen = inputs.get(auto.key) if auto else None
    if auto and isinstance(chosen, str) and len(chosen) > auto.longest:
        reason = f"{chosen!r} has {len(chosen)} characters; AWS allows {auto.longest}"
        failures.append(Failure(auto.key, reason))
    return Checked({**inputs, DEFAULTED: sorted(defaulted)}, failures)


def difference(
    kind: ResourceType, old: State, new: Mapping[str, Any], default_tags: Mapping[str, str], default_region: str
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
        changes |= _inherited_tag_changes(old, new, default_tags, changes)
    old_region = old.outputs.get("region")
    if old_region and (new.get("region") or default_region) != old_region:
        changes["region"] = Change.UPDATE
    replaces = {path for path in changes if _replaces(kind, path)}
    return Difference(
        changes,
        frozenset(replaces),
        delete_before_replace=kind.delete_before_replace or _holds_on_to_its_name(kind, old, new),
    )


def changed_properties(kind: ResourceType, changes: Difference) -> frozenset[str]:
    """The top-level properties, but not the tags that go by the provider's own way, that a difference touches."""
    own_way = {"tags", "tagsAll"} if kind.taggable() else set()
    return frozenset(root(path) for path in changes.changes) - own_way


def merged_tags(inputs: Mapping[str, Any], default_tags: Mapping[str, str]) -> Any:
    """A resource's tags with the provider's default tags beneath; unknown if the resource's are."""
    own = inputs.get("tags")
    return UNKNOWN if own is UNKNOWN else {**default_tags, **(own or {})}


def preview_create(kind: ResourceType, inputs: Mapping[str, Any], default_tags: Mapping[str, str]) -> dict[str, Any]:
    """The outputs of a resource that does not exist yet: its inputs, and unknown for what AWS will choose."""
    outputs = dict.fromkeys(kind.output_names() - set(kind.arguments().fields), UNKNOWN)
    outputs |= {name: value for name, value in inputs.items() if name != DEFAULTED and value is not None}
    for path in kind.computed:
        _fill(outputs, path, UNKNOWN)
    if kind.taggable():
        outputs["tagsAll"] = merged_tags(inputs, default_tags)
    return outputs


def preview_update(
    kind: ResourceType,
    old: State,
    inputs: Mapping[str, Any],
    changes: Difference,
    default_tags: Mapping[str, str],
) -> dict[str, Any]:
    """The outputs of a resource after an update: the new inputs over the recorded state."""
    outputs = _overlaid(kind, old.outputs, inputs)
    outputs.pop(DEFAULTED, None)
    for name in set(kind.arguments().fields) - set(inputs) - kind.computed - {"region"}:
        outputs.pop(name, None)
    if changed_properties(kind, changes):
        outputs |= dict.fromkeys(kind.volatile - set(inputs), UNKNOWN)
    if kind.taggable():
        outputs["tagsAll"] = merged_tags(inputs, default_tags)
    return outputs


def completed_outputs(
    kind: ResourceType,
    resource_id: str,
    live: Mapping[str, Any],
    recorded: Mapping[str, Any],
    default_tags: Mapping[str, str],
    region: str,
) -> dict[str, Any]:
    """A resource's outputs from what the cloud told and what is on record.

    Documents that mean the same keep the recorded text, inputs that the cloud does not tell keep their recorded value,
    and tags that come from the provider's defaults count only as ``tagsAll``.
    """
    outputs = {name: value for name, value in live.items() if value is not None}
    outputs.setdefault("id", resource_id)
    for name in kind.kept:
        value = recorded.get(name, kind.defaults.get(name))
        if value is not None:
            outputs[name] = value
    for name in kind.documents:
        if name in outputs and documents.equivalent(recorded.get(name), outputs[name]):
            outputs[name] = recorded[name]
    if kind.naming and recorded.get(kind.naming.prefix_key):
        outputs[kind.naming.prefix_key] = recorded[kind.naming.prefix_key]
    if kind.taggable():
        every = {key: value for key, value in (live.get("tags") or {}).items() if not key.startswith("aws:")}
        outputs["tags"] = _own_tags(every, recorded, default_tags)
        outputs["tagsAll"] = every
    if "region" in kind.output_names():
        outputs["region"] = region
    return outputs


def live_inputs(kind: ResourceType, old: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that would give the outputs: the old ones where they still hold, live values where they do not.

    For an import, ``old`` is empty and everything that a program would have to say comes from the outputs.
    """
    inputs: dict[str, Any] = {}
    for name, expected in kind.arguments().fields.items():
        if name == "region":
            live = old.get(name)
        else:
            required = name in kind.arguments().required
            live = _live_input(kind, name, expected, required, old.get(name), outputs.get(name))
        if live is not None:
            inputs[name] = live
    inputs[DEFAULTED] = list(old.get(DEFAULTED, []))
    return inputs


@functools.cache
def enum_values(service: str, name: str) -> list[str]:
    """The values that a service's API model allows for one of its shapes."""
    values: list[str] = api_shapes.shape(service, name).enum
    return values


def dotted(path: str) -> str:
    """An engine path without list indexes and map keys: ``taints[0].key`` is ``taints.key``."""
    return re.sub(r"\[[^\]]*\]", "", path)


def _live_input(kind: ResourceType, path: str, expected: PropertyType, required: bool, old: Any, live: Any) -> Any:
    """The input that would give a live value; None where the program need not say anything."""
    if live is None:
        return old if _empty(old) else None
    if old is None and (path in kind.computed or live == kind.defaults.get(path) or (_empty(live) and not required)):
        return None
    if isinstance(expected, Object) and isinstance(live, Mapping):
        before = old if isinstance(old, Mapping) else {}
        fields = {
            name: _live_input(
                kind, f"{path}.{name}", field, name in expected.required, before.get(name), live.get(name)
            )
            for name, field in expected.fields.items()
        }
        return {name: value for name, value in fields.items() if value is not None}
    return old if old is not None and not _value_changes(kind, path, expected, old, live, None) else live


def _property_changes(
    kind: ResourceType, name: str, expected: PropertyType, old: State, new: Mapping[str, Any]
) -> dict[str, Change]:
    wanted, actual, before = new.get(name), old.outputs.get(name), old.inputs.get(name)
    if wanted is None:
        if name in kind.computed or _empty(actual):
            return {}
        if isinstance(expected, Object) and isinstance(actual, Mapping):
            given = before if isinstance(before, Mapping) else actual
            return {join(name, key): Change.DELETE for key, value in given.items() if not _empty(value)}
        return {name: Change.DELETE}
    return _value_changes(kind, name, expected, wanted, actual, before)


def _value_changes(
    kind: ResourceType, path: str, expected: PropertyType, wanted: Any, actual: Any, before: Any
) -> dict[str, Change]:
    if wanted is UNKNOWN:
        return {path: Change.ADD if actual is None else Change.UPDATE}
    if isinstance(expected, Object):
        return _object_changes(kind, path, expected, wanted, actual, before)
    if _empty(wanted) and _empty(actual):
        return {}
    if isinstance(expected, ListOf):
        return _list_changes(path, wanted, actual or [], ordered=dotted(path) in kind.ordered)
    if isinstance(wanted, Mapping) and not isinstance(expected, Document):
        return compare(actual or {}, wanted, path)
    if actual is None or actual == "":
        return {path: Change.ADD}
    document = isinstance(expected, Document) or dotted(path) in kind.documents
    alike = documents.equivalent(actual, wanted) if document else _canonical(actual) == _canonical(wanted)
    return {} if alike or kind.alike(dotted(path), actual, wanted) else {path: Change.UPDATE}


def _object_changes(
    kind: ResourceType, path: str, expected: Object, wanted: Mapping[str, Any], actual: Any, before: Any
) -> dict[str, Change]:
    actual = actual if isinstance(actual, Mapping) else {}
    before = before if isinstance(before, Mapping) else {}
    changes: dict[str, Change] = {}
    for name, field in expected.fields.items():
        inner = join(path, name)
        if wanted.get(name) is not None:
            changes |= _value_changes(kind, inner, field, wanted[name], actual.get(name), before.get(name))
        elif not _empty(before.get(name)) and dotted(inner) not in kind.computed:
            changes[inner] = Change.DELETE
    return changes


def _list_changes(path: str, wanted: list[Any], actual: list[Any], ordered: bool) -> dict[str, Change]:
    if ordered:
        return compare([_plain(each) for each in actual], [_plain(each) for each in wanted], path)
    missing, extra = list(enumerate(wanted)), list(enumerate(actual))
    for index, item in enumerate(wanted):
        match = next((each for each in extra if not contains_unknown(item) and _alike(each[1], item)), None)
        if match:
            extra.remove(match)
            missing.remove((index, item))
    changes = {join(path, index): Change.DELETE for index, _ in extra}
    for index, _ in missing:
        inner = join(path, index)
        changes[inner] = Change.UPDATE if inner in changes else Change.ADD
    return changes


def _own_tags(every: Mapping[str, str], recorded: Mapping[str, Any], default_tags: Mapping[str, str]) -> dict[str, str]:
    """Those of a resource's tags that are not there because of the provider's defaults."""
    if not recorded:  # An import: only a value tells whether a tag is the default's or overrides it.
        return {key: value for key, value in every.items() if default_tags.get(key) != value}
    own = recorded.get("tags") or {}
    return {key: value for key, value in every.items() if key in own or key not in default_tags}


def _inherited_tag_changes(
    old: State, new: Mapping[str, Any], default_tags: Mapping[str, str], changes: Mapping[str, Change]
) -> dict[str, Change]:
    """Changes of the provider's default tags, where the resource's own tags do not already show them."""
    wanted = merged_tags(new, default_tags)
    if wanted is UNKNOWN:
        return {}
    found = compare(old.outputs.get("tagsAll") or {}, wanted, "tagsAll")
    own = {path.removeprefix("tags") for path in changes if root(path) == "tags"}
    if "" in own:
        return {}
    return {path: change for path, change in found.items() if path.removeprefix("tagsAll") not in own}


def _replaces(kind: ResourceType, path: str) -> bool:
    plain = dotted(path)
    return plain == "region" or any(plain == each or plain.startswith(f"{each}.") for each in kind.replaces)


def _holds_on_to_its_name(kind: ResourceType, old: State, new: Mapping[str, Any]) -> bool:
    """Whether the program itself gave the name and keeps it, so that old and new cannot exist together."""
    if not kind.naming:
        return False
    name = kind.naming.key
    given = new.get(name) is not None and name not in new.get(DEFAULTED, ())
    return given and bool(new[name] == old.outputs.get(name))


def _unsupported(kind: ResourceType, inputs: Mapping[str, Any]) -> Iterator[Failure]:
    for name in kind.unsupported:
        if inputs.get(name) is not None:
            yield Failure(name, f"the sandbox's stand-in for the aws provider does not do {name!r} of {kind.token()}")


def _bad_documents(kind: ResourceType, inputs: Mapping[str, Any]) -> Iterator[Failure]:
    for name in kind.documents:
        if reason := documents.fault(inputs.get(name)):
            yield Failure(name, reason)


def _bad_enums(kind: ResourceType, inputs: Mapping[str, Any]) -> Iterator[Failure]:
    for path, (service, shape) in kind.enums.items():
        allowed = enum_values(service, shape)
        for place, value in _at(inputs, path.split("."), ""):
            if isinstance(value, str) and value not in allowed:
                yield Failure(place, f"{value!r} is not one of {', '.join(allowed)}")


def _at(value: Any, names: list[str], path: str) -> Iterator[tuple[str, Any]]:
    """All values at a dotted path, through lists, with their engine paths."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _at(item, names, join(path, index))
    elif not names:
        yield path, value
    elif isinstance(value, Mapping) and names[0] in value:
        yield from _at(value[names[0]], names[1:], join(path, names[0]))


def _fill(properties: dict[str, Any], path: str, value: Any) -> bool:
    """Puts a value at a dotted path where nothing is, if the object that it belongs into is there."""
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
    return _fill(copy, rest, value)


def _overlaid(kind: ResourceType, old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The old properties with the new ones in their place; of an object, what AWS chose in it stays."""
    result = {**old, **new}
    for path in kind.computed:
        name, _, inner = path.partition(".")
        if inner and isinstance(result.get(name), Mapping) and inner in (old.get(name) or {}):
            _fill(result, path, old[name][inner])
    return result


def _suffix(resource: Resource, seed: bytes) -> str:
    return hashlib.sha256(seed + resource.urn.encode()).hexdigest()[:_SUFFIX_LENGTH]


def _empty(value: Any) -> bool:
    """Whether a value says as much as leaving it out; the official provider cannot tell these apart either."""
    return value is None or value is False or value in ("", 0, [], {})


def _plain(value: Any) -> Any:
    """A value without its empty parts."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items() if not _empty(item)}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _canonical(value: Any) -> str:
    return json.dumps(_plain(value), sort_keys=True, default=repr)


def _alike(actual: Any, wanted: Any) -> bool:
    """Whether a live item is a wanted one: all that is wanted is there. What AWS adds to objects does not count."""
    if isinstance(actual, Mapping) and isinstance(wanted, Mapping):
        return all(_alike(actual.get(name), item) for name, item in wanted.items() if not _empty(item))
    return _canonical(actual) == _canonical(wanted)
