"""How does a stack grow with its node groups?"""

from __future__ import annotations

from collections import Counter
from typing import Any

from benchmarks import counts, plans
from benchmarks import plots as drawing
from benchmarks.bench import Stack, opened
from benchmarks.measuring import costs, rounds
from benchmarks.options import Options
from benchmarks.settings import dev_like, with_groups
from benchmarks.tables import shown, table, verdict

SIZES = (1, 10, 50, 100, 200)
GOAL = 2.2
"""Most that 200 groups may cost, as a multiple of 100."""

CHECKPOINTED = 50
"""Most groups that are also put up as the engine does it by itself: with the whole state saved after each step."""

SAVED_ONCE = {"PULUMI_SKIP_CHECKPOINTS": "true"}
"""Has the engine save the state at the end alone. For figures only: a killed `up` would forget what it made."""

WHY = {
    "eks-cluster-autoscaler:index:ManagedNodeGroup": "the component: one name for the group and all that belongs to it",
    "aws:iam/role:Role": "its nodes' role; `nodeRoleArn` shares one among groups instead",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "the three AWS policies without which a node does not join; "
    "they are created and deleted with the role",
    "aws:ec2/launchTemplate:LaunchTemplate": "IMDSv2, its hop limit and the encrypted disk can be set nowhere else",
    "aws:eks/nodeGroup:NodeGroup": "the group",
    "eks-cluster-autoscaler:index:AutoscalerTags": "the component of its ASG's tags; also used alone, on other ASGs",
    "aws:autoscaling/tag:Tag": "two for discovery, one for the disk, one for the number of pods, and one for each "
    "label, taint and option: EKS does not pass them on to the ASG, and AWS knows them one by one",
}
"""Why each resource of a node group exists."""


def per_group(small: Counter[str], large: Counter[str], groups: int) -> dict[str, float]:
    """Resources by type that each of ``groups`` more groups adds."""
    return {type_: (large[type_] - small[type_]) / groups for type_ in large if large[type_] != small[type_]}


def measure(options: Options) -> dict[str, Any]:
    """Previews in turn, of stacks that hold nothing yet; then each is put up and destroyed once, small ones twice."""
    with opened(in_memory=True) as bench:
        base = dev_like(bench.adopted_cluster())
        stacks = {size: bench.stack(f"groups-{size}", with_groups(base, size)) for size in SIZES}
        kinds = {size: plans.types(stack.plan()) for size, stack in stacks.items()}
        previews = rounds(options.few, {size: stack.preview for size, stack in stacks.items()})
        lives = {size: _life(stack, checkpointed=size <= CHECKPOINTED) for size, stack in stacks.items()}
    return {
        "rounds": options.few,
        "sizes": [
            {
                "groups": size,
                "resources": sum(kinds[size].values()),
                "preview": costs(previews[size]),
                **lives[size],
            }
            for size in SIZES
        ],
        "perGroup": per_group(kinds[SIZES[0]], kinds[SIZES[-1]], SIZES[-1] - SIZES[0]),
    }


def _life(stack: Stack, *, checkpointed: bool) -> dict[str, Any]:
    if checkpointed:
        saved = stack.up()
        stack.destroy()
    up, again, down = stack.up(**SAVED_ONCE), stack.up(**SAVED_ONCE), stack.destroy(**SAVED_ONCE)
    return {
        "up": round(up.seconds, 2),
        "upMib": round(up.peak_mib),
        "upAgain": round(again.seconds, 2),
        "destroy": round(down.seconds, 2),
        "upCheckpointed": round(saved.seconds, 2) if checkpointed else None,
    }


def slope(figures: dict[str, Any], measured: str) -> float:
    """The cost of the largest stack as a multiple of that of half its size."""
    by_size = {entry["groups"]: entry for entry in figures["sizes"]}
    large, small = (by_size[size][measured] for size in (SIZES[-1], SIZES[-1] // 2))
    return float(large["seconds"]["median"] / small["seconds"]["median"] if measured == "preview" else large / small)


def section(figures: dict[str, Any]) -> str:
    """The figures as Markdown."""
    rows = [
        [
            entry["groups"],
            entry["resources"],
            shown(entry["preview"]["seconds"], 1),
            f"{entry['preview']['peakMib']['median']:.0f}",
            f"{entry['up']:.0f}",
            f"{entry['upMib']:.0f}",
            f"{entry['upAgain']:.0f}",
            f"{entry['destroy']:.0f}",
            "-" if entry["upCheckpointed"] is None else f"{entry['upCheckpointed']:.0f}",
        ]
        for entry in figures["sizes"]
    ]
    header = [
        "groups",
        "resources",
        "preview, s",
        "MiB",
        "up, s",
        "MiB",
        "up again, s",
        "destroy, s",
        "up, checkpoints, s",
    ]
    of_a_group = counts.recorded("resources of a node group, irsa")
    added, measured = sum(of_a_group.values()), sum(figures["perGroup"].values())
    kinds = [[f"`{type_}`", count, WHY[type_]] for type_, count in sorted(of_a_group.items())]
    return "\n\n".join(
        [
            "Node groups of one kind in the development environment, all empty. Previews of stacks that hold nothing "
            f"yet, {figures['rounds']} rounds in turn. Each stack is deployed, deployed again unchanged and destroyed "
            "once. Pulumi saves state only at the end (`PULUMI_SKIP_CHECKPOINTS`); the emulated AWS saves none. MiB: "
            "engine, language host and program together, at the peak.",
            table(header, rows),
            f"200 groups against 100: preview {verdict(slope(figures, 'preview'), GOAL)}; "
            f"up {verdict(slope(figures, 'up'), GOAL)}.",
            "By itself the engine saves the whole state after each step, on a file or S3 backend: that is the last "
            "column, which grows with the square of the resources and is measured up to "
            f"{CHECKPOINTED} groups. It is the engine's share, of any program.",
            "![Seconds by number of node groups](benchmarks/growth-seconds.svg)",
            "![Memory by number of node groups](benchmarks/growth-memory.svg)",
            f"Each node group adds {added} resources{counts.since(added, measured)}, and no call of the AWS API to a "
            "preview:",
            table(["resource", "each group", "why"], kinds),
        ]
    )


def plots(figures: dict[str, Any]) -> dict[str, str]:
    """The figures as SVG."""
    sizes = figures["sizes"]
    seconds = {
        "preview": [(entry["groups"], entry["preview"]["seconds"]["median"]) for entry in sizes],
        "up": [(entry["groups"], entry["up"]) for entry in sizes],
        "up again": [(entry["groups"], entry["upAgain"]) for entry in sizes],
        "destroy": [(entry["groups"], entry["destroy"]) for entry in sizes],
    }
    memory = {
        "preview": [(entry["groups"], entry["preview"]["peakMib"]["median"]) for entry in sizes],
        "up": [(entry["groups"], entry["upMib"]) for entry in sizes],
    }
    return {
        "growth-seconds.svg": drawing.lines("A stack that grows", "node groups", "seconds", seconds),
        "growth-memory.svg": drawing.lines("A stack that grows", "node groups", "MiB", memory),
    }
