"""A pod with the autoscaler's service account that asks AWS for its identity; the doctor always removes it."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..changes import ChangingKubernetes, own_labels, own_selector
from ..ending import undisturbed
from ..facts import Deployment
from ..readings import Unreadable
from .secrets import hide

IMAGE = "amazon/aws-cli"
PURPOSE = "whoami"
_POLL = 1.0


@dataclass(frozen=True)
class PodAnswer:
    """The answer of the pod.

    Attributes:
        arn: Its ARN in AWS; empty if it got no answer.
        error: What it printed instead, or why it never ran.
    """

    arn: str
    account: str = ""
    user_id: str = ""
    error: str = ""


def manifest(deployment: Deployment, node: str, image: str, region: str, seconds: int) -> dict[str, Any]:
    """Return the pod. It runs on the autoscaler's own node without the scheduler, so that no node is added for it.

    It ends by itself after ``seconds``, in case the doctor is killed.
    """
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": "ca-doctor-whoami-",
            "namespace": deployment.namespace,
            "labels": own_labels(PURPOSE),
        },
        "spec": {
            "serviceAccountName": deployment.service_account,
            "restartPolicy": "Never",
            "activeDeadlineSeconds": seconds,
            "terminationGracePeriodSeconds": 0,
            "hostNetwork": deployment.host_network,
            **({"nodeName": node} if node else {}),
            "tolerations": [{"operator": "Exists"}],
            "containers": [
                {
                    "name": "aws",
                    "image": image,
                    "args": ["sts", "get-caller-identity", "--output", "json"],
                    "env": [{"name": "AWS_REGION", "value": region}, {"name": "AWS_DEFAULT_REGION", "value": region}],
                    "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }


def ask(
    kubernetes: ChangingKubernetes,
    pod: Mapping[str, Any],
    seconds: int,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> PodAnswer | Unreadable:
    """Run the pod, read its output, remove it.

    Args:
        kubernetes: The API server.
        pod: Its manifest.
        seconds: Time to wait for its end.
        clock: Returns the current time in seconds.
        sleep: Waits.
    """
    pods = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods"
    try:
        created = kubernetes.create(pods, dict(pod))
        if isinstance(created, Unreadable):
            return created
        path = f"{pods}/{created['metadata']['name']}"
        until = clock() + seconds
        while True:
            seen = kubernetes.read(path)
            if isinstance(seen, Unreadable):
                return seen
            phase = ((seen or {}).get("status") or {}).get("phase", "")
            if seen is None or phase in ("Succeeded", "Failed"):
                return _answer(kubernetes, path, phase)
            if clock() >= until:
                return PodAnswer("", error=f"after {seconds} s the pod was still {_state(seen)}")
            sleep(_POLL)
    finally:
        with undisturbed():
            # By label, not by name: the request may have been interrupted after the server created the pod.
            kubernetes.delete(pods, labelSelector=own_selector(PURPOSE), gracePeriodSeconds="0")


def _answer(kubernetes: ChangingKubernetes, path: str, phase: str) -> PodAnswer | Unreadable:
    text = kubernetes.read_text(f"{path}/log")
    if isinstance(text, Unreadable):
        return text
    try:
        identity = json.loads(text or "")
        return PodAnswer(identity["Arn"], identity["Account"], identity["UserId"])
    except (ValueError, KeyError, TypeError):
        return PodAnswer(
            "", error=hide(" ".join((text or "no output").split())[-600:]) + f" ({phase or 'the pod is gone'})"
        )


def _state(pod: Mapping[str, Any]) -> str:
    status = pod.get("status") or {}
    for each in status.get("containerStatuses") or ():
        if waiting := (each.get("state") or {}).get("waiting"):
            return hide(f"waiting: {waiting.get('reason', '')} {waiting.get('message', '')}".strip())
    return str(status.get("phase") or "Pending").lower()
