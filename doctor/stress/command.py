"""``ca-doctor stress``: force a scale-up and watch the scale-down."""

import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from .. import clients, gather
from ..case import Case
from ..changes import ChangingKubernetes, Connection
from ..ending import EndedError, undisturbed, unwinding
from ..errors import CannotCheckError
from ..facts import Toleration
from ..findings import ExitCode
from ..gather import aws as aws_reads
from ..options import (
    Place,
    connector,
    with_place,
)
from ..readings import Unreadable
from . import views
from .capacity import NodeCapacity, quantity
from .plan import DEFAULT_MEMORY, Plan, Wanted, eligible, make_plan, refuse_dangers
from .run import Outcome, run
from .steady import when_steady
from .timeline import Step, budgets, seconds
from .workload import Workload, leftovers, read_capacities, remove


@with_place
def stress(
    place: Place,
    namespace: Annotated[str, typer.Option(help="Namespace of the pods; it must exist.")] = "default",
    image: Annotated[str, typer.Option(help="Image of the pods; it should do nothing.")] = Wanted.image,
    replicas: Annotated[
        int | None, typer.Option(help="Number of pods.", show_default="10, or more if all of them fit", min=1)
    ] = None,
    cpu: Annotated[
        str | None,
        typer.Option(help="CPU request of each pod, such as 250m.", show_default="enough that one pod does not fit"),
    ] = None,
    memory: Annotated[str | None, typer.Option(help="Memory request of each pod.", show_default="16Mi")] = None,
    node_selector: Annotated[
        list[str] | None, typer.Option(help="LABEL=VALUE that the nodes must have; repeatable.")
    ] = None,
    toleration: Annotated[list[str] | None, typer.Option(help="KEY[=VALUE][:EFFECT] to tolerate; repeatable.")] = None,
    budget: Annotated[list[str] | None, typer.Option(help="STEP=DURATION, such as node-ready=10m; repeatable.")] = None,
    scale_down: Annotated[bool, typer.Option(help="Wait until the new nodes are removed.")] = True,
    yes: Annotated[
        bool, typer.Option("--yes", help="Run despite the risks that are reported without this option.")
    ] = False,
    clean: Annotated[bool, typer.Option("--clean", help="Only remove what an earlier run left behind.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON; progress goes to stderr.")] = False,
) -> None:
    """Force a scale-up, remove the pods, and watch the scale-down.

    The pods are always removed, even if the command fails.
    Exit code: 0 every step was in time, 1 a step was late, 2 could not check.
    """
    wanted, changed = _parsed(namespace, image, replicas, cpu, memory, node_selector, toleration, budget, yes)
    target = place.target()
    progress = Console(stderr=True)
    try:
        with unwinding():
            aws = clients.Aws(target.region)
            connection = Connection(connector(target, aws))
            if clean:
                connection(aws_reads.cluster(aws, target.cluster))
                raise typer.Exit(_clean(_changing(connection), progress))
            started_at = datetime.now(UTC)

            def read() -> tuple[Case, list[NodeCapacity]]:
                case = Case(gather.take_snapshot(target, aws, connection, datetime.now(UTC)))
                kubernetes = _changing(connection)
                _refuse_untestable(case, kubernetes)
                return case, read_capacities(kubernetes)

            def report(words: str) -> None:
                progress.print(words, markup=False, highlight=False, soft_wrap=True)

            case, nodes = when_steady(read, wanted, _SystemClock(), report)
            plan = _planned(case, nodes, wanted)
            report(views.summary(plan))
            allowed = {**budgets(case.arguments), **changed}
            with views.live(progress) as show:
                workload = Workload(_changing(connection), aws, plan)
                outcome = run(plan, workload, _SystemClock(), allowed, show, scale_down)
    except EndedError as ended:
        progress.print("Interrupted; the pods are removed. The autoscaler removes the new nodes.", markup=False)
        raise typer.Exit(ended.exit_code) from None
    _print(outcome, case.snapshot.cluster_name, target.region, started_at, as_json)
    raise typer.Exit(outcome.exit_code)


def _changing(connection: Connection) -> ChangingKubernetes:
    kubernetes = connection.changing()
    if isinstance(kubernetes, Unreadable):
        raise CannotCheckError(f"{kubernetes.call}: {kubernetes.message}")
    return kubernetes


