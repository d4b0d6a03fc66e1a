"""The releases that the stand-in plays, and what their informers list at start: the project's dated tables."""

from __future__ import annotations

import re

from sandbox import versions

WAITS_SINCE = 33
"""From this minor on the process waits, in silence and in good health, until every informer has listed."""


class UnknownReleaseError(ValueError):
    """The image names no release that the stand-in emulates; the message names those that it does."""


def of_image(image: str) -> str:
    """Return the release, such as ``1.36.1``, that the tag of a container image names."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    match = re.fullmatch(r"v((1\.\d+)\.(\d+))", tag)
    known = {row["minor"]: row["newest"] for row in versions.rows("cluster-autoscaler.tsv") if row["minor"] >= "1.29"}
    if not match or match[2] not in known or int(match[3]) > int(known[match[2]].rpartition(".")[2]):
        emulated = ", ".join(f"v{newest}" for newest in known.values())
        unknown = f'no release of Cluster Autoscaler has the tag "{tag}"; the sandbox emulates up to {emulated}'
        raise UnknownReleaseError(f'image "{image}": {unknown}')
    return match[1]


def informed(minor: int) -> dict[str, str]:
    """Return what the informers of a release list at start: API path to the Go type in the log."""
    rows = [row for row in versions.rows("informers.tsv") if minor >= int(row["since"].partition(".")[2])]
    paths = [f"/apis/{row['group']}/{row['version']}/{row['resource']}".replace("/apis//", "/api/") for row in rows]
    return {path: f"*{row['version']}.{row['kind']}" for path, row in zip(paths, rows, strict=True)}
