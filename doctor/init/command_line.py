"""From the command line of a running Cluster Autoscaler to settings: nothing of it is dropped in silence."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from .._shared import capacity_buffers, compatibility, discovery, flag_needs, flags, validation, versions
from ..arguments import (
    DISCOVERY_FLAG,
    NEW_LIBRARY_FLAGS,
    Arguments,
    discovery_fault,
    parse_arguments,
    parse_discovery,
    parse_static_groups,
)
from .document import Entry

_DURATIONS = ("scale-down-unneeded-time", "scale-down-delay-after-add")
_BOOLEANS = ("balance-similar-node-groups", "skip-nodes-with-system-pods")
_TEN_MINUTES = "10m"
"""What the program and Cluster Autoscaler differ in by default.

Both durations are ten minutes in every version (config/autoscaling_options.go, DefaultScaleDownUnneededTime;
config/flags/flags.go). The table has the Go expressions of the source.
"""

_PROGRAMS_DEFAULTS: Mapping[str, Any] = {
    "balanceSimilarNodeGroups": True,
    "skipNodesWithSystemPods": False,
    "scaleDownUnneededTime": "2m",
    "scaleDownDelayAfterAdd": "1m",
    "expander": "least-waste",
}
"""Defaults of the settings, for the comments; a test compares them with the settings."""

_SETTLED: Mapping[str, str] = {
    "cloud-provider": "aws",
    "leader-elect": "true",
    "leader-elect-resource-name": "cluster-autoscaler",
    "status-config-map-name": "cluster-autoscaler-status",
    "address": ":8085",
}
"""What the program always sets."""

_BY_CHART: Mapping[str, str] = {"logtostderr": "true", "stderrthreshold": "info", "v": "4"}
"""What the chart sets by default (chart 9.59.0: values.yaml, extraArgs)."""

_NO_SETTINGS = (*NEW_LIBRARY_FLAGS, "leader-elect-resource-namespace", "help", "version")
"""Flags that not every version has, that have no effect, or that end the process."""

_IN_A_FILE = ("kubeconfig", "cloud-config", "scheduler-config-file", "grpc-expander-cert", "log-dir", "log-file")
"""Flags that name a file in the pod, which the program's pods do not have."""

_ADVICE: Mapping[tuple[str, str], str] = {
    ("scale-up-from-zero", "false"): "Cluster Autoscaler never adds the first node of an empty group.",
    ("write-status-configmap", "false"): "The doctor cannot read the status of Cluster Autoscaler.",
    ("scale-down-enabled", "false"): "Cluster Autoscaler never removes a node.",
}

_FLAG = re.compile(r"[a-z][a-z0-9-]*")

PRIORITY_CONFIG_MAP = "cluster-autoscaler-priority-expander"
"""Where the priority expander reads its priorities (expander/priority/priority.go)."""


@dataclass(frozen=True)
class Translation:
    """What a command line comes to.

    Attributes:
        settings: Settings of ``autoscaler``, those with the name of a flag and ``flags``.
        by_program: Flags that the program sets itself, with the same outcome.
        notes: What is different afterwards, or was not kept, each a sentence or two.
        apart: Why the old autoscaler and the new one must not run together; empty when they can.
    """

    settings: tuple[Entry, ...]
    by_program: tuple[str, ...]
    notes: tuple[str, ...]
    apart: str = ""


def translate(
    words: Sequence[str],
    *,
    request: compatibility.Request,
    minor: versions.Minor,
    namespace: str,
    cluster: str,
    priorities: str | None = None,
) -> Translation:
    """Translate the command line of a Deployment.

    Args:
        words: Command and arguments.
        request: What the program will run, its flags left out.
        minor: Minor version of Cluster Autoscaler that runs now, for its defaults.
        namespace: Namespace of the Deployment.
        cluster: Name of the cluster.
        priorities: Text of the priority expander's ConfigMap; None when there is none.
    """
    given = parse_arguments(words)
    notes = [f"The word {word!r} of the command line belongs to no flag." for word in given.stray]
    notes += [
        f"--{flag} is given {len(values)} times; Cluster Autoscaler uses the last value, {values[-1]}."
        for flag, values in given.values.items()
        if len(values) > 1 and not flags.is_repeatable(flag)
    ]
    by_program, settled_notes, apart = _settled(given, namespace, cluster)
    named, named_notes = _named(given, minor, priorities)
    buffers = _buffers(given, request)
    kept, kept_notes = _kept(given, request._replace(capacity_buffers=bool(buffers)))
    entries = [*named, *buffers, *([Entry("flags", kept)] if kept else [])]
    return Translation(tuple(entries), tuple(by_program), (*notes, *settled_notes, *named_notes, *kept_notes), apart)


