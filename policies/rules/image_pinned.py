"""The autoscaler's image is one exact release."""

from collections.abc import Iterator

from pulumi_policy import ResourceValidationArgs

from .model import charts
from .model.autoscaler import AUTOSCALER_TYPES, DeployedAutoscaler, autoscaler_in
from .model.rule import Rule, Settings


def _judge(resource: ResourceValidationArgs, _: Settings) -> Iterator[str]:
    autoscaler = autoscaler_in(resource)
    if autoscaler is None or autoscaler.stated_image.digest:
        return
    tag = autoscaler.stated_image.tag
    if tag is None and isinstance(autoscaler, DeployedAutoscaler):
        yield f"The image has no tag, which means latest; expected an exact release such as {charts.NEWEST_IMAGE}."
    # A release that states no tag runs its chart's, which is as exact as the chart's version.
    if tag is not None and not charts.release(tag):
        yield f"The image tag is {tag}; expected an exact release such as {charts.NEWEST_IMAGE}, or a digest."


RULE = Rule(
    name="image-pinned",
    reason=(
        "A moving tag changes the autoscaler under a running cluster: a new minor needs other permissions, drops flags "
        "and stops scaling without failing its health check."
    ),
    fix="Set image.tag to an exact release of the cluster's Kubernetes minor, or pin a digest.",
    types=AUTOSCALER_TYPES,
).per_resource(_judge)
