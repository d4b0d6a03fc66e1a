"""The `aws` provider: routes the engine's calls to resource types and functions, and keeps the rules that all share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sandbox.providers.aws import catalogue, planning
from sandbox.providers.aws.resource import ResourceType
from sandbox.providers.aws.session import Cloud, Session, check_settings, explained, plugin_version
from sandbox.providers.differences import Difference
from sandbox.providers.rpc import (
    Call,
    Checked,
    Naming,
    PartialFailure,
    Provider,
    ProviderError,
    Resource,
    State,
    Unsupported,
)
from sandbox.providers.schema import validate


class AwsProvider(Provider[Session]):
    """The resource types and functions of ``catalogue.py``, over whatever cloud the AWS environment points at."""

    package = "aws"
    version = f"{plugin_version()}+sandbox"

    def configure(self, config: Mapping[str, Any]) -> Session:
        """See :meth:`Session.open`."""
        return Session.open(config)

    def check_config(self, resource: Resource, config: Mapping[str, Any]) -> Checked:
        """Refuses unknown, mistyped and unsupported settings."""
        return check_settings(config)

    def check(
        self, call: Call[Session], old_inputs: Mapping[str, Any], inputs: Mapping[str, Any], naming: Naming
    ) -> Checked:
        """See :func:`planning.check`."""
        return planning.check(_kind(call), call.resource, old_inputs, inputs, naming)

    def diff(self, call: Call[Session], old: State, inputs: Mapping[str, Any], ignored: Sequence[str]) -> Difference:
        """See :func:`planning.difference`."""
        return _difference(call, old, inputs)

    def create(self, call: Call[Session], inputs: Mapping[str, Any], preview: bool) -> State:
        """Makes a resource. One that is made but does not become usable is recorded as it is."""
        kind, session = _kind(call), call.session
        if preview:
            return State("", planning.preview_create(kind, inputs, session.default_tags))
        cloud = _cloud(call, inputs)
        complete = _with_all_tags(kind, session, inputs)
        with explained(f"creating {call.resource}"):
            resource_id = kind.create(cloud, complete)
        with _recorded_as_it_is(call, cloud, resource_id, inputs):
            with explained(f"creating {call.resource}"):
                kind.settle(cloud, resource_id, complete)
            outputs = _live_outputs(call, cloud, resource_id, inputs)
            if outputs is None:
                raise ProviderError(f"creating {call.resource}: it was gone right after it was made")
        return State(resource_id, outputs)

    def read(self, call: Call[Session], old: State) -> State | None:
        """The resource as it is now."""
        kind = _kind(call)
        outputs = _live_outputs(call, _cloud(call, old.outputs or old.inputs), old.id, old.outputs)
        if outputs is None:
            return None
        return State(str(outputs["id"]), outputs, planning.live_inputs(kind, old.inputs, outputs))

    def update(self, call: Call[Session], old: State, inputs: Mapping[str, Any], preview: bool) -> Mapping[str, Any]:
        """Changes what differs from the recorded state. If only a part can be changed, that part is recorded."""
        kind, session = _kind(call), call.session
        difference = _difference(call, old, inputs)
        if preview:
            return planning.preview_update(kind, old, inputs, difference, session.default_tags)
        cloud = _cloud(call, old.outputs)
        with _recorded_as_it_is(call, cloud, old.id, inputs), explained(f"updating {call.resource}"):
            changed = planning.changed_properties(kind, difference)
            if changed:
                kind.update(cloud, old, _with_all_tags(kind, session, inputs), changed)
            if kind.taggable():
                _retag(kind, cloud, old, planning.merged_tags(inputs, session.default_tags))
            outputs = _live_outputs(call, cloud, old.id, inputs)
        if outputs is None:
            raise ProviderError(f"updating {call.resource}: it does not exist any more; run `pulumi refresh`")
        return outputs

    def delete(self, call: Call[Session], old: State) -> None:
        """Removes a resource."""
        with explained(f"deleting {call.resource}"):
            _kind(call).delete(_cloud(call, old.outputs), old)

    def invoke(self, session: Session, token: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answers one of the functions of the catalogue."""
        function = catalogue.function(token)
        if function is None:
            raise _unknown("function", token, catalogue.function_tokens())
        failures = list(validate(args, function.arguments))
        if failures:
            raise ProviderError(f"{token}: " + "; ".join(f"{each.property}: {each.reason}" for each in failures))
        cloud = Cloud(session, args.get("region") or session.region)
        with explained(f"calling {token}"):
            return function.answer(cloud, args)


def _kind(call: Call[Session]) -> ResourceType:
    kind = catalogue.resource_type(call.resource.type)
    if kind is None:
        raise _unknown("resource type", call.resource.type, catalogue.resource_tokens())
    return kind


def _unknown(what: str, token: str, known: list[str]) -> Unsupported:
    return Unsupported(f"the sandbox's stand-in for the aws provider has no {what} {token}. It has: {', '.join(known)}")


def _cloud(call: Call[Session], properties: Mapping[str, Any]) -> Cloud:
    return Cloud(call.session, properties.get("region") or call.session.region, call.pause, call.timeout)


def _difference(call: Call[Session], old: State, inputs: Mapping[str, Any]) -> Difference:
    session = call.session
    return planning.difference(_kind(call), old, inputs, session.default_tags, session.region)


def _with_all_tags(kind: ResourceType, session: Session, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    if not kind.taggable():
        return inputs
    return {**inputs, "tags": planning.merged_tags(inputs, session.default_tags)}


def _live_outputs(
    call: Call[Session], cloud: Cloud, resource_id: str, recorded: Mapping[str, Any]
) -> dict[str, Any] | None:
    kind = _kind(call)
    with explained(f"reading {call.resource}"):
        live = kind.read(cloud, State(resource_id, recorded))
    if live is None:
        return None
    return planning.completed_outputs(kind, resource_id, live, recorded, call.session.default_tags, cloud.region)


@contextmanager
def _recorded_as_it_is(
    call: Call[Session], cloud: Cloud, resource_id: str, recorded: Mapping[str, Any]
) -> Iterator[None]:
    """On a failure, tells the engine the resource's true state instead of leaving it with a wish."""
    try:
        yield
    except ProviderError as error:
        try:
            outputs = _live_outputs(call, cloud, resource_id, recorded)
        except ProviderError:
            # What is known of it must do; the next refresh will tell more.
            raise PartialFailure(resource_id, {**recorded, "id": resource_id}, str(error)) from error
        if outputs is None:
            raise
        raise PartialFailure(resource_id, outputs, str(error)) from error


def _retag(kind: ResourceType, cloud: Cloud, old: State, wanted: Mapping[str, str]) -> None:
    present = old.outputs.get("tagsAll") or {}
    surplus = sorted(set(present) - set(wanted))
    changed = {key: value for key, value in wanted.items() if present.get(key) != value}
    if surplus:
        kind.untag(cloud, old, surplus)
    if changed:
        kind.tag(cloud, old, changed)
