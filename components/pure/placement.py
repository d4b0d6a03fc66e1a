"""On which node groups the autoscaler's own pods can run."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from . import ami, startup_taints
from .discovery import Taint
from .faults import Fault


class Group(NamedTuple):
    """A node group of a cluster that has no other nodes.

    Attributes:
        minimum: Its minSize.
        ami_type: Its AMI type.
        taints: Its taints.
    """

    minimum: int
    ami_type: str
    taints: Sequence[Taint]


def faults(groups: Sequence[Group], tolerations: Iterable[Mapping[str, str]]) -> list[Fault]:
    """Find out why no group of a new cluster can start the autoscaler, so that its release would time out."""
    tolerated = list(tolerations)
    if any(_starts(group, tolerated) for group in groups):
        return []
    got = "no group" if not groups else "groups that are empty, tainted or Windows at first"
    expected = (
        "a Linux group with minSize 1 or more whose taints autoscaler.tolerations names, for the autoscaler's pods"
    )
    return [Fault("nodeGroups", got, expected)]


def _starts(group: Group, tolerations: Sequence[Mapping[str, str]]) -> bool:
    repelling = [taint for taint in startup_taints.lasting(group.taints) if taint["effect"] != "PreferNoSchedule"]
    return (
        group.minimum > 0
        and not ami.is_windows(group.ami_type)
        and all(any(_tolerates(each, taint) for each in tolerations) for taint in repelling)
    )


def _tolerates(toleration: Mapping[str, str], taint: Taint) -> bool:
    """Return whether a toleration matches a taint (``ToleratesTaint`` of kubernetes/api, ``core/v1/toleration.go``)."""
    return (
        toleration.get("effect", "") in ("", taint["effect"])
        and toleration.get("key", "") in ("", taint["key"])
        and (toleration.get("operator", "Equal") == "Exists" or toleration.get("value", "") == taint.get("value", ""))
    )
