"""Which chart and which Cluster Autoscaler fit a cluster: the rules, by the dated facts of the tables in ``data/``.

Each rule names what happens on a bad pair, because most of them fail silently: the pod runs, the probe answers, and
nothing is ever scaled. Only pairs known to be bad are refused. What is newer than the tables gets a warning, because an
EKS upgrade must not block a stack.
"""

import datetime
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from . import capacity_buffers, tables
from .faults import Fault
from .flag_needs import need_faults
from .flags import flag_faults, flag_warnings
from .versions import Minor, Patch, dotted, parse_minor, parse_patch

READ_ON: datetime.date = min(map(tables.read_on, ("cluster-autoscaler.tsv", "charts.tsv", "ca-flags.tsv")))
"""The day on which the oldest of the tables of versions was read."""


def _minor(text: str) -> Minor:
    """A minor version in a table.

    Raises:
        ValueError: It is none.
    """
    if (minor := parse_minor(text)) is None:
        raise ValueError(f"components/pure/data: got {text!r}; expected a version such as 1.33")
    return minor


def _patch(text: str) -> Patch:
    """A full version in a table.

    Raises:
        ValueError: It is none.
    """
    if (patch := parse_patch(text)) is None:
        raise ValueError(f"components/pure/data: got {text!r}; expected a version such as 1.33.6")
    return patch


class Support(NamedTuple):
    """When EKS ends its support of a Kubernetes minor; None where the date is not known."""

    standard_ends: datetime.date | None
    extended_ends: datetime.date | None


KUBERNETES: Mapping[Minor, Support] = {
    _minor(minor): Support(*(datetime.date.fromisoformat(day) if day else None for day in days))
    for minor, *days in tables.rows("kubernetes.tsv")[1:]
}
"""The Kubernetes minors that this project covers, oldest first."""

NEWEST_PATCH: Mapping[Minor, Patch] = {
    _minor(row["minor"]): _patch(row["newest"]) for row in tables.records("cluster-autoscaler.tsv")
}
"""Newest known patch of Cluster Autoscaler by minor, oldest first."""

KUBERNETES_READ_ON: datetime.date = tables.read_on("kubernetes.tsv")
"""The day on which the support dates were read."""

POD_IDENTITY_FLOORS: Mapping[Minor, Patch] = {
    _minor(row["minor"]): _patch(row["podIdentity"]) for row in tables.records("cluster-autoscaler.tsv")
}
"""First patch of each minor whose AWS SDK takes EKS Pod Identity credentials (issues 6392, 6461)."""

OLD_AFTER = datetime.timedelta(days=60)
"""Age from which the tables may lack a release of Cluster Autoscaler."""

OLDEST_CHART: Patch = (9, 29, 0)

BLOCKS_SINCE: Minor = (1, 33)
"""From here on Cluster Autoscaler waits for its caches before its first loop (issues 7663, 8678, 9244).

Without the right to list one of its resources it waits indefinitely, its pod Running and its health check answering.
"""


class Informer(NamedTuple):
    """A resource that Cluster Autoscaler lists and watches.

    Attributes:
        group: API group, empty for the core group.
        resource: Plural name.
        since: First minor of Cluster Autoscaler that lists it.
        chart: First chart whose ClusterRole grants it.
    """

    group: str
    resource: str
    since: Minor
    chart: Patch


INFORMERS: tuple[Informer, ...] = tuple(
    Informer(
        row["group"],
        row["resource"],
        _minor(row["since"]),
        _patch(row["chart"]) if row["chart"] else OLDEST_CHART,
    )
    for row in tables.records("informers.tsv")
)
"""What Cluster Autoscaler lists without further flags."""

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
    def version_is_image(self) -> bool:
        """Return whether the chart's appVersion is the version of its default image."""
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
        chart_version: Requested chart; None for the newest known.
        image_tag: Requested Cluster Autoscaler; None for the newest patch of the cluster's minor.
        flags: Requested flags, by name without dashes.
        values: Additional values of the chart, which may supply what flags need.
        capacity_buffers: Whether the autoscaler works on CapacityBuffers, with the rights that it needs for them.
    """

    kubernetes_version: str
    region: str = ""
    credentials: str = "irsa"
    chart_version: str | None = None
    image_tag: str | None = None
    flags: Mapping[str, str] = {}
    values: Mapping[str, object] = {}
    capacity_buffers: bool = False


@cache
def charts() -> dict[Patch, Chart]:
    """Every known release of the chart since ``OLDEST_CHART``, oldest first."""
    return {(found := _chart(*row)).version: found for row in tables.rows("charts.tsv")[1:]}


def newest_chart() -> Chart:
    """The newest chart known on ``READ_ON``; its RBAC is a superset of the older ones'."""
    return charts()[max(charts())]


