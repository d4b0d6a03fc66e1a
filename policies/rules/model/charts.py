"""Which image a chart runs, which rights it grants and which Cluster Autoscaler is newest, from the tables in `data/`.

The tables are copies of those in `components/pure/data/`, because the pack ships alone. `make versions` writes both,
and a test compares them.
"""

import re
from pathlib import Path
from typing import NamedTuple

CHART = "cluster-autoscaler"

_EXACT = re.compile(r"v?(\d+)\.(\d+)\.(\d+)([-+][0-9A-Za-z.+-]+)?")
_READ = re.compile(r"read (\d{4}-\d{2}-\d{2})\.$")


def release(version: str) -> tuple[int, int, int] | None:
    """Return major, minor and patch of an exact version such as `9.46.3` or `v1.35.2`, None for anything looser."""
    match = _EXACT.fullmatch(version)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def minor(version: str) -> tuple[int, int]:
    """Return major and minor of a version such as `1.35`, `1.35.2` or `1.35.2-eks-abc`; (0, 0) if it is none."""
    match = re.match(r"v?(\d+)\.(\d+)", version)
    return (int(match[1]), int(match[2])) if match else (0, 0)


class Floor(NamedTuple):
    """What the ClusterRole of a chart must grant.

    Attributes:
        image: First minor of Cluster Autoscaler that waits for the resource.
        chart: First chart that lets it list the resource.
        resource: Name of the resource and its API group.
    """

    image: tuple[int, int]
    chart: tuple[int, int, int]
    resource: str


def default_tag(chart_version: str) -> str | None:
    """Return the image tag that a chart release runs by default, None if this pack does not know the release.

    It is `image.tag` of values.yaml, not appVersion, which some releases have wrong.
    """
    wanted = release(chart_version)
    return next((f"v{row['image']}" for row in rows("charts.tsv") if release(row["chart"]) == wanted), None)


def _lines(table: str) -> list[str]:
    return (Path(__file__).parent / "data" / table).read_text(encoding="utf-8").splitlines()


def rows(table: str) -> list[dict[str, str]]:
    """Return the rows of a table in `data/`, each value by the name of its column."""
    header, *rows = (line.split("\t") for line in _lines(table) if not line.startswith("#"))
    return [dict(zip(header, row, strict=True)) for row in rows]


READ_ON = next(match[1] for line in _lines("charts.tsv") if (match := _READ.search(line)))
"""The day on which the charts were read."""

NEWEST_MINOR = max(minor(row["minor"]) for row in rows("cluster-autoscaler.tsv"))
"""Newest minor of Cluster Autoscaler that this pack knows."""

NEWEST_IMAGE = f"v{rows('cluster-autoscaler.tsv')[-1]['newest']}"
"""Tag of the newest Cluster Autoscaler that this pack knows."""

# From this minor on Cluster Autoscaler waits until it has listed every resource, while its health check returns 200.
_BLOCKS_SINCE = (1, 33)

NEWEST_CHART = rows("charts.tsv")[-1]["chart"]
"""Newest chart that this pack knows."""

RBAC_FLOORS = tuple(
    Floor(
        max(minor(row["since"]), _BLOCKS_SINCE),
        release(row["chart"]) or (0, 0, 0),
        f"{row['resource']}.{row['group']}",
    )
    for row in rows("informers.tsv")
    if row["chart"]
)
"""Resources that not every chart lets Cluster Autoscaler list."""
