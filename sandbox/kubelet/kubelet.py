"""Finds the clusters, and in each the pods to run."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes.config import ConfigException

from sandbox.aws_clients import AwsClients
from sandbox.kube_api import MERGE_PATCH, KubeApi, KubeApiError
from sandbox.kubelet.cloud import Cloud, CloudErrors
from sandbox.kubelet.log_server import LogServer
from sandbox.kubelet.pod_spec import asks_aws_once, runs_autoscaler
from sandbox.kubelet.pod_worker import PodWorker, Setting
from sandbox.kubelet.program import RealProgram
from sandbox.kubernetes.files import ClusterFiles
from sandbox.kubernetes.pki import Pki

_log = logging.getLogger(__name__)

_STOP_SECONDS = 10.0


@dataclass(frozen=True)
class Options:
    """How the kubelet works.

    Attributes:
        state: The cluster controller's state folder.
        aws_endpoint: URL of the emulated AWS.
        real: The real Cluster Autoscaler; ``None``: the stand-in.
        poll_seconds: Pause between two rounds.
    """

    state: Path
    aws_endpoint: str
    real: RealProgram | None
    poll_seconds: float = 0.5


class Kubelet:
    """Follows the clusters that serve."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._clients = AwsClients(options.aws_endpoint)
        self._clusters: dict[Path, _Cluster] = {}

    def run(self, stop: threading.Event) -> None:
        """Follow until asked to stop, then ends every process."""
        try:
            while not stop.wait(self._options.poll_seconds):
                self.follow()
        finally:
            for cluster in self._clusters.values():
                cluster.end()

    def follow(self) -> None:
        """Check every cluster once. What fails is logged and tried again in the next round."""
        serving: dict[Path, str] = {}
        for files in ClusterFiles.found_in(self._options.state):
            with suppress(FileNotFoundError):
                serving[files.folder] = files.admin_kubeconfig.read_text()
        for folder in [*self._clusters]:
            # Another kubeconfig is another run of the control plane, perhaps another cluster of the same name.
            if self._clusters[folder].kubeconfig != serving.get(folder):
                self._clusters.pop(folder).end()
        for folder, kubeconfig in serving.items():
            try:
                if folder not in self._clusters:
                    self._clusters[folder] = _Cluster(ClusterFiles(folder), kubeconfig, self._options, self._clients)
                self._clusters[folder].follow()
            except (KubeApiError, ConfigException, OSError, *CloudErrors) as error:
                _log.warning("%s: %s", folder.name, error)


class _Cluster:
    """The pods of one cluster."""

    def __init__(self, files: ClusterFiles, kubeconfig: str, options: Options, clients: AwsClients) -> None:
        self.kubeconfig = kubeconfig
        region, name = files.key
        cloud = Cloud(clients, region, name)
        pods, pki = files.folder / "pods", Pki(files.pki)
        api = KubeApi(files.admin_kubeconfig)
        self._setting = Setting(api, files, cloud, options.aws_endpoint, pods, options.real)
        self._logs = LogServer(pods, pki.certificate("server"), pki.key("server"))
        self._workers: dict[str, PodWorker] = {}

    def follow(self) -> None:
        """Starts what is new, ends what goes."""
        bound = self._setting.api.items("/api/v1/pods", fieldSelector="spec.nodeName!=")
        pods = {pod["metadata"]["uid"]: pod for pod in bound if runs_autoscaler(pod) or asks_aws_once(pod)}
        for uid in self._workers.keys() - pods.keys():
            # Deleted behind our back: its node is gone, and its process with it.
            worker = self._workers.pop(uid)
            worker.end(grace=0)
            worker.join()
            worker.remove_files()
        for uid, pod in pods.items():
            if "deletionTimestamp" in pod["metadata"]:
                self._terminate(uid, pod)
            elif not _has_ended(pod) and self._is_to_start(uid):
                self._start(uid, pod)

    def _is_to_start(self, uid: str) -> bool:
        worker = self._workers.get(uid)
        return worker is None or worker.failed

    def end(self) -> None:
        """Ends every process; the pods stay."""
        for worker in self._workers.values():
            worker.end(_STOP_SECONDS)
        for worker in self._workers.values():
            worker.join()
        self._workers.clear()
        self._logs.stop()

    def _start(self, uid: str, pod: Mapping[str, Any]) -> None:
        endpoint = {"status": {"daemonEndpoints": {"kubeletEndpoint": {"Port": self._logs.port}}}}
        try:
            path = f"/api/v1/nodes/{pod['spec']['nodeName']}/status"
            node = self._setting.api.request("PATCH", path, endpoint, content_type=MERGE_PATCH)
        except KubeApiError as error:
            if error.status == 404:
                return
            raise
        self._workers[uid] = PodWorker(self._setting, pod, node)
        self._workers[uid].start()

    def _terminate(self, uid: str, pod: Mapping[str, Any]) -> None:
        """Ends a pod that is being deleted and, once it has ended, lets the API server forget it."""
        metadata = pod["metadata"]
        worker = self._workers.get(uid)
        if worker and worker.is_alive():
            worker.end(metadata.get("deletionGracePeriodSeconds", 30))
            return
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        with suppress(KubeApiError):  # It may just have gone.
            self._setting.api.request("DELETE", path, {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}})
        if worker:
            del self._workers[uid]
            worker.remove_files()


def _has_ended(pod: Mapping[str, Any]) -> bool:
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
