"""How many resources and calls the program has today: the counts that CI guards (``tests/benchmarks``)."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sandbox.layout import PROJECT

FILE = PROJECT / "tests" / "benchmarks" / "counts.json"
COMPONENTS = "eks-cluster-autoscaler:"
_PROVIDERS = "pulumi:providers:"


def recorded(name: str) -> Mapping[str, int]:
    """Return the recorded counts of one name, by type or call."""
    found: Mapping[str, int] = json.loads(FILE.read_text())[name]
    return found


def resources_and_components(name: str) -> tuple[int, int]:
    """Return how many resources other than providers, and how many components, the recorded counts have."""
    counts = recorded(name)
    components = sum(count for type_, count in counts.items() if type_.startswith(COMPONENTS))
    providers = sum(count for type_, count in counts.items() if type_.startswith(_PROVIDERS))
    return sum(counts.values()) - components - providers, components


def since(now: float, measured: float) -> str:
    """Return what to add to a count of today if it was another one when the figures were taken."""
    return "" if now == measured else f" ({measured:g} when these figures were taken)"
