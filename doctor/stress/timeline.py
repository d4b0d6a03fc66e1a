"""The steps of a scale-up and a scale-down, each with its time budget: pure, over observations."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ..arguments import Arguments


class Step(StrEnum):
    """A step, in order."""

    FAILED_SCHEDULING = "failed-scheduling"
    TRIGGERED_SCALE_UP = "triggered-scale-up"
    DESIRED_UP = "desired-up"
    NODE_READY = "node-ready"
    PODS_RUNNING = "pods-running"
    SCALED_DOWN = "scaled-down"


UP = tuple(step for step in Step if step is not Step.SCALED_DOWN)

TITLES = {
    Step.FAILED_SCHEDULING: "FailedScheduling: the scheduler finds no node",
    Step.TRIGGERED_SCALE_UP: "TriggeredScaleUp: the autoscaler acts",
    Step.DESIRED_UP: "desired capacity goes up",
    Step.NODE_READY: "a new node is ready",
    Step.PODS_RUNNING: "every pod runs",
    Step.SCALED_DOWN: "desired capacity and nodes are as before",
}

HINTS = {
    Step.FAILED_SCHEDULING: "The pods were never created: kubectl get events, quotas, admission.",
    Step.TRIGGERED_SCALE_UP: "The autoscaler does not see these pods, or no group fits them: ca-doctor check",
    Step.DESIRED_UP: "AWS rejected the call: ca-doctor whoami, then ca-doctor check",
    Step.NODE_READY: "Instances do not start or do not join: aws autoscaling describe-scaling-activities",
    Step.PODS_RUNNING: "The new nodes are too small, or an image cannot be pulled: kubectl describe pod",
    Step.SCALED_DOWN: "Something keeps the new nodes: their pods, a minimum, or the delays of scale-down.",
}
"""What to check when a step is late."""

ALL_FITTED = (
    "All pods were scheduled at once, so no node was needed: pods were deleted or nodes added after the plan was made. "
    "Run it again."
)

_SLACK = 120.0
_GO_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_GO_DURATION = re.compile(r"(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+")


def seconds(duration: str) -> float:
    """Return the seconds of a Go duration, ``1h30m``.

    Raises:
        ValueError: If it is not a duration.
    """
    if not _GO_DURATION.fullmatch(duration):
        raise ValueError(f"got {duration!r}; expected a duration such as 90s, 10m or 1h30m")
    parts = re.findall(r"(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)", duration)
    return sum(float(number) * _GO_UNITS[unit] for number, unit in parts)


def budgets(arguments: Arguments) -> dict[Step, float]:
    """Return the seconds for each step, by the autoscaler's flags or the defaults of Cluster Autoscaler."""

    def flag(name: str, default: str) -> float:
        try:
            return seconds(arguments.get(name, default))
        except ValueError:
            return seconds(default)

    loop = flag("scan-interval", "10s")
    return {
        Step.FAILED_SCHEDULING: 60.0,
        Step.TRIGGERED_SCALE_UP: 6 * loop + flag("new-pod-scale-up-delay", "0s") + 60.0,
        Step.DESIRED_UP: 60.0,
        Step.NODE_READY: flag("max-node-provision-time", "15m"),
        Step.PODS_RUNNING: 300.0,
        Step.SCALED_DOWN: flag("scale-down-unneeded-time", "10m")
        + flag("scale-down-delay-after-add", "10m")
        + 6 * loop
        + _SLACK,
    }


@dataclass(frozen=True)
class Observation:
    """One observation.

    Attributes:
        at: Seconds since the start.
        pods: How many pods there are.
        running: How many of them run.
        unschedulable: The scheduler's message about a pod that does not fit; empty if all fit.
        scale_up: The autoscaler's message about a scale-up; empty if there is none.
        refusal: The autoscaler's message if it adds no node.
        desired: Desired capacity by group.
        ready_nodes: Names of the nodes that are ready.
        nodes: Names of all nodes.
        trouble: What could not be read, or why pods could not be created.
    """

    at: float
    pods: int = 0
    running: int = 0
    unschedulable: str = ""
    scale_up: str = ""
    refusal: str = ""
    desired: Mapping[str, int] = field(default_factory=dict)
    ready_nodes: frozenset[str] = frozenset()
    nodes: frozenset[str] = frozenset()
    trouble: str = ""


