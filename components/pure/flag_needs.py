"""What some flags make Cluster Autoscaler wait for, and whether a release supplies it.

A flag such as ``capacity-buffer-controller-enabled`` adds informers that must list their resources before the first
loop (kubernetes/autoscaler, ``capacitybuffer/client/client.go``, ``NewCapacityBufferClientFromClients``). Without the
right to list one, or without its CustomResourceDefinition, the pod is Running and nothing ever scales.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from . import tables
from .faults import Fault
from .flags import TRUE
from .versions import Minor, Patch, dotted, parse_minor, parse_patch

INJECTION_FLAG = "capacity-buffer-pod-injection-enabled"
BUFFER_FLAGS = ("capacity-buffer-controller-enabled", INJECTION_FLAG)
CONTENT_TYPE_FLAG = "kube-api-content-type"
JSON = "application/json"

JSON_FLOOR: Patch = (1, 36, 0)
"""From here on the client of capacity buffers uses JSON, whatever the flag is.

Before it, the client uses the default protobuf, in which no custom resource is served
(``NewCapacityBufferClientFromConfig``).
"""

DRY_RUN_FLAG = "capacity-buffer-pod-dry-run-enabled"
DRY_RUN_SINCE: Minor = (1, 36)
"""From here on, by default, the API server fills in the pods of a buffer (``fakepods/dryrun.go``, ``Resolve``).