def _settled(given: Arguments, namespace: str, cluster: str) -> tuple[list[str], list[str], str]:
    """Flags that the program decides: those with the same outcome, what changes, and why the lease is another one."""
    same, notes, leases = [], [], []
    wanted = {**_SETTLED, "namespace": namespace, "cluster-name": cluster}
    for flag, values in given.values.items():
        value = values[-1]
        if flag == DISCOVERY_FLAG:
            notes += _discovery_notes(values, cluster)
        elif flag == "nodes":
            notes += _static_notes(values)
        elif {**wanted, **_BY_CHART}.get(flag) == value:
            same.append(f"--{flag}={value}")
        elif flag.startswith("leader-elect") and flag in wanted:
            leases.append(f"--{flag}={value}")
        elif flag in wanted:
            notes.append(f"--{flag}={value} is not kept: the program sets {wanted[flag]}.")
        elif flag in _NO_SETTINGS:
            notes.append(f"--{flag}={value} is not kept: the program has no setting for it.")
    if DISCOVERY_FLAG not in given.values and "nodes" not in given.values:
        notes.append("The command line selects no groups: it has neither --node-group-auto-discovery nor --nodes.")
    apart = f"the Deployment sets {', '.join(leases)}, so they do not share a lease" if leases else ""
    if not apart and given.namespace != namespace:
        apart = f"the lease of the old one is in the namespace {given.namespace}, that of the new one in {namespace}"
    return same, notes, apart


def _discovery_notes(values: Sequence[str], cluster: str) -> list[str]:
    found = parse_discovery(values)
    if fault := discovery_fault(found, cluster):
        return [
            f"--{DISCOVERY_FLAG}={', '.join(values)} finds no group of this cluster: {fault}. The program uses "
            f"{discovery.discovery_flag(cluster)}."
        ]
    if dict(found.tags) == dict.fromkeys(discovery.discovery_tags(cluster)):
        return []
    return [
        f"--{DISCOVERY_FLAG}={', '.join(values)} is replaced by {discovery.discovery_flag(cluster)}. The program adds "
        "these two tags to every group below. Other tags of the groups stay, and discovery ignores them."
    ]


def _static_notes(values: Sequence[str]) -> list[str]:
    groups, malformed = parse_static_groups(values)
    notes = [f"--nodes={value} is malformed: expected MIN:MAX:GROUP." for value in malformed]
    if groups:
        notes.append(
            f"--nodes lists {', '.join(group.name for group in groups)}. The program discovers groups by tags and "
            "uses their own minSize and maxSize. A comment marks each group below whose sizes differ from --nodes."
        )
    return notes


def _named(given: Arguments, minor: versions.Minor, priorities: str | None) -> tuple[list[Entry], list[str]]:
    """The flags with a setting of the same name; one that is not given has Cluster Autoscaler's own default."""
    entries: list[Entry] = []
    notes: list[str] = []
    for flag in (*_BOOLEANS, *_DURATIONS):
        setting = flags.OWNED_BY[flag]
        default = _TEN_MINUTES if flag in _DURATIONS else _default(flag, minor)
        value = given.get(flag, default)
        if fault := flags.command_line_fault(flag, value):
            notes.append(f"--{flag}={value} is not kept: expected {fault.expected}. The default applies, {default}.")
            value = default
        plain: Any = value if flag in _DURATIONS else value.lower() in ("1", "t", "true")
        entries.append(Entry(setting, plain, _why(setting, plain, flag in given.values)))
    expander, expander_notes = _expander(given, minor, priorities)
    return [*entries, *expander], [*notes, *expander_notes]


def _default(flag: str, minor: versions.Minor) -> str:
    """A flag's default in the version that runs; of the nearest known version where the table lacks it."""
    _, defaults = flags.table()[flag]
    return defaults[min(defaults, key=lambda known: (abs(known[0] - minor[0]), abs(known[1] - minor[1])))]


def _why(setting: str, value: object, given: bool) -> tuple[str, ...]:
    default = _PROGRAMS_DEFAULTS[setting]
    if given or value == default:
        return ()
    spelled = str(default).lower() if isinstance(default, bool) else default
    return (f"Cluster Autoscaler's default, which the running Deployment uses. The program's default is {spelled}.",)


