"""Policy variables such as ``${aws:PrincipalTag/eks-cluster-name}`` in conditions, which ministack takes literally."""

from __future__ import annotations

import re
from typing import Any

from ministack.core import iam_evaluator

from sandbox.aws.hooking import Hook, wrap

_VARIABLE = re.compile(r"\$\{([^},]+)(?:,\s*'([^']*)')?\}")

# ${*}, ${?} and ${$} stand for the character itself.
_LITERAL = ("*", "?", "$")


class _Unknown(Exception):
    """A variable has no value in this request."""


def conditions_met(original: Any, conditions: dict[str, Any], context: Any) -> bool:
    """Evaluates conditions with their variables filled in; a variable without a value fulfils nothing."""
    try:
        return bool(original({operator: _filled(block, context) for operator, block in conditions.items()}, context))
    except _Unknown:
        return False


def _filled(value: Any, context: Any) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, context) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, context) for inner in value]
    return _VARIABLE.sub(lambda match: _value(match, context), value) if isinstance(value, str) else value


def _value(match: re.Match[str], context: Any) -> str:
    name, default = match[1].strip(), match[2]
    if name in _LITERAL:
        return name
    found = iam_evaluator._resolve_condition_key(name, context)
    found = default if found is None else found
    if not isinstance(found, str):
        raise _Unknown
    return found


HOOKS: tuple[Hook, ...] = (wrap(iam_evaluator, "_conditions_met", conditions_met),)
