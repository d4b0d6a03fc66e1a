"""Which API calls were made, by whom and how often: tests that inject faults ask for it first."""

from __future__ import annotations

from collections import Counter


class Calls:
    """A tally of calls. Not part of the saved state: a restart clears it."""

    def __init__(self) -> None:
        self._counted: Counter[tuple[str, str, str]] = Counter()

    def count(self, service: str, action: str, client: str) -> None:
        """Counts one call; ``client`` is the caller's ``User-Agent``."""
        self._counted[service, action, client] += 1

    def clear(self) -> None:
        """Start from zero."""
        self._counted.clear()

    def made(self) -> list[dict[str, str | int]]:
        """The calls so far, in the order in which each was first made."""
        return [
            {"service": service, "action": action, "client": client, "times": times}
            for (service, action, client), times in self._counted.items()
        ]


CALLS = Calls()
"""The calls of this process: the gateway counts, the private API reports."""
