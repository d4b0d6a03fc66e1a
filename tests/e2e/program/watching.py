"""Watches the autoscaler of a cluster while it is moved: whether one runs, which one acts, and what it complains of."""

import threading
from collections.abc import Iterable
from typing import Any, NamedTuple

from kubernetes import client

NAMESPACE = "kube-system"
NAME = "cluster-autoscaler"


class Moment(NamedTuple):
    """What there was of the autoscaler at one moment."""

    holder: str
    ready: frozenset[str]
    deployments: int


class Watch:
    """Polls the cluster once a second, from its start to its end."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._poll)
        self.moments: list[Moment] = []
        self.complaints: set[str] = set()

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _poll(self) -> None:
        core, apps = client.CoreV1Api(self._api), client.AppsV1Api(self._api)
        leases = client.CoordinationV1Api(self._api)
        while not self._ended.wait(1.0):
            pods = autoscalers(core.list_namespaced_pod(NAMESPACE).items, lambda pod: pod.spec)
            deployments = autoscalers(
                apps.list_namespaced_deployment(NAMESPACE).items, lambda each: each.spec.template.spec
            )
            ready = [pod for pod in pods if _ready(pod)]
            self.moments.append(
                Moment(
                    leases.read_namespaced_lease(NAME, NAMESPACE).spec.holder_identity,
                    frozenset(pod.metadata.name for pod in ready),
                    len(deployments),
                )
            )
            self.complaints |= {line for pod in ready for line in _denials(core, pod.metadata.name)}


def autoscalers(objects: Iterable[Any], spec_of: Any) -> list[Any]:
    """The pods, or Deployments, that run Cluster Autoscaler, by any owner."""
    return [each for each in objects if any(f"/{NAME}:" in container.image for container in spec_of(each).containers)]


def _ready(pod: client.V1Pod) -> bool:
    return any(each.type == "Ready" and each.status == "True" for each in pod.status.conditions or [])


def _denials(core: client.CoreV1Api, pod: str) -> list[str]:
    try:
        log = core.read_namespaced_pod_log(pod, NAMESPACE, tail_lines=50)
    except client.ApiException:
        return []  # gone since it was listed
    return [line for line in log.splitlines() if "AccessDenied" in line or "not authorized" in line]
