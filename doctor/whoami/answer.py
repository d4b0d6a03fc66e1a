"""Find out the autoscaler's identity in AWS, from one snapshot and one exchange."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from .._shared import iam
from ..case import Case
from ..changes import ChangingKubernetes
from ..checks import examine
from ..credentials import AUDIENCE_ANNOTATION
from ..errors import CannotCheckError
from ..facts import Decision, Deployment, NodeMachine, Snapshot, Source
from ..findings import ExitCode, Finding, Link, Status
from ..readings import Reading, Unreadable
from .debug_pod import PodAnswer
from .exchange import POD_IDENTITY, POD_IDENTITY_AUDIENCE, WEB_IDENTITY, Refused, Session
from .permissions import Permission, permissions
from .secrets import Secret
from .tokens import Claims, TokenFormatError, parse_claims, request_token


class Exchange(Protocol):
    """The two calls that turn a token into credentials, and the reads made with those."""

    def by_web_identity(self, role_arn: str, token: Secret) -> Session | Refused | Unreadable:
        """By IRSA."""

    def by_pod_identity(self, cluster: str, token: Secret) -> Session | Refused | Unreadable:
        """By EKS Pod Identity."""

    def tried(self, session: Session, cluster: str, node_group: str, node_group_arn: str) -> tuple[Decision, ...]:
        """Try the reads with the session's credentials."""


@dataclass(frozen=True)
class Answer:
    """The autoscaler's identity in AWS.

    Attributes:
        snapshot: The facts that the answer is based on.
        deployment: The autoscaler's Deployment.
        source: The source of its credentials.
        role_arn: The role of that source; empty if there is none.
        audience: Audience of the token; empty if no token is used.
        claims: The claims of the token; None without a token.
        session: The credentials that AWS returned for it; None without credentials.
        obstacle: Why the exchange failed; None if it succeeded, or if none is needed.
        pods_with_other_credentials: Pods that carry other credentials, and so have another identity in AWS.
        machine: The node of the pod, if the credentials are the node's.
        permissions: One line for each action.
        asked_by: How the permissions were determined: ``simulated``, ``tried`` or empty.
        findings: The findings of ``check`` about the permissions.
        in_pod: The answer of a pod in the cluster; None if none was created.
    """

    snapshot: Snapshot
    deployment: Deployment
    source: Source
    role_arn: str
    audience: str = ""
    claims: Claims | None = None
    session: Session | None = None
    obstacle: Refused | Unreadable | None = None
    pods_with_other_credentials: tuple[str, ...] = ()
    machine: NodeMachine | None = None
    permissions: tuple[Permission, ...] = ()
    asked_by: str = ""
    findings: tuple[Finding, ...] = ()
    in_pod: PodAnswer | Unreadable | None = None

    @property
    def exit_code(self) -> ExitCode:
        """BROKEN if AWS rejects the exchange or a call that is needed, or if a pod has another identity.

        COULD_NOT_CHECK if it is unknown.
        """
        if (
            isinstance(self.obstacle, Refused)
            or self.pods_with_other_credentials
            or any(each.status is Status.BROKEN for each in self.findings)
        ):
            return ExitCode.BROKEN
        if isinstance(self.in_pod, PodAnswer) and not is_role(self.in_pod.arn, self.role_arn):
            return ExitCode.BROKEN
        unread = isinstance(self.obstacle, Unreadable) or isinstance(self.in_pod, Unreadable)
        unknown = any(each.allowed is None for each in self.permissions if each.action in iam.WRITE_ACTIONS)
        if unread or unknown or not self.permissions or any(each.yours for each in self.findings):
            return ExitCode.COULD_NOT_CHECK
        return ExitCode.HEALTHY


def is_role(session_arn: str, role_arn: str) -> bool:
    """Return whether ``arn:aws:sts::1:assumed-role/NAME/SESSION`` is a session of ``arn:aws:iam::1:role/path/NAME``."""
    session, role = session_arn.split(":", 5), role_arn.split(":", 5)
    if len(session) != 6 or len(role) != 6:
        return False
    kind, _, rest = session[5].partition("/")
    return kind == "assumed-role" and session[4] == role[4] and rest.partition("/")[0] == iam.role_name(role_arn)


