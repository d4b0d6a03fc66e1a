"""The chart is installed in one exact version.

Once every property of a Release is known, the Kubernetes provider puts the version it found in the place of the one
asked for, before policies see it (helm_release.go of pulumi-kubernetes 4.32). A loose version is therefore seen in
the preview that plans the release together with its role or cluster, and not in later ones. A Chart component shows
it always.
"""

from collections.abc import Iterator

from pulumi_policy import ResourceValidationArgs

from .model import charts
from .model.autoscaler import CHART_TYPES, is_autoscaler_chart
from .model.properties import dig, peek
from .model.rule import Rule, Settings


def _judge(resource: ResourceValidationArgs, _: Settings) -> Iterator[str]:
    if not is_autoscaler_chart(resource) or _is_local(resource):
        return
    if dig(resource.props, "devel") is True:
        yield "devel is true, so pre-releases are taken as well."
    version = str(dig(resource.props, "version") or "")
    if not charts.release(version):
        yield f"version is {version or 'not set'}; expected one exact version such as {charts.NEWEST_CHART}."


def _is_local(resource: ResourceValidationArgs) -> bool:
    """Return whether the chart is a file or folder, whose version the program does not choose.

    `<repository>/<chart>` names no folder: it is how Helm's own list of repositories is asked.
    """
    chart = str(peek(resource.props, "chart") or "")
    if chart.startswith(("oci://", "https://", "http://")):
        return False
    is_path = chart.startswith((".", "/")) or chart.endswith(".tgz") or chart.count("/") > 1
    return is_path or bool(peek(resource.props, "path"))


RULE = Rule(
    name="chart-version-pinned",
    reason=(
        "Without an exact version an update installs the newest chart of that day, with permissions and a default "
        "image that was not reviewed."
    ),
    fix="Set version to one exact chart version, and change it in a separate commit.",
    types=CHART_TYPES,
).per_resource(_judge)
