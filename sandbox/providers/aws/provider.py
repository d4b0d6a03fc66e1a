"""The `aws` provider: routes the engine's calls to resource types and functions, and keeps the rules that all share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

from sandbox.providers.aws import catalogue, checks, comparison, states, tags
from sandbox.providers.aws.resource import Properties, ResourceType
from sandbox.providers.aws.session import Cloud, Session, check_settings, explained, plugin_version
from sandbox.providers.differences import Difference, root
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
    settings: ClassVar[Mapping[str, str]] = {"region": "string", "profile": "string"}

    def configure(self, config: Properties) -> Session:
        """See :meth:`Session.open`."""
        return Session.open(config)

    def check_config(self, resource: Resource, config: Properties) -> Checked:
        """Refuses unknown, mistyped and unsupported settings."""
        return check_settings(config)

    def check(self, call: Call[Session], old_inputs: Properties, inputs: Properties, naming: Naming) -> Checked:
        """See :func:`checks.check`."""
        return checks.check(_kind(call), call.resource, old_inputs, inputs, naming)

    def diff(self, call: Call[Session], old: State, inputs: Properties, ignored: Sequence[str]) -> Difference:
        """See :func:`comparison.difference`."""
        return _difference(call, old, inputs)

    def create(self, call: Call[Session], inputs: Properties, preview: bool) -> State:
        """Makes a resource. One that is made but does not become usable is recorded as it is."""
        kind, session = _kind(call), call.session
        if preview:
            return State("", states.preview_create(kind, inputs, session.default_tags))
        cloud = _cloud(call, inputs)
        complete = checks.with_name(kind, _with_all_tags(kind, session, inputs))
        with explained(f"creating {call.resource}"):
            resource_id = kind.create(cloud, complete)
        with _recorded_as_it_is(call, cloud, State(resource_id, inputs), inputs):
            with explained(f"creating {call.resource}"):
                kind.complete(cloud, resource_id, complete)
                kind.settle(cloud, State(resource_id, inputs))
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
        return State(str(outputs["id"]), outputs, states.live_inputs(kind, old.inputs, outputs))

    def update(self, call: Call[Session], old: State, inputs: Properties, preview: bool) -> Properties:
        """Changes what differs from the recorded state. If only a part can be changed, that part is recorded."""
        kind, session = _kind(call), call.session
        if preview:
            return states.preview_update(kind, old, inputs, _difference(call, old, inputs), session.default_tags)
        cloud = _cloud(call, old.outputs)
        old = _completed(call, cloud, old)
        difference = _difference(call, old, inputs)
        with _recorded_as_it_is(call, cloud, old, inputs), explained(f"updating {call.resource}"):
            changed = comparison.changed_properties(kind, difference)
            if changed:
                kind.update(cloud, old, _with_all_tags(kind, session, inputs), changed)
            if kind.taggable() and "tagsAll" not in call.ignored:
                _retag(kind, cloud, old, tags.merged(inputs, session.default_tags))
            kind.settle(cloud, old)
            outputs = _live_outputs(call, cloud, old.id, inputs)
        if outputs is None:
            raise ProviderError(f"updating {call.resource}: it does not exist any more; run `pulumi refresh`")
        return outputs

    def delete(self, call: Call[Session], old: State) -> None:
        """Removes a resource."""
        with explained(f"deleting {call.resource}"):
            _kind(call).delete(_cloud(call, old.outputs), old)

    def invoke(self, session: Session, token: str, args: Properties) -> Properties:
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


def _cloud(call: Call[Session], properties: Properties) -> Cloud:
    return Cloud(call.session, properties.get("region") or call.session.region, call.pause, call.timeout)


def _difference(call: Call[Session], old: State, inputs: Properties) -> Difference:
    """What changes, without what is ignored: of ``tagsAll`` the engine cannot know what the provider makes of it.

    As ``newIgnoreChanges`` of pulumi-terraform-bridge pkg/tfbridge/diff.go, in Diff and in Update. Whole properties
    only.
    """
    session = call.session
    found = comparison.difference(_kind(call), old, inputs, session.default_tags, session.region)
    kept = {path: change for path, change in found.changes.items() if root(path) not in call.ignored}
    return replace(found, changes=kept, replaces=found.replaces & kept.keys())


def _with_all_tags(kind: ResourceType, session: Session, inputs: Properties) -> Properties:
    if not kind.taggable():
        return inputs
    return {**inputs, "tags": tags.merged(inputs, session.default_tags)}


def _live_outputs(call: Call[Session], cloud: Cloud, resource_id: str, recorded: Properties) -> dict[str, Any] | None:
    kind = _kind(call)
    with explained(f"reading {call.resource}"):
        live = kind.read(cloud, State(resource_id, recorded))
    if live is None:
        return None
    return states.completed_outputs(kind, resource_id, live, recorded, call.session.default_tags, cloud.region)


def _completed(call: Call[Session], cloud: Cloud, old: State) -> State:
    """What is on record, or, of a resource that could not be read after it was made, what it is by now."""
    kind = _kind(call)
    chosen_by_aws = kind.output_names() - set(kind.arguments().fields) - {"id"}
    if not chosen_by_aws or chosen_by_aws & set(old.outputs):
        return old
    outputs = _live_outputs(call, cloud, old.id, old.outputs)
    return old if outputs is None else State(old.id, outputs, old.inputs)


@contextmanager
def _recorded_as_it_is(call: Call[Session], cloud: Cloud, old: State, inputs: Properties) -> Iterator[None]:
    """On a failure, send the engine the resource's true state, not the requested one."""
    try:
        yield
    except ProviderError as error:
        try:
            outputs = _live_outputs(call, cloud, old.id, inputs)
        except ProviderError:
            # What is on record must do; the next refresh will return more.
            raise PartialFailure(old.id, {**old.outputs, "id": old.id}, str(error)) from error
        if outputs is None:
            raise
        raise PartialFailure(old.id, outputs, str(error)) from error


def _retag(kind: ResourceType, cloud: Cloud, old: State, wanted: Mapping[str, str]) -> None:
    present = old.outputs.get("tagsAll") or {}
    surplus = sorted(set(present) - set(wanted))
    changed = {key: value for key, value in wanted.items() if present.get(key) != value}
    if surplus:
        kind.untag(cloud, old, surplus)
    if changed:
        kind.tag(cloud, old, changed)
