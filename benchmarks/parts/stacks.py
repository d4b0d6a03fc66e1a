"""What does a stack cost among many, side by side?"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.bench import Bench, Stack, opened
from benchmarks.measuring import Run, spread
from benchmarks.options import Options
from benchmarks.settings import dev_like
from benchmarks.tables import table, told

CLUSTERS = 50
ALONE = 10
"""Stacks that are previewed one after the other, to compare with."""

SIDE_BY_SIDE = (2, 4)


def measure(options: Options) -> dict[str, Any]:
    """Previews of one stack for each cluster, by so many processes at a time."""
    # Without the controller that starts control planes: fifty do not fit on a desk. A preview needs none.
    with opened("aws", "aws-provider", "kubernetes-provider", "eks-provider") as bench:
        stacks = [_stack(bench, number) for number in range(1, CLUSTERS + 1)]
        stacks[0].preview()
        return {
            "clusters": CLUSTERS,
            "sideBySide": [_previewed(stacks[:ALONE], 1), *(_previewed(stacks, workers) for workers in SIDE_BY_SIDE)],
        }


def _stack(bench: Bench, number: int) -> Stack:
    cluster = f"team-{number:02}"
    bench.register_cluster(cluster)
    return bench.stack(cluster, dev_like(cluster))


def _previewed(stacks: list[Stack], workers: int) -> dict[str, Any]:
    started = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        runs: list[Run] = list(pool.map(Stack.preview, stacks))
    seconds = time.perf_counter() - started
    return {
        "workers": workers,
        "stacks": len(stacks),
        "seconds": round(seconds, 1),
        "secondsPerStack": round(seconds / len(stacks), 2),
        "stackSeconds": spread([each.seconds for each in runs]),
        "stackCpuSeconds": spread([each.cpu_seconds for each in runs]),
        "stackMib": spread([each.peak_mib for each in runs]),
    }


def section(figures: dict[str, Any]) -> str:
    """The figures as Markdown."""
    rows = [
        [
            entry["workers"],
            entry["stacks"],
            entry["seconds"],
            entry["secondsPerStack"],
            told(entry["stackSeconds"]),
            told(entry["stackCpuSeconds"]),
            f"{entry['stackMib']['median']:.0f}",
        ]
        for entry in figures["sideBySide"]
    ]
    header = ["at a time", "stacks", "seconds", "seconds per stack", "one preview, s", "its CPU seconds", "its MiB"]
    return "\n\n".join(
        [
            f"{figures['clusters']} clusters as {figures['clusters']} stacks of the development environment, previewed "
            "side by side. Of these clusters only EKS's record stands, no control plane runs: a preview needs none.",
            table(header, rows),
        ]
    )
