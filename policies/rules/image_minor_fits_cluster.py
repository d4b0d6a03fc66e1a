"""Cluster Autoscaler has the minor version of the cluster it scales."""

from collections.abc import Iterator

from pulumi_policy import PolicyResource

from .model import charts
from .model.autoscaler import AUTOSCALER_TYPES, Autoscaler, autoscaler_in, discovered_clusters
from .model.properties import dig
from .model.rule import Rule, Settings, text
from .model.stack import CLUSTER, Stack


def _judge(resource: PolicyResource, stack: Stack, settings: Settings) -> Iterator[str]:
    autoscaler = autoscaler_in(resource)
    if autoscaler is None:
        return
    for cluster, version in _clusters(autoscaler, stack, settings):
        minor = autoscaler.image.minor
        if minor and not _fits(minor, charts.minor(version)):
            found = f"The image is of Cluster Autoscaler {minor[0]}.{minor[1]}"
            yield f"{found}, and {cluster} runs Kubernetes {version}; expected {_expected(charts.minor(version))}."
        elif not (minor or autoscaler.stated_image.tag or autoscaler.stated_image.digest):
            yield (
                f"No image tag is stated, and this pack does not know the default of chart {autoscaler.chart_version} "
                f"(its table is of {charts.READ_ON}); {cluster} runs Kubernetes {version}."
            )


def _clusters(autoscaler: Autoscaler, stack: Stack, settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield name and Kubernetes version of the clusters that an autoscaler scales, as far as this stack knows them."""
    if version := settings.text("kubernetesVersion"):
        yield "the cluster", version
        return
    for cluster in stack.of(CLUSTER):
        name = dig(cluster.props, "name")
        if name in discovered_clusters(autoscaler) and (running := dig(cluster.props, "version")):
            yield f"cluster {name}", str(running)


def _fits(image: tuple[int, int], cluster: tuple[int, int]) -> bool:
    """Return whether an image fits a cluster: equal minors, or the newest known ones on a cluster newer than the table.

    Amazon EKS offers a Kubernetes minor weeks before Cluster Autoscaler has a release for it (kubernetes/autoscaler
    issue 9985), and an upgrade of the cluster must not block its stack meanwhile.
    """
    return image == cluster or charts.NEWEST_MINOR <= image < cluster


def _expected(cluster: tuple[int, int]) -> str:
    newest = charts.NEWEST_MINOR
    return _dotted(cluster) if cluster <= newest else f"{_dotted(newest)} or newer, up to {_dotted(cluster)}"


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


RULE = Rule(
    name="image-minor-fits-cluster",
    reason=(
        "Cluster Autoscaler simulates the scheduler of one Kubernetes minor, and only equal minors are tested. A "
        "newer one may wait indefinitely for APIs that the cluster does not serve, while its pod is Running."
    ),
    fix="Set image.tag to the newest patch of the cluster's own minor; the chart's default trails behind.",
    types=AUTOSCALER_TYPES,
    settings={
        "kubernetesVersion": text(
            "", "Kubernetes minor of the cluster, such as 1.35, where another stack makes it; empty: from the stack."
        )
    },
).per_stack(_judge)
