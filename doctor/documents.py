"""Evaluate IAM documents: who may assume a role, and which policies grant too much.

A small part of IAM's evaluation, enough to name the line of a trust document that refuses, which AWS itself never does.
What cannot be evaluated here is reported as not judged; IAM's own simulator evaluates permissions.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .facts import Document, Policy


@dataclass(frozen=True)
class Request:
    """A request to assume a role.

    Attributes:
        principal_kind: ``Federated`` or ``Service``.
        principal: ARN of the OIDC provider, or name of the service.
        actions: All actions that must be allowed.
        context: Value by condition key, such as ``<issuer>:sub``.
    """

    principal_kind: str
    principal: str
    actions: tuple[str, ...]
    context: Mapping[str, str]


@dataclass(frozen=True)
class Refusal:
    """One condition that does not hold.

    Attributes:
        given: The value in the request; None if the request does not have the key.
    """

    operator: str
    key: str
    wanted: tuple[str, ...]
    given: str | None


@dataclass(frozen=True)
class TrustVerdict:
    """The decision of a trust policy about a request.

    Attributes:
        allowed: Whether the role may be assumed, as far as the doctor can evaluate it.
        missing_actions: Actions that no statement for this principal allows.
        principals: Every principal of the requested kind that the policy names.
        refusals: Conditions that do not match, of the statement that comes nearest.
        unjudged: Conditions that cannot be evaluated here: their operator, or a key whose value only AWS knows.
        loose: Context keys that the statements which allow it do not pin, or pin with a wildcard.
    """

    allowed: bool
    missing_actions: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    unjudged: tuple[str, ...] = ()
    loose: frozenset[str] = frozenset()


def judge_trust(document: Document, request: Request) -> TrustVerdict:
    """Decide whether a trust policy allows a request, and if not, why."""
    allowing = [statement for statement in statements(document) if statement.get("Effect") == "Allow"]
    named = [statement for statement in allowing if _names(statement, request.principal_kind, request.principal)]
    refused: list[tuple[Refusal, ...]] = []
    granted: set[str] = set()
    loose: set[str] = set()
    for statement in named:
        actions = {action for action in request.actions if _matches_any(action, statement.get("Action"), fold=True)}
        if not actions:
            continue
        refusals = tuple(_refusals(statement, request.context))
        if refusals:
            refused.append(refusals)
            continue
        granted |= actions
        loose |= set(request.context) - _pinned(statement)
    missing = tuple(action for action in request.actions if action not in granted)
    return TrustVerdict(
        allowed=not missing and not _denied(document, request),
        missing_actions=missing,
        principals=tuple(value for statement in allowing for value in _principals(statement, request.principal_kind)),
        refusals=min(refused, key=len) if refused and missing else (),
        unjudged=tuple(
            f"{operator} {key}"
            for statement in named
            for operator, key, _ in _conditions(statement)
            if not _is_judged(operator, key, request.context)
        ),
        loose=frozenset(loose),
    )


def repaired_trust(document: Document, right: Document, request: Request) -> Document:
    """Return a trust policy that allows a request and changes nothing else.

    Statements for other principals, denials, and conditions that cannot be judged here stay as they are: other clusters
    may use the role, and a condition such as `aws:SourceVpc` is a restriction that a user put there on purpose.

    Args:
        document: The trust policy of the role.
        right: A document whose one statement allows the request and nothing else.
        request: The request.
    """
    kind, principal, context = request.principal_kind, request.principal, request.context
    kept: list[Mapping[str, Any]] = []
    locks: dict[str, dict[str, Any]] = {}
    for statement in statements(document):
        if statement.get("Effect") != "Allow" or not _names(statement, kind, principal):
            kept.append(statement)
            continue
        for operator, key, wanted in _conditions(statement):
            if not _is_judged(operator, key, context):
                locks.setdefault(operator, {})[key] = wanted[0] if len(wanted) == 1 else list(wanted)
        others = [value for value in _principals(statement, kind) if value not in (principal, "*")]
        if others:
            kept.append({**statement, "Principal": {kind: others}})
    (statement,) = statements(right)
    conditions = {
        operator: {**locks.get(operator, {}), **statement["Condition"].get(operator, {})}
        for operator in {**statement["Condition"], **locks}
    }
    return {**right, "Statement": [*kept, {**statement, "Condition": conditions}]}


def statements(document: Document) -> list[Mapping[str, Any]]:
    """Return the statements of a document, which holds one or a list of them."""
    found = document.get("Statement", [])
    return [statement for statement in _as_list(found) if isinstance(statement, Mapping)]


def condition_keys(policies: Iterable[Policy]) -> set[str]:
    """Return every condition key of the policies."""
    return {
        key for policy in policies for statement in statements(policy.document) for _, key, _ in _conditions(statement)
    }


def far_reaching(policies: Iterable[Policy], probes: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return which policies allow actions that the autoscaler never calls: the probed actions by policy name."""
    found = {
        policy.name: tuple(
            probe
            for probe in probes
            if any(_matches_any(probe, statement.get("Action"), fold=True) for statement in _allowing(policy))
        )
        for policy in policies
    }
    return {name: actions for name, actions in found.items() if actions}


