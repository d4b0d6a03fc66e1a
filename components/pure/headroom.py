"""Decide whether headroom works: what priority and requests pause pods must have, and what a buffer cannot have.

Pods of a lower priority give way to any pod without a PriorityClass, whose priority is 0. Cluster Autoscaler adds a
node for a pending pod unless its priority is below ``expendable-pods-priority-cutoff`` (kubernetes/autoscaler 1.36.1,
``core/utils/expendable.go``, ``IsExpendablePod``). So headroom works from the cutoff up to -1.
"""

import re
from collections.abc import Mapping
from typing import Any

from . import tables, validation
from .faults import Fault

CUTOFF_FLAG = "expendable-pods-priority-cutoff"
DEFAULT_CUTOFF = -10
"""The flag's default in every version that ``ca-flags.tsv`` covers."""
DEFAULT_PRIORITY = -10

LOWEST_PRIORITY = -(2**31)
"""A PriorityClass holds a 32-bit integer (kubernetes/api, ``scheduling/v1/types.go``)."""

MAX_REPLICAS = 1000

PODS = "Pods"
"""The kind of headroom that every version of Cluster Autoscaler keeps."""
_OF_PODS = ("priority", "image")
"""Arguments that mean nothing without pods."""

_PAUSE = next(row for row in tables.records("images.tsv") if row["name"] == "pause")
PAUSE_REPOSITORY = _PAUSE["repository"]
PAUSE_TAG = _PAUSE["tag"]

_WHOLE = re.compile(r"[+-]?\d+")
_ZERO = re.compile(r"[0.]+[A-Za-z]*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(@sha256:[0-9a-f]{64})?")


def cutoff(flags: Mapping[str, str]) -> int:
    """Return the priority below which Cluster Autoscaler ignores pods; the default while the flag is not a number."""
    value = flags.get(CUTOFF_FLAG, "")
    return int(value) if _WHOLE.fullmatch(value) else DEFAULT_CUTOFF


def priority_faults(priority: int, cutoff: int) -> list[Fault]:
    """Find out why pods of this priority would not give way, or would not bring a node.

    Args:
        priority: Priority of the pause pods.
        cutoff: Value of ``expendable-pods-priority-cutoff``.
    """
    if cutoff > -1:
        return [
            Fault(
                "priority",
                f"{priority} with --{CUTOFF_FLAG}={cutoff}",
                f"{CUTOFF_FLAG} to be -1 or less: no priority is both below 0, so that the pods give way, and at the "
                "cutoff or above, so that Cluster Autoscaler adds nodes for them",
            )
        ]
    if priority > -1:
        expected = f"{cutoff} to -1: at 0 or more the pods do not give way to pods without a PriorityClass"
        return [Fault("priority", str(priority), expected)]
    if priority < cutoff:
        expected = f"{cutoff} to -1: Cluster Autoscaler adds no node for pods below --{CUTOFF_FLAG}={cutoff}"
        return [Fault("priority", str(priority), expected)]
    return []


def kind_faults(kind: str, args: Mapping[str, Any], cutoff: int) -> list[Fault]:
    """Find what one kind of headroom cannot have: a priority that does nothing, and for buffers anything of pods.

    Args:
        kind: ``Pods`` or ``CapacityBuffer``.
        args: Arguments of ``Headroom``.
        cutoff: Value of ``expendable-pods-priority-cutoff``.
    """
    if kind == PODS:
        return priority_faults(args.get("priority", DEFAULT_PRIORITY), cutoff)
    return [Fault(key, f"a value with kind {kind}", f"none: a {kind} has no pods") for key in _OF_PODS if key in args]


def request_faults(path: str, value: str) -> list[Fault]:
    """Check what one pause pod requests: not a quantity, or nothing."""
    if _ZERO.fullmatch(value):
        return [Fault(path, repr(value), "more than 0: a pod that requests nothing reserves nothing")]
    return validation.quantity(path, value)


def tag_faults(path: str, value: object) -> list[Fault]:
    """Check an image's tag, which may be followed by a digest."""
    return validation.form_faults(path, value, _TAG, "an image's tag, such as 3.10.2 or 3.10.2@sha256:…")


def priority_class_name(name: str, priority: int) -> str:
    """Return the name of the PriorityClass. Its value is in it, because a PriorityClass cannot be changed."""
    return f"{name}{priority}"
