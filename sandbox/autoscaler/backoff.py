"""Leaving a group alone for a while after it failed to grow."""

from __future__ import annotations

from datetime import datetime, timedelta

from sandbox.autoscaler.options import Options


class Backoff:
    """Remembers the failures of each group; the pause doubles from failure to failure up to the flags' limit."""

    def __init__(self, options: Options) -> None:
        self._initial = timedelta(seconds=options.initial_node_group_backoff_duration)
        self._longest = timedelta(seconds=options.max_node_group_backoff_duration)
        self._reset = timedelta(seconds=options.node_group_backoff_reset_timeout)
        self._pauses: dict[str, tuple[datetime, timedelta, str]] = {}

    def fail(self, group: str, now: datetime, message: str) -> datetime:
        """Notes a failure and returns until when the group is left alone."""
        began, pause, _ = self._pauses.get(group, (datetime.min.replace(tzinfo=now.tzinfo), timedelta(), ""))
        again = pause and now - began < self._reset
        pause = min(pause * 2, self._longest) if again else self._initial
        self._pauses[group] = (now, pause, message)
        return now + pause

    def succeed(self, group: str) -> None:
        """Forgets the failures of a group."""
        self._pauses.pop(group, None)

    def reason(self, group: str, now: datetime) -> str:
        """The error for which the group is left alone now; empty when it is not."""
        began, pause, message = self._pauses.get(group, (now, timedelta(), ""))
        return message if now < began + pause else ""
