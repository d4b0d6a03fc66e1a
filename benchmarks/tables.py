"""Figures as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.measuring import Spread


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table, its first column to the left and the others to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)


def shown(spread: Spread, digits: int = 2) -> str:
    """``2.31 (2.28-2.40)``: median, lowest and highest."""
    median, low, high = (f"{spread[key]:.{digits}f}" for key in ("median", "low", "high"))
    return f"{median} ({low}-{high})"


def verdict(value: float, goal: float) -> str:
    """How a figure stands to a goal that it may not exceed."""
    return f"{value:.2f}, goal {goal:.2f} or less: {'met' if value <= goal else '**missed**'}"