def _expander(given: Arguments, minor: versions.Minor, priorities: str | None) -> tuple[list[Entry], list[str]]:
    # expander.RandomExpanderName, expander.LeastWasteExpanderName from 1.33 on.
    default = "random" if "Random" in _default("expander", minor) else "least-waste"
    value = given.get("expander", default)
    if faults := flags.expander_faults(value):
        return [Entry("expander", "least-waste")], [
            f"--expander={value} is not kept: got {fault.got}; expected {fault.expected}." for fault in faults
        ]
    if "priority" not in value.split(","):
        return [Entry("expander", value, _why("expander", value, "expander" in given.values))], []
    read, fault = _priorities(priorities)
    if fault:
        rest = ",".join(name for name in value.split(",") if name != "priority") or "least-waste"
        return [Entry("expander", rest)], [
            f"--expander={value} becomes {rest}: {fault}. To keep it, set expander and expanderPriorities."
        ]
    return [Entry("expander", value), Entry("expanderPriorities", read)], []


def _priorities(text: str | None) -> tuple[dict[str, list[str]], str]:
    """The regular expressions by priority, or why the ConfigMap cannot be kept."""
    if text is None:
        return {}, f"the ConfigMap {PRIORITY_CONFIG_MAP} does not exist or could not be read"
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError:
        document = None
    found: dict[str, list[str]] = {}
    for key, names in document.items() if isinstance(document, dict) else ():
        if isinstance(key, bool) or not isinstance(key, int) or not isinstance(names, list):
            return {}, f"{key!r} in the ConfigMap {PRIORITY_CONFIG_MAP} is not a number with a list of names"
        if any(not isinstance(name, str) for name in names):
            return {}, f"the priority {key} in the ConfigMap {PRIORITY_CONFIG_MAP} has a name that is not a text"
        if faults := [fault for name in names for fault in validation.regular_expression("", name)]:
            return {}, f"the ConfigMap {PRIORITY_CONFIG_MAP} has {faults[0].got}; expected {faults[0].expected}"
        found[str(key)] = names
    if not found:
        return {}, f"the ConfigMap {PRIORITY_CONFIG_MAP} holds no priorities"
    return found, ""


def _buffers(given: Arguments, request: compatibility.Request) -> list[Entry]:
    """The setting by which the program sets the flags of CapacityBuffers and grants the rights."""
    _, refused = compatibility.solve(request._replace(flags={}, capacity_buffers=True))
    if not all(given.is_true(flag) for flag in flag_needs.BUFFER_FLAGS) or refused:
        return []
    comment = (
        f"The cluster must have the CustomResourceDefinition {capacity_buffers.DEFINITION}, and it must serve "
        f"{capacity_buffers.VERSIONS[0]}. To let the program install it, set installDefinition: true."
    )
    return [Entry("capacityBuffers", {}, (comment,))]


def _kept(given: Arguments, request: compatibility.Request) -> tuple[dict[str, str], list[str]]:
    """The flags that go to ``flags``, those left out that the version to be run refuses, hangs on or cannot use."""
    kept: dict[str, str] = {}
    notes: list[str] = []
    for flag, values in given.values.items():
        if flag in flags.OWNED_BY or flag in _SETTLED or flag in _NO_SETTINGS or _BY_CHART.get(flag) == values[-1]:
            continue
        if not _FLAG.fullmatch(flag):
            notes.append(f"--{flag} is not kept: this is not the name of a flag.")
            continue
        value = ",".join(values) if flags.is_repeatable(flag) else values[-1]
        if request.capacity_buffers and flag in flag_needs.BUFFER_FLAGS:
            continue
        if flag in _IN_A_FILE and value:
            notes.append(
                f"--{flag}={value} is not kept: it names a file in the pod. To keep it, mount the file by "
                "autoscaler.values.extraVolumes and extraVolumeMounts, and set the flag."
            )
            continue
        kept[flag] = value
        if advice := _ADVICE.get((flag, value)):
            notes.append(f"--{flag}={value}: {advice}")
    while faults := _faults(kept, request):
        for flag, fault in faults.items():
            end = "" if fault.expected.endswith("?") else "."
            notes.append(f"--{flag}={kept.pop(flag)} is not kept: got {fault.got}; expected {fault.expected}{end}")
    return kept, notes


def _faults(kept: Mapping[str, str], request: compatibility.Request) -> dict[str, Any]:
    """What the program refuses, by the flag to leave out."""
    _, found = compatibility.solve(request._replace(flags=kept))
    # On a cluster that is too old for any version nothing is solved.
    pinned = versions.parse_patch(request.image_tag or "")
    known = pinned is None or compatibility.is_known(pinned)
    found += [fault.under("flags") for fault in flags.flag_faults(kept, known=known)]
    by_flag = {fault.path.removeprefix("flags."): fault for fault in found if fault.path.startswith("flags.")}
    culprits = {flag: fault for flag, fault in by_flag.items() if flag in kept}
    if by_flag and not culprits:
        # A flag that is missing: it is wanted by the first that needs it.
        wanting = next((flag for flag in kept if flag.startswith("capacity-buffer")), next(iter(kept)))
        culprits = {wanting: next(iter(by_flag.values()))}
    return culprits
