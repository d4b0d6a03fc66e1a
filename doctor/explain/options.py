"""How Cluster Autoscaler is configured to remove nodes: its flags, and the options of one group in its tags."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from .._shared import discovery, durations, versions
from ..arguments import Arguments

T = TypeVar("T")

SYSTEM_POD_TIMEOUT_SINCE = (1, 33)
"""First minor with `--blocking-system-pod-distruption-timeout` (its own spelling; `config/flags/flags.go`)."""


@dataclass(frozen=True)
class ScaleDownOptions:
    """Options of scale-down, with the defaults of `config/flags/flags.go`; durations in seconds.

    Attributes:
        system_pod_timeout: Age from which a kube-system pod without a budget no longer blocks; None where the version
            has no such limit.
    """

    enabled: bool = True
    utilization_threshold: float = 0.5
    gpu_utilization_threshold: float = 0.5
    unneeded_seconds: float = 600
    unready_seconds: float = 1200
    delay_after_add_seconds: float = 600
    ignore_daemons: bool = False
    ignore_mirror_pods: bool = False
    skip_system_pods: bool = True
    skip_local_storage: bool = True
    skip_custom_controllers: bool = True
    system_pod_timeout: float | None = None


def scale_down_options(arguments: Arguments, tags: Mapping[str, str], minor: versions.Minor | None) -> ScaleDownOptions:
    """Return the options that apply to the nodes of one group.

    Args:
        arguments: The command line of the autoscaler.
        tags: Tags of the node's Auto Scaling Group; its autoscaling options take precedence.
        minor: Minor version of the autoscaler.
    """

    def value(flag: str, option: str, read: Callable[[str], T | None], default: T) -> T:
        given = tags.get(discovery.option_key(option)) if option else None
        for text in (given, (arguments.values.get(flag) or (None,))[-1]):
            if text is not None and (known := read(text)) is not None:
                return known
        return default

    default = ScaleDownOptions()
    timeout = value("blocking-system-pod-distruption-timeout", "", durations.seconds, 3600.0)
    return ScaleDownOptions(
        enabled=arguments.is_true("scale-down-enabled", default=True),
        utilization_threshold=value(
            "scale-down-utilization-threshold", "scaledownutilizationthreshold", _number, default.utilization_threshold
        ),
        gpu_utilization_threshold=value(
            "scale-down-gpu-utilization-threshold",
            "scaledowngpuutilizationthreshold",
            _number,
            default.gpu_utilization_threshold,
        ),
        unneeded_seconds=value(
            "scale-down-unneeded-time", "scaledownunneededtime", durations.seconds, default.unneeded_seconds
        ),
        unready_seconds=value(
            "scale-down-unready-time", "scaledownunreadytime", durations.seconds, default.unready_seconds
        ),
        delay_after_add_seconds=value(
            "scale-down-delay-after-add", "", durations.seconds, default.delay_after_add_seconds
        ),
        ignore_daemons=value(
            "ignore-daemonsets-utilization", "ignoredaemonsetsutilization", _truth, default.ignore_daemons
        ),
        ignore_mirror_pods=arguments.is_true("ignore-mirror-pods-utilization"),
        skip_system_pods=arguments.is_true("skip-nodes-with-system-pods", default=True),
        skip_local_storage=arguments.is_true("skip-nodes-with-local-storage", default=True),
        skip_custom_controllers=arguments.is_true("skip-nodes-with-custom-controller-pods", default=True),
        system_pod_timeout=timeout if minor is None or minor >= SYSTEM_POD_TIMEOUT_SINCE else None,
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _truth(text: str) -> bool | None:
    return {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}.get(text.lower())
