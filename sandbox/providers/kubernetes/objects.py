"""Kubernetes objects of any kind as Pulumi resources, by server-side apply."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sandbox.providers.differences import Difference, compare
from sandbox.providers.kubernetes.api import ApiError, Kind, UnknownKind, Unreachable
from sandbox.providers.kubernetes.live import (
    importable,
    observed,
    with_string_data,
    without_bookkeeping,
    without_nulls,
)
from sandbox.providers.kubernetes.naming import group_of, made_up_name, object_id, split_id, type_of
from sandbox.providers.kubernetes.readiness import missing_for_ready
from sandbox.providers.kubernetes.replacement import replacing
from sandbox.providers.kubernetes.settings import Session, Settings
from sandbox.providers.rpc import Call, Checked, Failure, Naming, PartialFailure, ProviderError, Resource, State
from sandbox.providers.values import UNKNOWN, Secret, contains_unknown

_AUTONAMED: Final = "pulumi.com/autonamed"
_PATCH_FORCE: Final = "pulumi.com/patchForce"
_PATCH_MANAGER: Final = "pulumi.com/patchFieldManager"
_PROPAGATION: Final = "pulumi.com/deletionPropagationPolicy"
_SKIP_AWAIT: Final = "pulumi.com/skipAwait"
_TIMEOUT: Final = "pulumi.com/timeoutSeconds"
_NOT_DONE: Final = ("pulumi.com/replaceUnready", "pulumi.com/waitFor")
"""Annotations that steer the official provider. One that the stand-in does not obey is refused."""

_MANAGER: Final = "__fieldManager"
"""Output that keeps the field manager's name, as the official provider does."""

_CANNOT_CHANGE: Final = ("field is immutable", "may not change once set", "updates to")
"""How API servers say that a field cannot change in place; there is no code for it."""

_ASSIGNED: Final = ("creationTimestamp", "uid")
"""Metadata that a new object gets when it is made."""

_TIMEOUT_SECONDS: Final = 600.0
_POLL_SECONDS: Final = 0.25

_CLUSTER_SCOPED: Final = (
    "APIService",
    "CSIDriver",
    "CSINode",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "IngressClass",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
)
"""Built-in kinds without a namespace: what a preview assumes while no cluster can be asked."""


