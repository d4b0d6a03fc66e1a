"""Cluster Autoscaler's reading and writing of Kubernetes objects."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.autoscaler import log
from sandbox.autoscaler.objects import ANNOTATIONS, TO_BE_DELETED, Json, Node, Pod
from sandbox.autoscaler.options import Options
from sandbox.autoscaler.releases import Informed, Release
from sandbox.autoscaler.scale_down import Budget
from sandbox.autoscaler.status import timestamp
from sandbox.kube_api import KubeApi, KubeApiError

COMPONENT = "sandbox-autoscaler"
"""Who reports the events. Cluster Autoscaler itself would be ``cluster-autoscaler``."""

_REFLECTOR_PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
_SAME_EVENT_SECONDS = 300.0
_EVICTION_PAUSE = 1.0


@dataclass(frozen=True)
class Picture:
    """The cluster at one moment; ``daemons`` are the pods that DaemonSets would put on a new node."""

    nodes: list[Node]
    pods: list[Pod]
    daemons: list[Pod]
    budgets: list[Budget]


class Cluster:
    """One cluster's API, as the autoscaler's service account.

    Args:
        api: The API server.
        release: The played release: what its informers list.
        options: The command line.
    """

    def __init__(self, api: KubeApi, release: Release, options: Options) -> None:
        self._api = api
        self._release = release
        self._options = options
        self._said: dict[tuple[str, str, str], float] = {}
        self._status_map = f"/api/v1/namespaces/{options.namespace}/configmaps"

    def sync(self, sleep: Callable[[float], None]) -> None:
        """Lists once whatever the informers of the release list.

        Releases that wait for it wait here for ever when a list is forbidden, with nothing to see but the log.
        """
        if self._release.waits_for_informers:
            log.info(self._release.waiting_line)
        missing = list(self._release.informed)
        for pause in self._pauses():
            missing = [one for one in missing if not self._lists(one)]
            if not missing or not self._release.waits_for_informers:
                return
            sleep(pause)

    def picture(self) -> Picture:
        """Reads what a loop decides upon.

        Raises:
            KubeApiError: A list was refused, in a release that does not find out at start.
        """
        return Picture(
            nodes=[Node.of(one) for one in self._api.items("/api/v1/nodes")],
            pods=[Pod.of(one) for one in self._api.items("/api/v1/pods")],
            daemons=[Pod.of_daemon_set(one) for one in self._api.items("/apis/apps/v1/daemonsets")],
            budgets=[Budget.of(one) for one in self._api.items("/apis/policy/v1/poddisruptionbudgets")],
        )

    def config_map(self, name: str) -> Mapping[str, str] | None:
        """The data of a ConfigMap in the autoscaler's namespace; ``None`` when there is none or it may not be read."""
        try:
            data: Mapping[str, str] = self._api.get(f"{self._status_map}/{name}").get("data", {})
        except KubeApiError as error:
            if error.status != 404:
                log.error(f"Failed to read configmap {name}: {error}")
            return None
        return data

    # -- nodes and pods ------------------------------------------------------------------------------------------

    def mark(self, node: str, now: datetime) -> None:
        """Taints the node so that nothing new comes to it, and cordons it if the flag says so."""
        taint = {"key": TO_BE_DELETED, "value": str(int(now.timestamp())), "effect": "NoSchedule"}

        def change(spec: dict[str, Any]) -> None:
            spec["taints"] = [*_other_taints(spec), taint]
            if self._options.cordon_node_before_terminating:
                spec["unschedulable"] = True

        self._change_node(node, change)

    def unmark(self, node: str) -> None:
        """Takes back what :meth:`mark` did."""

        def change(spec: dict[str, Any]) -> None:
            spec["taints"] = _other_taints(spec)
            if self._options.cordon_node_before_terminating:
                spec.pop("unschedulable", None)

        self._change_node(node, change)

    def evict(self, pods: tuple[Pod, ...], sleep: Callable[[float], None]) -> str:
        """Evicts pods and waits until they are gone; why that failed, or nothing."""
        for pod in pods:
            problem = self._evict(pod, sleep)
            if problem:
                return problem
        attempts = int(self._options.max_graceful_termination_sec / _EVICTION_PAUSE)
        for _ in range(attempts + 1):
            if not any(self._is_there(pod) for pod in pods):
                return ""
            sleep(_EVICTION_PAUSE)
        return "pods remaining after timeout"

    # -- what others can see -------------------------------------------------------------------------------------

    def write_status(self, text: str, now: datetime) -> None:
        """Writes the status ConfigMap; a failure is logged and no more."""
        if not self._options.write_status_configmap:
            return
        name = self._options.status_config_map_name
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": name,
                "namespace": self._options.namespace,
                "annotations": {f"{ANNOTATIONS}last-updated": timestamp(now)},
            },
            "data": {"status": text},
        }
        try:
            try:
                self._api.request("PUT", f"{self._status_map}/{name}", body)
            except KubeApiError as error:
                if error.status != 404:
                    raise
                self._api.request("POST", self._status_map, body)
        except KubeApiError as error:
            log.error(f"Failed to write status configmap: {error}")

    def delete_status(self) -> None:
        """Removes the status ConfigMap, as is done at a regular end."""
        try:
            self._api.request("DELETE", f"{self._status_map}/{self._options.status_config_map_name}")
        except KubeApiError:
            log.error("Failed to delete status configmap")

    def pod_event(self, pod: Pod, reason: str, message: str, *, warning: bool = False) -> None:
        """Reports on a pod."""
        about = {"kind": "Pod", "namespace": pod.namespace, "name": pod.name, "uid": pod.uid}
        self._event(about, reason, message, warning)

    def node_event(self, node: str, reason: str, message: str, *, warning: bool = False) -> None:
        """Reports on a node."""
        self._event({"kind": "Node", "name": node, "uid": node}, reason, message, warning)

    def status_event(self, reason: str, message: str, *, warning: bool = False) -> None:
        """Reports on the cluster as a whole: an event of the status ConfigMap."""
        name = self._options.status_config_map_name
        self._event({"kind": "ConfigMap", "namespace": self._options.namespace, "name": name}, reason, message, warning)

    # -- within --------------------------------------------------------------------------------------------------

    def _pauses(self) -> Iterator[float]:
        yield from _REFLECTOR_PAUSES
        while True:
            yield _REFLECTOR_PAUSES[-1]

    def _lists(self, informed: Informed) -> bool:
        try:
            self._api.get(informed.path, limit="1")
        except KubeApiError as error:
            log.error(
                f'"Failed to watch" err="failed to list {informed.type}: {error}" logger="UnhandledError" '
                f'reflector="k8s.io/client-go/informers/factory.go:160" type="{informed.type}"'
            )
            return False
        return True

    def _change_node(self, name: str, change: Callable[[dict[str, Any]], None]) -> None:
        path = f"/api/v1/nodes/{name}"
        for attempt in range(5):
            node = self._api.get(path)
            change(node["spec"])
            try:
                self._api.request("PUT", path, node)
            except KubeApiError as error:
                if error.status != 409 or attempt == 4:
                    raise
            else:
                return

    def _evict(self, pod: Pod, sleep: Callable[[float], None]) -> str:
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod.name, "namespace": pod.namespace},
        }
        path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/eviction"
        problem = ""
        for _ in range(int(self._options.max_pod_eviction_time / _EVICTION_PAUSE) + 1):
            try:
                self._api.request("POST", path, eviction)
            except KubeApiError as error:
                if error.status == 404:
                    return ""
                problem = f"failed to evict pod {pod.key}: {error}"
            else:
                return ""
            sleep(_EVICTION_PAUSE)
        return problem

    def _is_there(self, pod: Pod) -> bool:
        try:
            there = self._api.get(f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}")
        except KubeApiError as error:
            return error.status != 404
        return bool(there["metadata"]["uid"] == pod.uid and there["spec"].get("nodeName") == pod.node)

    def _event(self, about: Json, reason: str, message: str, warning: bool) -> None:
        key = (str(about.get("uid") or about["name"]), reason, message)
        moment = time.monotonic()
        if moment - self._said.get(key, -_SAME_EVENT_SECONDS) < _SAME_EVENT_SECONDS:
            return
        self._said[key] = moment
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        namespace = about.get("namespace", "default")
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{about['name']}.{uuid.uuid4().hex[:16]}", "namespace": namespace},
            "involvedObject": {"apiVersion": "v1", **about},
            "type": "Warning" if warning else "Normal",
            "reason": reason,
            "message": message,
            "source": {"component": COMPONENT},
            "reportingComponent": COMPONENT,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        try:
            self._api.request("POST", f"/api/v1/namespaces/{namespace}/events", body)
        except KubeApiError as error:
            log.error(f'"Server rejected event (will not retry!)" err="{error}"')


def _other_taints(spec: Mapping[str, Any]) -> list[Any]:
    return [taint for taint in spec.get("taints", ()) if taint["key"] != TO_BE_DELETED]
