"""What the official provider checks of a single value before it asks AWS, so that a preview already refuses it.

Imitates the validators of terraform-plugin-sdk helper/validation (``StringLenBetween``, ``StringMatch``,
``IntBetween``) and of terraform-provider-aws internal/verify/validate.go (``ValidARN``, ``ValidCIDRNetworkAddress``).
A validator takes a known value and returns what is wrong with it, or None.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any

Validator = Callable[[Any], str | None]

_ARN = re.compile(r"arn:[\w-]+:[a-zA-Z0-9-]+:([a-z]{2}-(gov-|iso[a-z]?-)?[a-z]+-\d)?:(\d{12}|aws)?:.*")


def length(least: int, most: int) -> Validator:
    """A string of ``least`` to ``most`` characters."""

    def check(value: Any) -> str | None:
        if least <= len(value) <= most:
            return None
        return f"expected length to be in the range ({least} - {most}), got {value!r} of {len(value)}"

    return check


def matching(pattern: str, reason: str) -> Validator:
    """A string that the pattern matches as a whole."""
    return lambda value: None if re.fullmatch(pattern, value) else f"{reason}, got {value!r}"


def between(least: int, most: int | None = None) -> Validator:
    """A number from ``least`` to ``most``."""

    def check(value: Any) -> str | None:
        if least <= value and (most is None or value <= most):
            return None
        expected = f"at least {least}" if most is None else f"in the range ({least} - {most})"
        return f"expected to be {expected}, got {value}"

    return check


def one_of(*values: str) -> Validator:
    """One of a few strings, where the API knows more of them than the provider takes."""
    return lambda value: None if value in values else f"expected one of {', '.join(values)}, got {value!r}"


def arn(value: Any) -> str | None:
    """An ARN (``ValidARN``); the empty string passes, as upstream."""
    return None if value == "" or _ARN.fullmatch(value) else f"{value!r} is an invalid ARN"


def cidr(value: Any) -> str | None:
    """A network in CIDR notation, without bits behind its mask (``ValidCIDRNetworkAddress``)."""
    if "/" not in value:
        return f"{value!r} is not a valid CIDR block: invalid CIDR address"
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError as error:
        return f"{value!r} is not a valid CIDR block: {error}"
    return None if str(network) == value else f"{value!r} is not a valid CIDR block; did you mean {str(network)!r}?"


def in_order(*validators: Validator) -> Validator:
    """Return the message of the first validator that objects (``validation.All`` returns all)."""
    return lambda value: next((reason for check in validators if (reason := check(value))), None)


CLUSTER_NAME = in_order(
    length(1, 100),
    matching(r"[0-9A-Za-z][0-9A-Za-z_-]*", "must contain alphanumeric characters, dashes and underscores"),
)
"""``validClusterName`` of internal/service/eks/validate.go."""


def iam_name(most: int) -> Validator:
    """``validResourceName`` of internal/service/iam/validate.go."""
    return in_order(length(0, most), matching(r"[\w+=,.@-]*", "must match [\\w+=,.@-]"))