def kubernetes_faults(version: str) -> list[Fault]:
    """Check a cluster's version: not a version, or older than the table. A newer one is no fault."""
    minor = parse_minor(version)
    if minor is None:
        return [Fault("", repr(version), "a Kubernetes version such as 1.33")]
    if minor < min(KUBERNETES):
        return [Fault("", f"Kubernetes {dotted(minor)}", f"{dotted(min(KUBERNETES))} or later; upgrade the cluster")]
    return []


def kubernetes_warning(version: str) -> str | None:
    """What is uncertain about a cluster's version: newer than the tables. None if they cover it."""
    minor = parse_minor(version)
    if minor is None or minor <= max(KUBERNETES):
        return None
    return (
        f"Kubernetes {dotted(minor)} is newer than {dotted(max(KUBERNETES))}, the newest in the table of "
        f"{KUBERNETES_READ_ON}: whether EKS offers it was not checked."
    )


def fitting_image(kubernetes: Minor) -> Patch:
    """Return the newest known Cluster Autoscaler of the cluster's minor, else of the newest known minor below it."""
    return NEWEST_PATCH[max((minor for minor in NEWEST_PATCH if minor <= kubernetes), default=min(NEWEST_PATCH))]


def is_known(image: Patch) -> bool:
    """Return whether the tables cover an image: it is no newer than the newest known patch of its minor."""
    return image <= NEWEST_PATCH.get(image[:2], (0, 0, 0)) or image[:2] < min(NEWEST_PATCH)


def chart_faults(version: str) -> list[Fault]:
    """Return the errors of a requested chart that fits no cluster."""
    chart = parse_patch(version)
    if chart is None or version.startswith("v"):
        return [Fault("", repr(version), f"a version of the chart such as {dotted(newest_chart().version)}")]
    if chart < OLDEST_CHART:
        return [Fault("", f"chart {version}", f"{dotted(OLDEST_CHART)} or later: older ones are not covered")]
    known = charts().get(chart)
    if known is None and chart < newest_chart().version:
        return [Fault("", f"chart {version}", "a released chart; see components/pure/data/charts.tsv")]
    if known and not known.version_is_image:
        return [
            Fault(
                "",
                f"chart {version}, with appVersion {dotted(known.app_version)} and image {dotted(known.image)}",
                "9.53.0 or earlier, or 9.55.1 or later: their appVersion is their image",
            )
        ]
    return []


def image_faults(tag: str) -> list[Fault]:
    """Return the errors of a requested image tag that fits no cluster."""
    if parse_patch(tag) is None or not tag.startswith("v"):
        newest = dotted(max(NEWEST_PATCH.values()))
        return [Fault("", repr(tag), f"a full version such as v{newest}: another tag can change what it names")]
    return []


