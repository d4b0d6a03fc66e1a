"""Which chart and which Cluster Autoscaler fit a cluster: dated facts, and the rules that follow from them.

Facts read in kubernetes/autoscaler (tags of the chart and of the binary) on ``READ_ON``. Each rule names what happens
on a bad pair, because most of them fail silently: the pod runs, the probe answers, and nothing is ever scaled.
"""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from . import tables
from .faults import Fault
from .flags import flag_faults
from .versions import Minor, Patch, dotted, parse_minor, parse_patch

READ_ON = "2026-08-22"
"""The day on which the facts of this module were read."""

NEWEST_PATCH: Mapping[Minor, Patch] = {
    (1, 29): (1, 29, 5),
    (1, 30): (1, 30, 7),
    (1, 31): (1, 31, 5),
    (1, 32): (1, 32, 7),
    (1, 33): (1, 33, 6),
    (1, 34): (1, 34, 5),
    (1, 35): (1, 35, 2),
    (1, 36): (1, 36, 1),
}
"""Newest patch of Cluster Autoscaler for each Kubernetes minor that this project covers."""

OLDEST_CHART: Patch = (9, 29, 0)

RBAC_FLOORS: tuple[tuple[Minor, Patch, str], ...] = (
    ((1, 33), (9, 46, 3), "volumeattachments (storage.k8s.io)"),
    ((1, 35), (9, 54, 0), "deviceclasses, resourceslices and resourceclaims (resource.k8s.io)"),
)
"""From this Cluster Autoscaler on, at least this chart, because of what its RBAC must let it list.

Cluster Autoscaler 1.33 and later waits for its caches before its first loop: without the right to list one of these it
waits for ever, with its pod Running and its health check answering (kubernetes/autoscaler issues 7663, 8678, 9244).
"""

POD_IDENTITY_FLOORS: Mapping[Minor, Patch] = {(1, 26): (1, 26, 7), (1, 27): (1, 27, 6), (1, 28): (1, 28, 3)}
"""First patch whose AWS SDK takes EKS Pod Identity credentials; any 1.29 or later does (issues 6392, 6461)."""

DYNAMIC_RESOURCE_ALLOCATION: tuple[Minor, Minor] = ((1, 35), (1, 34))
"""From the first of these, Cluster Autoscaler lists resource.k8s.io/v1, which Kubernetes serves from the second on."""

MANAGED_TAINTS_FLOOR: Minor = (1, 31)
"""Before this, the taints of a managed node group at zero are misread (issue 6481)."""

EUROPEAN_SOVEREIGN_FLOOR: Minor = (1, 35)
"""Regions ``eusc-*`` need an AWS SDK that knows them (issue 9339)."""


class Chart(NamedTuple):
    """One release of the Helm chart."""

    version: Patch
    app_version: Patch
    image: Patch
    released: str

    @property
    def says_what_it_runs(self) -> bool:
        """Whether the chart's appVersion is the version of its default image."""
        return self.app_version == self.image


class Solution(NamedTuple):
    """A chart and a Cluster Autoscaler that fit the cluster, and what to know about them."""

    chart_version: str
    image_tag: str
    warnings: tuple[str, ...] = ()

    @property
    def minor(self) -> Minor:
        """Minor version of Cluster Autoscaler."""
        minor = parse_minor(self.image_tag)
        assert minor is not None  # solve() lets no other tag pass
        return minor


class Request(NamedTuple):
    """What is given, and what is to be fitted to it.

    Attributes:
        kubernetes_version: Version of the cluster, ``1.33``.
        region: AWS region of the cluster.
        credentials: ``irsa``, ``podIdentity`` or ``nodeRole``.
        chart_version: Chart wished for; None for the newest known.
        image_tag: Cluster Autoscaler wished for; None for the newest patch of the cluster's minor.
        flags: Flags wished for, by name without dashes.
        tainted_from_zero: Whether a managed node group has taints and may be empty.
    """

    kubernetes_version: str
    region: str = ""
    credentials: str = "irsa"
    chart_version: str | None = None
    image_tag: str | None = None
    flags: Mapping[str, str] = {}
    tainted_from_zero: bool = False


