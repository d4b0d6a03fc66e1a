"""The tags by which Cluster Autoscaler finds an Auto Scaling Group and knows what its nodes will be like.

Source of every key and form: kubernetes/autoscaler, ``cluster-autoscaler/cloudprovider/aws/README.md`` and
``aws_manager.go`` (read at 1.36.1).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NotRequired, TypedDict, TypeVar

from . import durations
from .faults import Fault

PREFIX = "k8s.io/cluster-autoscaler"
ENABLED_KEY = f"{PREFIX}/enabled"
NODE_TEMPLATE_PREFIX = f"{PREFIX}/node-template"

WRONG_PREFIX = "eks:cluster-autoscaler/"
"""A prefix that circulates in tutorials. Cluster Autoscaler does not discover by it."""

MAX_TAGS = 50
"""Quota of AWS: tags on one resource, such as an Auto Scaling Group."""

EKS_OWN_TAGS = 3
"""Tags that EKS adds to a managed group's ASG in addition to the two discovery tags.

They are ``eks:cluster-name``, ``eks:nodegroup-name`` and ``kubernetes.io/cluster/<cluster>``.
"""

TAINT_EFFECTS: Mapping[str, str] = {
    "NoSchedule": "NO_SCHEDULE",
    "NoExecute": "NO_EXECUTE",
    "PreferNoSchedule": "PREFER_NO_SCHEDULE",
}
"""Kubernetes' spelling of a taint's effect (tags, pods) to the spelling of the EKS API (node groups)."""

AUTOSCALING_OPTIONS: Mapping[str, str] = {
    "scaledownutilizationthreshold": "number",
    "scaledowngpuutilizationthreshold": "number",
    "scaledownunneededtime": "duration",
    "scaledownunreadytime": "duration",
    "ignoredaemonsetsutilization": "boolean",
}
"""The five options per group that the AWS provider of Cluster Autoscaler honours; it ignores any other silently."""

_OPTION_FORMS: Mapping[str, tuple[Callable[[str], object], str]] = {
    "number": (re.compile(r"0(\.\d+)?|1(\.0+)?").fullmatch, "a number from 0 to 1, such as 0.5"),
    "duration": (durations.is_duration, durations.EXPECTED),
    "boolean": (re.compile(r"true|false").fullmatch, "true or false"),
}


class Taint(TypedDict):
    """A taint of a node group, spelled as Kubernetes spells it."""

    key: str
    """Key of the taint, such as `dedicated` or `example.com/gpu`."""
    effect: str
    """`NoSchedule`, `NoExecute` or `PreferNoSchedule`."""
    value: NotRequired[str]
    """Value of the taint. Defaults to the empty value."""
    startup: NotRequired[bool]
    """Whether an agent removes the taint once the node is ready. Defaults to true for the taints of known agents.

    Such a taint is not advertised, and Cluster Autoscaler gets its key as `--startup-taint`.
    """


def cluster_key(cluster: str) -> str:
    """Tag key that ties a group to one cluster; its value is ``owned``."""
    return f"{PREFIX}/{cluster}"


def owner_key(cluster: str) -> str:
    """Tag key by which AWS's controllers know instances and Auto Scaling groups of a cluster."""
    return f"kubernetes.io/cluster/{cluster}"


def discovery_tags(cluster: str) -> dict[str, str]:
    """The two tags that a group needs to be found by the autoscaler of ``cluster``."""
    return {ENABLED_KEY: "true", cluster_key(cluster): "owned"}


def discovery_flag(cluster: str) -> str:
    """Return the flag by which Cluster Autoscaler discovers the groups of ``cluster``; both tags are required."""
    return f"--node-group-auto-discovery=asg:tag={ENABLED_KEY},{cluster_key(cluster)}"


def label_key(label: str) -> str:
    """Return the node-template tag key of a label of the group's nodes."""
    return f"{NODE_TEMPLATE_PREFIX}/label/{label}"


def taint_key(taint: str) -> str:
    """Return the node-template tag key of a taint of the group's nodes."""
    return f"{NODE_TEMPLATE_PREFIX}/taint/{taint}"


def resource_key(resource: str) -> str:
    """Return the node-template tag key of a resource of the group's nodes, such as ``ephemeral-storage``."""
    return f"{NODE_TEMPLATE_PREFIX}/resources/{resource}"


def option_key(option: str) -> str:
    """Tag key of an autoscaling option of one group."""
    return f"{NODE_TEMPLATE_PREFIX}/autoscaling-options/{option}"


def taint_value(taint: Taint) -> str:
    """``<value>:<effect>``, the only form that Cluster Autoscaler reads; the value may be empty (``:NoSchedule``)."""
    return f"{taint.get('value', '')}:{taint['effect']}"


def parse_taint(key: str, tag_value: str) -> Taint | None:
    """Return the taint of a node-template tag; None where Cluster Autoscaler would silently ignore it."""
    value, colon, effect = tag_value.rpartition(":")
    if not colon or effect not in TAINT_EFFECTS or not key.startswith(taint_key("")):
        return None
    return {"key": key.removeprefix(taint_key("")), "value": value, "effect": effect}


Value = TypeVar("Value")
"""Value of a label: text, or an Output of it."""


def node_template_tags(
    labels: Mapping[str, Value] | None = None,
    taints: Iterable[Taint] = (),
    resources: Mapping[str, Value] | None = None,
    autoscaling_options: Mapping[str, str] | None = None,
) -> dict[str, Value | str]:
    """The tags that let Cluster Autoscaler scale a group from zero: what a node of it will offer, by tag key."""
    return {
        **{label_key(label): value for label, value in (labels or {}).items()},
        **{taint_key(taint["key"]): taint_value(taint) for taint in taints},
        **{resource_key(resource): quantity for resource, quantity in (resources or {}).items()},
        **{option_key(option): value for option, value in (autoscaling_options or {}).items()},
    }


def autoscaling_option_faults(options: Mapping[str, str]) -> list[Fault]:
    """Check the autoscaling options of one group: unknown names and values that would only be warned about."""
    faults = []
    for option, value in options.items():
        form = AUTOSCALING_OPTIONS.get(option)
        if form is None:
            faults.append(Fault(option, "an option unknown on AWS", f"one of {', '.join(AUTOSCALING_OPTIONS)}"))
        elif not _OPTION_FORMS[form][0](value):
            faults.append(Fault(option, repr(value), _OPTION_FORMS[form][1]))
    return faults