def _refuse_untestable(case: Case, kubernetes: ChangingKubernetes) -> None:
    """Stop if nothing would add a node, or if another run is under way.

    Raises:
        CannotCheckError: With what to do.
    """
    if case.deployment is None:
        raise CannotCheckError(
            "No Deployment runs Cluster Autoscaler, so no node would be added. Run ca-doctor check to see why."
        )
    for name, unread in (("nodes", case.snapshot.kubernetes.nodes), ("groups", case.snapshot.aws.groups)):
        if isinstance(unread, Unreadable):
            raise CannotCheckError(f"The doctor cannot read the {name}. {unread.call}: {unread.message}")
    if found := leftovers(kubernetes):
        words = "; ".join(f"{', '.join(names)} in {namespace}" for namespace, names in found.items())
        raise CannotCheckError(f"Another run is under way, or left {words}. Remove it: ca-doctor stress --clean")


def _planned(case: Case, capacities: list[NodeCapacity], wanted: Wanted) -> Plan:
    assert case.deployment
    nodes, groups = eligible(case, wanted, capacities)
    plan = make_plan(wanted, nodes, groups)
    refuse_dangers(plan, case.deployment.namespace)
    return plan


def _clean(kubernetes: ChangingKubernetes, progress: Console) -> ExitCode:
    found = leftovers(kubernetes)
    for namespace, names in found.items():
        progress.print(f"Removing {', '.join(names)} in {namespace}.", markup=False, highlight=False)
    with undisturbed():
        left = remove(kubernetes, found) if found else []
    for each in left:
        progress.print(f"Not removed: {each}", style="red", markup=False)
    progress.print("Everything is removed." if not left else "Some objects could not be removed.", markup=False)
    return ExitCode.BROKEN if left else ExitCode.HEALTHY


def _print(outcome: Outcome, cluster: str, region: str, started_at: datetime, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(views.render(outcome, cluster, region, started_at) + "\n")
    else:
        # In a pipe no line may be cut at the width of a terminal.
        views.print_outcome(outcome, Console() if sys.stdout.isatty() else Console(width=200))


class _SystemClock:
    """The system's clock."""

    def now(self) -> float:
        """See ``Clock``."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """See ``Clock``."""
        time.sleep(seconds)


# --- options ----------------------------------------------------------------------------------------------------------


def _parsed(
    namespace: str,
    image: str,
    replicas: int | None,
    cpu: str | None,
    memory: str | None,
    node_selector: Sequence[str] | None,
    toleration: Sequence[str] | None,
    budget: Sequence[str] | None,
    yes: bool,
) -> tuple[Wanted, dict[Step, float]]:
    """Return the options as values.

    Raises:
        CannotCheckError: With all errors.
    """
    faults: list[str] = []

    def amount(option: str, text: str, scale: int) -> int:
        try:
            value = int(quantity(text) * scale)
            if value > 0:
                return value
            faults.append(f"{option}: got {text!r}; expected more than 0")
        except ValueError as error:
            faults.append(f"{option}: {error}")
        return 1

    millicores = None if cpu is None else amount("--cpu", cpu, 1000)
    size = DEFAULT_MEMORY if memory is None else amount("--memory", memory, 1)
    selector = {}
    for text in node_selector or ():
        label, equals, value = text.partition("=")
        if not label or not equals:
            faults.append(f"--node-selector: got {text!r}; expected LABEL=VALUE")
        selector[label] = value
    tolerations = []
    for text in toleration or ():
        parsed = parse_toleration(text)
        if parsed is None:
            faults.append(f"--toleration: got {text!r}; expected KEY[=VALUE][:NoSchedule|NoExecute|PreferNoSchedule]")
        else:
            tolerations.append(parsed)
    changed = {}
    for text in budget or ():
        name, _, duration = text.partition("=")
        try:
            changed[Step(name)] = seconds(duration)
        except ValueError:
            faults.append(f"--budget: got {text!r}; expected STEP=DURATION, a step of {', '.join(Step)}")
    if faults:
        raise CannotCheckError("\n  ".join(["These options are invalid:", *faults]))
    return Wanted(namespace, image, replicas, millicores, size, selector, tuple(tolerations), yes), changed


def parse_toleration(text: str) -> Toleration | None:
    """Parse ``key=value:NoSchedule``, ``key:NoSchedule`` or ``key``; None for anything else."""
    rest, colon, effect = text.rpartition(":")
    if not colon:
        rest, effect = text, ""
    elif effect not in ("NoSchedule", "NoExecute", "PreferNoSchedule"):
        return None
    key, equals, value = rest.partition("=")
    return Toleration(key, "Equal" if equals else "Exists", value, effect) if key else None
