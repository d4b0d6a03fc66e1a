"""The releases of Cluster Autoscaler that the stand-in plays, and what differs between them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from sandbox import versions


def _patches(column: str) -> dict[int, int]:
    """Patch by minor, from one column of the table of releases."""
    return {
        int(row["minor"].split(".")[1]): int(row[column].split(".")[2])
        for row in versions.rows("cluster-autoscaler.tsv")
    }


_NEWEST_PATCH, _OLDEST_PATCH = _patches("newest"), _patches("oldest")
# First patch of each minor whose AWS SDK knows the address of the EKS Pod Identity agent (kas#6392, kas#6461).
_POD_IDENTITY_SINCE = _patches("podIdentity")


class UnknownReleaseError(ValueError):
    """The image names no release that the stand-in can play; the message says which ones it can."""


class Informed(NamedTuple):
    """A resource that Cluster Autoscaler's informers list at start: its API path and the Go type in the log."""

    path: str
    type: str


def _informed(group: str, version: str, resource: str, kind: str, **_: str) -> Informed:
    root = f"/apis/{group}" if group else "/api"
    return Informed(f"{root}/{version}/{resource}", f"*{version}.{kind}")


@dataclass(frozen=True, order=True)
class Release:
    """One release, 1.``minor``.``patch``."""

    minor: int
    patch: int

    @classmethod
    def of_image(cls, image: str) -> Release:
        """The release that the tag of a container image names.

        Args:
            image: As in a pod: ``repository:tag``, perhaps with ``@sha256:...`` behind it.

        Raises:
            UnknownReleaseError: There is no tag, or no such release.
        """
        tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
        match = re.fullmatch(r"v1\.(\d+)\.(\d+)", tag)
        release = cls(int(match[1]), int(match[2])) if match else cls(0, 0)
        if not _OLDEST_PATCH.get(release.minor, 0) <= release.patch <= _NEWEST_PATCH.get(release.minor, -1):
            known = ", ".join(f"v1.{minor}.{_OLDEST_PATCH[minor]}-{newest}" for minor, newest in _NEWEST_PATCH.items())
            raise UnknownReleaseError(
                f'image "{image}": no release of Cluster Autoscaler has the tag "{tag}"; the sandbox can play {known}'
            )
        return release

    def __str__(self) -> str:
        """As in ``1.36.1``."""
        return f"1.{self.minor}.{self.patch}"

    @property
    def informed(self) -> tuple[Informed, ...]:
        """What the informers of this release list at start; each needs ``list`` and ``watch`` in RBAC."""
        return tuple(
            _informed(**row) for row in versions.rows("informers.tsv") if self.minor >= int(row["since"].split(".")[1])
        )

    @property
    def waits_for_informers(self) -> bool:
        """Whether it blocks, in silence and in good health, until every informer has listed (since 1.33)."""
        return self.minor >= 33

    @property
    def waiting_line(self) -> str:
        """The last line of the log before that wait."""
        if self.minor >= 36:
            return "Waiting for caches to sync..."
        return "Initializing resource informers, blocking until caches are synced"

    @property
    def uses_sdk_v2(self) -> bool:
        """Whether it speaks to AWS by version 2 of the Go SDK (since 1.35): other words for the same errors."""
        return self.minor >= 35

    @property
    def asks_metadata_for_region(self) -> bool:
        """Whether the instance metadata service is asked for the region when the environment has none."""
        return not self.uses_sdk_v2

    @property
    def knows_pod_identity(self) -> bool:
        """Whether its SDK accepts the address of the EKS Pod Identity agent."""
        return self.patch >= _POD_IDENTITY_SINCE.get(self.minor, 0)

    @property
    def translates_eks_taints(self) -> bool:
        """Whether ``NO_SCHEDULE`` of an EKS node group is read as ``NoSchedule`` (since 1.31)."""
        return self.minor >= 31

    @property
    def writes_yaml_status(self) -> bool:
        """Whether the status ConfigMap holds YAML (since 1.30) or free text."""
        return self.minor >= 30
