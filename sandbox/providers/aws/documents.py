"""JSON documents, above all IAM policies: text that means the same is the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def text(document: Any) -> str:
    """A document as the text to send: an object is written as JSON, text stays as it is."""
    return document if isinstance(document, str) else json.dumps(document)


def fault(document: Any) -> str | None:
    """Why a document cannot be one, or None."""
    if not isinstance(document, str):
        return None
    try:
        parsed = json.loads(document)
    except ValueError as error:
        return f"not a JSON document: {error}"
    return None if isinstance(parsed, dict) else "not a JSON object"


def equivalent(first: Any, second: Any) -> bool:
    """Whether two documents mean the same to AWS.

    AWS keeps no order within lists, and a list of one means the same as its item. The official provider ignores these
    differences too, so that a stored policy does not show up as changed every time.
    """
    if first is None or second is None:
        return first is second
    try:
        return bool(_canonical(_parsed(first)) == _canonical(_parsed(second)))
    except ValueError:
        return bool(first == second)


def _parsed(document: Any) -> Any:
    return json.loads(document) if isinstance(document, str) else document


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        items = {json.dumps(_canonical(item), sort_keys=True) for item in value}
        return sorted(items) if len(items) > 1 else _canonical(value[0]) if value else []
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return value
