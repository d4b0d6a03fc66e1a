"""The releases of Cluster Autoscaler that the stand-in plays, and what differs between them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

# Minor -> newest patch known when this table was made (tags of kubernetes/autoscaler, 2026-08-22).
_NEWEST_PATCH = {26: 8, 27: 8, 28: 7, 29: 5, 30: 7, 31: 5, 32: 7, 33: 6, 34: 5, 35: 2, 36: 1}
_NEVER_TAGGED = frozenset({(27, 0)})
# First patch of each older minor whose AWS SDK knows the address of the EKS Pod Identity agent (kas#6392, kas#6461).
_POD_IDENTITY_SINCE = {26: 7, 27: 6, 28: 3}


class UnknownReleaseError(ValueError):
    """The image names no release that the stand-in can play; the message says which ones it can."""


class Informed(NamedTuple):
    """A resource that Cluster Autoscaler's informers list at start: its API path and the Go type in the log."""

    path: str
    type: str


_INFORMED = (
    Informed("/api/v1/namespaces", "*v1.Namespace"),
    Informed("/api/v1/nodes", "*v1.Node"),
    Informed("/api/v1/persistentvolumeclaims", "*v1.PersistentVolumeClaim"),
    Informed("/api/v1/persistentvolumes", "*v1.PersistentVolume"),
    Informed("/api/v1/pods", "*v1.Pod"),
    Informed("/api/v1/replicationcontrollers", "*v1.ReplicationController"),
    Informed("/api/v1/services", "*v1.Service"),
    Informed("/apis/apps/v1/daemonsets", "*v1.DaemonSet"),
    Informed("/apis/apps/v1/replicasets", "*v1.ReplicaSet"),
    Informed("/apis/apps/v1/statefulsets", "*v1.StatefulSet"),
    Informed("/apis/batch/v1/jobs", "*v1.Job"),
    Informed("/apis/policy/v1/poddisruptionbudgets", "*v1.PodDisruptionBudget"),
    Informed("/apis/storage.k8s.io/v1/csidrivers", "*v1.CSIDriver"),
    Informed("/apis/storage.k8s.io/v1/csinodes", "*v1.CSINode"),
    Informed("/apis/storage.k8s.io/v1/csistoragecapacities", "*v1.CSIStorageCapacity"),
    Informed("/apis/storage.k8s.io/v1/storageclasses", "*v1.StorageClass"),
)
_INFORMED_SINCE_1_33 = (Informed("/apis/storage.k8s.io/v1/volumeattachments", "*v1.VolumeAttachment"),)
_INFORMED_SINCE_1_35 = (
    Informed("/apis/resource.k8s.io/v1/deviceclasses", "*v1.DeviceClass"),
    Informed("/apis/resource.k8s.io/v1/resourceclaims", "*v1.ResourceClaim"),
    Informed("/apis/resource.k8s.io/v1/resourceslices", "*v1.ResourceSlice"),
)


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
        exists = release.patch <= _NEWEST_PATCH.get(release.minor, -1)
        if not exists or (release.minor, release.patch) in _NEVER_TAGGED:
            known = ", ".join(f"v1.{minor}.0-{patch}" for minor, patch in _NEWEST_PATCH.items())
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
        since_1_33 = _INFORMED_SINCE_1_33 if self.minor >= 33 else ()
        since_1_35 = _INFORMED_SINCE_1_35 if self.minor >= 35 else ()
        return _INFORMED + since_1_33 + since_1_35

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
