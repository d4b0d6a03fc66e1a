"""AutoscalerRelease: the Helm release of Cluster Autoscaler, in a version that fits the cluster."""

import datetime
from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_kubernetes.helm.v3.outputs import ReleaseStatus

from . import capacity_buffers, local_chart
from .autoscaler_role import CREDENTIALS, DEFAULT_NAMESPACE, DEFAULT_SERVICE_ACCOUNT, IRSA
from .capacity_buffers import CapacityBuffers
from .errors import FaultsError, checked
from .pure import arns, compatibility, discovery, validation
from .pure import capacity_buffers as buffers
from .pure.compatibility import Solution
from .pure.faults import Fault
from .pure.versions import parse_patch
from .values import (
    IMAGE_REPOSITORY,
    NAME,
    STARTUP_TAINT,
    AutoscalerSettings,
    chart_values,
    extra_values_faults,
    service_account_annotations,
    settings_faults,
)

TOKEN = "eks-cluster-autoscaler:index:AutoscalerRelease"

CHART_REPOSITORY = "https://kubernetes.github.io/autoscaler"
DEFAULT_TIMEOUT_SECONDS = 300


class ChartSource(TypedDict):
    """Where the chart comes from. Give at most one of `repository` and `location`."""

    version: NotRequired[str]
    """Version of the chart. Defaults to a local chart's own, else to the newest known, whose RBAC covers all."""
    repository: NotRequired[str]
    """URL of a Helm repository. Defaults to the public one, https://kubernetes.github.io/autoscaler."""
    location: NotRequired[str]
    """An OCI reference (`oci://registry.example/charts/cluster-autoscaler`) or a local path. Defaults to none."""


class ImageSource(TypedDict):
    """Where the image comes from."""

    repository: NotRequired[str]
    """Repository of the image. Defaults to `registry.k8s.io/autoscaling/cluster-autoscaler`."""
    tag: NotRequired[str]
    """Tag of the image: `v` and a full version. Defaults to the newest known patch of the cluster's minor version."""


class AutoscalerReleaseArgs(TypedDict):
    """Which cluster the release serves, from where it comes, and how it behaves."""

    cluster_name: pulumi.Input[str]
    """Name of the EKS cluster, by which groups are discovered."""
    region: pulumi.Input[str]
    """Region of the cluster."""
    kubernetes_version: pulumi.Input[str]
    """Kubernetes version of the cluster; chart and image are fitted to it."""
    credentials: NotRequired[str]
    """`irsa`, `podIdentity` or `nodeRole`. Defaults to `irsa`."""
    role_arn: NotRequired[pulumi.Input[str]]
    """ARN of the role, for the service account's annotation. Required by `irsa`, not used by the others."""
    namespace: NotRequired[str]
    """Namespace of the release. Defaults to `kube-system`."""
    service_account: NotRequired[str]
    """Name of the service account. Defaults to `cluster-autoscaler`."""
    chart: NotRequired[ChartSource]
    """Source of the chart. Defaults to the newest known one of the public repository."""
    image: NotRequired[ImageSource]
    """Source of the image. Defaults to the newest known patch that fits, from the public registry."""
    settings: NotRequired[AutoscalerSettings]
    """Behaviour of Cluster Autoscaler and of its pods. Each key has its own default."""
    startup_taints: NotRequired[pulumi.Input[Sequence[pulumi.Input[str]]]]
    """Keys of taints that agents remove from new nodes, for `--startup-taint`: the output `startupTaints` of each node
    group. Defaults to those in `settings.flags`."""
    capacity_buffers: NotRequired[CapacityBuffers]
    """Lets Cluster Autoscaler 1.34 and later work on CapacityBuffers: sets the flags and grants the rights. `{}` if the
    cluster has their CustomResourceDefinition. Defaults to none."""
    values: NotRequired[dict[str, Any]]
    """Further values of the chart, merged last; those that a setting decides are refused. Defaults to none."""
    timeout_seconds: NotRequired[int]
    """Seconds that Helm waits for ready pods before it rolls back. Defaults to 300."""


