"""What the person at the keyboard chose."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """How thoroughly is measured.

    Attributes:
        rounds: Rounds that count; parts of long rounds take fewer.
        cold: Whether the sandbox's tools are built again, which takes a quarter of an hour.
    """

    rounds: int = 7
    cold: bool = False

    @property
    def few(self) -> int:
        """Rounds of what takes long."""
        return min(self.rounds, 3)
