"""The life of one pod on its node."""

from __future__ import annotations

import logging
import math
import shutil
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from sandbox.kube_api import MERGE_PATCH, KubeApi, KubeApiError
from sandbox.kubelet import pod_status
from sandbox.kubelet.cloud import Cloud
from sandbox.kubelet.container_process import ContainerProcess
from sandbox.kubelet.identity import identity_in
from sandbox.kubelet.node_services import NodeServices
from sandbox.kubelet.pod_spec import ConfigError, arguments, container_of, environment
from sandbox.kubelet.program import Command, ImageError, Place, RealProgram, command
from sandbox.kubelet.service_account import ProjectedToken, kubeconfig
from sandbox.kubernetes.files import ClusterFiles
from sandbox.layout import LOOPBACK, write_atomically

_log = logging.getLogger(__name__)

_API_TOKEN_SECONDS = 3607
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
"""Between crashes, doubling. A kubelet waits 10 s to 5 min; newcomers should not have to."""

_STEADY_SECONDS = 60.0
"""After a run this long, the next crash is a first one again."""

_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Setting:
    """What the pods of one cluster share.

    Attributes:
        api: The API server, as administrator.
        files: The cluster's files.
        cloud: AWS.
        aws_endpoint: URL of it.
        pods: Holds a folder for each pod.
        real: The real Cluster Autoscaler; ``None``: the stand-in.
    """

    api: KubeApi
    files: ClusterFiles
    cloud: Cloud
    aws_endpoint: str
    pods: Path
    real: RealProgram | None