def who_is(snapshot: Snapshot, kubernetes: Reading[ChangingKubernetes], exchange: Exchange) -> Answer:
    """Exchange a token of the autoscaler's service account, and list what the role may do.

    Raises:
        CannotCheckError: If the cluster has no autoscaler, or the source of its credentials is unknown.
    """
    case = Case(snapshot)
    deployment, source = case.deployment, case.source
    if isinstance(snapshot.kubernetes.deployments, Unreadable):
        unread = snapshot.kubernetes.deployments
        raise CannotCheckError(f"{unread.call}: {unread.message}")
    if deployment is None:
        raise CannotCheckError(
            f"No Deployment in {snapshot.cluster_name} runs Cluster Autoscaler. Run ca-doctor check to see what is "
            "missing."
        )
    if source is None:
        raise CannotCheckError(
            f"The doctor cannot read the service accounts of {deployment.namespace}, so the source of the "
            "credentials is unknown. Run ca-doctor check to see why."
        )
    machine = snapshot.aws.machine
    answer = Answer(
        snapshot,
        deployment,
        source,
        snapshot.aws.role_arn,
        pods_with_other_credentials=_pods_with_other_credentials(case, source),
        machine=machine if source is Source.NODE_ROLE and isinstance(machine, NodeMachine) else None,
    )
    answer = _with_session(answer, case, kubernetes, exchange)
    return _with_permissions(answer, case, exchange)


def _pods_with_other_credentials(case: Case, source: Source) -> tuple[str, ...]:
    """Pods that are older than the role of their service account, or that bypassed the webhook of EKS."""
    role_arn = case.snapshot.aws.role_arn
    return tuple(
        f"{pod.name} ({carried.source}{f' {carried.role_arn}' if carried.role_arn else ''})"
        for pod, carried in zip(case.pods, case.carried, strict=True)
        if carried.source is not source or (carried.role_arn and carried.role_arn != role_arn)
    )


def _with_session(answer: Answer, case: Case, kubernetes: Reading[ChangingKubernetes], exchange: Exchange) -> Answer:
    if answer.source is Source.NODE_ROLE:
        found = answer.snapshot.aws.machine
        return replace(answer, obstacle=found) if isinstance(found, Unreadable) else answer
    if answer.source is Source.STATIC_KEYS:
        return answer
    if answer.source is Source.IRSA:
        annotations = case.service_account.annotations if case.service_account else {}
        audience = annotations.get(AUDIENCE_ANNOTATION, iam.AUDIENCE)

        def buy(token: Secret) -> Session | Refused | Unreadable:
            return exchange.by_web_identity(answer.role_arn, token)
    else:
        audience = POD_IDENTITY_AUDIENCE

        def buy(token: Secret) -> Session | Refused | Unreadable:
            return exchange.by_pod_identity(answer.snapshot.cluster_name, token)

    answer = replace(answer, audience=audience)
    if isinstance(kubernetes, Unreadable):
        return replace(answer, obstacle=kubernetes)
    return _bought(answer, case, kubernetes, buy)


def _bought(
    answer: Answer, case: Case, kubernetes: ChangingKubernetes, buy: Callable[[Secret], Session | Refused | Unreadable]
) -> Answer:
    deployment = answer.deployment
    pod = next((pod.name for pod in case.pods if pod.service_account == deployment.service_account), "")
    token = request_token(kubernetes, deployment.namespace, deployment.service_account, answer.audience, pod)
    if isinstance(token, Unreadable):
        if case.service_account is None and not token.denied:
            return replace(answer, obstacle=Refused(token.call, "NotFound", token.message))
        return replace(answer, obstacle=token)
    try:
        answer = replace(answer, claims=parse_claims(token))
    except TokenFormatError as error:
        call = POD_IDENTITY if answer.source is Source.POD_IDENTITY else WEB_IDENTITY
        return replace(answer, obstacle=Unreadable(call, False, str(error)))
    bought = buy(token)
    if not isinstance(bought, Session):
        return replace(answer, obstacle=bought)
    return replace(answer, session=bought)


def _with_permissions(answer: Answer, case: Case, exchange: Exchange) -> Answer:
    decisions, asked_by = case.snapshot.aws.decisions, "simulated"
    if isinstance(decisions, Unreadable):
        if answer.session is None:
            return replace(answer, obstacle=answer.obstacle or decisions)
        node_group = next(iter(case.managed.values()), None)
        name, arn = (node_group.name, node_group.arn) if node_group else ("", "")
        decisions, asked_by = exchange.tried(answer.session, case.snapshot.cluster_name, name, arn), "tried"
    if not decisions:
        return answer
    judged = replace(case.snapshot, aws=replace(case.snapshot.aws, decisions=decisions))
    return replace(
        answer,
        permissions=tuple(permissions(case, decisions)),
        asked_by=asked_by,
        findings=examine(judged).of(Link.PERMISSIONS),
    )
