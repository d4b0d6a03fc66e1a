"""SimulatePrincipalPolicy: every action on every resource, with context entries and permissions boundaries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import iam

from sandbox.aws.errors import ApiError
from sandbox.aws.hooking import Hook
from sandbox.aws.query_protocol import IAM, Params

Statements = list[Any]
Layer = list[Statements]
"""Policies that together allow or do not: an identity's policies, or a permissions boundary."""

_DECISIONS = {"Allow": "allowed", "Deny": "explicitDeny", "ImplicitDeny": "implicitDeny"}

_EVALUATED = {"Action", "Version", "PolicySourceArn", "ActionNames", "ResourceArns", "ContextEntries", "MaxItems"}
"""The parameters that are read; any other would change a result."""


@dataclass(frozen=True)
class Subject:
    """Whose call is simulated.

    Attributes:
        arn: The principal's ARN.
        policies: What allows it.
        boundaries: What limits it; each must allow too.
    """

    arn: str
    policies: Layer
    boundaries: list[Layer]


def simulate_principal_policy(params: Params) -> Params:
    """SimulatePrincipalPolicy: a user's or role's own policies."""
    if refused := sorted(set(params) - _EVALUATED):
        raise ApiError("InvalidInput", f"The sandbox's simulator does not evaluate {refused[0]}")
    subject = _principal(params["PolicySourceArn"])
    entries = _context_entries(params.get("ContextEntries", []))
    results = [
        _result(_context(subject, action, resource, entries), subject)
        for action in params["ActionNames"]
        for resource in params.get("ResourceArns") or ["*"]
    ]
    return {"EvaluationResults": results, "IsTruncated": False}


def _principal(arn: str) -> Subject:
    """The principal with its policies and boundary.

    Raises:
        ApiError: ``InvalidInput``: not a user or role; ``NoSuchEntity``: it does not exist.
    """
    parts = arn.split(":", 5)
    kind, _, path_and_name = parts[-1].partition("/")
    stores: Mapping[str, Any] = {"role": iam._roles, "user": iam._users}
    if len(parts) != 6 or parts[2] != "iam" or kind not in stores:
        raise ApiError("InvalidInput", f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    name = path_and_name.rsplit("/", 1)[-1]
    record = stores[kind].get(name)
    if record is None or record["Arn"] != arn:
        raise ApiError("NoSuchEntity", f"The {kind} with name {name} cannot be found.", 404)
    account = iam.get_account_id()
    gather = iam_evaluator._gather_role_policies if kind == "role" else iam_evaluator._gather_user_policies
    boundaries = iam_evaluator._permissions_boundary(stores[kind], name, account)
    return Subject(arn, gather(name, account), boundaries)


def _context_entries(entries: list[Params]) -> dict[str, Any]:
    values = {entry["ContextKeyName"].lower(): entry.get("ContextKeyValues", []) for entry in entries}
    types = {entry["ContextKeyName"].lower(): entry.get("ContextKeyType", "string") for entry in entries}
    return {key: given if types[key].endswith("List") or len(given) != 1 else given[0] for key, given in values.items()}


def _context(subject: Subject, action: str, resource: str, entries: dict[str, Any]) -> Any:
    if ":" not in action:
        raise ApiError("InvalidInput", f"Invalid Action name {action}: expected service:Action")
    return iam_evaluator.EvalContext(
        principal_arn=subject.arn,
        principal_type="AssumedRole" if ":role/" in subject.arn else "User",
        principal_account=iam.get_account_id(),
        action=action,
        resource_arn=resource,
        region=entries.get("aws:requestedregion", iam.get_region()),
        service_context=entries,
    )


def _result(context: Any, subject: Subject) -> Params:
    decision = iam_evaluator.evaluate(context, subject.policies, *subject.boundaries).decision
    within = [iam_evaluator.evaluate(context, layer).decision == "Allow" for layer in subject.boundaries]
    return {
        "EvalActionName": context.action,
        "EvalResourceName": context.resource_arn,
        "EvalDecision": _DECISIONS[decision],
        "MatchedStatements": [],
        "MissingContextValues": _missing(context, [subject.policies, *subject.boundaries]),
        "PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": all(within)} if within else None,
    }


def _missing(context: Any, layers: list[Layer]) -> list[str]:
    """The condition keys that statements about this action name, and that have no value."""
    keys = {
        key
        for layer in layers
        for statements in layer
        for statement in statements
        if iam_evaluator._action_matches(context.action, statement.actions, statement.not_actions)
        for block in statement.conditions.values()
        for key in block
    }
    return sorted(key for key in keys if iam_evaluator._resolve_condition_key(key, context) is None)


HOOKS: tuple[Hook, ...] = (
    IAM.answer("SimulatePrincipalPolicy", simulate_principal_policy),
    IAM.refuse("SimulateCustomPolicy"),
)
