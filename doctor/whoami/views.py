"""The answer for people and for programs. Neither ever holds a secret."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape

from ..facts import Source
from ..readings import Unreadable
from .answer import Answer
from .debug_pod import PodAnswer
from .exchange import Refused
from .permissions import Permission

SCHEMA_VERSION = 1

MODES = {
    Source.IRSA: (
        "IAM roles for service accounts: Kubernetes signs a token for the pod, which its SDK shows to STS,",
        "and STS gives temporary credentials of the annotated role. Only this service account can get them.",
    ),
    Source.POD_IDENTITY: (
        "EKS Pod Identity: an agent on the node shows the pod's token to EKS, and hands the pod temporary credentials",
        "of the role that is associated with its service account. Only this service account can get them.",
    ),
    Source.NODE_ROLE: (
        "Node role: EC2 gives temporary credentials of the node's role to everyone who asks the metadata service,",
        "so every process on the node that reaches it can do all that the autoscaler can.",
    ),
}
"""The three modes, in two lines each."""

_WORDS = {True: "allowed", False: "denied", None: "unknown"}
_STYLES = {True: "green", False: "bold red", None: "magenta"}


def print_answer(answer: Answer, console: Console) -> None:
    """The whole answer as text."""
    deployment = answer.deployment
    console.print(
        f"[bold]{escape(deployment.namespace)}/{escape(deployment.service_account)}[/] of "
        f"{escape(answer.snapshot.cluster_name)} ({escape(answer.snapshot.region)}), as AWS sees it"
    )
    for name, value in facts(answer):
        console.print(f"  {name:13}{value}", markup=False, highlight=False, soft_wrap=True)
    if answer.obstacle:
        style = "bold red" if isinstance(answer.obstacle, Refused) else "magenta"
        word = "refused" if isinstance(answer.obstacle, Refused) else "no answer"
        console.print(f"  [{style}]{word:13}[/]{escape(obstacle(answer.obstacle))}", highlight=False, soft_wrap=True)
    if answer.permissions:
        how = "by IAM's simulator, with the tags of the groups" if answer.asked_by == "simulated" else "by trying them"
        console.print(f"\n[bold]What it may do[/], {how}:")
        for permission in answer.permissions:
            console.print(_line(permission), highlight=False, soft_wrap=True)
    console.print("\n[bold]The three modes[/]:")
    for source, lines in MODES.items():
        mark = "*" if source is answer.source else " "
        console.print(f"{mark} {lines[0]}\n  {lines[1]}", markup=False, highlight=False, soft_wrap=True)


def _line(permission: Permission) -> str:
    detail = f"  ({escape(permission.detail)})" if permission.detail else ""
    return f"  [{_STYLES[permission.allowed]}]{_WORDS[permission.allowed]:8}[/] {permission.action}{detail}"


def facts(answer: Answer) -> Iterator[tuple[str, str]]:
    """What is known, as names and values."""
    yield "credentials", source_text(answer)
    if answer.role_arn:
        yield "role", answer.role_arn
    if answer.claims:
        claims = answer.claims
        yield "issuer", claims.issuer
        yield "subject", claims.subject
        yield "audience", ", ".join(claims.audiences)
        bound = f", bound to pod {claims.pod}" if claims.pod else ""
        yield "token", f"asked for just now, valid until {_time(claims.expires_at)}{bound}"
    if answer.session:
        yield "is", answer.session.arn
        yield "session", answer.session.name
        yield "lifetime", f"{lifetime(answer)}, until {_time(answer.session.expires_at)}; then the SDK gets new ones"
    if answer.strays:
        yield "but not", f"{', '.join(answer.strays)}: made with other credentials. What mends it: ca-doctor check"
    if answer.machine:
        yield "node", f"instance {answer.machine.instance_id}, metadata hop limit {answer.machine.hop_limit}"
        yield "exchange", "none from here: only the node gets these credentials. To see them work: --in-pod"
    if isinstance(answer.in_pod, PodAnswer):
        yield "in the pod", answer.in_pod.arn or f"no answer: {answer.in_pod.said}"
    elif isinstance(answer.in_pod, Unreadable):
        yield "in the pod", obstacle(answer.in_pod)


def source_text(answer: Answer) -> str:
    """Where the credentials come from, in words."""
    return {
        Source.IRSA: "temporary, from STS by web identity (IRSA)",
        Source.POD_IDENTITY: "temporary, from EKS Pod Identity",
        Source.NODE_ROLE: "temporary, from the node's metadata service (node role)",
        Source.STATIC_KEYS: "an access key in the Deployment's environment: whose, only AWS and its owner know",
    }[answer.source]


def obstacle(found: Refused | Unreadable) -> str:
    """What kept it from an answer."""
    if isinstance(found, Refused):
        return f"{found.call}: {found.code}: {found.message}  (why, and what mends it: ca-doctor check)"
    return f"{'you may not call ' if found.denied else ''}{found.call}: {found.message}"


def lifetime(answer: Answer) -> str:
    """How long the credentials live, ``60 min``."""
    assert answer.session
    minutes = round((answer.session.expires_at - answer.snapshot.taken_at).total_seconds() / 60)
    return f"{minutes} min"


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}" if moment else "unknown"


def as_document(answer: Answer) -> dict[str, Any]:
    """The answer as plain values; fields that are not known are null."""
    claims, session = answer.claims, answer.session
    return {
        "schemaVersion": SCHEMA_VERSION,
        "cluster": answer.snapshot.cluster_name,
        "region": answer.snapshot.region,
        "takenAt": answer.snapshot.taken_at.isoformat(),
        "exitCode": int(answer.exit_code),
        "namespace": answer.deployment.namespace,
        "serviceAccount": answer.deployment.service_account,
        "credentialSource": answer.source.value,
        "roleArn": answer.role_arn or None,
        "token": {
            "issuer": claims.issuer,
            "subject": claims.subject,
            "audiences": list(claims.audiences),
            "expiresAt": claims.expires_at.isoformat() if claims.expires_at else None,
            "pod": claims.pod or None,
        }
        if claims
        else None,
        "session": {"arn": session.arn, "name": session.name, "expiresAt": session.expires_at.isoformat()}
        if session
        else None,
        "strayPods": list(answer.strays),
        "instanceId": answer.machine.instance_id if answer.machine else None,
        "obstacle": {
            "refused": isinstance(answer.obstacle, Refused),
            "call": answer.obstacle.call,
            "message": answer.obstacle.message,
        }
        if answer.obstacle
        else None,
        "permissions": [
            {"action": each.action, "allowed": each.allowed, "detail": each.detail} for each in answer.permissions
        ],
        "permissionsAskedBy": answer.asked_by or None,
        "inPod": _in_pod(answer.in_pod),
    }


def _in_pod(found: PodAnswer | Unreadable | None) -> dict[str, Any] | None:
    if found is None:
        return None
    if isinstance(found, Unreadable):
        return {"arn": None, "said": obstacle(found)}
    return {"arn": found.arn or None, "said": found.said or None}


def render(answer: Answer) -> str:
    """The answer as JSON text."""
    return json.dumps(as_document(answer), indent=2, ensure_ascii=False)
