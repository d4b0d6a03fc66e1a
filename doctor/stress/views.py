"""Show a stress test: live on a terminal, line by line in a pipe; and its outcome as text or JSON."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table

from ..findings import ExitCode
from .capacity import NodeCapacity, Resources
from .plan import Plan
from .run import Outcome, Show
from .timeline import TITLES, Moment, Observation, Timeline

SCHEMA_VERSION = 1
_DETAIL = 100


def summary(plan: Plan) -> str:
    """Return what the test is about to run."""
    nodes = "some new nodes" if plan.new_nodes is None else f"{plan.new_nodes} new node{'s' * (plan.new_nodes != 1)}"
    return (
        f"{plan.replicas} pods of {plan.pod.cpu}m CPU and {_mebibytes(plan.pod.memory)} in {plan.wanted.namespace}: "
        f"{plan.fits} fit, {plan.replicas - plan.fits} need {nodes} from "
        f"{' or '.join(group.name for group in plan.groups)}."
    )


@contextmanager
def live(console: Console) -> Iterator[Show]:
    """Show the steps as they happen: a live table on a terminal, otherwise a line for each step."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    with Live(console=console, auto_refresh=False, transient=True) as display:
        yield lambda timeline, seen: display.update(_moving(timeline, seen), refresh=True)


class _Lines:
    """Print a line for each step that is done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._printed: set[str] = set()

    def __call__(self, timeline: Timeline, _seen: Observation) -> None:
        for moment in timeline.moments:
            if moment.done_at is not None and moment.step not in self._printed:
                self._printed.add(moment.step)
                at = moment.done_at - timeline.before.at
                line = f"{at:7.1f} s  {moment.step}: {_short(moment.seen)}"
                self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _moving(timeline: Timeline, seen: Observation) -> RenderableType:
    table = Table(title=f"{seen.running} of {timeline.replicas} pods run", title_justify="left", expand=True)
    for name, ratio in (("step", 4), ("time", 1), ("", 2), ("seen", 5)):
        table.add_column(name, ratio=ratio, no_wrap=name == "time")
    for moment in timeline.moments:
        table.add_row(TITLES[moment.step], *_progress(moment, seen.at))
    return table


def _progress(moment: Moment, now: float) -> tuple[str, RenderableType, str]:
    if moment.done_at is not None:
        took = f"{moment.took or 0:.0f} s"
        return took, "[green]done[/]", escape(_short(moment.seen))
    if moment.started_at is None:
        return "", "", ""
    passed = now - moment.started_at
    return f"{passed:.0f} s", ProgressBar(total=moment.budget, completed=passed), f"of at most {moment.budget:.0f} s"


def print_outcome(outcome: Outcome, console: Console) -> None:
    """Print the timeline, and the nodes while the pods ran."""
    console.print(_timeline_table(outcome))
    if outcome.capacities:
        console.print(_node_table(outcome))
    if outcome.late:
        took = "did not come" if outcome.timeline.all_fitted else f"took more than {outcome.late.budget:.0f} s"
        text = f"The step {outcome.late.step} {took}. {outcome.advice}"
        console.print(text, style="bold red", markup=False, soft_wrap=True)
    for each in outcome.left:
        console.print(f"Not removed: {each}. Remove it: ca-doctor stress --clean", style="bold red", markup=False)
    if outcome.exit_code is ExitCode.HEALTHY:
        down = "and the scale-down are complete" if outcome.waited else "is complete; the scale-down was not checked"
        console.print(f"The scale-up {down}. Every step was in time, and the pods are removed.", style="green")


def _timeline_table(outcome: Outcome) -> Table:
    table = Table(title="Timeline", title_justify="left")
    for name in ("step", "at", "took", "budget", "seen"):
        table.add_column(name, overflow="fold", no_wrap=name != "seen")
    for moment in outcome.timeline.moments:
        at = "" if moment.done_at is None else f"{moment.done_at - outcome.timeline.before.at:.1f} s"
        took = "" if moment.took is None else f"{moment.took:.1f} s"
        table.add_row(moment.step, at, took, f"{moment.budget:.0f} s", escape(_short(moment.seen)))
    return table


def _node_table(outcome: Outcome) -> Table:
    table = Table(title="Requested and allocatable while the pods ran", title_justify="left")
    for name in ("node", "cpu", "memory", "pods", "stress pods"):
        table.add_column(name, justify="left" if name == "node" else "right", overflow="fold")
    for capacity in outcome.capacities:
        new = " (new)" if capacity.name not in outcome.timeline.before.nodes else ""
        asked, offered = capacity.requested, capacity.allocatable
        table.add_row(
            f"{capacity.name}{new}",
            f"{asked.cpu}m / {offered.cpu}m",
            f"{_mebibytes(asked.memory)} / {_mebibytes(offered.memory)}",
            f"{asked.pods} / {offered.pods}",
            str(capacity.stress_pods),
        )
    return table


def as_document(outcome: Outcome, cluster: str, region: str, started_at: datetime) -> dict[str, Any]:
    """Return the outcome as plain values."""
    plan, timeline = outcome.plan, outcome.timeline
    return {
        "schemaVersion": SCHEMA_VERSION,
        "cluster": cluster,
        "region": region,
        "startedAt": started_at.isoformat(),
        "exitCode": int(outcome.exit_code),
        "plan": {
            "namespace": plan.wanted.namespace,
            "replicas": plan.replicas,
            "request": _amounts(plan.pod),
            "fits": plan.fits,
            "newNodes": plan.new_nodes,
            "groups": [group.name for group in plan.groups],
        },
        "steps": [_step(moment, timeline, outcome) for moment in timeline.moments],
        "late": outcome.late.step.value if outcome.late else None,
        "advice": outcome.advice or None,
        "nodes": [_node(capacity, timeline) for capacity in outcome.capacities],
        "left": list(outcome.left),
    }


def _step(moment: Moment, timeline: Timeline, outcome: Outcome) -> dict[str, Any]:
    late = outcome.late is not None and outcome.late.step is moment.step
    return {
        "step": moment.step.value,
        "status": "late" if late else "done" if moment.done_at is not None else "not-reached",
        "atSeconds": None if moment.done_at is None else round(moment.done_at - timeline.before.at, 1),
        "tookSeconds": None if moment.took is None else round(moment.took, 1),
        "budgetSeconds": moment.budget,
        "seen": moment.seen,
    }


def _node(capacity: NodeCapacity, timeline: Timeline) -> dict[str, Any]:
    return {
        "name": capacity.name,
        "new": capacity.name not in timeline.before.nodes,
        "allocatable": _amounts(capacity.allocatable),
        "requested": _amounts(capacity.requested),
        "stressPods": capacity.stress_pods,
    }


def _amounts(found: Resources) -> dict[str, int]:
    return {"cpuMillicores": found.cpu, "memoryBytes": found.memory, "pods": found.pods}


def render(outcome: Outcome, cluster: str, region: str, started_at: datetime) -> str:
    """Return the outcome as JSON text."""
    return json.dumps(as_document(outcome, cluster, region, started_at), indent=2, ensure_ascii=False)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _DETAIL else f"{line[: _DETAIL - 1]}…"


def _mebibytes(amount: int) -> str:
    return f"{amount // 1024**2}Mi"
