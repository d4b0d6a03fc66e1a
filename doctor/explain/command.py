"""``ca-doctor explain node`` and ``ca-doctor explain pod``."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from .. import clients, gather
from ..case import Case
from ..clients import Kubernetes
from ..errors import CannotLookError
from ..facts import Cluster
from ..options import (
    ClusterOption,
    ContextOption,
    KubeconfigOption,
    OutputsOption,
    ProjectOption,
    RegionOption,
    StackOption,
    chosen_target,
    connector,
)
from ..readings import Reading, Unreadable
from ..target import Target
from . import reading, views
from .addition import explain_pod
from .removal import explain_nodes

app = typer.Typer(help="Explain why a node is not removed, or why no node is added for a pod.", no_args_is_help=True)

JsonOption = Annotated[bool, typer.Option("--json", help="JSON.")]


@app.command()
def node(
    names: Annotated[list[str] | None, typer.Argument(help="Nodes. Default: every node.", show_default=False)] = None,
    stack: StackOption = None,
    outputs: OutputsOption = None,
    cluster: ClusterOption = None,
    region: RegionOption = None,
    project: ProjectOption = Path(),
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
    price: Annotated[
        list[str] | None,
        typer.Option(help="Price of an hour of an instance type, m6i.large=0.096; may be given several times."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show for each node why Cluster Autoscaler does not remove it, and what would unblock it. Nothing is changed.

    Reads the state of the cluster, not the log. The nodes whose removal would save most come first.
    """
    prices = _prices(price or [])
    view = _view(chosen_target(stack, outputs, cluster, region, project, kubeconfig, context))
    answers = explain_nodes(view.case, reading.surroundings(view.kubernetes), reading.budgets(view.kubernetes), prices)
    unknown = sorted(set(names or ()) - {each.node for each in answers})
    if unknown:
        raise CannotLookError(f"Got the node {unknown[0]}; expected one of {', '.join(each.node for each in answers)}")
    chosen = [each for each in answers if not names or each.node in names]
    name = view.case.snapshot.cluster_name
    sys.stdout.write(views.nodes_document(chosen, name) if as_json else views.nodes_text(chosen, name))


@app.command()
def pod(
    name: Annotated[str, typer.Argument(help="The pod, as NAMESPACE/NAME.", metavar="NAMESPACE/NAME")],
    stack: StackOption = None,
    outputs: OutputsOption = None,
    cluster: ClusterOption = None,
    region: RegionOption = None,
    project: ProjectOption = Path(),
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show for each group why Cluster Autoscaler adds no node for a pod, with the arithmetic. Nothing is changed."""
    namespace, slash, short = name.partition("/")
    if not (namespace and slash and short):
        raise CannotLookError(f"Got the pod {name!r}; expected NAMESPACE/NAME, such as shop/api-1")
    view = _view(chosen_target(stack, outputs, cluster, region, project, kubeconfig, context))
    wanted = reading.pod(view.kubernetes, namespace, short)
    answer = explain_pod(
        view.case,
        wanted,
        reading.surroundings(view.kubernetes),
        reading.daemons(view.kubernetes),
        reading.instance_types(view.aws, _types(view.case)),
    )
    sys.stdout.write(views.pod_document(answer) if as_json else views.pod_text(answer))


@dataclass(frozen=True)
class _View:
    """A cluster as the doctor sees it, with the clients that read it."""

    case: Case
    kubernetes: Kubernetes
    aws: clients.Aws


def _view(target: Target) -> _View:
    """Take a snapshot, and keep the client for further reads.

    Raises:
        CannotLookError: When the API server cannot be reached.
    """
    aws, connect = clients.Aws(target.region), connector(target)
    connected: list[Reading[Kubernetes]] = []

    def kept(cluster: Reading[Cluster]) -> Reading[Kubernetes]:
        connected.append(connect(cluster))
        return connected[-1]

    snapshot = gather.take_snapshot(target, aws, kept, datetime.now(UTC))
    kubernetes = connected[-1]
    if isinstance(kubernetes, Unreadable):
        raise CannotLookError(f"{kubernetes.call}: {kubernetes.message}")
    return _View(Case(snapshot), kubernetes, aws)


def _types(case: Case) -> Sequence[str]:
    """The first instance type of each group, by which Cluster Autoscaler goes."""
    named: list[str] = []
    for group in case.discovered_own:
        managed = case.managed.get(group.name)
        named += ((managed.instance_types if managed else ()) or group.instance_types)[:1]
    return named


def _prices(given: Sequence[str]) -> dict[str, Decimal]:
    prices = {}
    for text in given:
        kind, equals, amount = text.partition("=")
        try:
            price = Decimal(amount)
        except InvalidOperation:
            price = Decimal("NaN")
        if not (kind and equals and price.is_finite() and price >= 0):
            raise CannotLookError(f"--price: got {text!r}; expected TYPE=PRICE, such as m6i.large=0.096")
        prices[kind] = price
    return prices
