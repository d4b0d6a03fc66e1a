"""Command-line flags of Cluster Autoscaler: which exist in which version, and what they take."""

import re
from collections.abc import Callable, Mapping
from functools import cache

from . import durations, tables
from .faults import Fault
from .suggestions import nearest
from .versions import Minor, dotted, parse_minor

OWNED_BY: Mapping[str, str] = {
    "balance-similar-node-groups": "balanceSimilarNodeGroups",
    "skip-nodes-with-system-pods": "skipNodesWithSystemPods",
    "scale-down-unneeded-time": "scaleDownUnneededTime",
    "scale-down-delay-after-add": "scaleDownDelayAfterAdd",
    "expander": "expander",
    "namespace": "namespace",
    "node-group-auto-discovery": "the cluster's name",
    "nodes": "the tags of the node groups",
    "cluster-name": "the cluster's name",
    "leader-elect-resource-namespace": "namespace",
}
"""Flags that follow from a setting, or from what the program reads."""

FIXED: Mapping[str, str] = {
    "cloud-provider": "it is always aws",
    "leader-elect-resource-name": "the chart's RBAC names the lease",
    "status-config-map-name": "the chart's RBAC names the ConfigMap",
    "address": "the chart's port and liveness probe name it",
}
"""Flags that always have one value, each with the reason."""

_LIBRARY_FLAGS_BY_TYPE = {
    "Bool": """
        add-dir-header alsologtostderr leader-elect log-json-split-stream log-text-split-stream logtostderr one-output
        skip-headers skip-log-headers
    """,
    "Int": "log-file-max-size v",
    "Duration": """
        leader-elect-lease-duration leader-elect-renew-deadline leader-elect-retry-period log-flush-frequency
    """,
    "String": """
        feature-gates leader-elect-resource-lock leader-elect-resource-name leader-elect-resource-namespace
        log-backtrace-at log-dir log-file log-json-info-buffer-size log-text-info-buffer-size logging-format
        stderrthreshold vmodule
    """,
}
LIBRARY_FLAGS: Mapping[str, str] = {
    flag: kind for kind, flags in _LIBRARY_FLAGS_BY_TYPE.items() for flag in flags.split()
}
"""Type of each flag of the libraries that Cluster Autoscaler is built with (klog, component-base).

They are not in its own source, and so not in the table; ``--help`` of 1.33.6 and 1.36.1 lists them.
"""

LEADER_ELECTION = "leader-elect"

EXPANDERS = ("random", "most-pods", "least-waste", "least-nodes", "priority", "grpc")
"""Expanders that work on AWS. With ``price`` Cluster Autoscaler exits, because AWS gives it no prices."""

DRA_FLAG = "enable-dynamic-resource-allocation"
"""Pods may request devices by ResourceClaims (Dynamic Resource Allocation)."""

FLAGS_TABLE = "ca-flags.tsv"

TRUE = {"1", "t", "T", "TRUE", "true", "True"}
"""The spellings of true that Go's ``strconv.ParseBool`` accepts."""
_BOOLEANS = TRUE | {"0", "f", "F", "FALSE", "false", "False"}
"""All spellings that it accepts."""

_FORMS: Mapping[str, tuple[Callable[[str], object], str]] = {
    "Int": (re.compile(r"[+-]?\d+").fullmatch, "a whole number"),
    "Float64": (re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)").fullmatch, "a number"),
    "Duration": (durations.is_duration, durations.EXPECTED),
}
_REPEATABLE = {"multiStringFlag"}


@cache
def table() -> dict[str, tuple[str, dict[Minor, str]]]:
    """Type of each flag, and its default by the minor versions that know it."""
    header, *flags = tables.rows(FLAGS_TABLE)
    minors = [parse_minor(version) for version in header[2:]]
    return {
        flag: (
            kind,
            {minor: default for minor, default in zip(minors, defaults, strict=True) if minor and default != "-"},
        )
        for flag, kind, *defaults in flags
    }


def is_repeatable(flag: str) -> bool:
    """Return whether the flag may be given several times, each time with one value more."""
    return table().get(flag, ("", {}))[0] in _REPEATABLE


def known_minors() -> tuple[Minor, ...]:
    """The minor versions of Cluster Autoscaler that the table covers, oldest first."""
    return tuple(sorted({minor for _, defaults in table().values() for minor in defaults}))


