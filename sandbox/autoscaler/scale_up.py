"""Deciding which groups grow for pods that cannot be scheduled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.autoscaler.balancing import similar, spread
from sandbox.autoscaler.expander import Option
from sandbox.autoscaler.groups import Group
from sandbox.autoscaler.objects import Node, Pod, Resources
from sandbox.autoscaler.options import Options
from sandbox.autoscaler.predicates import misfits
from sandbox.autoscaler.simulation import estimate

MAX_SIZE_REACHED = "max node group size reached"
BACKED_OFF = "in backoff after failed scale-up"
MAX_TOTAL_REACHED = "max total nodes in cluster reached"
_MOST_NODES_AT_ONCE = 1000


@dataclass(frozen=True)
class Offer:
    """A group as a candidate for growth.

    Attributes:
        template: The node that it would add; ``None`` when that is not known.
        overhead: What DaemonSets would ask for on that node.
        refusal: Why it is out of the question for now; empty when it is not.
    """

    group: Group
    template: Node | None
    overhead: Resources = field(default_factory=dict)
    refusal: str = ""


@dataclass(frozen=True)
class Plan:
    """What a loop decides.

    Attributes:
        targets: New desired capacity by name of group, each above the present one.
        helped: The pods for whose sake the groups grow.
        refused: Key of every other pod to why each group, by its name, was of no use to it.
        best: Name of the group that the expander chose.
        capped: The cluster's total of nodes stood in the way.
    """

    targets: Mapping[str, int] = field(default_factory=dict)
    helped: tuple[Pod, ...] = ()
    refused: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    best: str = ""
    capped: bool = False


def plan(
    pods: Sequence[Pod],
    offers: Sequence[Offer],
    node_count: int,
    options: Options,
    choose: Callable[[Sequence[Option]], Option],
) -> Plan:
    """Decides about pods that fit no node, present or on its way.

    Args:
        pods: Those pods.
        offers: Every discovered group.
        node_count: Nodes in the cluster, those on their way among them.
        options: The command line.
        choose: The expander.
    """
    refused: dict[str, dict[str, str]] = {pod.key: {} for pod in pods}
    ways: list[Option] = []
    for offer in offers:
        fitting = _fitting(pods, offer, refused)
        if fitting and offer.template:
            found = estimate(fitting, offer.template, offer.overhead, _MOST_NODES_AT_ONCE)
            ways.append(Option(offer.group, offer.template, found.pods, found.nodes))
    if not ways:
        return Plan(refused=refused)
    best = choose(ways)
    nodes = best.nodes
    if options.max_nodes_total:
        nodes = min(nodes, options.max_nodes_total - node_count)
        if nodes < 1:
            return Plan(refused={pod.key: {best.group.name: MAX_TOTAL_REACHED} for pod in pods}, capped=True)
    targets = spread(_partners(best, ways, options), nodes)
    helped = {pod.key for pod in best.pods}
    return Plan(
        targets=targets,
        helped=best.pods,
        refused={key: reasons for key, reasons in refused.items() if key not in helped},
        best=best.group.name,
        capped=nodes < best.nodes,
    )


def _fitting(pods: Sequence[Pod], offer: Offer, refused: Mapping[str, dict[str, str]]) -> list[Pod]:
    """The pods that a new node of the group would take; the others are told why not."""
    refusal = offer.refusal or (MAX_SIZE_REACHED if offer.group.target >= offer.group.max_size else "")
    fitting = []
    for pod in pods:
        if refusal or offer.template is None:
            reasons = [refusal or "no template node could be built"]
        else:
            reasons = misfits(pod, offer.template, offer.overhead)
        if reasons:
            refused[pod.key][offer.group.name] = reasons[0]
        else:
            fitting.append(pod)
    return fitting


def _partners(best: Option, ways: Sequence[Option], options: Options) -> list[Group]:
    """The chosen group, and with balancing those like it that would take all of its pods."""
    if not options.balance_similar_node_groups:
        return [best.group]
    wanted = {pod.key for pod in best.pods}
    alike = [
        way.group
        for way in ways
        if way.group.name != best.group.name
        and similar(best.template, way.template, options)
        and wanted <= {pod.key for pod in way.pods}
    ]
    return [best.group, *alike]
