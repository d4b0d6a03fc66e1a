"""``ca-doctor explain node`` and ``ca-doctor explain pod``."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from .. import clients
from ..bundle import archive
from ..case import Case
from ..errors import CannotCheckError
from ..options import (
    BundleOption,
    Place,
    connector,
    with_place,
)
from ..rendering import wrapping
from . import reading, views
from .addition import explain_pod
from .removal import explain_nodes
from .state import ClusterState

app = typer.Typer(help="Explain why a node is not removed, or why no node is added for a pod.", no_args_is_help=True)

JsonOption = Annotated[bool, typer.Option("--json", help="JSON.")]


@app.command()
@with_place
def node(
    place: Place,
    names: Annotated[list[str] | None, typer.Argument(help="Nodes. Default: every node.", show_default=False)] = None,
    bundle: BundleOption = None,
    price: Annotated[
        list[str] | None,
        typer.Option(help="Price of an hour of an instance type, m6i.large=0.096; repeatable."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show for each node why Cluster Autoscaler does not remove it, and what would unblock it. Nothing is changed.

    Reads the state of the cluster, not the log. The nodes whose removal would save most come first.
    """
    prices = _prices(price or [])
    case, state = _observe(bundle, place)
    answers = explain_nodes(case, state.simulated(), state.listed_budgets(), prices)
    unknown = sorted(set(names or ()) - {each.node for each in answers})
    if unknown:
        raise CannotCheckError(f"Got the node {unknown[0]}; expected one of {', '.join(each.node for each in answers)}")
    chosen = [each for each in answers if not names or each.node in names]
    name, counted = case.snapshot.cluster_name, case.counted.unremovable
    if as_json:
        sys.stdout.write(views.nodes_document(chosen, name, counted))
    else:
        _print(views.nodes_text(chosen, name, counted))


@app.command()
@with_place
def pod(
    name: Annotated[str, typer.Argument(help="The pod, as NAMESPACE/NAME.", metavar="NAMESPACE/NAME")],
    place: Place,
    bundle: BundleOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show for each group why Cluster Autoscaler adds no node for a pod, with the arithmetic. Nothing is changed."""
    namespace, slash, short = name.partition("/")
    if not (namespace and slash and short):
        raise CannotCheckError(f"Got the pod {name!r}; expected NAMESPACE/NAME, such as shop/api-1")
    case, state = _observe(bundle, place)
    answer = explain_pod(
        case,
        state.pod(namespace, short),
        state.surroundings(),
        state.listed_daemons(),
        state.instance_types,
        state.templates,
    )
    if as_json:
        sys.stdout.write(views.pod_document(answer))
    else:
        _print(views.pod_text(answer))


def _print(text: str) -> None:
    """Print an answer, wrapped on a terminal."""
    sys.stdout.write("".join(f"{line}\n" for line in views.fitted(text, wrapping.screen_width(Console()))))


def _observe(bundle: Path | None, place: Place) -> tuple[Case, ClusterState]:
    """The cluster that the options name, live or in a bundle.

    Raises:
        CannotCheckError: When there is no such cluster, or no way to it.
    """
    if bundle:
        place.refuse_with_bundle()
        contents = archive.read(bundle)
        return Case(contents.snapshot), contents.state
    target = place.target()
    aws = clients.Aws(target.region)
    snapshot, state = reading.take(target, aws, connector(target, aws), datetime.now(UTC))
    return Case(snapshot), state


def _prices(given: Sequence[str]) -> dict[str, Decimal]:
    prices = {}
    for text in given:
        kind, equals, amount = text.partition("=")
        try:
            price = Decimal(amount)
        except InvalidOperation:
            price = Decimal("NaN")
        if not (kind and equals and price.is_finite() and price >= 0):
            raise CannotCheckError(f"--price: got {text!r}; expected TYPE=PRICE, such as m6i.large=0.096")
        prices[kind] = price
    return prices
