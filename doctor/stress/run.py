"""Run a stress test: scale up, remove the pods, scale down. The pods are always removed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ..ending import undisturbed
from ..findings import ExitCode
from .capacity import NodeCapacity
from .plan import Plan
from .timeline import ALL_FITTED, HINTS, Moment, Observation, Step, Timeline

POLL = 1.0
"""Seconds between two observations."""


class LiveCluster(Protocol):
    """The cluster, as far as a stress test touches it."""

    def create(self) -> None:
        """Create the Deployment."""

    def remove(self) -> list[str]:
        """Remove it; return what could not be removed."""

    def observe(self, at: float) -> Observation:
        """Observe pods, events, groups and nodes."""

    def capacities(self) -> list[NodeCapacity]:
        """The capacity of every node."""


class Clock(Protocol):
    """A clock."""

    def now(self) -> float:
        """Seconds since the start."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


Show = Callable[[Timeline, Observation], None]
"""Shows the progress; called at every observation."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a stress test.

    Attributes:
        late: The step that took too long; None if none did.
        capacities: The nodes while the pods ran.
        left: What the clean-up could not remove.
        last: The last observation.
        waited: Whether the test waited for the scale-down.
    """

    plan: Plan
    timeline: Timeline
    late: Moment | None
    capacities: tuple[NodeCapacity, ...]
    left: tuple[str, ...]
    last: Observation
    waited: bool = True

    @property
    def exit_code(self) -> ExitCode:
        """HEALTHY if every step was in time and everything is removed."""
        return ExitCode.BROKEN if self.late or self.left else ExitCode.HEALTHY

    @property
    def advice(self) -> str:
        """What to check if a step was late; empty otherwise."""
        if self.late is None:
            return ""
        if self.timeline.all_fitted:
            return ALL_FITTED
        messages = [self.last.trouble, self.last.refusal if self.late.step is Step.TRIGGERED_SCALE_UP else ""]
        return " ".join([HINTS[self.late.step], *(f"Last message: {each}" for each in messages if each)])


def run(
    plan: Plan,
    cluster: LiveCluster,
    clock: Clock,
    budgets: Mapping[Step, float],
    show: Show,
    wait_for_scale_down: bool = True,
) -> Outcome:
    """Run the test.

    Args:
        plan: What to run.
        cluster: Where to run it.
        clock: The clock.
        budgets: Seconds for each step.
        show: Called at every observation.
        wait_for_scale_down: Whether to wait for the scale-down.

    Raises:
        CannotCheckError: If Kubernetes rejects the Deployment, or you lack a right.
    """
    left: list[str] = []
    before = cluster.observe(clock.now())
    timeline = Timeline.start(plan.replicas, before, budgets)
    capacities: list[NodeCapacity] = []
    try:
        cluster.create()
        timeline, last = _follow(timeline, cluster, clock, show, lambda seen: seen.is_up)
        capacities = cluster.capacities()
    finally:
        with undisturbed():
            left += cluster.remove()
    late = timeline.late(clock.now())
    if timeline.is_up and late is None and not left and wait_for_scale_down:
        timeline = timeline.clean(clock.now())
        timeline, last = _follow(timeline, cluster, clock, show, lambda seen: seen.current is None)
        late = timeline.late(last.at)
    return Outcome(plan, timeline, late, tuple(capacities), tuple(left), last, wait_for_scale_down)


def _follow(
    timeline: Timeline, cluster: LiveCluster, clock: Clock, show: Show, done: Callable[[Timeline], bool]
) -> tuple[Timeline, Observation]:
    """Observe until it is done, or a step is late."""
    while True:
        observation = cluster.observe(clock.now())
        timeline = timeline.advance(observation)
        show(timeline, observation)
        if done(timeline) or timeline.late(observation.at):
            return timeline, observation
        clock.sleep(POLL)
