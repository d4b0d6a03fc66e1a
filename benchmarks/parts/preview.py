"""What do components, settings and their checks add to a preview?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import counts, plans
from benchmarks.bench import PROGRAMS, Bench, Stack, opened
from benchmarks.measuring import CommandFailed, costs, ratios, rounds
from benchmarks.options import Options
from benchmarks.settings import CHART, dev_like
from benchmarks.tables import shown, table, verdict
from sandbox import versions
from sandbox.providers.aws.session import USER_AGENT

GOAL = 1.10
"""Most that a preview may cost, as a multiple of the flat program's."""

PROGRAM, FLAT = "this program", "flat program"
EMPTY = "empty program"


def flat_settings(cluster: str, chart: Path = CHART) -> dict[str, Any]:
    """Settings of the flat program: all that it does not have written into it."""
    images = {row["minor"]: f"v{row['newest']}" for row in versions.rows("cluster-autoscaler.tsv")}
    config = {"cluster": cluster, "chart": str(chart), "images": json.dumps(images)}
    return {"config": {f"benchmark-flat:{key}": value for key, value in config.items()}}


def same_plan(ours: Stack, flat: Stack) -> int:
    """The number of resources in both plans.

    Raises:
        CommandFailed: They differ, so that a comparison of their costs would prove nothing.
    """
    plan = ours.plan()
    if different := plans.differences(plan, flat.plan()):
        raise CommandFailed("The flat program no longer makes what the program makes:\n" + "\n".join(different))
    return len(plans.made(plan))


def stacks(bench: Bench, cluster: str) -> dict[str, Stack]:
    """A stack of each program."""
    return {
        PROGRAM: bench.stack("dev-like", dev_like(cluster)),
        FLAT: bench.stack("flat", flat_settings(cluster), PROGRAMS / "flat"),
        EMPTY: bench.stack("empty", {}, PROGRAMS / "empty"),
    }


def measure(options: Options) -> dict[str, Any]:
    """Previews of each program in turn, of stacks that hold nothing yet."""
    with opened() as bench:
        programs = stacks(bench, bench.adopted_cluster())
        resources = same_plan(programs[PROGRAM], programs[FLAT])
        components = len(programs[PROGRAM].plan()) - resources - 1
        bench.forget_calls()
        programs[PROGRAM].preview()
        calls = sum(bench.calls(USER_AGENT).values())
        found = rounds(options.rounds, {name: stack.preview for name, stack in programs.items()})
    return {
        "rounds": options.rounds,
        "resources": resources,
        "components": components,
        "awsCalls": calls,
        "programs": {name: costs(runs) for name, runs in found.items()},
        "againstFlat": ratios(found[PROGRAM], found[FLAT]),
        "againstEmpty": ratios(found[PROGRAM], found[EMPTY]),
    }


def section(figures: dict[str, Any]) -> str:
    """The figures as Markdown."""
    flat, empty = (figures[f"against{name}"] for name in ("Flat", "Empty"))
    rows = [
        [name, shown(cost["seconds"]), shown(cost["cpuSeconds"]), f"{cost['peakMib']['median']:.0f}"]
        for name, cost in figures["programs"].items()
    ]
    resources, components = counts.resources_and_components("resources of the development environment")
    calls = sum(counts.recorded("AWS calls of a preview").values())
    return "\n\n".join(
        [
            "`pulumi preview` of `Pulumi.dev.yaml` on an adopted cluster, nothing deployed yet: "
            f"{resources} resources{counts.since(resources, figures['resources'])}, and "
            f"{components} components{counts.since(components, figures['components'])} that group them. The flat "
            "program ([benchmarks/programs/flat](../benchmarks/programs/flat/__main__.py)) has the same resources "
            "written down one by one, without components, settings, checks and outputs; the benchmark compares both "
            f"plans, input by input, before it measures. {figures['rounds']} rounds, the programs in turn.",
            table(["preview of", "seconds", "CPU seconds", "MiB at the peak"], rows),
            f"Against the flat program: {verdict(flat['seconds']['median'], GOAL)} (median of the rounds' ratios; "
            f"{flat['seconds']['low']:.2f} to {flat['seconds']['high']:.2f}; by CPU time {shown(flat['cpuSeconds'])}). "
            f"Against the engine's empty preview: {shown(empty['seconds'])}.",
            f"Such a preview makes {calls} calls of the AWS API{counts.since(calls, figures['awsCalls'])}.",
        ]
    )
