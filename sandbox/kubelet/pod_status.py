"""The status that a kubelet reports of a pod. Pure."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Container:
    """Where the pod's container stands.

    Attributes:
        state: ``waiting``, ``running`` or ``terminated`` with its details, as in ``v1.ContainerState``.
        last: How it ended the time before, in the same form; empty the first time.
        restarts: How often it was started again.
    """

    state: Json
    last: Json
    restarts: int = 0

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return "running" in self.state


def waiting(reason: str, message: str = "") -> Json:
    """A state before, or between, runs."""
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def running(since: datetime) -> Json:
    """The state during a run."""
    return {"running": {"startedAt": time(since)}}


def terminated(return_code: int, since: datetime, until: datetime, message: str = "") -> Json:
    """The state after a run.

    Args:
        return_code: As ``subprocess`` reports it: negative for a signal.
        since: When it began.
        until: When it ended.
        message: The termination message.
    """
    code = 128 - return_code if return_code < 0 else return_code
    details = {
        "exitCode": code,
        "reason": "Completed" if code == 0 else "Error",
        "startedAt": time(since),
        "finishedAt": time(until),
        **({"signal": int(signal.Signals(-return_code))} if return_code < 0 else {}),
        **({"message": message} if message else {}),
    }
    return {"terminated": details}


def status(pod: Json, container: Container, addresses: Mapping[str, str], started: datetime, now: datetime) -> Json:
    """The whole status, for a merge patch.

    Args:
        pod: As the API server has it: the conditions that are not a kubelet's stay as they are.
        container: Its container.
        addresses: ``status.podIP`` and ``status.hostIP``.
        started: When the kubelet took the pod on.
        now: The present, for conditions that change.
    """
    spec = pod["spec"]["containers"][0]
    ready = "True" if container.running else "False"
    conditions = {"PodReadyToStartContainers": "True", "Initialized": "True", "ContainersReady": ready, "Ready": ready}
    host, own = addresses.get("status.hostIP", ""), addresses.get("status.podIP", "")
    return {
        "phase": _phase(container),
        "startTime": time(started),
        "conditions": _merged(pod.get("status", {}).get("conditions", []), conditions, container, now),
        **({"hostIP": host, "hostIPs": [{"ip": host}]} if host else {}),
        **({"podIP": own, "podIPs": [{"ip": own}]} if own else {}),
        "containerStatuses": [
            {
                "name": spec["name"],
                "image": spec["image"],
                "imageID": "",
                "ready": container.running,
                "started": container.running,
                "restartCount": container.restarts,
                "state": dict(container.state),
                "lastState": dict(container.last),
            }
        ],
    }


def _phase(container: Container) -> str:
    """A kubelet that restarts the container never reports it as terminated: then the pod is over."""
    if "terminated" in container.state:
        return "Succeeded" if container.state["terminated"]["exitCode"] == 0 else "Failed"
    begun = container.running or container.restarts > 0 or bool(container.last)
    return "Running" if begun else "Pending"


def time(moment: datetime) -> str:
    """A time as Kubernetes writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _merged(present: list[Json], wanted: Mapping[str, str], container: Container, now: datetime) -> list[Json]:
    """The present conditions with ours replaced; a transition is dated only when the value changes."""
    before = {condition["type"]: condition for condition in present}
    for kind, value in wanted.items():
        old = before.get(kind, {})
        changed = old.get("status") != value
        reason = (
            {} if value == "True" else {"reason": "ContainersNotReady", "message": "containers with unready status"}
        )
        before[kind] = {
            "type": kind,
            "status": value,
            **reason,
            "lastTransitionTime": time(now) if changed else old.get("lastTransitionTime", time(now)),
        }
    return list(before.values())
