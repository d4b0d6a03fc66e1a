"""Read the pages that the autoscaler's leader serves, through the API server's proxy.

They are one source among others. Without the right to use the proxy, or if the API server does not reach the pod, no
rule depends on them.
"""

from collections.abc import Mapping

from .. import arguments as command_line
from .._shared import durations, versions
from ..arguments import Arguments
from ..clients import Kubernetes
from ..facts import Deployment, Lease, Metrics, Pod
from ..metrics import parse_metrics
from ..readings import Reading, Unreadable

DEFAULT_ADDRESS = ":8085"
"""Where the autoscaler serves its pages without `--address` (`config/flags/flags.go`)."""
METRICS_SECONDS = 2.0
"""Patience with `/metrics`, which the autoscaler answers at once."""
_SCAN_SECONDS = 10.0


def leader(pods: Reading[tuple[Pod, ...]], lease: Reading[Lease | None]) -> Pod | None:
    """Return the pod that works: the holder of the lease, or without a lease the only ready one."""
    ready = () if isinstance(pods, Unreadable) else tuple(pod for pod in pods if pod.ready)
    if isinstance(lease, Lease):
        return next((pod for pod in ready if lease.holder.startswith(pod.name)), None)
    return ready[0] if len(ready) == 1 else None


def port(given: Arguments) -> int | None:
    """Return the port of the autoscaler's pages; None if `--address` names none."""
    text = given.get("address", DEFAULT_ADDRESS).rpartition(":")[2]
    return int(text) if text.isascii() and text.isdigit() else None


def metrics(kubernetes: Kubernetes, deployment: Deployment, pod: Pod | None) -> Reading[Metrics | None]:
    """Return what the leader has counted; None without a leader, or when it serves no metrics."""
    number = port(command_line.parse_arguments(deployment.arguments))
    if pod is None or number is None:
        return None
    page = kubernetes.ask_pod(deployment.namespace, pod.name, number, "/metrics", METRICS_SECONDS)
    if page is None or isinstance(page, Unreadable):
        return page
    patch = versions.parse_patch(command_line.image_tag(deployment.image))
    return parse_metrics(page, pod.name, patch[:2] if patch else None)


def debugging_snapshot(kubernetes: Kubernetes, deployment: Deployment, pod: Pod | None) -> Reading[str | None]:
    """Return the page `/snapshotz`; None unless the autoscaler runs with `--debugging-snapshot-enabled`.

    The autoscaler answers at the end of its next loop (`debuggingsnapshot/debugging_snapshotter.go`).
    """
    given = command_line.parse_arguments(deployment.arguments)
    number = port(given)
    if pod is None or number is None or not given.is_true("debugging-snapshot-enabled"):
        return None
    return kubernetes.ask_pod(deployment.namespace, pod.name, number, "/snapshotz", _patience(given.last))


def _patience(flags: Mapping[str, str]) -> float:
    interval = durations.seconds(flags.get("scan-interval", "")) or _SCAN_SECONDS
    return 2 * interval + _SCAN_SECONDS
