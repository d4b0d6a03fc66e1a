"""Programs run against the recorded cloud, as resources that rules can judge."""

from collections.abc import Mapping
from typing import Any

from pulumi.output import Unknown

from tests.cloud import Graph
from tests.policies.judging import UNKNOWN, Declared


def declared(graph: Graph) -> list[Declared]:
    """Returns all resources of a run, each under its URN, since two may share a name."""
    return [
        Declared(
            found.type,
            _props(found.inputs),
            found.urn,
            ignore_changes=found.ignore_changes,
            uses=found.property_dependencies,
        )
        for found in graph.registrations
    ]


def _props(value: Any) -> Any:
    """Marks what is not known yet as the engine marks it."""
    if isinstance(value, Unknown):
        return UNKNOWN
    if isinstance(value, Mapping):
        return {key: _props(item) for key, item in value.items()}
    return [_props(item) for item in value] if isinstance(value, list) else value
