"""Which changes of an object need a new object, since Kubernetes does not allow them in place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from sandbox.providers.kubernetes.naming import group_of

_IDENTITY: Final = ("apiVersion", "kind", "metadata.name", "metadata.namespace")

_FIXED: Final[Mapping[str, tuple[str, ...]]] = {
    "ClusterRoleBinding.rbac.authorization.k8s.io": ("roleRef",),
    "DaemonSet.apps": ("spec.selector",),
    "Deployment.apps": ("spec.selector",),
    "Job.batch": ("spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
    "PersistentVolume": ("spec.awsElasticBlockStore", "spec.csi", "spec.hostPath", "spec.local", "spec.nfs"),
    "PersistentVolumeClaim": ("spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"),
    "Pod": ("spec",),
    "ResourceQuota": ("spec.scopes",),
    "RoleBinding.rbac.authorization.k8s.io": ("roleRef",),
    "Secret": ("type",),
    "Service": ("spec.clusterIP",),
    "StatefulSet.apps": (
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    "StorageClass.storage.k8s.io": ("parameters", "provisioner"),
}
"""The official provider's own list (``forceNew`` in its ``provider/pkg/provider/diff.go``), as far as it goes here."""

_DATA: Final[Mapping[str, tuple[str, ...]]] = {
    "ConfigMap": ("binaryData", "data"),
    "Secret": ("data", "stringData"),
}
"""Replaced unless the provider's ``enableConfigMapMutable`` or ``enableSecretMutable`` is set: the official default."""


def replacing(api_version: str, kind: str, paths: Iterable[str], *, mutable_data: bool) -> frozenset[str]:
    """Those of the changed paths that need a new object.

    Args:
        api_version: The object's, such as ``apps/v1``.
        kind: The object's, such as ``Deployment``.
        paths: Changed property paths, such as ``spec.template.spec.containers[0].image``.
        mutable_data: Whether the data of ConfigMaps or Secrets may change in place.
    """
    group = group_of(api_version)
    name = f"{kind}.{group}" if group else kind
    fixed = (*_IDENTITY, *_FIXED.get(name, ()), *(() if mutable_data else _DATA.get(name, ())))
    return frozenset(path for path in paths if any(_within(path, prefix) for prefix in fixed))


def _within(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith((f"{prefix}.", f"{prefix}["))
