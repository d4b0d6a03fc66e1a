"""Dotted version numbers as comparable tuples."""

import re

Minor = tuple[int, int]
"""Major and minor: ``(1, 33)``."""

Patch = tuple[int, int, int]
"""Major, minor and patch: ``(1, 33, 6)``."""

_MINOR = re.compile(r"v?(\d+)\.(\d+)(?:\.\d+)?\+?(?:-.*)?")
_PATCH = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


def parse_minor(text: str) -> Minor | None:
    """Major and minor of ``1.33``, ``v1.33.6`` or ``1.33.5-eks-abc``; None when it is not a version."""
    match = _MINOR.fullmatch(text.strip())
    return (int(match[1]), int(match[2])) if match else None


def parse_patch(text: str) -> Patch | None:
    """All three numbers of ``1.33.6``, ``v1.33.6`` or ``9.59.0``; None for anything else, ``latest`` included."""
    match = _PATCH.fullmatch(text.strip())
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def dotted(version: Minor | Patch) -> str:
    """``(1, 33, 6)`` as ``1.33.6``."""
    return ".".join(map(str, version))