def flag_faults(flags: Mapping[str, str], minor: Minor | None = None, *, known: bool = True) -> list[Fault]:
    """Check flags given by the user: unknown, removed, owned by a setting, or of the wrong type.

    Cluster Autoscaler exits on a flag that it does not know, so its pod never runs.

    Args:
        flags: Value by flag, without dashes.
        minor: Minor version of Cluster Autoscaler; None while it is not known yet: then any version's flags pass.
        known: Whether the tables cover this Cluster Autoscaler. A newer one may have flags that they lack; see
            :func:`flag_warnings`.
    """
    return [
        fault
        for flag, value in flags.items()
        if (fault := _owned_fault(flag, value) or command_line_fault(flag, value, minor, known=known))
    ]


def flag_warnings(flags: Mapping[str, str], *, known: bool) -> list[str]:
    """What is uncertain about flags of a Cluster Autoscaler that is newer than the tables."""
    newest = max(known_minors())
    return [
        f"flags.{flag}: Cluster Autoscaler {dotted(newest)}, the newest in the table of {tables.read_on(FLAGS_TABLE)}, "
        f"does not have this flag. Cluster Autoscaler exits if the image in use does not have it either{_hint(flag)}."
        for flag in flags
        if not known and flag not in LIBRARY_FLAGS and newest not in table().get(flag, ("", {}))[1]
    ]


def _owned_fault(flag: str, value: str) -> Fault | None:
    if flag in FIXED:
        return Fault(flag, repr(value), f"no such key: {FIXED[flag]}")
    if flag in OWNED_BY:
        return Fault(flag, repr(value), f"no such key: the flag follows from {OWNED_BY[flag]}")
    return None


def command_line_fault(flag: str, value: str, minor: Minor | None = None, *, known: bool = True) -> Fault | None:
    """Return why Cluster Autoscaler exits on a flag of its command line; None if it does not.

    Args:
        flag: The flag, without dashes.
        value: Its value.
        minor: Minor version of Cluster Autoscaler; None while it is not known.
        known: Whether the tables cover this Cluster Autoscaler; if not, a flag that they lack is no fault.
    """
    if flag in LIBRARY_FLAGS:
        return _value_fault(flag, value, LIBRARY_FLAGS[flag])
    if flag not in table():
        if not known and not flag.startswith("-"):
            return None
        return Fault(flag, "a flag that Cluster Autoscaler does not know", f"a flag of Cluster Autoscaler{_hint(flag)}")
    kind, defaults = table()[flag]
    if minor is not None and minor in known_minors() and minor not in defaults:
        return Fault(
            flag,
            f"a flag that Cluster Autoscaler {dotted(minor)} does not have and exits on",
            f"it to be left out (it exists in {', '.join(map(dotted, sorted(defaults)))})",
        )
    if flag == DRA_FLAG and minor is not None and minor >= (1, 35) and value != "true":
        return Fault(flag, repr(value), "true: Cluster Autoscaler exits on anything else from 1.35")
    return _value_fault(flag, value, kind)


def _value_fault(flag: str, value: str, kind: str) -> Fault | None:
    if kind == "Bool" and value not in _BOOLEANS:
        return Fault(flag, repr(value), "true or false")
    if kind in _FORMS and not _FORMS[kind][0](value):
        return Fault(flag, repr(value), _FORMS[kind][1])
    return None


def _hint(flag: str) -> str:
    near = nearest(flag, [*table(), *LIBRARY_FLAGS])
    return f"; did you mean {near}?" if near else ""


def expander_faults(expander: str) -> list[Fault]:
    """Check an expander or a comma-separated chain of them."""
    faults = []
    chain = expander.split(",")
    for name in chain:
        if name == "price":
            faults.append(
                Fault("", "the expander price", "another one: AWS gives no prices, so Cluster Autoscaler exits")
            )
        elif name not in EXPANDERS:
            faults.append(
                Fault("", repr(name), f"one of {', '.join(EXPANDERS)}, or several joined by commas without spaces")
            )
    if len(set(chain)) != len(chain):
        faults.append(Fault("", repr(expander), "each expander once"))
    if "random" in chain[:-1]:
        faults.append(Fault("", repr(expander), "nothing after random, which leaves one option only"))
    return faults
