"""``ca-doctor whoami``: show what the autoscaler's pod is to AWS."""

import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from .. import clients, gather
from ..changes import ChangingKubernetes, Connection
from ..ending import EndedError, unwinding
from ..facts import Decision
from ..options import (
    Place,
    connector,
    with_place,
)
from ..readings import Reading, Unreadable
from . import debug_pod, exchange, views
from .answer import Answer, who_is
from .permissions import tried
from .secrets import Secret


@with_place
def whoami(
    place: Place,
    in_pod: Annotated[
        bool, typer.Option("--in-pod", help="Ask from a pod with the same service account too; it is removed again.")
    ] = False,
    image: Annotated[str, typer.Option(help="Image of that pod; it must start the AWS CLI.")] = debug_pod.IMAGE,
    timeout: Annotated[int, typer.Option(help="Seconds to wait for that pod.", min=1)] = 120,
    as_json: Annotated[bool, typer.Option("--json", help="JSON.")] = False,
) -> None:
    """Show the autoscaler's AWS identity: its token, the credentials that it gets for it, and what they allow.

    Without --in-pod nothing is changed. Secrets are never printed.
    Exit code: 0 it gets credentials that may do what it needs, 1 it does not, 2 could not check.
    """
    target = place.target()
    aws = clients.Aws(target.region)
    connection = Connection(connector(target, aws))
    try:
        with unwinding():
            snapshot = gather.take_snapshot(target, aws, connection, datetime.now(UTC))
            kubernetes = connection.changing()
            answer = who_is(snapshot, kubernetes, RealExchange(target.region))
            if in_pod:
                answer = _with_pod(answer, kubernetes, image, timeout)
    except EndedError as ended:
        raise typer.Exit(ended.exit_code) from None
    if as_json:
        sys.stdout.write(views.render(answer) + "\n")
    else:
        views.print_answer(answer, Console())
    raise typer.Exit(answer.exit_code)


def _with_pod(answer: Answer, kubernetes: Reading[ChangingKubernetes], image: str, timeout: int) -> Answer:
    if isinstance(kubernetes, Unreadable):
        return replace(answer, in_pod=kubernetes)
    pods = answer.snapshot.kubernetes.pods
    node = next((pod.node for pod in pods if pod.node), "") if not isinstance(pods, Unreadable) else ""
    manifest = debug_pod.manifest(answer.deployment, node, image, answer.snapshot.region, timeout)
    return replace(answer, in_pod=debug_pod.ask(kubernetes, manifest, timeout))


@dataclass(frozen=True)
class RealExchange:
    """The exchange with AWS itself."""

    region: str

    def by_web_identity(self, role_arn: str, token: Secret) -> exchange.Session | exchange.Refused | Unreadable:
        """See ``Exchange``."""
        return exchange.by_web_identity(self.region, role_arn, token)

    def by_pod_identity(self, cluster: str, token: Secret) -> exchange.Session | exchange.Refused | Unreadable:
        """See ``Exchange``."""
        return exchange.by_pod_identity(self.region, cluster, token)

    def tried(
        self, session: exchange.Session, cluster: str, node_group: str, node_group_arn: str
    ) -> tuple[Decision, ...]:
        """See ``Exchange``."""
        made = {
            service: exchange.session_client(session, service, self.region) for service in ("autoscaling", "ec2", "eks")
        }
        return tuple(tried(made.__getitem__, cluster, node_group, node_group_arn))