class PodWorker(threading.Thread):
    """Runs one pod's container until the pod goes.

    Args:
        setting: Its cluster.
        pod: The pod, bound to a node.
        node: That node.
    """

    def __init__(self, setting: Setting, pod: Mapping[str, Any], node: Mapping[str, Any]) -> None:
        metadata = pod["metadata"]
        super().__init__(name=f"{metadata['namespace']}/{metadata['name']}", daemon=True)
        self._setting = setting
        self._pod = pod
        self._node = node
        self._folder = setting.pods / f"{metadata['namespace']}_{metadata['name']}_{metadata['uid']}"
        self._path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        self._accepted = datetime.now(UTC)
        self._container = _container_before(pod)
        self._addresses = _addresses(node)
        self._tokens: list[ProjectedToken] = []
        self._ending = threading.Event()
        self._grace = 0.0
        self._reported = False
        self.failed = False
        """Whether the worker stopped with an exception. A kubelet starts such a pod again, and so does this one."""

    def end(self, grace: float) -> None:
        """Ask the worker to stop the container and end; a process gets ``grace`` seconds after SIGTERM."""
        self._grace = grace
        self._ending.set()

    def run(self) -> None:
        """Starts the container, again and again unless its restart policy is Never."""
        try:
            self._run()
        except Exception:
            _log.exception("%s: the worker failed", self.name)
            self.failed = True

    def _run(self) -> None:
        services = self._link_local_services()
        try:
            pause = _FIRST_PAUSE
            while not self._ending.is_set():
                ran = self._attempt(services)
                pause = _FIRST_PAUSE if ran > _STEADY_SECONDS else pause
                self._ending.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        finally:
            services.stop()

    def remove_files(self) -> None:
        """Removes what the pod kept, as a kubelet does when a pod is deleted."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _attempt(self, services: NodeServices) -> float:
        """One run of the container, or one failure to start it; how many seconds it ran."""
        port = _free_port()
        process = self._start_process(services, port)
        if process is None:
            return 0
        _log.info("%s: started (%s)", self.name, identity_in(self._pod).kind)
        self._set_state(pod_status.running(process.started))
        self._watch(process)
        if self._ending.is_set() or process.return_code is None:
            return 0
        ended = datetime.now(UTC)
        _log.warning("%s: ended with %s", self.name, process.return_code)
        message = process.tail if self._spec.get("terminationMessagePolicy") == "FallbackToLogsOnError" else ""
        over = pod_status.terminated(process.return_code, process.started, ended, message)
        if self._pod["spec"].get("restartPolicy") == "Never":
            self._set_state(over)
            while not self._reported and not self._ending.wait(_POLL_SECONDS):
                self._report()
            self._ending.set()
            return 0
        self._container = pod_status.Container(over, over, self._container.restarts + 1)
        name, pod = self._spec["name"], self._pod["metadata"]["name"]
        self._set_state(
            pod_status.waiting("CrashLoopBackOff", f"back-off restarting failed container {name} in pod {pod}")
        )
        return (ended - process.started).total_seconds()

    def _start_process(self, services: NodeServices, port: int) -> ContainerProcess | None:
        """The started container; ``None``, and the reason in the status, if that cannot be."""
        try:
            prepared = self._prepare(services, port)
            return ContainerProcess(prepared.words, prepared.variables, self._folder, self._new_log())
        except ImageError as error:
            reason, message = "ErrImagePull", str(error)
        except ConfigError as error:
            reason, message = "CreateContainerConfigError", str(error)
        except KubeApiError as error:
            reason, message = "ContainerCreating", str(error)
        except OSError as error:
            reason, message = "RunContainerError", str(error)
        self._set_state(pod_status.waiting(reason, message))
        return None

    def _watch(self, process: ContainerProcess) -> None:
        """Return when the process has ended, by itself or because the pod is deleted."""
        deadline = time.monotonic() + self._pod["spec"].get("activeDeadlineSeconds", math.inf)
        while process.return_code is None and not self._ending.wait(_POLL_SECONDS):
            self._refresh_tokens()
            if not self._reported:
                self._report()
            if time.monotonic() > deadline:
                _log.warning("%s: active longer than its deadline", self.name)
                process.stop(grace=0)
        if process.return_code is None:
            process.stop(self._grace)
        process.finish()

    def _prepare(self, services: NodeServices, port: int) -> Command:
        """Everything that the process needs, in files and in its environment."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        account_token, aws_token = self._folder / "api-token", self._folder / "aws-token"
        given = environment(self._pod, self._addresses)
        words, identity = arguments(self._pod, given), identity_in(self._pod)
        if not self._tokens:
            self._tokens = [ProjectedToken(self._setting.api, self._pod, account_token, _API_TOKEN_SECONDS)]
            if identity.audience:
                seconds, audience = identity.token_seconds, identity.audience
                self._tokens.append(ProjectedToken(self._setting.api, self._pod, aws_token, seconds, audience))
        for token in self._tokens:
            token.refresh()
        admin = yaml.safe_load(self._setting.files.admin_kubeconfig.read_text())
        own_kubeconfig = self._folder / "kubeconfig"
        write_atomically(own_kubeconfig, kubeconfig(admin, account_token))
        region = self._setting.cloud.region
        place = Place(
            pod=self._pod["metadata"]["name"],
            folder=self._folder,
            kubeconfig=own_kubeconfig,
            port=port,
            aws_endpoint=self._setting.aws_endpoint,
            metadata_url=services.metadata_url,
            region=region,
        )
        local = identity.variables(str(aws_token), services.agent_url)
        variables = {"HOSTNAME": self._pod["metadata"]["name"], **given, **local}
        prepared = command(self._setting.real, self._spec["image"], words, variables, place)
        for file, text in prepared.files.items():
            write_atomically(file, text)
        return prepared

    @property
    def _spec(self) -> Mapping[str, Any]:
        return container_of(self._pod)

    def _link_local_services(self) -> NodeServices:
        _, _, zone, instance = self._node["spec"]["providerID"].rsplit("/", 3)
        on_host = self._pod["spec"].get("hostNetwork", False)
        return NodeServices(self._setting.cloud, instance, zone, on_host_network=on_host)

    def _refresh_tokens(self) -> None:
        for token in self._tokens:
            try:
                token.refresh()
            except KubeApiError as error:
                _log.warning("%s: no new token: %s", self.name, error)

    def _new_log(self) -> Path:
        """The log of the next run; of those before, only the last is kept."""
        restarts = self._container.restarts
        logs = self._folder / self._spec["name"]
        logs.mkdir(exist_ok=True)
        (logs / f"{restarts - 2}.log").unlink(missing_ok=True)
        log: Path = logs / f"{restarts}.log"
        log.touch(mode=0o600)
        return log

    def _set_state(self, state: pod_status.Json) -> None:
        """Store the state of the container, and report it."""
        self._container = pod_status.Container(state, self._container.last, self._container.restarts)
        self._report()

    def _report(self) -> None:
        """Report the state of the container to the API server; if that fails, it is tried again."""
        status = pod_status.status(self._pod, self._container, self._addresses, self._accepted, datetime.now(UTC))
        try:
            body = {"status": status}
            self._pod = self._setting.api.request("PATCH", f"{self._path}/status", body, content_type=MERGE_PATCH)
        except KubeApiError as error:
            self._reported = error.status == 404
            if not self._reported:
                _log.warning("%s: status not reported: %s", self.name, error)
        else:
            self._reported = True


def _container_before(pod: Mapping[str, Any]) -> pod_status.Container:
    """Where an earlier kubelet left the container: a run that it began is over now."""
    statuses = pod.get("status", {}).get("containerStatuses", ())
    if not statuses:
        return pod_status.Container({}, {})
    begun = "running" in statuses[0].get("state", {})
    return pod_status.Container({}, statuses[0].get("lastState", {}), statuses[0]["restartCount"] + begun)


def _addresses(node: Mapping[str, Any]) -> dict[str, str]:
    """The pod shares its node's address: it has no separate network."""
    addresses = {entry["type"]: entry["address"] for entry in node.get("status", {}).get("addresses", ())}
    internal = addresses.get("InternalIP", "")
    return {"status.hostIP": internal, "status.podIP": internal}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