def solve(request: Request) -> tuple[Solution | None, list[Fault]]:
    """Return the chart and image that fit, or every reason why the requested ones do not.

    Returns:
        The solution and no faults, or None and the faults. Paths of faults are ``kubernetesVersion``,
        ``chart.version``, ``image.tag``, ``credentials``, ``region``, ``capacityBuffers`` and ``flags.<flag>``.
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
    image = parse_patch(request.image_tag or "") or fitting_image(kubernetes)
    minor = image[:2]
    faults += _pair_faults(kubernetes, chart, image, request)
    faults += [fault.under("flags") for fault in flag_faults(request.flags, minor, known=is_known(image))]
    flags, buffers = request.flags, request.capacity_buffers
    if buffers:
        faults += [fault.under("capacityBuffers") for fault in capacity_buffers.image_faults(image)]
        flags = {**capacity_buffers.flags(image), **flags}
    faults += [f.under("flags") for f in need_faults(flags, image, chart, request.values, buffers=buffers)]
    if faults:
        return None, faults
    return Solution(dotted(chart), f"v{dotted(image)}", tuple(_warnings(kubernetes, chart, image, request))), []


def age_warning(today: datetime.date) -> str | None:
    """Return a warning about the age of the tables; None while they are recent."""
    age = (today - READ_ON).days
    if age <= OLD_AFTER.days:
        return None
    return (
        f"The version tables are {age} days old (read {READ_ON}). Releases published since are not known; update this "
        "program."
    )


def rbac_floor(minor: Minor) -> Patch:
    """Oldest chart whose RBAC lets this Cluster Autoscaler list what it waits for."""
    return max([OLDEST_CHART, *(informer.chart for informer in _awaited(minor))])


def supports_pod_identity(image: Patch) -> bool:
    """Return whether this Cluster Autoscaler takes EKS Pod Identity credentials."""
    minor = image[:2]
    return minor > max(POD_IDENTITY_FLOORS) or (minor in POD_IDENTITY_FLOORS and image >= POD_IDENTITY_FLOORS[minor])


def _awaited(minor: Minor) -> list[Informer]:
    return [informer for informer in INFORMERS if minor >= max(informer.since, BLOCKS_SINCE)]


def _pair_faults(kubernetes: Minor, chart: Patch, image: Patch, request: Request) -> list[Fault]:
    minor = image[:2]
    ours = dotted(fitting_image(kubernetes))
    faults = []
    if chart < (floor := rbac_floor(minor)):
        lacking = [informer for informer in _awaited(minor) if chart < informer.chart]
        faults.append(
            Fault(
                "chart.version",
                f"chart {dotted(chart)} with Cluster Autoscaler {dotted(image)}",
                f"chart {dotted(floor)} or later: older ones give no right to list {_named(lacking)}, and Cluster "
                f"Autoscaler {dotted(minor)} waits for that list indefinitely, its pod Running",
            )
        )
    lists_v1, serves_v1 = DYNAMIC_RESOURCE_ALLOCATION
    if minor >= lists_v1 and kubernetes < serves_v1:
        faults.append(
            Fault(
                "image.tag",
                f"Cluster Autoscaler {dotted(image)} on Kubernetes {dotted(kubernetes)}",
                f"v{ours}: {dotted(lists_v1)} and later waits indefinitely for resource.k8s.io/v1, "
                f"which Kubernetes serves from {dotted(serves_v1)} on",
            )
        )
    if request.credentials == "podIdentity" and not supports_pod_identity(image):
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


def _named(informers: list[Informer]) -> str:
    return ", ".join(f"{informer.resource} ({informer.group})" for informer in informers)


def _warnings(kubernetes: Minor, chart: Patch, image: Patch, request: Request) -> list[str]:
    minor = image[:2]
    warnings = []
    fitting = fitting_image(kubernetes)
    if kubernetes > max(NEWEST_PATCH) and minor >= fitting[:2]:
        advice = (
            "The pair was not checked."
            if minor >= kubernetes
            else "One minor behind the cluster usually works; update this program, or set image.tag once a release of "
            f"{dotted(kubernetes)} is published."
        )
        warnings.append(
            f"Kubernetes {dotted(kubernetes)} is newer than Cluster Autoscaler {dotted(fitting)}, the newest in the "
            f"version table of {READ_ON}. {'Pinned' if request.image_tag else 'Chosen'}: Cluster Autoscaler "
            f"{dotted(image)} with chart {dotted(chart)}. {advice}"
        )
    elif minor != kubernetes:
        warnings.append(
            f"Cluster Autoscaler {dotted(image)} on Kubernetes {dotted(kubernetes)} is an untested pair; "
            f"leave image.tag out to get {dotted(fitting)}."
        )
    elif chart > newest_chart().version or not is_known(image):
        warnings.append(
            f"Chart {dotted(chart)} with Cluster Autoscaler {dotted(image)} is newer than the version table of "
            f"{READ_ON}: the pair was not checked."
        )
    warnings += flag_warnings(request.flags, known=is_known(image))
    return warnings


def _chart(version: str, app_version: str, image: str, released: str) -> Chart:
    return Chart(_patch(version), _patch(app_version), _patch(image), released)
