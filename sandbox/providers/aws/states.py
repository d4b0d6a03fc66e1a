"""A resource's outputs and inputs: before it exists, after an update, and as the cloud shows it.

Imitates pulumi-terraform-bridge v3 pkg/tfbridge/schema.go: ``MakeTerraformOutputs`` and ``extractInputsFromOutputs``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.providers.aws import documents, tags
from sandbox.providers.aws.checks import DEFAULTED
from sandbox.providers.aws.comparison import is_empty, unsettled_outputs, value_changes
from sandbox.providers.aws.paths import fill
from sandbox.providers.aws.resource import Properties, ResourceType
from sandbox.providers.differences import Difference
from sandbox.providers.rpc import State
from sandbox.providers.schema import Object, PropertyType
from sandbox.providers.values import UNKNOWN


def preview_create(kind: ResourceType, inputs: Properties, default_tags: Mapping[str, str]) -> dict[str, Any]:
    """The outputs of a resource that does not exist yet: its inputs, and unknown for what AWS will choose."""
    outputs = dict.fromkeys(kind.output_names() - set(kind.arguments().fields), UNKNOWN)
    outputs |= {name: value for name, value in inputs.items() if name != DEFAULTED and value is not None}
    for path in kind.computed:
        fill(outputs, path, UNKNOWN)
    if kind.naming:
        outputs.setdefault(kind.naming.key, UNKNOWN)
    if kind.taggable():
        outputs["tagsAll"] = tags.merged(inputs, default_tags)
    return outputs


def preview_update(
    kind: ResourceType,
    old: State,
    inputs: Properties,
    changes: Difference,
    default_tags: Mapping[str, str],
) -> dict[str, Any]:
    """The outputs of a resource after an update: the new inputs over the recorded state."""
    outputs = _overlaid(kind, old.outputs, inputs)
    outputs.pop(DEFAULTED, None)
    kept = kind.computed | ({kind.naming.key} if kind.naming else set())
    for name in set(kind.arguments().fields) - set(inputs) - kept - {"region"}:
        outputs.pop(name, None)
    outputs |= dict.fromkeys(unsettled_outputs(kind, changes, inputs) - set(inputs), UNKNOWN)
    if kind.taggable():
        outputs["tagsAll"] = tags.merged(inputs, default_tags)
    return outputs


def completed_outputs(
    kind: ResourceType,
    resource_id: str,
    live: Properties,
    recorded: Properties,
    default_tags: Mapping[str, str],
    region: str,
) -> dict[str, Any]:
    """A resource's outputs from what the cloud returned and what is on record.

    Documents that mean the same keep the recorded text, inputs that AWS does not return keep their recorded value,
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
        outputs["tags"] = tags.own(every, recorded, default_tags)
        outputs["tagsAll"] = every
    if "region" in kind.output_names():
        outputs["region"] = region
    return outputs


def live_inputs(kind: ResourceType, old: Properties, outputs: Properties) -> dict[str, Any]:
    """The inputs that would give the outputs: the old ones where they still hold, live values where they do not.

    For an import, ``old`` is empty and everything that a program would have to set comes from the outputs.
    """
    inputs: dict[str, Any] = {}
    for name, expected in kind.arguments().fields.items():
        if name == "region":
            live = old.get(name)
        elif kind.naming and name == kind.naming.key and old.get(kind.naming.prefix_key):
            continue  # Behind a prefix the name is no input.
        else:
            required = name in kind.arguments().required
            live = _live_input(kind, name, expected, required, old.get(name), outputs.get(name))
        if live is not None:
            inputs[name] = live
    inputs[DEFAULTED] = list(old.get(DEFAULTED, []))
    return inputs


def _live_input(kind: ResourceType, path: str, expected: PropertyType, required: bool, old: Any, live: Any) -> Any:
    """The input that would give a live value; None where the program need not set anything."""
    if live is None:
        return old if is_empty(old) else None
    if old is None and (path in kind.computed or live == kind.defaults.get(path) or (is_empty(live) and not required)):
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
    return old if old is not None and not value_changes(kind, path, expected, old, live, None) else live


def _overlaid(kind: ResourceType, old: Properties, new: Properties) -> dict[str, Any]:
    """The old properties with the new ones in their place; of an object, what AWS chose in it stays."""
    result = {**old, **new}
    for path in kind.computed:
        name, _, inner = path.partition(".")
        if inner and isinstance(result.get(name), Mapping) and inner in (old.get(name) or {}):
            fill(result, path, old[name][inner])
    return result
