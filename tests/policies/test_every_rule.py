"""What holds for every rule: its words, what it lets pass, and that it never stumbles."""

from collections.abc import Iterator
from typing import Any

import pytest
from pulumi_policy import EnforcementLevel, Policy, ResourceValidationPolicy

from policies.rules import RULES
from tests.policies.compliant import HELM_STACK, MANIFEST_STACK, STACKS, UNRELATED
from tests.policies.judging import UNKNOWN, Declared, judge

HELM_ALONE = tuple(resource for resource in HELM_STACK if resource not in UNRELATED)
MANIFESTS_ALONE = tuple(resource for resource in MANIFEST_STACK if resource not in UNRELATED)

by_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


@by_rule
def test_a_rule_gives_its_reason_its_fix_and_its_level(rule: Policy) -> None:
    assert rule.description.endswith(".")
    assert rule.remediation_steps is not None
    assert rule.remediation_steps.endswith(".")
    assert rule.enforcement_level in (EnforcementLevel.MANDATORY, EnforcementLevel.ADVISORY)
    assert rule.severity is not None


@by_rule
def test_each_setting_of_a_rule_is_described_and_has_a_default_of_its_type(rule: Policy) -> None:
    kinds: dict[str, type] = {"string": str, "integer": int, "array": list}
    for setting in rule.config_schema.properties.values() if rule.config_schema else ():
        assert str(setting["description"]).endswith(".")
        assert isinstance(setting["default"], kinds[str(setting["type"])])


def test_rules_have_different_names() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)


@by_rule
@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_a_compliant_stack_passes(rule: Policy, stack: tuple[Declared, ...]) -> None:
    assert judge(rule, *stack).passes


@by_rule
def test_an_empty_stack_passes(rule: Policy) -> None:
    assert judge(rule).passes


@by_rule
@pytest.mark.parametrize("stack", [HELM_ALONE, MANIFESTS_ALONE], ids=["helm", "manifests"])
def test_a_value_that_is_not_known_yet_is_never_held_against_the_program(
    rule: Policy, stack: tuple[Declared, ...]
) -> None:
    for place, changed in _variants(rule, stack, UNKNOWN):
        assert judge(rule, *changed).messages == [], place


@by_rule
def test_a_property_of_an_unexpected_shape_never_makes_a_rule_stumble(rule: Policy) -> None:
    odd: tuple[object, ...] = (None, "odd")
    for value in odd:
        for _, changed in _variants(rule, HELM_ALONE, value):
            judge(rule, *changed)


def _variants(rule: Policy, stack: tuple[Declared, ...], value: object) -> Iterator[tuple[str, tuple[Declared, ...]]]:
    """Yields the stack with each property in turn set to a value; one resource is a stack to a rule about resources."""
    for position, resource in enumerate(stack):
        for path in _paths(resource.props):
            changed = resource.but(path, value)
            alone = isinstance(rule, ResourceValidationPolicy)
            yield (
                f"{resource.name}: {path}",
                (changed,) if alone else (*stack[:position], changed, *stack[position + 1 :]),
            )


def _paths(value: Any, prefix: str = "") -> Iterator[str]:
    """Yields the path of every property, at every depth, for keys that are no paths themselves."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        if "/" not in str(key):
            yield f"{prefix}{key}"
            yield from _paths(item, f"{prefix}{key}/")
