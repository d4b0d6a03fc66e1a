"""The objects of a release: their names, and how the live ones differ from what Helm put there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from sandbox.providers.differences import join
from sandbox.providers.kubernetes.api import Api, ApiError, UnknownKind
from sandbox.providers.kubernetes.live import without_bookkeeping, without_nulls
from sandbox.providers.kubernetes.naming import group_of, object_id
from sandbox.providers.kubernetes.readiness import missing_for_ready

_MANAGER = "sandbox-drift-check"


def objects(manifest: str) -> Iterator[dict[str, Any]]:
    """The objects in a manifest, lists unpacked."""
    for document in yaml.safe_load_all(manifest):
        if not document:
            continue
        yield from document["items"] if document["kind"].endswith("List") and "items" in document else [document]


def resource_names(manifest: str) -> dict[str, list[str]]:
    """Names by kind as the official provider writes them: ``Deployment.apps/apps/v1``: ``[namespace/name]``."""
    names: dict[str, set[str]] = {}
    for each in objects(manifest):
        api_version = each["apiVersion"]
        group = group_of(api_version)
        kind = f"{each['kind']}.{group}" if group else each["kind"]
        names.setdefault(f"{kind}/{api_version}", set()).add(object_id(each))
    return {kind: sorted(found) for kind, found in sorted(names.items())}


def drift(api: Api, namespace: str, manifest: str) -> dict[str, dict[str, str]]:
    """What ``helm upgrade`` with this very manifest would put right.

    The server is asked what applying the manifest again would change (a dry run), so its own defaults and spellings
    are no drift, and neither is what others added. Objects that the user may not change are not compared.

    Args:
        api: The cluster.
        namespace: The release's namespace.
        manifest: The manifest that Helm applied last.

    Returns:
        For each object that drifted, what is wrong by property path. Values are shown of metadata only: others may hold
        secrets of the chart's values.
    """
    found = {}
    for wanted in objects(manifest):
        differences = _differences(api, namespace, wanted)
        if differences:
            found[f"{wanted['kind']} {object_id(wanted)}"] = differences
    return found


def unready(api: Api, namespace: str, manifest: str) -> list[str]:
    """Which objects of a manifest are not ready, and what they lack."""
    found = []
    for each in objects(manifest):
        kind = api.kind(each["apiVersion"], each["kind"])
        live = api.get(kind, each["metadata"].get("namespace", namespace), each["metadata"]["name"])
        reason = missing_for_ready(live) if live else "it is not there"
        if reason:
            found.append(f"{each['kind']} {object_id(each)}: {reason}")
    return found


def _differences(api: Api, namespace: str, wanted: Mapping[str, Any]) -> dict[str, str]:
    metadata = wanted["metadata"]
    try:
        kind = api.kind(wanted["apiVersion"], wanted["kind"])
        live = api.get(kind, metadata.get("namespace", namespace), metadata["name"])
        if live is None:
            return {"": "deleted"}
        placed = {**wanted, "metadata": {"namespace": namespace, **metadata}} if kind.namespaced else wanted
        applied = api.apply(kind, without_nulls(placed), _MANAGER, force=True, dry_run=True)
    except UnknownKind:
        return {"": "its kind is no longer served"}
    except ApiError as error:
        return {} if error.status == 403 else {"": f"cannot be compared: {error}"}
    now, then = _leaves(_lasting(live)), _leaves(_lasting(applied))
    changed = sorted(path for path in now.keys() | then.keys() if now.get(path) != then.get(path))
    return {path: _words(now.get(path), then.get(path), shown=path.startswith("metadata.")) for path in changed}


def _lasting(live: Mapping[str, Any]) -> dict[str, Any]:
    """A live object without what the server and its controllers write by themselves."""
    return {key: value for key, value in without_bookkeeping(live).items() if key != "status"}


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    """The scalars and empty containers in a value, by property path."""
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    found = {place: leaf for key, item in items for place, leaf in _leaves(item, join(path, key)).items()}
    return found or {path: value}


def _words(now: Any, wanted: Any, *, shown: bool) -> str:
    if now is None:
        return f"is missing, should be {wanted!r}" if shown else "is missing"
    if wanted is None:
        return f"is {now!r}, should be absent" if shown else "should be absent"
    return f"is {now!r}, should be {wanted!r}" if shown else "was changed"