def unconditioned(policies: Iterable[Policy], actions: Iterable[str], foreign_arn: str) -> dict[str, tuple[str, ...]]:
    """Return which policies allow actions on a group of another cluster, without a condition on its tags."""
    wanted = tuple(actions)
    found = {
        policy.name: tuple(
            action
            for action in wanted
            if any(
                _matches_any(action, statement.get("Action"), fold=True)
                and _matches_any(foreign_arn, statement.get("Resource"))
                and not any("resourcetag/" in key.lower() for _, key, _ in _conditions(statement))
                for statement in _allowing(policy)
            )
        )
        for policy in policies
    }
    return {name: matched for name, matched in found.items() if matched}


def _allowing(policy: Policy) -> list[Mapping[str, Any]]:
    return [statement for statement in statements(policy.document) if statement.get("Effect") == "Allow"]


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _principals(statement: Mapping[str, Any], kind: str) -> list[str]:
    principal = statement.get("Principal")
    if principal == "*":
        return ["*"]
    return (
        [str(value) for value in _as_list(principal[kind])]
        if isinstance(principal, Mapping) and kind in principal
        else []
    )


def _names(statement: Mapping[str, Any], kind: str, principal: str) -> bool:
    return any(value in ("*", principal) for value in _principals(statement, kind))


def _matches_any(value: str, patterns: Any, *, fold: bool = False) -> bool:
    return any(_like(value, str(pattern), fold=fold) for pattern in _as_list(patterns) if pattern is not None)


def _like(value: str, pattern: str, *, fold: bool = False) -> bool:
    """IAM's wildcards: ``*`` for any characters, ``?`` for one."""
    expression = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(expression, value, re.DOTALL | (re.IGNORECASE if fold else re.NOFLAG)) is not None


def _conditions(statement: Mapping[str, Any]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    blocks = statement.get("Condition")
    for operator, keys in blocks.items() if isinstance(blocks, Mapping) else ():
        for key, wanted in keys.items() if isinstance(keys, Mapping) else ():
            yield str(operator), str(key), tuple(str(value) for value in _as_list(wanted))


_OPERATORS: Mapping[str, Callable[[str, tuple[str, ...]], bool]] = {
    "StringEquals": lambda value, wanted: value in wanted,
    "StringNotEquals": lambda value, wanted: value not in wanted,
    "StringEqualsIgnoreCase": lambda value, wanted: value.lower() in {each.lower() for each in wanted},
    "StringNotEqualsIgnoreCase": lambda value, wanted: value.lower() not in {each.lower() for each in wanted},
    "StringLike": lambda value, wanted: any(_like(value, each) for each in wanted),
    "StringNotLike": lambda value, wanted: not any(_like(value, each) for each in wanted),
    "ArnEquals": lambda value, wanted: any(_like(value, each) for each in wanted),
    "ArnLike": lambda value, wanted: any(_like(value, each) for each in wanted),
}


def _base_operator(operator: str) -> str:
    return operator.rpartition(":")[2].removesuffix("IfExists")


def _is_judged(operator: str, key: str, context: Mapping[str, str]) -> bool:
    """Whether a condition can be evaluated from what is known of a request.

    A global key (`aws:SourceVpc`, `aws:PrincipalOrgID`) has a value that AWS fills in and that is not known here. The
    exceptions are keys that a token of EKS and a session of EKS Pod Identity are known not to carry ("AWS global
    condition context keys", IAM user guide).
    """
    if _base_operator(operator) not in _OPERATORS:
        return False
    folded = key.lower()
    known = folded in {each.lower() for each in context} or folded.startswith(_ABSENT_IF_NOT_SENT)
    return known or not folded.startswith("aws:")


_ABSENT_IF_NOT_SENT = ("aws:requesttag/", "aws:sourcearn", "aws:sourceaccount")


def _denied(document: Document, request: Request) -> bool:
    return any(
        _names(statement, request.principal_kind, request.principal)
        and any(_matches_any(action, statement.get("Action"), fold=True) for action in request.actions)
        and all(_is_judged(operator, key, request.context) for operator, key, _ in _conditions(statement))
        and not list(_refusals(statement, request.context))
        for statement in statements(document)
        if statement.get("Effect") == "Deny"
    )


def _refusals(statement: Mapping[str, Any], context: Mapping[str, str]) -> Iterator[Refusal]:
    given = {key.lower(): value for key, value in context.items()}
    for operator, key, wanted in _conditions(statement):
        if not _is_judged(operator, key, context):
            continue
        judge = _OPERATORS[_base_operator(operator)]
        value = given.get(key.lower())
        if value is None:
            absent_passes = operator.endswith("IfExists") or "Not" in operator or operator.startswith("ForAllValues:")
            if not absent_passes:
                yield Refusal(operator, key, wanted, None)
        elif not judge(value, wanted):
            yield Refusal(operator, key, wanted, value)


def _pinned(statement: Mapping[str, Any]) -> set[str]:
    """Keys that a statement compares for equality, or by a pattern without a wildcard."""
    pinned = set()
    for operator, key, wanted in _conditions(statement):
        base = _base_operator(operator)
        exact = base in ("StringEquals", "StringEqualsIgnoreCase")
        narrow = base in ("StringLike", "ArnLike", "ArnEquals") and not any("*" in value for value in wanted)
        if exact or narrow:
            pinned.add(key)
    return pinned


def as_document(value: Any) -> Document:
    """Return a document that boto3 has decoded; anything else counts as empty."""
    return value if isinstance(value, Mapping) else {}
