"""What does the doctor cost on a cluster of many node groups?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from benchmarks import plots as drawing
from benchmarks.bench import Bench, opened
from benchmarks.measuring import Run, costs, rounds
from benchmarks.options import Options
from benchmarks.settings import adopting
from benchmarks.tables import shown, table
from sandbox.layout import REGION

SIZES = (1, 10, 100, 500)

DOCTOR = "ca-doctor"
"""What the doctor's calls carry in their ``User-Agent``."""


def measure(options: Options) -> dict[str, Any]:
    """Checks of an adopted cluster as its groups become more; those that come are made by the API, not by a stack."""
    with opened() as bench:
        cluster = bench.adopted_cluster()
        bench.stack("doctor", adopting()).up()
        start = rounds(options.rounds, {"start": lambda: bench.python("doctor", "--help")})["start"]
        # A new autoscaler takes some seconds for its first loop.
        _check(bench, cluster, "--wait", "60", allowed=(0,))
        sizes = []
        for size in SIZES:
            _grow(bench, cluster, size)
            bench.forget_calls()
            _check(bench, cluster)
            calls = bench.calls(DOCTOR)
            allowed = (0,) if size == SIZES[0] else (0, 1)
            checks = rounds(options.few, {"check": partial(_check, bench, cluster, allowed=allowed)})["check"]
            sizes.append({"groups": len(_names(bench, cluster)), "awsCalls": sum(calls.values()), **costs(checks)})
    return {"rounds": options.few, "start": costs(start), "sizes": sizes}


def _check(bench: Bench, cluster: str, *options: str, allowed: Sequence[int] = (0, 1)) -> Run:
    """Run a check. The cluster as adopted must be healthy (0); groups that are added may be found broken (1)."""
    return bench.python("doctor", "check", "--cluster", cluster, "--region", REGION, *options, allowed=allowed)


def _names(bench: Bench, cluster: str) -> list[str]:
    pages = bench.aws("eks").get_paginator("list_nodegroups").paginate(clusterName=cluster)
    return [name for page in pages for name in page["nodegroups"]]


def _grow(bench: Bench, cluster: str, size: int) -> None:
    """Adds empty groups just like the first one until there are ``size``."""
    eks = bench.aws("eks")
    names = _names(bench, cluster)
    model = eks.describe_nodegroup(clusterName=cluster, nodegroupName=names[0])["nodegroup"]
    for number in range(len(names), size):
        eks.create_nodegroup(
            clusterName=cluster,
            nodegroupName=f"more-{number:03}",
            nodeRole=model["nodeRole"],
            subnets=model["subnets"],
            scalingConfig={"minSize": 0, "maxSize": 3, "desiredSize": 0},
        )


def section(figures: dict[str, Any]) -> str:
    """The figures as Markdown."""
    rows = [
        [
            entry["groups"],
            entry["awsCalls"],
            shown(entry["seconds"]),
            shown(entry["cpuSeconds"]),
            f"{entry['peakMib']['median']:.0f}",
        ]
        for entry in figures["sizes"]
    ]
    start = figures["start"]
    return "\n\n".join(
        [
            "`doctor check` of one emulated cluster with a real API server, the autoscaler running on it, and so many "
            f"node groups, {figures['rounds']} rounds each. With one group the cluster is healthy. The doctor reads "
            "one description of each group, and lists the rest by pages.",
            table(["groups", "AWS API calls", "seconds", "CPU seconds", "MiB at the peak"], rows),
            "![Seconds of a check by number of node groups](benchmarks/doctor.svg)",
            f"Of that the start alone (`doctor --help`): {shown(start['seconds'])} s, "
            f"{start['peakMib']['median']:.0f} MiB.",
        ]
    )


def plots(figures: dict[str, Any]) -> dict[str, str]:
    """The figures as SVG."""
    points = [(entry["groups"], entry["seconds"]["median"]) for entry in figures["sizes"]]
    return {"doctor.svg": drawing.lines("A check", "node groups", "seconds", {"doctor check": points})}