@dataclass(frozen=True)
class Moment:
    """One step.

    Attributes:
        budget: Seconds that it may take after the previous step.
        started_at: When the previous step was done; None before that.
        done_at: When it was first observed; None until then.
        seen: What was observed.
    """

    step: Step
    budget: float
    started_at: float | None = None
    done_at: float | None = None
    seen: str = ""

    @property
    def took(self) -> float | None:
        """Seconds that it took; None until it is done."""
        return None if self.started_at is None or self.done_at is None else max(0.0, self.done_at - self.started_at)

    def is_late(self, now: float) -> bool:
        """Whether it took, or takes, longer than its budget."""
        if self.started_at is None:
            return False
        return (now if self.done_at is None else self.done_at) - self.started_at > self.budget


@dataclass(frozen=True)
class Timeline:
    """All steps, and the observation before the first.

    Attributes:
        replicas: How many pods must run.
        before: The last observation before anything was created.
        moments: The steps.
    """

    replicas: int
    before: Observation
    moments: tuple[Moment, ...]

    @classmethod
    def start(cls, replicas: int, before: Observation, allowed: Mapping[Step, float]) -> "Timeline":
        """Return a timeline whose first step starts now."""
        moments = tuple(Moment(step, allowed[step]) for step in Step)
        return cls(replicas, before, (replace(moments[0], started_at=before.at), *moments[1:]))

    def __getitem__(self, step: Step) -> Moment:
        """Return one step."""
        return next(moment for moment in self.moments if moment.step is step)

    @property
    def is_up(self) -> bool:
        """Whether every step of the scale-up is done."""
        return all(self[step].done_at is not None for step in UP)

    @property
    def all_fitted(self) -> bool:
        """Whether every pod runs and nothing was added for them: capacity became free after the plan was made."""
        done = {moment.step for moment in self.moments if moment.done_at is not None}
        return done == {Step.PODS_RUNNING}

    @property
    def current(self) -> Moment | None:
        """The first step that is not done; None when all are."""
        return next((moment for moment in self.moments if moment.done_at is None), None)

    def late(self, now: float) -> Moment | None:
        """Return the first step that took or takes too long, or that cannot come any more."""
        if self.all_fitted:
            return self[Step.FAILED_SCHEDULING]
        return next((moment for moment in self.moments if moment.is_late(now)), None)

    def advance(self, observation: Observation) -> "Timeline":
        """Return the timeline after one more observation. Steps of the scale-up may come in any order."""
        moments = [
            moment
            if moment.done_at is not None or not (seen := self._sees(moment, observation))
            else replace(moment, done_at=observation.at, seen=seen)
            for moment in self.moments
        ]
        return replace(self, moments=tuple(_started(moments)))

    def clean(self, at: float) -> "Timeline":
        """Return the timeline once the pods are removed: the scale-down starts."""
        if not self.is_up:
            return self
        return replace(self, moments=(*self.moments[:-1], replace(self.moments[-1], started_at=at)))

    def _sees(self, moment: Moment, now: Observation) -> str:
        grown = {
            group: f"{group}: {self.before.desired.get(group, 0)} -> {desired}"
            for group, desired in now.desired.items()
            if desired > self.before.desired.get(group, 0)
        }
        match moment.step:
            case Step.FAILED_SCHEDULING:
                return now.unschedulable
            case Step.TRIGGERED_SCALE_UP:
                return now.scale_up
            case Step.DESIRED_UP:
                return ", ".join(grown.values())
            case Step.NODE_READY:
                return ", ".join(sorted(now.ready_nodes - self.before.ready_nodes))
            case Step.PODS_RUNNING:
                return f"{now.running} of {self.replicas}" if now.running >= self.replicas else ""
            case Step.SCALED_DOWN:
                # By number: the autoscaler may keep the new node and remove an older one.
                back = now.desired and not grown and len(now.nodes) <= len(self.before.nodes)
                return "as before" if moment.started_at is not None and back else ""


def _started(moments: list[Moment]) -> list[Moment]:
    """Start each step of the scale-up when the previous one is done."""
    for number, moment in enumerate(moments):
        if number and moment.started_at is None and moment.step in UP:
            before = moments[number - 1]
            if before.started_at is not None and before.done_at is not None:
                moments[number] = replace(moment, started_at=max(before.started_at, before.done_at))
    return moments
