"""The newest versions in the tables, for tests that are not about one version in particular."""

from components.pure import compatibility
from components.pure.versions import dotted, parse_minor

NEWEST_CHART = dotted(compatibility.newest_chart().version)
NEWER_CHART = f"9.{compatibility.newest_chart().version[1] + 1}.0"
"""A chart that is newer than the tables."""

NEWEST_MINOR = dotted(max(compatibility.NEWEST_PATCH))
"""Newest minor of Cluster Autoscaler in the tables. EKS may offer newer ones."""

NEWER_MINOR = f"1.{max(*compatibility.KUBERNETES, *compatibility.NEWEST_PATCH)[1] + 1}"
"""A Kubernetes minor that is newer than the tables."""

COVERED = [dotted(minor) for minor in compatibility.KUBERNETES if minor in compatibility.NEWEST_PATCH]
"""Kubernetes minors with their own Cluster Autoscaler, oldest first."""


def newest_image(minor: str) -> str:
    """The tag of the newest Cluster Autoscaler for a Kubernetes minor."""
    return f"v{dotted(compatibility.fitting_image(parse_minor(minor) or (0, 0)))}"


def newer_image(minor: str) -> str:
    """The tag of a patch of that minor that is newer than the tables."""
    return f"v{minor}.{compatibility.fitting_image(parse_minor(minor) or (0, 0))[2] + 1}"
