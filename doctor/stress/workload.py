"""The Deployment of the stress test: created, observed, and removed completely."""

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..changes import ChangingKubernetes, own_labels, own_selector
from ..clients import Aws, Json
from ..errors import CannotCheckError
from ..gather import aws as aws_reads
from ..readings import Reading, Unreadable
from .capacity import NodeCapacity, capacities
from .plan import Plan
from .timeline import Observation

PURPOSE = "stress"
DEPLOYMENTS = "/apis/apps/v1/deployments"
_GONE_AFTER = 60.0
_KINDS = ("deployments", "replicasets", "pods")


def manifest(plan: Plan, name: str) -> dict[str, Any]:
    """Return the Deployment: its pods do nothing, stop at once, and do not block the scale-down."""
    wanted = plan.wanted
    labels = {**own_labels(PURPOSE), "ca-doctor/run": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": wanted.namespace, "labels": labels},
        "spec": {
            "replicas": plan.replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "terminationGracePeriodSeconds": 0,
                    "automountServiceAccountToken": False,
                    "nodeSelector": dict(wanted.selector),
                    "tolerations": [
                        {
                            "operator": each.operator,
                            **({"key": each.key} if each.key else {}),
                            **({"value": each.value} if each.value else {}),
                            **({"effect": each.effect} if each.effect else {}),
                        }
                        for each in wanted.tolerations
                    ],
                    "containers": [
                        {
                            "name": "pause",
                            "image": wanted.image,
                            "resources": {
                                "requests": {"cpu": f"{plan.pod.cpu}m", "memory": str(plan.pod.memory)},
                            },
                            "securityContext": {
                                "allowPrivilegeEscalation": False,
                                "capabilities": {"drop": ["ALL"]},
                                "runAsNonRoot": True,
                                "runAsUser": 65534,
                                "seccompProfile": {"type": "RuntimeDefault"},
                            },
                        }
                    ],
                },
            },
        },
    }


class Workload:
    """The Deployment of one run, and what is observed while it runs."""

    def __init__(self, kubernetes: ChangingKubernetes, aws: Aws, plan: Plan) -> None:
        self.name = f"ca-doctor-stress-{secrets.token_hex(3)}"
        self._kubernetes, self._aws, self._plan = kubernetes, aws, plan
        self._groups = frozenset(group.name for group in plan.groups)

    def create(self) -> None:
        """Create the Deployment.

        Raises:
            CannotCheckError: If Kubernetes rejects it.
        """
        path = f"/apis/apps/v1/namespaces/{self._plan.wanted.namespace}/deployments"
        made = self._kubernetes.create(path, manifest(self._plan, self.name))
        if isinstance(made, Unreadable):
            raise CannotCheckError(f"{made.call}: {made.message}")

    def remove(self) -> list[str]:
        """Remove it and wait until it is gone; return the names of what could not be removed."""
        return remove(self._kubernetes, [self._plan.wanted.namespace], PURPOSE)

    def observe(self, at: float) -> Observation:
        """Observe pods, events, groups and nodes.

        Raises:
            CannotCheckError: If you may not read one of them.
        """
        namespace = f"/api/v1/namespaces/{self._plan.wanted.namespace}"
        troubles: list[str] = []
        selector = f"ca-doctor/run={self.name}"
        pods = _listed(self._kubernetes.read_all(f"{namespace}/pods", labelSelector=selector), troubles)
        deployments = f"/apis/apps/v1/namespaces/{self._plan.wanted.namespace}/deployments"
        own = _listed(self._kubernetes.read_all(deployments, labelSelector=selector), troubles)
        nodes = _listed(self._kubernetes.read_all("/api/v1/nodes"), troubles)
        groups = aws_reads.groups(self._aws)
        if isinstance(groups, Unreadable):
            _note(groups, troubles)
            groups = ()
        troubles += [each for deployment in own for each in _failures(deployment)]
        return Observation(
            at=at,
            pods=len(pods),
            running=sum((pod.get("status") or {}).get("phase") == "Running" for pod in pods),
            unschedulable=self._event("FailedScheduling", troubles),
            scale_up=self._event("TriggeredScaleUp", troubles),
            refusal=self._event("NotTriggerScaleUp", troubles),
            desired={group.name: group.desired for group in groups if group.name in self._groups},
            ready_nodes=frozenset(node["metadata"]["name"] for node in nodes if _is_ready(node)),
            nodes=frozenset(node["metadata"]["name"] for node in nodes),
            trouble="; ".join(troubles),
        )

    def _event(self, reason: str, troubles: list[str]) -> str:
        """The newest message of one reason about a pod of this run."""
        path = f"/api/v1/namespaces/{self._plan.wanted.namespace}/events"
        events = _listed(self._kubernetes.read_all(path, fieldSelector=f"reason={reason}"), troubles)
        own = [each for each in events if (each.get("involvedObject") or {}).get("name", "").startswith(self.name)]
        return str(own[-1].get("message") or reason) if own else ""

    def capacities(self) -> list[NodeCapacity]:
        """Return the capacity of every node."""
        return read_capacities(self._kubernetes)