class Objects:
    """The operations on an object. Inputs and outputs are the object itself, as Kubernetes writes it."""

    def check(
        self, call: Call[Session], old_inputs: Mapping[str, Any], inputs: Mapping[str, Any], naming: Naming
    ) -> Checked:
        """Fills in kind, name and namespace; refuses a built-in kind that the cluster does not have."""
        api_version, kind = type_of(call.resource)
        failures = [
            Failure(key, f"a {call.resource.type} has {key} {expected!r}, not {inputs[key]!r}")
            for key, expected in (("apiVersion", api_version), ("kind", kind))
            if inputs.get(key) not in (None, UNKNOWN, expected)
        ]
        checked: dict[str, Any] = {**inputs, "apiVersion": api_version, "kind": kind}
        metadata = inputs.get("metadata") or {}
        if metadata is UNKNOWN:
            return Checked(checked, failures)

        if metadata.get("generateName"):
            reason = "not supported with server-side apply; leave metadata.name out for a made-up name"
            failures.append(Failure("metadata.generateName", reason))
        for annotation in _NOT_DONE:
            if annotation in _annotations(checked):
                reason = f"the sandbox's stand-in for the kubernetes provider does not do {annotation}"
                failures.append(Failure(f'metadata.annotations["{annotation}"]', reason))
        if not metadata.get("name"):
            if naming.disabled and not old_inputs:
                failures.append(Failure("metadata.name", "is missing, and pulumi:autonaming forbids made-up names"))
            metadata = _named(metadata, call.resource, old_inputs.get("metadata") or {}, naming)
        try:
            namespaced = self._namespaced(call.session, api_version, kind)
        except UnknownKind as error:
            failures.append(Failure("kind", str(error)))
            namespaced = False
        if namespaced and not metadata.get("namespace"):
            metadata = {**metadata, "namespace": call.session.settings.namespace}
        return Checked({**checked, "metadata": metadata}, failures)

    def diff(self, call: Call[Session], old: State, inputs: Mapping[str, Any], ignored: Sequence[str]) -> Difference:
        """Compares declarations: after a refresh the old one tells what is live."""
        changes = compare(old.inputs, inputs)
        api_version, kind = type_of(call.resource)
        replaces = replacing(
            api_version, kind, changes, mutable_data=_mutable(call.session.settings, kind, inputs, old.outputs)
        )
        before, after = old.outputs.get("metadata") or {}, inputs.get("metadata") or {}
        same_name = after is not UNKNOWN and all(after.get(key) == before.get(key) for key in ("name", "namespace"))
        return Difference(
            changes,
            replaces,
            delete_before_replace=same_name and _AUTONAMED not in _annotations(inputs),
            of_inputs=True,
        )

    def create(self, call: Call[Session], inputs: Mapping[str, Any], preview: bool) -> State:
        """Makes the object, which must not be there yet, and waits until it is ready."""
        manager = _annotations(inputs).get(_PATCH_MANAGER) or f"pulumi-kubernetes-{secrets.token_hex(4)}"
        if preview:
            return State("", self._planned(call, inputs, manager, new=True))
        api = call.session.cluster
        kind = api.kind(*type_of(call.resource))
        body = without_nulls(inputs)
        namespace, name = body["metadata"].get("namespace"), body["metadata"]["name"]
        if not call.session.settings.upsert and api.get(kind, namespace, name) is not None:
            raise ProviderError(
                f"{kind.kind} {object_id(body)!r} is already there and does not belong to this stack; take it over "
                f"with the resource option import_={object_id(body)!r}, delete it, or set the provider's "
                "upsertExistingObjects"
            )
        live = self._apply(call, kind, body, manager)
        self._await_ready(call, kind, live, inputs, manager)
        return State(object_id(live), self._outputs(api.get(kind, namespace, name) or live, inputs, manager))

    def read(self, call: Call[Session], old: State) -> State | None:
        """The object as it is. What the program declares is compared, and nothing else."""
        namespace, name = split_id(old.id)
        try:
            api = call.session.cluster
            kind = api.kind(*type_of(call.resource))
            live = api.get(kind, namespace or call.session.settings.namespace, name)
        except UnknownKind:
            return None  # Its CustomResourceDefinition has gone, and every object of it.
        except Unreachable as error:
            if call.session.settings.delete_unreachable:
                return None
            raise unreachable(error) from None
        if live is None:
            return None
        if not old.inputs:
            return State(object_id(live), self._outputs(live, {}, None), importable(live))
        shown = with_string_data(live, old.inputs)
        recorded = with_string_data(old.outputs, old.inputs)
        inputs = observed(old.inputs, recorded, shown)
        return State(old.id, self._outputs(live, old.inputs, old.outputs.get(_MANAGER)), inputs)

    def update(self, call: Call[Session], old: State, inputs: Mapping[str, Any], preview: bool) -> Mapping[str, Any]:
        """Applies the new declaration and waits until the object is ready."""
        manager = (
            _annotations(inputs).get(_PATCH_MANAGER)
            or old.outputs.get(_MANAGER)
            or f"pulumi-kubernetes-{secrets.token_hex(4)}"
        )
        if preview:
            return self._planned(call, inputs, manager, new=False)
        api = call.session.cluster
        kind = api.kind(*type_of(call.resource))
        live = self._apply(call, kind, without_nulls(inputs), manager)
        self._await_ready(call, kind, live, inputs, manager)
        metadata = live["metadata"]
        live = api.get(kind, metadata.get("namespace"), metadata["name"]) or live
        return self._outputs(live, inputs, manager)

    def delete(self, call: Call[Session], old: State) -> None:
        """Deletes the object and waits until it is gone, its finalizers done."""
        namespace, name = split_id(old.id)
        try:
            api = call.session.cluster
            kind = api.kind(*type_of(call.resource))
            live = api.get(kind, namespace, name)
        except UnknownKind:
            return
        except Unreachable as error:
            if call.session.settings.delete_unreachable:
                return
            raise unreachable(error) from None
        if live is None:
            return
        propagation = _annotations(old.outputs).get(_PROPAGATION, "foreground").capitalize()
        api.delete(kind, namespace, name, propagation)
        uid = live["metadata"]["uid"]

        def remains() -> str | None:
            left = api.get(kind, namespace, name)
            if left is None or left["metadata"]["uid"] != uid:
                return None
            finalizers = left["metadata"].get("finalizers") or (left.get("spec") or {}).get("finalizers") or []
            return f"it is still there, held by finalizers: {', '.join(finalizers) or 'none'}"

        reason = self._wait(call, old.outputs, remains)
        if reason:
            raise ProviderError(f"{kind.kind} {old.id!r} was deleted but does not go: {reason}")

    def _namespaced(self, session: Session, api_version: str, kind: str) -> bool:
        if session.api is not None:
            try:
                return session.api.kind(api_version, kind).namespaced
            except UnknownKind:
                if _built_in(api_version):
                    raise
            except ProviderError:
                pass  # Not reachable, or not yet: previews plan all the same.
        return kind not in _CLUSTER_SCOPED

    def _planned(self, call: Call[Session], inputs: Mapping[str, Any], manager: str, *, new: bool) -> Mapping[str, Any]:
        """The outcome as far as it can be told beforehand: by a dry run if the server can do one, else the inputs."""
        dry_run = self._dry_run(call, inputs, manager, new=new)
        outputs = self._outputs(dry_run, inputs, manager) if dry_run else dict(inputs)
        metadata = outputs.get("metadata") or {}
        if new and metadata is not UNKNOWN:
            outputs["metadata"] = {**metadata, **dict.fromkeys(_ASSIGNED, UNKNOWN)}
        return outputs

    def _dry_run(
        self, call: Call[Session], inputs: Mapping[str, Any], manager: str, *, new: bool
    ) -> dict[str, Any] | None:
        """What the server would make of the inputs; None if it cannot tell."""
        if contains_unknown(inputs) or call.session.api is None:
            return None
        api = call.session.api
        body = without_nulls(inputs)
        try:
            kind = api.kind(*type_of(call.resource))
            if new and api.get(kind, body["metadata"].get("namespace"), body["metadata"]["name"]) is not None:
                return None  # It is to be replaced first; or, if it is somebody else's, the apply will say so.
            live = self._apply(call, kind, body, manager, dry_run=True)
        except (UnknownKind, Unreachable):
            return None  # To be made by the same run.
        except ApiError as error:
            if error.status in (403, 404, 409):
                return None
            raise
        return {key: value for key, value in live.items() if key != "status"}

    def _apply(
        self, call: Call[Session], kind: Kind, body: Mapping[str, Any], manager: str, *, dry_run: bool = False
    ) -> dict[str, Any]:
        force = call.session.settings.patch_force or _annotations(body).get(_PATCH_FORCE) == "true"
        try:
            return call.session.cluster.apply(kind, body, manager, force=force, dry_run=dry_run)
        except ApiError as error:
            raise ApiError(error.status, _explained(error, kind, object_id(body)), error.details) from None

    def _outputs(self, live: Mapping[str, Any], inputs: Mapping[str, Any], manager: str | None) -> dict[str, Any]:
        """The state to record: the live object, a Secret's contents marked as secret."""
        outputs = with_string_data(without_bookkeeping(live), inputs)
        if live.get("kind") == "Secret":
            outputs |= {key: Secret(outputs[key]) for key in ("data", "stringData") if key in outputs}
        return outputs | ({_MANAGER: manager} if manager else {})

    def _await_ready(
        self, call: Call[Session], kind: Kind, live: dict[str, Any], inputs: Mapping[str, Any], manager: str
    ) -> None:
        if _annotations(inputs).get(_SKIP_AWAIT) == "true":
            return
        api = call.session.cluster
        newest = live

        def lacks() -> str | None:
            nonlocal newest
            reason = missing_for_ready(newest)
            if reason:
                newest = api.get(kind, live["metadata"].get("namespace"), live["metadata"]["name"]) or newest
            return reason

        reason = self._wait(call, inputs, lacks)
        if reason:
            text = f"{kind.kind} {object_id(live)!r} was applied but did not get ready: {reason}"
            raise PartialFailure(object_id(live), self._outputs(newest, inputs, manager), text)

    def _wait(self, call: Call[Session], annotated: Mapping[str, Any], lacks: Callable[[], str | None]) -> str | None:
        """Asks until nothing is lacking; the last answer if time runs out."""
        limit = call.timeout or float(_annotations(annotated).get(_TIMEOUT) or _TIMEOUT_SECONDS)
        end = time.monotonic() + limit
        while reason := lacks():
            if time.monotonic() >= end:
                return f"{reason} (waited {limit:g} s)"
            call.pause(_POLL_SECONDS)
        return None