@cache
def charts() -> dict[Patch, Chart]:
    """Every known release of the chart since ``OLDEST_CHART``, oldest first."""
    return {(found := _chart(*row)).version: found for row in tables.rows("charts.tsv")[1:]}


def newest_chart() -> Chart:
    """The newest chart known on ``READ_ON``; its RBAC is a superset of the older ones'."""
    return charts()[max(charts())]


def kubernetes_faults(version: str) -> list[Fault]:
    """Faults of a cluster's version: not a version, or outside the table."""
    minor = parse_minor(version)
    if minor is None:
        return [Fault("", repr(version), "a Kubernetes version such as 1.33")]
    if minor not in NEWEST_PATCH:
        return [
            Fault(
                "",
                f"Kubernetes {dotted(minor)}",
                f"{dotted(min(NEWEST_PATCH))} to {dotted(max(NEWEST_PATCH))}, the versions known on {READ_ON}",
            )
        ]
    return []


def chart_faults(version: str) -> list[Fault]:
    """Faults of a wished-for chart, whatever the cluster."""
    chart = parse_patch(version)
    if chart is None or version.startswith("v"):
        return [Fault("", repr(version), f"a version of the chart such as {dotted(newest_chart().version)}")]
    if chart < OLDEST_CHART:
        return [Fault("", f"chart {version}", f"{dotted(OLDEST_CHART)} or later: older ones are not covered")]
    known = charts().get(chart)
    if known is None and chart < newest_chart().version:
        return [Fault("", f"chart {version}", "a chart that was released; see components/data/charts.tsv")]
    if known and not known.says_what_it_runs:
        return [
            Fault(
                "",
                f"chart {version}, which says {dotted(known.app_version)} and runs {dotted(known.image)}",
                "9.53.0 or earlier, or 9.55.1 or later: these say what they run",
            )
        ]
    return []


def image_faults(tag: str) -> list[Fault]:
    """Faults of a wished-for image tag, whatever the cluster."""
    if parse_patch(tag) is None or not tag.startswith("v"):
        return [Fault("", repr(tag), "a full version such as v1.33.6: anything else moves under your feet")]
    return []


def solve(request: Request) -> tuple[Solution | None, list[Fault]]:
    """The chart and image that fit, or every reason why what was wished for does not.

    Returns:
        The solution and no faults, or None and the faults. Paths of faults are ``kubernetesVersion``,
        ``chart.version``, ``image.tag``, ``credentials``, ``region`` and ``flags.<flag>``.
    """
    faults = [fault.under("kubernetesVersion") for fault in kubernetes_faults(request.kubernetes_version)]
    if request.chart_version is not None:
        faults += [fault.under("chart.version") for fault in chart_faults(request.chart_version)]
    if request.image_tag is not None:
        faults += [fault.under("image.tag") for fault in image_faults(request.image_tag)]
    kubernetes = parse_minor(request.kubernetes_version)
    if faults or kubernetes is None:
        return None, faults

    chart = parse_patch(request.chart_version or "") or newest_chart().version
    image = parse_patch(request.image_tag or "") or NEWEST_PATCH[kubernetes]
    minor = image[:2]
    faults += _pair_faults(kubernetes, chart, image, request)
    faults += [fault.under("flags") for fault in flag_faults(request.flags, minor)]
    if faults:
        return None, faults
    return Solution(dotted(chart), f"v{dotted(image)}", tuple(_warnings(kubernetes, chart, image, request))), []


def rbac_floor(minor: Minor) -> Patch:
    """Oldest chart whose RBAC lets this Cluster Autoscaler list what it waits for."""
    return max([OLDEST_CHART, *(chart for since, chart, _ in RBAC_FLOORS if minor >= since)])