def read_capacities(kubernetes: ChangingKubernetes) -> list[NodeCapacity]:
    """Return the capacity of every node.

    Raises:
        CannotCheckError: If nodes or pods cannot be listed.
    """
    found = []
    for path in ("/api/v1/nodes", "/api/v1/pods"):
        answer = kubernetes.read_all(path)
        if isinstance(answer, Unreadable):
            raise CannotCheckError(f"{answer.call}: {answer.message}")
        found.append(answer)
    return capacities(*found)


def leftovers(kubernetes: ChangingKubernetes) -> dict[str, list[str]]:
    """Return what earlier runs left, by namespace: Deployments, and debug pods of ``whoami``.

    Raises:
        CannotCheckError: If it cannot be listed.
    """
    found: dict[str, list[str]] = {}
    for path, kind in ((DEPLOYMENTS, "deployment"), ("/api/v1/pods", "pod")):
        answer = kubernetes.read_all(path, labelSelector=own_selector())
        if isinstance(answer, Unreadable):
            raise CannotCheckError(f"{answer.call}: {answer.message}")
        for each in answer:
            found.setdefault(each["metadata"]["namespace"], []).append(f"{kind}/{each['metadata']['name']}")
    return found


def remove(
    kubernetes: ChangingKubernetes,
    namespaces: Iterable[str],
    purpose: str = "",
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> list[str]:
    """Remove everything that was created for a purpose, and wait until it is gone.

    Returns:
        What could not be removed, in words; empty if everything is removed.
    """
    places = list(namespaces)
    until = clock() + _GONE_AFTER
    clear = 0
    while True:
        left = [each for namespace in places for each in _remove_once(kubernetes, namespace, purpose)]
        # Twice: a request to create that was interrupted may still arrive after the first check.
        clear = 0 if left else clear + 1
        if clear == 2 or clock() >= until:
            return left
        sleep(0.5)


def _remove_once(kubernetes: ChangingKubernetes, namespace: str, purpose: str) -> list[str]:
    selector = own_selector(purpose)
    left = []
    for kind in _KINDS:
        api = "/api/v1" if kind == "pods" else "/apis/apps/v1"
        path = f"{api}/namespaces/{namespace}/{kind}"
        found = kubernetes.read_all(path, labelSelector=selector)
        if found == []:
            continue
        answer = kubernetes.delete(path, labelSelector=selector, propagationPolicy="Background", gracePeriodSeconds="0")
        if isinstance(answer, Unreadable):
            left.append(f"{answer.call}: {answer.message}")
        elif not isinstance(found, Unreadable):
            left += [f"{kind}/{each['metadata']['name']} in {namespace}" for each in found]
    return left


def _listed(answer: Reading[list[Json]], troubles: list[str]) -> list[Json]:
    if isinstance(answer, Unreadable):
        _note(answer, troubles)
        return []
    return answer


def _note(unreadable: Unreadable, troubles: list[str]) -> None:
    """A missing right does not return; a network that fails may."""
    if unreadable.denied:
        raise CannotCheckError(f"You may not call {unreadable.call}: {unreadable.message}")
    troubles.append(f"{unreadable.call}: {unreadable.message}")


def _failures(deployment: Mapping[str, Any]) -> list[str]:
    """Why the pods of a Deployment could not be created: a quota, an admission webhook."""
    conditions = (deployment.get("status") or {}).get("conditions") or ()
    return [
        str(each.get("message", ""))
        for each in conditions
        if each["type"] == "ReplicaFailure" and each["status"] == "True"
    ]


def _is_ready(node: Json) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)
