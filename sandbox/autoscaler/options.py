"""The flags that the stand-in obeys."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from sandbox.autoscaler.flags import CommandLine

# Without visible effect in the real process, too, or only on how it writes its log.
_OF_NO_CONSEQUENCE = frozenset(
    {
        "alsologtostderr",
        "alsologtostderrthreshold",
        "cluster-name",
        "leader-elect-resource-namespace",
        "logtostderr",
        "profiling",
        "stderrthreshold",
    }
)


@dataclass(frozen=True)
class Options:
    """The obeyed flags, each under its own name with ``-`` for ``_``; times in seconds.

    A field with a default here belongs to flags that some of the played releases do not have.
    """

    address: str
    aws_use_static_instance_list: bool
    balance_similar_node_groups: bool
    balancing_ignore_label: list[str]
    balancing_label: list[str]
    cloud_provider: str
    cordon_node_before_terminating: bool
    expander: str
    expendable_pods_priority_cutoff: int
    ignore_daemonsets_utilization: bool
    ignore_mirror_pods_utilization: bool
    ignore_taint: list[str]
    initial_node_group_backoff_duration: float
    kubeconfig: str
    leader_elect: bool
    leader_elect_lease_duration: float
    leader_elect_renew_deadline: float
    leader_elect_resource_name: str
    leader_elect_retry_period: float
    max_drain_parallelism: int
    max_failing_time: float
    max_graceful_termination_sec: int
    max_inactivity: float
    max_node_group_backoff_duration: float
    max_nodes_total: int
    max_pod_eviction_time: float
    max_scale_down_parallelism: int
    max_total_unready_percentage: float
    namespace: str
    new_pod_scale_up_delay: float
    node_delete_delay_after_taint: float
    node_group_auto_discovery: list[str]
    node_group_backoff_reset_timeout: float
    nodes: list[str]
    ok_total_unready_count: int
    scale_down_delay_after_add: float
    scale_down_delay_after_delete: float
    scale_down_delay_after_failure: float
    scale_down_enabled: bool
    scale_down_unneeded_time: float
    scale_down_unready_time: float
    scale_down_utilization_threshold: float
    scale_up_from_zero: bool
    scan_interval: float
    skip_nodes_with_local_storage: bool
    skip_nodes_with_system_pods: bool
    status_config_map_name: str
    v: int
    write_status_configmap: bool
    enable_dynamic_resource_allocation: bool = False
    scale_down_unready_enabled: bool = True
    skip_nodes_with_custom_controller_pods: bool = True
    startup_taint: list[str] = field(default_factory=list)
    status_taint: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, line: CommandLine) -> Options:
        """The obeyed part of a parsed command line."""
        known: dict[str, Any] = dict(line.values)
        names = {one.name: one.name.replace("_", "-") for one in fields(cls)}
        return cls(**{name: known[flag] for name, flag in names.items() if flag in known})


def without_effect(line: CommandLine) -> list[str]:
    """The given flags that Cluster Autoscaler would act on and the stand-in does not, sorted."""
    obeyed = {one.name.replace("_", "-") for one in fields(Options)}
    return sorted(line.given - obeyed - _OF_NO_CONSEQUENCE)
