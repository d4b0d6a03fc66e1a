"""What each version of Cluster Autoscaler must be allowed in Kubernetes, by its informers and its writes.

Source: kubernetes/autoscaler, ``utils/kubernetes/listers.go``, the scheduler framework's informers and the official
manifest, read from 1.26 to 1.36.
"""

from ._shared import compatibility, versions
from .arguments import Arguments
from .facts import Access

BLOCKS_SINCE: versions.Minor = (1, 33)
"""From here on a resource that cannot be listed keeps the main loop from ever starting."""

LEASE = "cluster-autoscaler"
STATUS_CONFIG_MAP = "cluster-autoscaler-status"
PRIORITY_CONFIG_MAP = "cluster-autoscaler-priority-expander"
PRIORITY_KEY = "priorities"

_INFORMERS: tuple[tuple[str, str, versions.Minor], ...] = (
    ("", "pods", (1, 0)),
    ("", "nodes", (1, 0)),
    ("", "namespaces", (1, 0)),
    ("", "services", (1, 0)),
    ("", "replicationcontrollers", (1, 0)),
    ("", "persistentvolumes", (1, 0)),
    ("", "persistentvolumeclaims", (1, 0)),
    ("apps", "daemonsets", (1, 0)),
    ("apps", "replicasets", (1, 0)),
    ("apps", "statefulsets", (1, 0)),
    ("batch", "jobs", (1, 0)),
    ("policy", "poddisruptionbudgets", (1, 0)),
    ("storage.k8s.io", "storageclasses", (1, 0)),
    ("storage.k8s.io", "csinodes", (1, 0)),
    ("storage.k8s.io", "csidrivers", (1, 0)),
    ("storage.k8s.io", "csistoragecapacities", (1, 0)),
    ("storage.k8s.io", "volumeattachments", (1, 32)),
)
_DYNAMIC_RESOURCES = ("deviceclasses", "resourceslices", "resourceclaims")


def needs(minor: versions.Minor, namespace: str, arguments: Arguments) -> tuple[Access, ...]:
    """Every right that a Cluster Autoscaler of this version, in this namespace and with these flags, needs."""
    informers = [(group, resource) for group, resource, since in _INFORMERS if minor >= since]
    if lists_dynamic_resources(minor, arguments):
        informers += [("resource.k8s.io", resource) for resource in _DYNAMIC_RESOURCES]
    status_map = arguments.get("status-config-map-name", STATUS_CONFIG_MAP)
    lease = arguments.get("leader-elect-resource-name", LEASE)
    writes = [
        Access("create", "events"),
        Access("update", "nodes"),
        Access("create", "pods", subresource="eviction"),
        Access("create", "configmaps", namespace=namespace),
        Access("get", "configmaps", namespace=namespace, name=status_map),
        Access("update", "configmaps", namespace=namespace, name=status_map),
        Access("create", "leases", "coordination.k8s.io", namespace=namespace),
        Access("get", "leases", "coordination.k8s.io", namespace=namespace, name=lease),
        Access("update", "leases", "coordination.k8s.io", namespace=namespace, name=lease),
    ]
    if "priority" in arguments.get("expander").split(","):
        writes += [Access(verb, "configmaps", namespace=namespace) for verb in ("list", "watch")]
    reads = [Access(verb, resource, group) for group, resource in informers for verb in ("list", "watch")]
    return (*reads, *writes)


def lists_dynamic_resources(minor: versions.Minor, arguments: Arguments) -> bool:
    """Whether this Cluster Autoscaler lists resource.k8s.io: always from some version on, before that by flag."""
    return minor >= compatibility.DYNAMIC_RESOURCE_ALLOCATION[0] or arguments.is_true(
        "enable-dynamic-resource-allocation"
    )
