"""The Kubernetes rights that each version of Cluster Autoscaler needs, for its informers and its writes.

The informers are in the components' tables. The writes follow the official manifest of kubernetes/autoscaler.
"""

from ._shared import capacity_buffers, compatibility, flag_needs, versions
from .arguments import Arguments
from .facts import Access

DYNAMIC_RESOURCES = "resource.k8s.io"
"""API group that newer versions of Cluster Autoscaler always list, and older ones only with a flag."""

LEASE = "cluster-autoscaler"
STATUS_CONFIG_MAP = "cluster-autoscaler-status"
PRIORITY_CONFIG_MAP = "cluster-autoscaler-priority-expander"
PRIORITY_KEY = "priorities"


def needs(minor: versions.Minor, arguments: Arguments) -> tuple[Access, ...]:
    """Return every right that this version of Cluster Autoscaler needs with these flags."""
    namespace = arguments.namespace
    informers = [
        (informer.group, informer.resource)
        for informer in compatibility.INFORMERS
        if minor >= informer.since
        or (informer.group == DYNAMIC_RESOURCES and arguments.is_true("enable-dynamic-resource-allocation"))
    ]
    informers += [(need.group, need.resource) for need in flag_needs.needs(arguments.last, minor)]
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
    if any(arguments.is_true(flag) for flag in flag_needs.BUFFER_FLAGS):
        writes.append(Access("update", capacity_buffers.PLURAL, capacity_buffers.GROUP, subresource="status"))
    if flag_needs.needs_pods(arguments.last, minor):
        writes.append(Access("create", "pods"))
    informers = list(dict.fromkeys(informers))
    reads = [Access(verb, resource, group) for group, resource in informers for verb in ("list", "watch")]
    return (*reads, *writes)
