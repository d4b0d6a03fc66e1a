"""Reading IAM policy and trust documents."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from .properties import dig, mappings, texts
from .stack import POLICY, ROLE, ROLE_POLICY, Judged

DOCUMENT_TYPES = (POLICY, ROLE, ROLE_POLICY)
READING = ("describe", "get")
SCALING_ACTIONS = ("autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup")

# Operators that a missing key fails. All but StringEquals know wildcards (ArnEquals is ArnLike under another name), so
# they pin a key only by values without any.
_PINNING = ("stringequals", "stringlike", "arnequals", "arnlike")


@dataclass(frozen=True)
class Statement:
    """One statement of an IAM document, with single values and lists made alike.

    Attributes:
        label: Its Sid, or its position.
        allows: Whether its effect is Allow.
        actions: Its actions; `NotAction` is apart because it allows everything else.
        spared_actions: The actions of `NotAction`, None if the statement has none.
        resources: Its resources; everything where the statement has `NotResource`.
        principals: Values by kind, such as `Federated`.
        conditions: Values by operator and key. IAM compares both without case, so both are in lower case here.
    """

    label: str
    allows: bool
    actions: tuple[str, ...]
    spared_actions: tuple[str, ...] | None
    resources: tuple[str, ...]
    principals: Mapping[str, tuple[str, ...]]
    conditions: Mapping[str, Mapping[str, tuple[str, ...]]]

    def pinned(self) -> dict[str, tuple[str, ...]]:
        """Return the values that the request must have exactly, by key in lower case."""
        found: dict[str, tuple[str, ...]] = {}
        for operator in _PINNING:
            for key, values in self.conditions.get(operator, {}).items():
                exact = operator == "stringequals" or not any("*" in value or "?" in value for value in values)
                if values and exact:
                    found.setdefault(key, values)
        return found

    def equals(self, key: str) -> tuple[str, ...]:
        """Return the values that one key must have exactly, none if it is free."""
        return self.pinned().get(key.lower(), ())

    def allows_action(self, action: str) -> bool:
        """Return whether the statement allows one named action."""
        if self.spared_actions is not None:
            return self.allows and not any(_matches(action, pattern) for pattern in self.spared_actions)
        return self.allows and any(_matches(action, pattern) for pattern in self.actions)

    def scaling_writes(self) -> tuple[str, ...]:
        """Return the actions by which the statement lets its holder change Auto Scaling groups, as written."""
        if not self.allows:
            return ()
        if self.spared_actions is not None:
            spared = " and ".join(self.spared_actions)
            return (f"everything but {spared}",) if any(map(self.allows_action, SCALING_ACTIONS)) else ()
        return tuple(action for action in self.actions if _changes_groups(action))


def permissions(resource: Judged) -> Iterator[Statement]:
    """Yield the statements of every permission document in a policy or role.

    Raises:
        UnknownValueError: A document is not known yet.
    """
    if resource.resource_type == ROLE:
        for inline in mappings(dig(resource.props, "inlinePolicies")):
            yield from statements(dig(inline, "policy"))
    else:
        yield from statements(dig(resource.props, "policy"))


def trust(role: Judged) -> Iterator[Statement]:
    """Yield the statements of a role's trust document.

    Raises:
        UnknownValueError: The document is not known yet.
    """
    yield from statements(dig(role.props, "assumeRolePolicy"))


def statements(document: object) -> Iterator[Statement]:
    """Yield the statements of a document given as JSON text or as an object.

    What is no document at all yields nothing: AWS refuses it in its own words.
    """
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except json.JSONDecodeError:
            return
    for position, statement in enumerate(mappings(dig(document, "Statement")), start=1):
        spared = dig(statement, "NotAction")
        principal = dig(statement, "Principal")
        yield Statement(
            label=str(dig(statement, "Sid") or f"number {position}"),
            allows=dig(statement, "Effect") == "Allow",
            actions=texts(dig(statement, "Action")),
            spared_actions=None if spared is None else texts(spared),
            resources=texts(dig(statement, "Resource")) or ("*",),
            principals=_lists(principal) if isinstance(principal, Mapping) else {"*": texts(principal)},
            conditions={
                operator.lower(): {key.lower(): values for key, values in _lists(keys).items()}
                for operator, keys in _items(dig(statement, "Condition"))
            },
        )


def _items(value: object) -> Iterator[tuple[str, object]]:
    for mapping in mappings(value):
        yield from mapping.items()


def _lists(value: object) -> dict[str, tuple[str, ...]]:
    return {key: texts(values) for key, values in _items(value)}


def _matches(action: str, pattern: str) -> bool:
    return fnmatchcase(action.lower(), pattern.lower())


def _changes_groups(pattern: str) -> bool:
    """Return whether an action pattern covers any Auto Scaling action that is not a read.

    Only what stands before the first wildcard is certain, so `autoscaling:D*` counts: it covers DeleteAutoScalingGroup.
    """
    service, _, action = pattern.lower().partition(":")
    if pattern != "*" and not fnmatchcase("autoscaling", service):
        return False
    certain = action.replace("?", "*").partition("*")[0]
    return not certain.startswith(READING)
