"""How every check combines and words findings."""

from collections.abc import Iterator, Mapping, Sequence

from ..findings import Finding, Rule


def each(rule: Rule, findings: Iterator[Finding], otherwise: str) -> Iterator[Finding]:
    """Yield the findings of one rule, or that the rule holds."""
    found = list(findings)
    yield from found or [rule.ok(otherwise)]


def pairs(values: Mapping[str, str]) -> str:
    """``a=1, b=2``."""
    return ", ".join(f"{key}={value}" for key, value in values.items())


def some(names: Sequence[str], limit: int = 5) -> str:
    """``a, b, c and 7 more``."""
    more = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {more} more" if more > 0 else "")


def number(count: int, noun: str, plural: str = "") -> str:
    """``1 group``, ``2 groups``; the plural is the noun with an ``s`` unless it is given."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"
