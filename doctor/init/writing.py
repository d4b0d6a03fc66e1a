"""The files that ``init`` writes, as text, and what it prints."""

from collections.abc import Iterable
from dataclasses import dataclass

from ..readings import Unreadable
from . import moving
from .autoscaler import settings_of
from .document import Entry, clean, comment, render
from .facts import Found, Installed
from .groups import adopted_groups
from .moving import PROJECT, Move


@dataclass(frozen=True)
class Result:
    """What is written and printed.

    Attributes:
        settings: Text of the settings file.
        import_plan: Text of the plan for `pulumi import --file`; empty if there is nothing to import.
        found: What was found, each a line.
        notes: What was not kept, will be different or needs a decision.
        unread: What could not be read.
        move: The commands to type.
    """

    settings: str
    import_plan: str
    found: tuple[str, ...]
    notes: tuple[str, ...]
    unread: tuple[Unreadable, ...]
    move: Move


def write(found: Found, stack: str, plan_file: str) -> Result:
    """Turn what was found into the settings of a stack.

    Args:
        found: What was found.
        stack: Name of the stack.
        plan_file: Name that the import plan will have.
    """
    autoscaler, groups = settings_of(found), adopted_groups(found)
    move = moving.plan(found, stack, plan_file, autoscaler.apart)
    unread = tuple(found.unread)
    notes = (*_cluster_notes(found), *groups.notes, *autoscaler.notes, *move.notes)
    entries = [
        Entry("region", found.cluster.region),
        Entry("accountId", found.cluster.account, ("The program refuses to run in any other account.",)),
        Entry("cluster", {"name": found.cluster.name}, (_about(found),)),
        *groups.entries,
        *autoscaler.entries,
    ]
    lines = [
        *comment(
            (f"Settings of the stack {stack}: adopts the EKS cluster {found.cluster.name} ({found.cluster.region}).",)
        ),
        *comment(("Written by `ca-doctor init`. docs/settings.md explains every key.",)),
        *_section("Could not be read; add what is missing:", [f"- {why(each)}" for each in unread]),
        *_section("Different from what runs now, or not kept:", [f"- {note}" for note in notes]),
        *_section(
            "Flags that the program sets by itself:",
            [", ".join(autoscaler.by_program)] if autoscaler.by_program else [],
        ),
        *_section(
            "Next:",
            [
                line
                for number, step in enumerate(move.steps, 1)
                for line in (f"{number}. {step.does}", f"$ {step.command}")
            ],
        ),
        *_section("Afterwards:", move.afterwards),
        "config:",
        *_spaced([Entry(f"{PROJECT}:{entry.key}", entry.value, entry.comments, entry.disabled) for entry in entries]),
    ]
    return Result(
        "\n".join(lines) + "\n",
        moving.import_file(move.imports, stack),
        (_about(found), _about_groups(groups.names), _about_autoscaler(found)),
        tuple(map(clean, notes)),
        unread,
        move,
    )


def _section(title: str, paragraphs: Iterable[str]) -> list[str]:
    lines = comment(tuple(paragraphs))
    return [*comment(("", title)), *lines] if lines else []


def _spaced(entries: Iterable[Entry]) -> list[str]:
    lines: list[str] = []
    for entry in entries:
        lines += [*([""] if entry.comments else []), *render([entry], 2)]
    return lines


def why(unread: Unreadable) -> str:
    """Return which call gave no answer, and why."""
    reason = "you lack this right" if unread.denied else unread.message
    return f"{unread.call}: {reason}"


def _about(found: Found) -> str:
    return f"EKS cluster {found.cluster.name}, Kubernetes {found.cluster.version}. The program does not change it."


def _about_groups(names: tuple[str, ...]) -> str:
    return f"Groups to adopt: {', '.join(names)}." if names else "Groups to adopt: none."


def _about_autoscaler(found: Found) -> str:
    installed = found.installed
    if isinstance(installed, Unreadable):
        return f"Cluster Autoscaler: could not be read ({installed.call})."
    if installed is None:
        return "Cluster Autoscaler: not installed."
    by = f"by the Helm release {installed.release}" if installed.release else "by a manifest, without Helm"
    deployment = installed.deployment
    return f"Cluster Autoscaler: {deployment.image}, installed {by} as {deployment.namespace}/{deployment.name}."


def _cluster_notes(found: Found) -> list[str]:
    notes = []
    if isinstance(found.installed, Installed) and found.others:
        notes.append(
            f"Cluster Autoscaler also runs in {', '.join(found.others)}. Two autoscalers on the same groups work "
            "against each other: delete the others."
        )
    if found.karpenter:
        notes.append(
            f"Karpenter runs as {', '.join(found.karpenter)}. Keep its node pools and the groups below apart, by "
            "taints or labels: both add nodes for the same pending pods."
        )
    if found.cluster.auto_mode_pools:
        notes.append(
            f"EKS Auto Mode runs the node pools {', '.join(found.cluster.auto_mode_pools)}. It adds nodes for the same "
            "pending pods as Cluster Autoscaler."
        )
    return notes
