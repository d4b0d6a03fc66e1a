"""The chart grants the image all that it waits for."""

from collections.abc import Iterator

from pulumi_policy import ResourceValidationArgs

from .model import charts
from .model.autoscaler import AUTOSCALER_TYPES, autoscaler_in
from .model.rule import Rule, Settings


def _judge(resource: ResourceValidationArgs, _: Settings) -> Iterator[str]:
    autoscaler = autoscaler_in(resource)
    chart = charts.release(autoscaler.chart_version or "") if autoscaler else None
    minor = autoscaler.image.minor if autoscaler else None
    if chart is None or minor is None:
        return
    lacking = [floor for floor in charts.RBAC_FLOORS if minor >= floor.image and chart < floor.chart]
    if lacking:
        yield (
            f"Chart {_dotted(chart)} does not let Cluster Autoscaler {_dotted(minor)} list "
            f"{', '.join(floor.resource for floor in lacking)}; expected chart "
            f"{_dotted(max(floor.chart for floor in lacking))} or newer."
        )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


RULE = Rule(
    name="chart-fits-image",
    reason=(
        "From 1.33 on Cluster Autoscaler waits until it has listed every resource it watches. If the chart's role "
        "lacks one, it waits indefinitely: the pod is Running, its health check returns 200, and nothing scales."
    ),
    fix="Raise the chart together with the image; the newest chart serves every older image.",
    types=AUTOSCALER_TYPES,
).per_resource(_judge)
