"""Faults that tests inject into the emulated AWS: throttling, silence, no capacity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

KINDS = ("throttle", "timeout", "capacity")
"""What can be injected. ``capacity`` fails the launches of Auto Scaling groups, the others the matching API calls."""

FOREVER = "forever"


class InvalidFault(ValueError):
    """A fault that was asked for cannot be injected; the message lists every reason."""


@dataclass(frozen=True)
class Fault:
    """One injected fault.

    Attributes:
        service: Service that it hits, such as ``autoscaling``.
        action: Its action, such as ``SetDesiredCapacity``.
        fault: One of :data:`KINDS`.
        times: How often it still hits, or :data:`FOREVER`.
        done: Whether the call is carried out all the same, so that only its answer suffers.
        client: Hits only clients whose ``User-Agent`` holds this text.
    """

    service: str
    action: str
    fault: str
    times: int | str = 1
    done: bool = False
    client: str = ""

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Fault:
        """A fault from the private API's JSON.

        Raises:
            InvalidFault: Members are missing, unknown or of the wrong kind.
        """
        required = {"service", "action", "fault"}
        names = required | {"times", "done", "client"}
        problems = [f"'{name}' is missing" for name in sorted(required - body.keys())]
        problems += [f"'{name}' is unknown" for name in sorted(body.keys() - names)]
        if body.get("fault", KINDS[0]) not in KINDS:
            problems.append(f"'fault' is {body['fault']!r}, expected one of {', '.join(KINDS)}")
        if body.get("fault") == "capacity" and (body.get("service"), body.get("action")) != ("ec2", "RunInstances"):
            problems.append("the fault 'capacity' hits ec2 RunInstances only")
        times = body.get("times", 1)
        if times != FOREVER and not (isinstance(times, int) and times > 0):
            problems.append(f"'times' is {times!r}, expected a positive number or '{FOREVER}'")
        if body.get("done") and body.get("fault") != "timeout":
            problems.append("'done' goes with timeout only: the others refuse the call")
        if problems:
            raise InvalidFault("; ".join(problems))
        return cls(**{name: body[name] for name in names & body.keys()})


class Faults:
    """The faults that are waiting to hit. Not part of the saved state: a restart clears them."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Injects one more; the first that fits a call hits it."""
        self._waiting.append(fault)

    def clear(self) -> None:
        """Takes all of them away."""
        self._waiting.clear()

    def waiting(self) -> list[Fault]:
        """Those that still hit, in order."""
        return list(self._waiting)

    def take(self, service: str, action: str, *, client: str = "", capacity: bool = False) -> Fault | None:
        """The fault that hits this call now, counted down; ``None`` for most calls.

        Args:
            service: Called service.
            action: Called action.
            client: The caller's ``User-Agent``.
            capacity: Whether a launch asks, not an API call: the two never take each other's faults.
        """
        for index, fault in enumerate(self._waiting):
            if (fault.service, fault.action) != (service, action) or (fault.fault == "capacity") != capacity:
                continue
            if fault.client not in client:
                continue
            if fault.times == 1:
                del self._waiting[index]
            elif isinstance(fault.times, int):
                self._waiting[index] = replace(fault, times=fault.times - 1)
            return fault
        return None


FAULTS = Faults()
"""The faults of this process: the private API adds, the gateway and Auto Scaling's launches take."""
