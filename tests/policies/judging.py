"""Runs rules of the policy pack in-process, on resources as the engine would hand them over."""

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pulumi_policy import (
    Policy,
    PolicyCustomTimeouts,
    PolicyProviderResource,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError, unknown_checking_proxy

UNKNOWN = UNKNOWN_STRING_VALUE
"""Stands for a value that a preview does not know."""

Props = dict[str, Any]


@dataclass(frozen=True)
class Declared:
    """A resource that a program declares.

    Attributes:
        type: Pulumi type token.
        props: Inputs, which a preview passes on as outputs.
        name: Name in the program.
        ignore_changes: Paths of `ignoreChanges`.
        uses: Names of the resources that a property is computed from, by property.
        provider: Properties of an explicit provider.
        parent: Type of the component that it belongs to.
    """

    type: str
    props: Props
    name: str = "subject"
    ignore_changes: tuple[str, ...] = ()
    uses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    provider: Props | None = None
    parent: str = ""

    @property
    def urn(self) -> str:
        above = f"{self.parent}$" if self.parent else ""
        return f"urn:pulumi:stack::project::{above}{self.type}::{self.name}"

    def but(self, path: str, value: object) -> "Declared":
        """Returns the same resource with one property changed; digits in the path are positions in lists."""
        props = copy.deepcopy(self.props)
        *parents, last = path.split("/")
        target: Any = props
        for step in parents:
            target = target[int(step)] if isinstance(target, list) else target.setdefault(step, {})
        if isinstance(target, list):
            target[int(last)] = value
        else:
            target[last] = value
        return replace(self, props=props)

    def without(self, path: str) -> "Declared":
        """Returns the same resource with one property left out."""
        props = copy.deepcopy(self.props)
        *parents, last = path.split("/")
        target: Any = props
        for step in parents:
            target = target[int(step)] if isinstance(target, list) else target[step]
        del target[int(last) if isinstance(target, list) else last]
        return replace(self, props=props)


@dataclass(frozen=True)
class Verdict:
    """What a rule reports about resources.

    Attributes:
        violations: Name of the resource and message of each violation.
        undecided: Whether a value was missing that only the update will know.
    """

    violations: tuple[tuple[str, str], ...]
    undecided: bool

    @property
    def messages(self) -> list[str]:
        """The messages, without the fix that follows each."""
        return [message.partition("\nFix: ")[0] for _, message in self.violations]

    @property
    def passes(self) -> bool:
        """Whether there is neither a violation nor a doubt."""
        return not self.violations and not self.undecided


def judge(rule: Policy, *resources: Declared, settings: Mapping[str, Any] | None = None) -> Verdict:
    """Judges resources by one rule, each for itself or as a stack, whichever the rule does."""
    if isinstance(rule, StackValidationPolicy):
        return _judge_stack(rule, resources, settings)
    assert isinstance(rule, ResourceValidationPolicy)
    verdicts = [_judge_resource(rule, resource, settings) for resource in resources]
    return Verdict(
        tuple(violation for verdict in verdicts for violation in verdict.violations),
        any(verdict.undecided for verdict in verdicts),
    )


def _judge_resource(rule: ResourceValidationPolicy, resource: Declared, settings: Mapping[str, Any] | None) -> Verdict:
    messages: list[str] = []
    args = ResourceValidationArgs(
        resource.type,
        unknown_checking_proxy(resource.props),
        resource.urn,
        resource.name,
        _options(resource),
        _provider(resource),
        settings,
    )

    def report(message: str, _: str | None = None) -> None:
        messages.append(message)

    undecided = _undecided(lambda: rule.validate(args, report))
    return Verdict(tuple((resource.name, message) for message in messages), undecided)


def _judge_stack(
    rule: StackValidationPolicy, resources: Iterable[Declared], settings: Mapping[str, Any] | None
) -> Verdict:
    messages: list[tuple[str, str]] = []
    stack = _stack(resources)
    names = {resource.urn: resource.name for resource in stack}
    args = StackValidationArgs(stack, settings)

    def report(message: str, urn: str | None = None) -> None:
        messages.append((names[urn or ""], message))

    undecided = _undecided(lambda: rule.validate(args, report))
    return Verdict(tuple(messages), undecided)


def _stack(resources: Iterable[Declared]) -> list[PolicyResource]:
    declared = list(resources)
    made = {
        resource.name: PolicyResource(
            resource.type,
            unknown_checking_proxy(resource.props),
            resource.urn,
            resource.name,
            _options(resource),
            _provider(resource),
            None,
            [],
            {},
        )
        for resource in declared
    }
    for resource in declared:
        used = {prop: [made[name] for name in names if name in made] for prop, names in resource.uses.items()}
        made[resource.name].property_dependencies.update(used)
        made[resource.name].dependencies.extend(one for many in used.values() for one in many)
    return list(made.values())


def _undecided(run: Callable[[], object]) -> bool:
    try:
        run()
    except UnknownValueError:
        return True
    return False


def _options(resource: Declared) -> PolicyResourceOptions:
    return PolicyResourceOptions(
        False, list(resource.ignore_changes), None, [], PolicyCustomTimeouts(0, 0, 0), [], None
    )


def _provider(resource: Declared) -> PolicyProviderResource | None:
    if resource.provider is None:
        return None
    props = unknown_checking_proxy(resource.provider)
    return PolicyProviderResource("pulumi:providers:aws", props, "urn:provider", "provider")
