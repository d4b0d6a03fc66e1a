"""Steps that every resource type goes through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pulumi.runtime.proto import provider_pb2

from sandbox.tests.providers.aws.sdk_names import strange_answer, strange_outputs
from sandbox.tests.providers.protocol_client import Engine, Recorded

Properties = dict[str, Any]


def kinds(response: provider_pb2.DiffResponse) -> dict[str, str]:
    """Property path to what happens there."""
    return {path: provider_pb2.PropertyDiff.Kind.Name(diff.kind) for path, diff in response.detailedDiff.items()}


def differences(engine: Engine, token: str, old: Recorded, inputs: Properties) -> dict[str, str]:
    return kinds(engine.diff(token, old, inputs))


def made(engine: Engine, token: str, inputs: Properties, unforetold: str = "") -> Recorded:
    """A new resource: previewed, created, and then neither a diff nor a refresh nor a diff after it finds anything.

    The preview must foretell all outputs that it gives a value to, but for the one that is `unforetold`.
    """
    preview = engine.preview_create(token, inputs)
    resource = engine.create(token, inputs)
    assert _surprises(preview, resource.outputs) - {unforetold} == set()
    assert resource.outputs["id"] == resource.id
    assert strange_outputs(token, resource.outputs) == []
    assert differences(engine, token, resource, inputs) == {}
    unchanged(engine, token, resource, inputs)
    return resource


def unchanged(engine: Engine, token: str, resource: Recorded, inputs: Properties) -> None:
    refreshed = engine.refresh(token, resource)
    assert refreshed is not None
    assert {**refreshed.inputs, "__defaults": None} == {**resource.inputs, "__defaults": None}
    assert refreshed.outputs == resource.outputs
    assert differences(engine, token, refreshed, inputs) == {}


def updated(engine: Engine, token: str, old: Recorded, inputs: Properties, expected: dict[str, str]) -> Recorded:
    """A resource after an update that changes exactly the expected paths, in place, and leaves nothing to do."""
    response = engine.diff(token, old, inputs)
    assert kinds(response) == expected
    assert list(response.replaces) == []
    preview = engine.update(token, old, inputs, preview=True)
    resource = engine.update(token, old, inputs)
    assert _surprises(preview.outputs, resource.outputs) == set()
    assert differences(engine, token, resource, inputs) == {}
    unchanged(engine, token, resource, inputs)
    return resource


def answered(engine: Engine, token: str, **args: Any) -> Properties:
    """A function's answer, which has nothing that the SDK does not know."""
    answer = engine.invoke(token, **args)
    assert strange_answer(token, answer) == []
    return answer


def replaced(engine: Engine, token: str, old: Recorded, inputs: Properties, *properties: str) -> None:
    """The new inputs need a new resource, because of exactly these top-level properties."""
    response = engine.diff(token, old, inputs)
    assert sorted(response.replaces) == sorted(properties)


def drifted(
    engine: Engine, token: str, old: Recorded, inputs: Properties, tamper: Callable[[], Any], expected: dict[str, str]
) -> Recorded:
    """A change from outside shows after a refresh as exactly these differences, and an update repairs it."""
    tamper()
    refreshed = engine.refresh(token, old)
    assert refreshed is not None
    response = engine.diff(token, refreshed, inputs)
    assert kinds(response) == expected
    repaired = engine.update(token, refreshed, inputs)
    unchanged(engine, token, repaired, inputs)
    return repaired


def imported(engine: Engine, token: str, import_id: str, resource: Recorded, inputs: Properties) -> Recorded:
    """An import by the official ID format: the same ID, and nothing to do for a program that sets the same."""
    found = engine.import_(token, import_id)
    assert found is not None
    assert found.id == resource.id
    assert differences(engine, token, found, inputs) == {}
    _, failures = engine.check(token, found.inputs)
    assert failures == {}
    return found


def removed(engine: Engine, token: str, resource: Recorded) -> None:
    """Deleting makes it gone; deleting what is gone is no error."""
    engine.delete(token, resource)
    assert engine.refresh(token, resource) is None
    engine.delete(token, resource)


def _surprises(preview: Properties, outputs: Properties) -> set[str]:
    return {name for name, value in preview.items() if not _foretold(value, outputs.get(name))}


def _foretold(before: Any, after: Any) -> bool:
    """Whether a preview's value is the later one, or unknown, also in parts."""
    if repr(before) == "UNKNOWN":
        return True
    if isinstance(before, dict) and isinstance(after, dict):
        return all(_foretold(value, after.get(name)) for name, value in before.items())
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(any(_foretold(one, other) for other in after) for one in before)
    return bool(before == after)
