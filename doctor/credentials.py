"""The credentials of the autoscaler's process: those that are declared, and those that its pod carries."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .facts import Association, Deployment, Intent, Pod, ServiceAccount, Source

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
AUDIENCE_ANNOTATION = "eks.amazonaws.com/audience"


class Credentials(NamedTuple):
    """A source of credentials, and its role; empty if the role is unknown."""

    source: Source
    role_arn: str = ""


def declared(
    deployment: Deployment, service_account: ServiceAccount | None, associations: Iterable[Association]
) -> list[Credentials]:
    """Return every declared source, the one that a new pod gets first; the node's role is always the last.

    Keys in the environment win over everything (AWS SDK). EKS injects the environment when a pod is created, and gives
    an association precedence over the annotation (amazon-eks-pod-identity-webhook, ``buildPodPatchConfig``).
    """
    found = []
    if deployment.static_keys:
        found.append(Credentials(Source.STATIC_KEYS))
    if own := _injected(deployment.environment):
        found.append(own)
    found += [Credentials(Source.POD_IDENTITY, association.role_arn) for association in associations]
    annotation = service_account.annotations.get(ROLE_ANNOTATION, "") if service_account else ""
    if annotation:
        found.append(Credentials(Source.IRSA, annotation))
    return [*found, Credentials(Source.NODE_ROLE)]


def carried(pod: Pod) -> Credentials:
    """Return the credentials that a pod carries in its environment, in the order of the AWS SDK."""
    if pod.static_keys:
        return Credentials(Source.STATIC_KEYS)
    return _injected(pod.environment) or Credentials(Source.NODE_ROLE)


def annotated_elsewhere(deployment: Deployment, accounts: Iterable[ServiceAccount]) -> ServiceAccount | None:
    """Return another service account of the namespace that has a role and the name of an autoscaler."""
    return next(
        (
            account
            for account in accounts
            if account.name != deployment.service_account
            and "autoscaler" in account.name
            and ROLE_ANNOTATION in account.annotations
        ),
        None,
    )


def intended(
    intent: Intent | None,
    deployment: Deployment,
    accounts: Iterable[ServiceAccount],
    associations: Iterable[Association],
    pods: Iterable[Pod],
) -> Credentials:
    """Return the credentials to check. If the source is missing, its role can still be correct.

    The stack has precedence, then what is declared; otherwise what running pods still carry, and then the role of
    another service account with the name of an autoscaler.
    """
    accounts = tuple(accounts)
    own = next((account for account in accounts if account.name == deployment.service_account), None)
    first = declared(deployment, own, associations)[0]
    if intent and intent.credentials and intent.credentials is not first.source:
        return Credentials(intent.credentials, intent.role_arn or "")
    if first.source is not Source.NODE_ROLE:
        return first
    left = next((found for pod in pods if (found := carried(pod)).source is not Source.NODE_ROLE), None)
    if left:
        return left
    elsewhere = annotated_elsewhere(deployment, accounts)
    return Credentials(Source.IRSA, elsewhere.annotations[ROLE_ANNOTATION]) if elsewhere else first


def _injected(environment: Mapping[str, str]) -> Credentials | None:
    if environment.get("AWS_WEB_IDENTITY_TOKEN_FILE") and environment.get("AWS_ROLE_ARN"):
        return Credentials(Source.IRSA, environment["AWS_ROLE_ARN"])
    if environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        return Credentials(Source.POD_IDENTITY)
    return None