def faults(args: AutoscalerReleaseArgs) -> list[Fault]:
    """Check the arguments, as far as they are plain values."""
    credentials = args.get("credentials", IRSA)
    chart: ChartSource = args.get("chart", {})
    version = args["kubernetes_version"]
    chart_version, chart_faults = _read(chart)
    found = [
        *validation.cluster_name("clusterName", args["cluster_name"]),
        *validation.region("region", args["region"]),
        *validation.choice("credentials", credentials, CREDENTIALS),
        *validation.iam_arn("roleArn", args.get("role_arn"), "role"),
        *validation.dns_label("namespace", args.get("namespace", DEFAULT_NAMESPACE)),
        *validation.dns_subdomain("serviceAccount", args.get("service_account", DEFAULT_SERVICE_ACCOUNT)),
        *validation.bounds("timeoutSeconds", int(args.get("timeout_seconds", DEFAULT_TIMEOUT_SECONDS)), 30, 3600),
        *chart_faults,
        *validation.image_repository("image.repository", args.get("image", {}).get("repository")),
        *(
            fault.under("settings")
            for fault in settings_faults(args.get("settings", {}), newer_image=_has_newer_image(args))
        ),
        *(f.under("settings.flags") for f in _buffer_flag_faults(args)),
        *extra_values_faults(args.get("values", {})),
        *_taint_faults(args.get("startup_taints", [])),
        *_place_faults(args),
    ]
    if credentials == IRSA and "role_arn" not in args:
        found.append(Fault("roleArn", "nothing", "the ARN of the role for the service account's annotation, for irsa"))
    # Known even where the cluster's version is not: what fits no cluster at all.
    if chart_version is not None:
        found += [_blamed(f.under("chart.version"), chart) for f in compatibility.chart_faults(chart_version)]
    if "tag" in (image := args.get("image", {})):
        found += [fault.under("image.tag") for fault in compatibility.image_faults(image["tag"])]
    if isinstance(version, str):
        found += [fault for fault in _solve(args, chart_version, version, args["region"])[1] if fault not in found]
    return found


def _buffer_flag_faults(args: AutoscalerReleaseArgs) -> list[Fault]:
    return buffers.flag_faults(args.get("settings", {}).get("flags", {})) if "capacity_buffers" in args else []


def _taint_faults(keys: object) -> list[Fault]:
    plain = enumerate(keys) if isinstance(keys, list | tuple) else ()
    return [
        f for i, key in plain if isinstance(key, str) for f in validation.qualified_name(f"startupTaints[{i}]", key)
    ]


def _place_faults(args: AutoscalerReleaseArgs) -> list[Fault]:
    region = args["region"]
    return arns.place_faults(AutoscalerReleaseArgs, args, region) if isinstance(region, str) else []


def today() -> datetime.date:
    """The day on which the program runs, by which the age of the version tables is reported."""
    return datetime.date.today()


def _has_newer_image(args: AutoscalerReleaseArgs) -> bool:
    """Return whether an image is pinned that the tables do not cover, so that it may have flags that they lack."""
    pinned = parse_patch(args.get("image", {}).get("tag", ""))
    return pinned is not None and not compatibility.is_known(pinned)


