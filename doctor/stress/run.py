"""Runs a stress test: up, clean, down. The clean-up happens whatever else does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ..ending import undisturbed
from ..findings import ExitCode
from .plan import Plan
from .room import NodeRoom
from .timeline import HINTS, Moment, Observation, Step, Timeline

POLL = 1.0
"""Seconds between two looks."""


class World(Protocol):
    """The cluster, as far as a stress test touches it."""

    def create(self) -> None:
        """Make the Deployment."""

    def remove(self) -> list[str]:
        """Remove it; what is still there is returned."""

    def observe(self, at: float) -> Observation:
        """Look."""

    def rooms(self) -> list[NodeRoom]:
        """The room of every node."""


class Clock(Protocol):
    """Time that passes."""

    def now(self) -> float:
        """Seconds since the start."""

    def sleep(self, seconds: float) -> None:
        """Let some pass."""


Show = Callable[[Timeline, Observation], None]
"""Shows how far it has come; called at every look."""


@dataclass(frozen=True)
class Outcome:
    """What a stress test came to.

    Attributes:
        late: The step that did not come in its time; None when all did.
        rooms: The nodes while the pods ran.
        left: What the clean-up could not remove.
        last: What was seen last.
        waited: Whether the way back was waited for.
    """

    plan: Plan
    timeline: Timeline
    late: Moment | None
    rooms: tuple[NodeRoom, ...]
    left: tuple[str, ...]
    last: Observation
    waited: bool = True

    @property
    def exit_code(self) -> ExitCode:
        """Healthy when every step came in its time and nothing is left."""
        return ExitCode.BROKEN if self.late or self.left else ExitCode.HEALTHY

    @property
    def advice(self) -> str:
        """Where to look when it did not work; empty when it did."""
        if self.late is None:
            return ""
        said = [self.last.trouble, self.last.refusal if self.late.step is Step.TRIGGERED_SCALE_UP else ""]
        return " ".join([HINTS[self.late.step], *(f"Last heard: {each}" for each in said if each)])


def run(
    plan: Plan, world: World, clock: Clock, budgets: Mapping[Step, float], show: Show, wait_for_scale_down: bool = True
) -> Outcome:
    """Run it.

    Args:
        plan: What to run.
        world: Where.
        clock: When.
        budgets: Seconds for each step.
        show: Is told of every look.
        wait_for_scale_down: Whether to see the nodes go again.

    Raises:
        CannotLookError: When Kubernetes refuses the Deployment, or a right to look is missing.
    """
    left: list[str] = []
    before = world.observe(clock.now())
    timeline = Timeline.start(plan.replicas, before, budgets)
    rooms: list[NodeRoom] = []
    try:
        world.create()
        timeline, last = _follow(timeline, world, clock, show, lambda seen: seen.is_up)
        rooms = world.rooms()
    finally:
        with undisturbed():
            left += world.remove()
    late = timeline.late(clock.now())
    if timeline.is_up and late is None and not left and wait_for_scale_down:
        timeline = timeline.clean(clock.now())
        timeline, last = _follow(timeline, world, clock, show, lambda seen: seen.current is None)
        late = timeline.late(last.at)
    return Outcome(plan, timeline, late, tuple(rooms), tuple(left), last, wait_for_scale_down)


def _follow(
    timeline: Timeline, world: World, clock: Clock, show: Show, done: Callable[[Timeline], bool]
) -> tuple[Timeline, Observation]:
    """Look again and again until it is done, or a step is late."""
    while True:
        observation = world.observe(clock.now())
        timeline = timeline.advance(observation)
        show(timeline, observation)
        if done(timeline) or timeline.late(observation.at):
            return timeline, observation
        clock.sleep(POLL)
