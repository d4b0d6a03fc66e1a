"""Reading and writing of Kubernetes objects, as the autoscaler's service account."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from typing import Any

from sandbox.autoscaler import log
from sandbox.autoscaler.flags import Options
from sandbox.autoscaler.nodes import TO_BE_DELETED, Node, Pod
from sandbox.autoscaler.release import WAITS_SINCE, informed
from sandbox.autoscaler.status import timestamp
from sandbox.kube_api import KubeApi, KubeApiError

COMPONENT = "sandbox-autoscaler"
"""The source of the events; that of the real program is ``cluster-autoscaler``."""

_LONGEST_PAUSE = 30.0
_SAME_EVENT_SECONDS = 300.0


class Cluster:
    """One cluster's API; ``minor`` is the release's."""

    def __init__(self, api: KubeApi, minor: int, options: Options) -> None:
        self._api, self._minor, self._options = api, minor, options
        self._sent: dict[tuple[Any, ...], float] = {}
        self._config_maps = f"/api/v1/namespaces/{options.namespace}/configmaps"

    def sync(self) -> None:
        """List once what the informers of the release list; those that wait for it wait here until all are allowed."""
        if waits := self._minor >= WAITS_SINCE:
            log.info("Waiting for caches to sync...")
        missing, pause = informed(self._minor), 1.0
        while True:
            for path, kind in [*missing.items()]:
                try:
                    self._api.get(path, limit="1")
                    del missing[path]
                except KubeApiError as error:
                    log.error(f'"Failed to watch" err="failed to list {kind}: {error}" type="{kind}"')
            if not missing or not waits:
                return
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def nodes(self) -> list[Node]:
        """Return all nodes."""
        return [Node.of(one) for one in self._api.items("/api/v1/nodes")]

    def pods(self) -> tuple[list[Pod], list[Pod]]:
        """Return all pods that have not finished, and the pods that DaemonSets would put on a new node."""
        unfinished = self._api.items("/api/v1/pods", fieldSelector="status.phase!=Succeeded,status.phase!=Failed")
        daemons = self._api.items("/apis/apps/v1/daemonsets")
        return [Pod.of(one) for one in unfinished], [Pod.of_daemon_set(one) for one in daemons]

    def mark(self, name: str, now: datetime | None) -> None:
        """Taint and cordon a node that is about to be removed (utils/taints), or, without a time, take that back."""
        for attempt in range(5):
            node = self._api.get(f"/api/v1/nodes/{name}")
            taints = [taint for taint in node["spec"].get("taints", ()) if taint["key"] != TO_BE_DELETED]
            if now:
                taints.append({"key": TO_BE_DELETED, "value": str(int(now.timestamp())), "effect": "NoSchedule"})
            node["spec"] |= {"taints": taints, "unschedulable": bool(now)}
            try:
                self._api.request("PUT", f"/api/v1/nodes/{name}", node)
            except KubeApiError as error:
                if error.status != 409 or attempt == 4:  # another writer, such as the kubelet, was quicker
                    raise
            else:
                return

    def write_status(self, text: str, now: datetime) -> None:
        """Write the status ConfigMap; a failure is only logged."""
        name = self._options.status_config_map_name
        annotations = {"cluster-autoscaler.kubernetes.io/last-updated": timestamp(now)}
        metadata = {"name": name, "namespace": self._options.namespace, "annotations": annotations}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"status": text}}
        try:
            try:
                self._api.request("PUT", f"{self._config_maps}/{name}", body)
            except KubeApiError as error:
                if error.status != 404:
                    raise
                self._api.request("POST", self._config_maps, body)
        except KubeApiError as error:
            log.error(f"Failed to write status configmap: {error}")

    def delete_status(self) -> None:
        """Remove the status ConfigMap, as a regular end does."""
        try:
            self._api.request("DELETE", f"{self._config_maps}/{self._options.status_config_map_name}")
        except KubeApiError:
            log.error("Failed to delete status configmap")

    def event(self, about: Pod | Node | None, reason: str, message: str, kind: str = "Normal") -> None:
        """Send an event about a pod, a node or, without either, the status ConfigMap; the same one not too often."""
        match about:
            case Pod():
                fields = {"kind": "Pod"} | {key: about.metadata.get(key, "") for key in ("namespace", "name", "uid")}
            case Node():
                fields = {"kind": "Node", "name": about.name, "uid": about.name}
            case None:
                name, namespace = self._options.status_config_map_name, self._options.namespace
                fields = {"kind": "ConfigMap", "namespace": namespace, "name": name}
        key, moment = (*fields.values(), reason, message), time.monotonic()
        if moment - self._sent.get(key, -_SAME_EVENT_SECONDS) < _SAME_EVENT_SECONDS:
            return
        self._sent[key] = moment
        now, namespace = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), fields.get("namespace", "default")
        body = {
            **{"apiVersion": "v1", "kind": "Event"},
            "metadata": {"name": f"{fields['name']}.{uuid.uuid4().hex[:16]}", "namespace": namespace},
            "involvedObject": {"apiVersion": "v1", **fields},
            **{"type": kind, "reason": reason, "message": message, "count": 1},
            **{"source": {"component": COMPONENT}, "reportingComponent": COMPONENT},
            **{"firstTimestamp": now, "lastTimestamp": now},
        }
        try:
            self._api.request("POST", f"/api/v1/namespaces/{namespace}/events", body)
        except KubeApiError as error:
            log.error(f'"Server rejected event (will not retry!)" err="{error}"')