def takes_pod_identity(image: Patch) -> bool:
    """Whether this Cluster Autoscaler takes EKS Pod Identity credentials."""
    minor = image[:2]
    return minor >= (1, 29) or (minor in POD_IDENTITY_FLOORS and image >= POD_IDENTITY_FLOORS[minor])


def _pair_faults(kubernetes: Minor, chart: Patch, image: Patch, request: Request) -> list[Fault]:
    minor = image[:2]
    ours = dotted(NEWEST_PATCH[kubernetes])
    faults = []
    if chart < (floor := rbac_floor(minor)):
        since, what = max((since, what) for since, needed, what in RBAC_FLOORS if needed == floor)
        faults.append(
            Fault(
                "chart.version",
                f"chart {dotted(chart)} with Cluster Autoscaler {dotted(image)}",
                f"chart {dotted(floor)} or later: older ones give no right to list {what}, and Cluster Autoscaler "
                f"{dotted(since)} and later waits for that list for ever, its pod Running",
            )
        )
    lists_v1, serves_v1 = DYNAMIC_RESOURCE_ALLOCATION
    if minor >= lists_v1 and kubernetes < serves_v1:
        faults.append(
            Fault(
                "image.tag",
                f"Cluster Autoscaler {dotted(image)} on Kubernetes {dotted(kubernetes)}",
                f"v{ours}: {dotted(lists_v1)} and later waits for ever for resource.k8s.io/v1, "
                f"which Kubernetes serves from {dotted(serves_v1)} on",
            )
        )
    if request.credentials == "podIdentity" and not takes_pod_identity(image):
        first = POD_IDENTITY_FLOORS.get(minor)
        fit = f"v{dotted(first)} or later of its minor, or v{ours}" if first else f"v{ours}"
        faults.append(
            Fault(
                "image.tag",
                f"Cluster Autoscaler {dotted(image)} with credentials podIdentity",
                f"{fit}: its AWS SDK refuses the agent's address 169.254.170.23",
            )
        )
    if request.region.startswith("eusc-") and minor < EUROPEAN_SOVEREIGN_FLOOR:
        faults.append(
            Fault(
                "region",
                f"{request.region} with Cluster Autoscaler {dotted(image)}",
                f"Cluster Autoscaler {dotted(EUROPEAN_SOVEREIGN_FLOOR)} or later, whose AWS SDK knows that region",
            )
        )
    return faults


def _warnings(kubernetes: Minor, chart: Patch, image: Patch, request: Request) -> list[str]:
    minor = image[:2]
    warnings = []
    if minor != kubernetes:
        warnings.append(
            f"Cluster Autoscaler {dotted(image)} on Kubernetes {dotted(kubernetes)} is a pair that nobody tests; "
            f"leave image.tag out to get {dotted(NEWEST_PATCH[kubernetes])}."
        )
    if chart > newest_chart().version or image > NEWEST_PATCH.get(minor, image):
        warnings.append(
            f"Chart {dotted(chart)} with Cluster Autoscaler {dotted(image)} is newer than what was known on {READ_ON}: "
            "its fit was not checked."
        )
    if request.tainted_from_zero and minor < MANAGED_TAINTS_FLOOR:
        warnings.append(
            f"Cluster Autoscaler {dotted(image)} misreads the taints of a managed node group at zero and may grow a "
            "group that its pods cannot use; keep one node in it, or use Kubernetes 1.31 or later."
        )
    return warnings


def _chart(version: str, app_version: str, image: str, released: str) -> Chart:
    numbers = [parse_patch(text) for text in (version, app_version, image)]
    if None in numbers:
        raise ValueError(f"components/data/charts.tsv: got {version!r}, {app_version!r}, {image!r}; expected versions")
    chart, app, binary = (number or (0, 0, 0) for number in numbers)
    return Chart(chart, app, binary, released)