class AutoscalerRelease(pulumi.ComponentResource):
    """Cluster Autoscaler by its Helm chart, under one fixed name, all or nothing, and its service account.

    The image is the newest known patch of the cluster's own minor version and the chart the newest known, unless you
    set others; a pair that would hang, crash or never scale is refused at preview, with the reason. The name is
    fixed because two releases would mean two autoscalers. Needs a Kubernetes provider.
    """

    release_name: pulumi.Output[str]
    """Name of the release."""
    release_status: pulumi.Output[str]
    """Status of the release, `deployed` when all is well."""
    chart_version: pulumi.Output[str]
    """Version of the chart."""
    image_tag: pulumi.Output[str]
    """Tag of the image."""
    discovery_flag: pulumi.Output[str]
    """The flag by which the groups are discovered."""

    def __init__(self, name: str, args: AutoscalerReleaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(AutoscalerRelease, name, args, AutoscalerReleaseArgs, faults)
        super().__init__(TOKEN, name, dict(args), opts)
        solution = pulumi.Output.all(args["kubernetes_version"], args["region"]).apply(
            lambda known: self._fit(name, args, known[0], known[1])
        )
        self.chart_version = solution.apply(lambda found: found.chart_version)
        self.image_tag = solution.apply(lambda found: found.image_tag)
        self.discovery_flag = pulumi.Output.from_input(args["cluster_name"]).apply(discovery.discovery_flag)

        chart = args.get("chart", {})
        location = chart.get("location")
        timeout = int(args.get("timeout_seconds", DEFAULT_TIMEOUT_SECONDS))
        account: pulumi.Resource = kubernetes.core.v1.ServiceAccount(
            name,
            metadata={
                "name": args.get("service_account", DEFAULT_SERVICE_ACCOUNT),
                "namespace": args.get("namespace", DEFAULT_NAMESPACE),
                "annotations": service_account_annotations(_annotated_role(args)),
            },
            automount_service_account_token=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
        awaited = [account]
        if "capacity_buffers" in args:
            awaited += capacity_buffers.create(
                name,
                args["capacity_buffers"],
                namespace=args.get("namespace", DEFAULT_NAMESPACE),
                service_account=args.get("service_account", DEFAULT_SERVICE_ACCOUNT),
                parent=self,
            )
        release = kubernetes.helm.v3.Release(
            name,
            name=NAME,
            namespace=args.get("namespace", DEFAULT_NAMESPACE),
            chart=location or NAME,
            # A local chart has the version it has.
            version=None if _local_path(chart) else self.chart_version,
            repository_opts=None if location else {"repo": chart.get("repository", CHART_REPOSITORY)},
            # Helm would delete the release of the old namespace before it finds that the new one does not exist.
            create_namespace=True if args.get("namespace", DEFAULT_NAMESPACE) != DEFAULT_NAMESPACE else None,
            atomic=True,
            cleanup_on_fail=True,
            timeout=timeout,
            values=self._values(args),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=awaited,
                # The name is fixed, so a replacement (another namespace) cannot exist next to the old release.
                delete_before_replace=True,
                custom_timeouts=pulumi.CustomTimeouts(create=f"{timeout}s", update=f"{timeout}s", delete=f"{timeout}s"),
            ),
        )
        self.release_name = release.name.apply(str)
        self.release_status = release.status.apply(_status)
        self.register_outputs(
            {
                "releaseName": self.release_name,
                "releaseStatus": self.release_status,
                "chartVersion": self.chart_version,
                "imageTag": self.image_tag,
                "discoveryFlag": self.discovery_flag,
            }
        )

    def _values(self, args: AutoscalerReleaseArgs) -> dict[str, Any]:
        return chart_values(
            cluster_name=args["cluster_name"],
            cluster_key=pulumi.Output.from_input(args["cluster_name"]).apply(discovery.cluster_key),
            region=args["region"],
            service_account=args.get("service_account", DEFAULT_SERVICE_ACCOUNT),
            credentials=args.get("credentials", IRSA),
            role_arn=_annotated_role(args),
            image_repository=args.get("image", {}).get("repository", IMAGE_REPOSITORY),
            image_tag=self.image_tag,
            settings=args.get("settings", {}),
            startup_taints=args.get("startup_taints", ()),
            default_flags=self.image_tag.apply(_buffer_flags) if "capacity_buffers" in args else None,
            extra=args.get("values"),
        )

    def _fit(self, name: str, args: AutoscalerReleaseArgs, kubernetes_version: str, region: str) -> Solution:
        chart_version, _ = _read(args.get("chart", {}))
        solution, found = _solve(args, chart_version, kubernetes_version, region)
        if solution is None:
            raise FaultsError.of(AutoscalerRelease, name, AutoscalerReleaseArgs, found)
        for warning in (*solution.warnings, compatibility.age_warning(today())):
            if warning:
                pulumi.log.warn(warning, resource=self)
        return solution


def _solve(
    args: AutoscalerReleaseArgs, chart_version: str | None, kubernetes_version: str, region: pulumi.Input[str]
) -> tuple[Solution | None, list[Fault]]:
    chart: ChartSource = args.get("chart", {})
    flags = args.get("settings", {}).get("flags", {})
    if "startup_taints" in args and args["startup_taints"] != []:
        flags = {STARTUP_TAINT: "any", **flags}
    solution, found = compatibility.solve(
        compatibility.Request(
            kubernetes_version=kubernetes_version,
            region=region if isinstance(region, str) else "",
            credentials=args.get("credentials", IRSA),
            chart_version=chart_version,
            image_tag=args.get("image", {}).get("tag"),
            flags=flags,
            values=args.get("values", {}),
            capacity_buffers="capacity_buffers" in args,
        )
    )
    return solution, [_blamed(fault, chart) for fault in found]


def _blamed(fault: Fault, chart: ChartSource) -> Fault:
    """A fault of ``compatibility`` under the argument that holds the value."""
    if fault.path.startswith("flags."):
        return fault.under("settings")
    return fault._replace(path="chart.location") if fault.path == "chart.version" and _local_path(chart) else fault


def _read(chart: ChartSource) -> tuple[str | None, list[Fault]]:
    """Return the chart's version, None if it is not set or cannot be read, and the errors of its source.

    A local chart has the version of its Chart.yaml.
    """
    path, version = _local_path(chart), chart.get("version")
    if path is None:
        return version, _source_faults(chart)
    own, unread = local_chart.read(path)
    if "repository" in chart:
        return own, _source_faults(chart)
    if None not in (own, version) and own != version:
        expected = f"{own}, or leave version out: a local chart has the version of its Chart.yaml"
        return own, [Fault("chart.version", f"{version!r} for {path!r}", expected)]
    return own, [fault.under("chart.location") for fault in unread]


def _source_faults(chart: ChartSource) -> list[Fault]:
    if chart.get("location") and "repository" in chart:
        return [Fault("chart.location", "a location and a repository", "one of the two")]
    repository = chart.get("repository", CHART_REPOSITORY)
    if not repository.startswith(("https://", "http://")):
        hint = "; an OCI reference goes into location" if _is_oci(repository) else ""
        return [Fault("chart.repository", repr(repository), f"the URL of a Helm repository{hint}")]
    return []


def _annotated_role(args: AutoscalerReleaseArgs) -> pulumi.Input[str] | None:
    """The role that the service account names, None with other credentials than irsa."""
    return args.get("role_arn") if args.get("credentials", IRSA) == IRSA else None


def _buffer_flags(image_tag: str) -> dict[str, str]:
    image = parse_patch(image_tag)
    assert image is not None  # solve() lets no other tag pass
    return buffers.flags(image)


def _status(status: ReleaseStatus) -> str:
    return status.status


def _local_path(chart: ChartSource) -> str | None:
    location = chart.get("location")
    return location if location and not _is_oci(location) else None


def _is_oci(location: str) -> bool:
    return location.startswith("oci://")