It answers only a caller that may create pods. No chart grants that, and without it no buffer becomes ready.
"""

ADDITIONAL_RULES_FLOOR: Patch = (9, 48, 0)
"""First chart that reads ``rbac.additionalRules``."""

_INSTEAD = "; or set autoscaler.capacityBuffers in place of the flag"


class Need(NamedTuple):
    """A resource that Cluster Autoscaler must be able to list because a flag is true.

    Attributes:
        flag: The flag, without dashes.
        since: First minor of Cluster Autoscaler that lists the resource for it.
        group: API group, empty for the core group.
        resource: Plural name.
        definition: Whether a CustomResourceDefinition must exist.
        chart: First chart whose ClusterRole grants it; None if no chart does.
    """

    flag: str
    since: Minor
    group: str
    resource: str
    definition: bool
    chart: Patch | None

    @property
    def name(self) -> str:
        """Resource and group as RBAC and CustomResourceDefinitions name them, ``resourcequotas`` for the core group."""
        return f"{self.resource}.{self.group}".rstrip(".")


NEEDS: tuple[Need, ...] = tuple(
    Need(
        row["flag"],
        parse_minor(row["since"]) or (0, 0),
        row["group"],
        row["resource"],
        row["definition"] == "yes",
        parse_patch(row["chart"]),
    )
    for row in tables.records("flag-needs.tsv")
)
"""Every known need of a flag."""


def needs(flags: Mapping[str, str], minor: Minor) -> tuple[Need, ...]:
    """What the flags that are true make this Cluster Autoscaler list."""
    return tuple(need for need in NEEDS if flags.get(need.flag) in TRUE and minor >= need.since)


def needs_json(flags: Mapping[str, str], image: Patch) -> bool:
    """Return whether the flags request capacity buffers in a version that reads them only as ``JSON``."""
    buffers = any(flags.get(flag) in TRUE for flag in BUFFER_FLAGS)
    return buffers and image < JSON_FLOOR and flags.get(CONTENT_TYPE_FLAG) != JSON


def needs_pods(flags: Mapping[str, str], minor: Minor) -> bool:
    """Return whether the flags request capacity buffers in a version that must be able to create pods for them."""
    controller, _ = BUFFER_FLAGS
    dry_run = minor >= DRY_RUN_SINCE and flags.get(DRY_RUN_FLAG, "true") in TRUE
    return flags.get(controller) in TRUE and dry_run


def need_faults(
    flags: Mapping[str, str],
    image: Patch,
    chart: Patch,
    values: Mapping[str, object],
    *,
    buffers: bool = False,
) -> list[Fault]:
    """Flags that would make Cluster Autoscaler wait indefinitely for what neither the chart nor its values supply.

    Args:
        flags: Value by flag, without dashes.
        image: Version of Cluster Autoscaler.
        chart: Version of the chart.
        values: Additional values of the chart, in which ``rbac.additionalRules`` and ``extraObjects`` count.
        buffers: Whether ``capacityBuffers`` supplies what the flags of capacity buffers need.
    """
    found = []
    wanted = [each for each in needs(flags, image[:2]) if not (buffers and each.flag in BUFFER_FLAGS)]
    for flag in dict.fromkeys(need.flag for need in wanted):
        missing = list(_missing([need for need in wanted if need.flag == flag], chart, values))
        if missing:
            found.append(
                Fault(
                    flag,
                    f"a flag that makes Cluster Autoscaler {dotted(image)} wait indefinitely, its pod Running, with "
                    f"chart {dotted(chart)}",
                    f"autoscaler.values to supply {'; '.join(missing)}{_INSTEAD if flag in BUFFER_FLAGS else ''}",
                )
            )
    if needs_json(flags, image):
        found.append(
            Fault(
                CONTENT_TYPE_FLAG,
                repr(flags[CONTENT_TYPE_FLAG]) if CONTENT_TYPE_FLAG in flags else "nothing",
                f"{JSON}: Cluster Autoscaler before {dotted(JSON_FLOOR)} asks for capacity buffers in protobuf, in "
                "which no custom resource is served, and waits indefinitely",
            )
        )
    if needs_pods(flags, image[:2]) and not any(_allows(rule, "", "pods", "create") for rule in _rules(chart, values)):
        found.append(
            Fault(
                DRY_RUN_FLAG,
                repr(flags[DRY_RUN_FLAG]) if DRY_RUN_FLAG in flags else "nothing",
                f"false, or a rule to create pods in rbac.additionalRules: Cluster Autoscaler {dotted(image)} creates "
                "the pods of a capacity buffer as a dry run, and without the right no buffer becomes ready",
            )
        )
    return found


def _missing(wanted: list[Need], chart: Patch, values: Mapping[str, object]) -> Iterator[str]:
    rules = _rules(chart, values)
    objects = _listed(values, "extraObjects")
    for need in wanted:
        if (need.chart is None or chart < need.chart) and not any(_grants(rule, need) for rule in rules):
            yield f"the right to list and watch {need.name}, in rbac.additionalRules" + (
                "" if chart >= ADDITIONAL_RULES_FLOOR else f" (chart {dotted(ADDITIONAL_RULES_FLOOR)} or later)"
            )
        if need.definition and not any(_defines(each, need) or _grants(each, need) for each in (*objects, *rules)):
            yield (
                f"the CustomResourceDefinition {need.name}, in extraObjects (if it is installed already, confirm that "
                f"by a rule for {need.resource} in rbac.additionalRules)"
            )


def _listed(values: Mapping[str, object], *path: str) -> list[object]:
    found: object = values
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return list(found) if isinstance(found, list | tuple) else []


def _rules(chart: Patch, values: Mapping[str, object]) -> list[object]:
    return _listed(values, "rbac", "additionalRules") if chart >= ADDITIONAL_RULES_FLOOR else []


def _grants(rule: object, need: Need) -> bool:
    return _allows(rule, need.group, need.resource, "list", "watch")


def _allows(rule: object, group: str, resource: str, *verbs: str) -> bool:
    def covers(key: str, *wanted: str) -> bool:
        given = _listed(rule, key) if isinstance(rule, Mapping) else []
        return "*" in given or set(wanted) <= set(given)

    return covers("apiGroups", group) and covers("resources", resource) and covers("verbs", *verbs)


def _defines(manifest: object, need: Need) -> bool:
    if not isinstance(manifest, Mapping) or manifest.get("kind") != "CustomResourceDefinition":
        return False
    metadata = manifest.get("metadata")
    return isinstance(metadata, Mapping) and metadata.get("name") == need.name