def _named(metadata: Mapping[str, Any], resource: Resource, old: Mapping[str, Any], naming: Naming) -> dict[str, Any]:
    """The metadata with a made-up name and the annotation that says so; the old name if that was made up too."""
    name = old.get("name") if _AUTONAMED in (old.get("annotations") or {}) else None
    name = name or made_up_name(resource, naming)
    annotations = metadata.get("annotations") or {}
    if annotations is UNKNOWN:
        return {**metadata, "name": name}
    return {**metadata, "name": name, "annotations": {**annotations, _AUTONAMED: "true"}}


def _annotations(holder: Mapping[str, Any]) -> Mapping[str, Any]:
    """The annotations of an object or its inputs; none where a preview does not know them."""
    metadata = holder.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    return annotations if isinstance(annotations, Mapping) else {}


def _mutable(settings: Settings, kind: str, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> bool:
    """Whether the data may change in place: the provider allows it, and the object is not frozen."""
    allowed = {"ConfigMap": settings.config_map_mutable, "Secret": settings.secret_mutable}.get(kind, False)
    return allowed and not (inputs.get("immutable") or outputs.get("immutable"))


def _built_in(api_version: str) -> bool:
    """Whether a kind of this group ships with Kubernetes, so that no CustomResourceDefinition can still bring it."""
    group = group_of(api_version)
    return "." not in group or group.endswith(".k8s.io")


def _explained(error: ApiError, kind: Kind, identifier: str) -> str:
    """The server's refusal, with the way out where there is one."""
    text = f"the API server refused {kind.kind} {identifier!r}: {error}"
    causes = error.details.get("causes") or []
    if error.status == 409 and any(cause.get("reason") == "FieldManagerConflict" for cause in causes):
        fields = "; ".join(f"{cause.get('field')} ({cause.get('message')})" for cause in causes)
        return (
            f"{kind.kind} {identifier!r} has fields that somebody else manages: {fields}. Leave them out, list them in "
            f'ignore_changes, or take them over with the annotation {_PATCH_FORCE}: "true"'
        )
    if error.status == 422 and any(words in str(error) for words in _CANNOT_CHANGE):
        return f"{text}. To replace the object, use the resource option replace_on_changes for that property"
    return text


def unreachable(error: Unreachable) -> ProviderError:
    """The error with the way out of a state that holds what a vanished cluster held."""
    return ProviderError(
        f"{error}. If the cluster is gone for good, drop its objects from the state: set the provider's "
        "deleteUnreachable, or run pulumi with PULUMI_K8S_DELETE_UNREACHABLE=true"
    )
