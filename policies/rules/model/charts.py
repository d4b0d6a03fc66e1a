"""Facts about the chart `cluster-autoscaler`, read from its release tags on 2026-08-22 (9.59.0 was the newest)."""

import re

CHART = "cluster-autoscaler"
READ_ON = "2026-08-22"
NEWEST = (9, 59, 0)

# First chart release -> tag of the image that it and its successors run unless `image.tag` says otherwise.
# From `image.tag` in values.yaml, not from appVersion, which 9.54.0 to 9.55.0 have wrong.
_DEFAULT_TAGS = (
    ((9, 28, 0), "v1.26.2"),
    ((9, 29, 0), "v1.27.1"),
    ((9, 29, 1), "v1.27.2"),
    ((9, 34, 0), "v1.28.2"),
    ((9, 35, 0), "v1.29.0"),
    ((9, 37, 0), "v1.30.0"),
    ((9, 38, 0), "v1.31.0"),
    ((9, 45, 0), "v1.32.0"),
    ((9, 47, 0), "v1.33.0"),
    ((9, 52, 0), "v1.34.1"),
    ((9, 53, 0), "v1.34.2"),
    ((9, 55, 1), "v1.35.0"),
)

# Image minor -> first chart release whose ClusterRole lets it list all that it waits for, and what was added there.
# An image that may not list one of them waits for ever, while its health check says 200.
RBAC_FLOORS = (
    ((1, 33), (9, 46, 3), "volumeattachments.storage.k8s.io"),
    ((1, 35), (9, 54, 0), "resource.k8s.io"),
)

_EXACT = re.compile(r"v?(\d+)\.(\d+)\.(\d+)([-+][0-9A-Za-z.+-]+)?")


def release(version: str) -> tuple[int, int, int] | None:
    """Returns major, minor and patch of an exact version such as `9.59.0` or `v1.35.2`, None for anything looser."""
    match = _EXACT.fullmatch(version)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def default_tag(chart_version: str) -> str | None:
    """Returns the image tag that a chart release runs by default, None if this module does not know the release."""
    wanted = release(chart_version)
    if wanted is None or wanted > NEWEST:
        return None
    return next((tag for first, tag in reversed(_DEFAULT_TAGS) if wanted >= first), None)
