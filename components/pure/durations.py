"""Durations as Go's ``time.ParseDuration`` reads them, for flags, tags and chart values of Cluster Autoscaler."""

import re

EXPECTED = "a Go duration, such as 10m or 1h30m"
"""What to write."""

_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_DURATION = re.compile(rf"[+-]?(0|({_PART.pattern})+)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float | None:
    """The length of a Go duration in seconds; None if it is not one. Like Go, ``0`` needs no unit."""
    if not _DURATION.fullmatch(text):
        return None
    length = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    return -length if text.startswith("-") else length


def is_duration(text: str) -> bool:
    """Return whether Go reads it as a duration."""
    return seconds(text) is not None
