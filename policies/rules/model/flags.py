"""Flags and expanders of Cluster Autoscaler that end it, by version.

From config/flags/flags.go (before 1.33 main.go) of the newest patch of each minor from 1.28 to 1.36, read 2026-08-22.
Flags that every one of them has are not listed.
"""

EXPANDERS = ("least-waste", "priority", "most-pods", "least-nodes", "random", "grpc")
"""Expanders that work on AWS. Any other name ends the program: `price` because AWS gives no prices (main.go asks the
provider's `Pricing()`, which is not implemented), the rest as not supported (expander/factory/expander_factory.go)."""

NEWEST = (1, 36)
"""Newest minor whose flags were read."""

_ADDED = {
    (1, 29): (
        "bypassed-scheduler-names",
        "drain-priority-config",
        "dynamic-node-delete-delay-after-taint-enabled",
        "kube-api-content-type",
        "scale-down-delay-type-local",
        "startup-taint",
        "status-taint",
    ),
    (1, 30): (
        "enable-provisioning-requests",
        "frequent-loops-enabled",
    ),
    (1, 31): (
        "async-node-groups",
        "bulk-mig-instances-listing-enabled",
        "enable-proactive-scaleup",
        "force-delete-failed-nodes",
        "max-binpacking-time",
        "pod-injection-limit",
    ),
    (1, 32): (
        "check-capacity-batch-processing",
        "check-capacity-provisioning-request-batch-timebox",
        "check-capacity-provisioning-request-max-batch-size",
        "enable-dynamic-resource-allocation",
        "force-delete-unregistered-nodes",
        "provisioning-request-initial-backoff-time",
        "provisioning-request-max-backoff-cache-size",
        "provisioning-request-max-backoff-time",
    ),
    (1, 33): (
        "blocking-system-pod-distruption-timeout",
        "check-capacity-processor-instance",
        "cluster-snapshot-parallelism",
    ),
    (1, 34): (
        "capacity-buffer-controller-enabled",
        "capacity-buffer-pod-injection-enabled",
        "node-deletion-candidate-ttl",
    ),
    (1, 35): (
        "allowed-scheduler-names",
        "enable-csi-node-aware-scheduling",
        "max-node-skip-eval-time-tracker-enabled",
        "max-node-startup-time",
        "node-removal-latency-tracking-enabled",
        "predicate-parallelism",
        "scale-from-unschedulable",
    ),
    (1, 36): (
        "capacity-buffer-pod-dry-run-enabled",
        "capacity-quotas-enabled",
        "fastpath-binpacking-enabled",
        "max-startup-time",
        "salvo-scale-up",
        "salvo-scale-up-budget",
        "scaleup-simulation-for-skipped-node-groups-enabled",
        "startup-taint-prefix",
    ),
}

_REMOVED = {
    (1, 32): ("parallel-drain",),
    (1, 33): (
        "gce-expander-ephemeral-storage-support",
        "max-autoprovisioned-node-group-count",
        "max-empty-bulk-delete",
        "node-autoprovisioning-enabled",
    ),
}


def removed_in(flag: str, minor: tuple[int, int]) -> tuple[int, int] | None:
    """Return the minor that removed a flag from an image of this minor, None if the image may have it."""
    return next((removed for removed, flags in _REMOVED.items() if flag in flags and minor >= removed), None)


def added_in(flag: str, minor: tuple[int, int]) -> tuple[int, int] | None:
    """Return the minor that will add a flag which an image of this minor lacks, None if the image may have it."""
    return next((added for added, flags in _ADDED.items() if flag in flags and minor < added), None)
