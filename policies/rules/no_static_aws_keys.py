"""Cluster Autoscaler gets no long-lived AWS keys."""

import re
from collections.abc import Iterator, Mapping, Sequence

from pulumi_policy import ResourceValidationArgs, Severity
from pulumi_policy.proxy import UnknownValueError

from .model.autoscaler import CHART_TYPES, autoscaler_in
from .model.properties import has, peek
from .model.rule import Rule, Settings
from .model.stack import DEPLOYMENT

_VALUES = ("awsAccessKeyID", "awsSecretAccessKey", "secretKeyRefNameOverride")
_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_KEY_ID = re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b")


def _judge(resource: ResourceValidationArgs, _: Settings) -> Iterator[str]:
    autoscaler = autoscaler_in(resource)
    if autoscaler is None:
        return
    values = peek(resource.props, "values")
    for name in _VALUES:
        # What is given but not known yet is a key all the same, and no finding ever shows what was given.
        if has(values, name) and peek(values, name) != "":
            yield f"The chart value {name} is set; expected a role."
    for place in _key_ids(resource.props):
        yield f"{place} holds an AWS access key id; expected a role."
    for name in autoscaler.environment:
        if name in _VARIABLES:
            yield f"The container's variable {name} is set; expected a role."


def _key_ids(value: object, place: str = "") -> Iterator[str]:
    """Yield the places of texts that contain an access key id, passing over what is not known yet."""
    if isinstance(value, str):
        if _KEY_ID.search(value):
            yield place
    elif isinstance(value, Mapping):
        for key in value:
            yield from _key_ids(peek(value, key), f"{place}.{key}" if place else str(key))
    elif isinstance(value, Sequence):
        for position in range(len(value)):
            yield from _key_ids(_item(value, position), f"{place}[{position}]")


def _item(values: Sequence[object], position: int) -> object:
    try:
        return values[position]
    except UnknownValueError:
        return None


RULE = Rule(
    name="no-static-aws-keys",
    reason=(
        "Access keys in chart values never expire, override the pod's role, and are stored in the release's Secret, in "
        "Helm's history and in Pulumi's state."
    ),
    fix="Remove the keys, revoke them, and give the service account a role by IRSA or Pod Identity.",
    types=(*CHART_TYPES, DEPLOYMENT),
    severity=Severity.CRITICAL,
).per_resource(_judge)
