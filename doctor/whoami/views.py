"""The answer as text and as JSON. Neither ever contains a secret."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from ..facts import Source
from ..readings import Unreadable
from ..rendering.wrapping import fit, labelled, screen_width
from .answer import Answer
from .debug_pod import PodAnswer
from .exchange import Refused

SCHEMA_VERSION = 2
"""2: ``inPod.error``, which was named differently before."""

MODES = {
    Source.IRSA: "IAM roles for service accounts: Kubernetes signs a token for the pod, which its SDK sends to STS, "
    "and STS returns temporary credentials of the annotated role. Only this service account can get them.",
    Source.POD_IDENTITY: "EKS Pod Identity: an agent on the node sends the pod's token to EKS, and gives the pod "
    "temporary credentials of the role that is associated with its service account. Only this service account can get "
    "them.",
    Source.NODE_ROLE: "Node role: the metadata service of EC2 gives temporary credentials of the node's role to every "
    "process that can reach it, so every pod on the node has the permissions of the autoscaler.",
}
"""The three modes, in words."""

_NAMES = 13
"""Columns of a name."""

_WORDS = {True: "allowed", False: "denied", None: "unknown"}
_STYLES = {True: "green", False: "bold red", None: "magenta"}


def print_answer(answer: Answer, console: Console) -> None:
    """Print the answer as text."""
    deployment = answer.deployment
    console.print(
        f"[bold]{escape(deployment.namespace)}/{escape(deployment.service_account)}[/] of "
        f"{escape(answer.snapshot.cluster_name)} ({escape(answer.snapshot.region)}), as AWS sees it"
    )
    for name, value in facts(answer):
        _print_fact(console, name, value)
    if answer.obstacle:
        style = "bold red" if isinstance(answer.obstacle, Refused) else "magenta"
        word = "rejected" if isinstance(answer.obstacle, Refused) else "no answer"
        _print_fact(console, word, obstacle(answer.obstacle), style)
    if answer.permissions:
        simulated = answer.asked_by == "simulated"
        how = "by IAM's policy simulator, with the tags of the groups" if simulated else "by trying the calls"
        console.print(f"\n[bold]Permissions[/], {how}:")
        for permission in answer.permissions:
            detail = f"  ({permission.detail})" if permission.detail else ""
            label = Text().append(f"  {_WORDS[permission.allowed]:8} ", _STYLES[permission.allowed])
            _print_labelled(console, label, f"{permission.action}{detail}")
    console.print("\n[bold]The three modes[/]:")
    for source, words in MODES.items():
        mark = "*" if source is answer.source else "-"
        for line in fit(f"{mark} {words}", screen_width(console), 2):
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def _print_fact(console: Console, name: str, value: str, style: str = "") -> None:
    _print_labelled(console, Text().append(f"  {name:{_NAMES}}", style), value)


def _print_labelled(console: Console, label: Text, value: str) -> None:
    for line in labelled(label, value, screen_width(console)):
        console.print(line, highlight=False, soft_wrap=True)


def facts(answer: Answer) -> Iterator[tuple[str, str]]:
    """Yield what is known, as names and values."""
    yield "credentials", source_text(answer)
    if answer.role_arn:
        yield "role", answer.role_arn
    if answer.claims:
        claims = answer.claims
        yield "issuer", claims.issuer
        yield "subject", claims.subject
        yield "audience", ", ".join(claims.audiences)
        bound = f", bound to pod {claims.pod}" if claims.pod else ""
        yield "token", f"requested just now, valid until {_time(claims.expires_at)}{bound}"
    if answer.session:
        yield "identity", answer.session.arn
        yield "session", answer.session.name
        yield (
            "lifetime",
            f"{lifetime(answer)}, until {_time(answer.session.expires_at)}; then the SDK requests new ones",
        )
    if answer.pods_with_other_credentials:
        yield (
            "other pods",
            f"{', '.join(answer.pods_with_other_credentials)}: these pods carry other credentials. To fix it: "
            "ca-doctor check",
        )
    if answer.machine:
        yield "node", f"instance {answer.machine.instance_id}, metadata hop limit {answer.machine.hop_limit}"
        yield "exchange", "none from here: only the node gets these credentials. To test them: --in-pod"
    if isinstance(answer.in_pod, PodAnswer):
        yield "in the pod", answer.in_pod.arn or f"no answer: {answer.in_pod.error}"
    elif isinstance(answer.in_pod, Unreadable):
        yield "in the pod", obstacle(answer.in_pod)


def source_text(answer: Answer) -> str:
    """Return the source of the credentials in words."""
    return {
        Source.IRSA: "temporary, from STS by web identity (IRSA)",
        Source.POD_IDENTITY: "temporary, from EKS Pod Identity",
        Source.NODE_ROLE: "temporary, from the node's metadata service (node role)",
        Source.STATIC_KEYS: "an access key in the Deployment's environment; the doctor does not know its owner",
    }[answer.source]


def obstacle(found: Refused | Unreadable) -> str:
    """Return why there is no answer."""
    if isinstance(found, Refused):
        return f"{found.call}: {found.code}: {found.message}  (to see why and how to fix it: ca-doctor check)"
    return f"{'you may not call ' if found.denied else ''}{found.call}: {found.message}"


def lifetime(answer: Answer) -> str:
    """Return how long the credentials are valid, ``60 min``."""
    assert answer.session
    minutes = round((answer.session.expires_at - answer.snapshot.taken_at).total_seconds() / 60)
    return f"{minutes} min"


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}" if moment else "unknown"


def as_document(answer: Answer) -> dict[str, Any]:
    """Return the answer as plain values; unknown fields are null."""
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
        "podsWithOtherCredentials": list(answer.pods_with_other_credentials),
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
        return {"arn": None, "error": obstacle(found)}
    return {"arn": found.arn or None, "error": found.error or None}


def render(answer: Answer) -> str:
    """Return the answer as JSON text."""
    return json.dumps(as_document(answer), indent=2, ensure_ascii=False)
