"""Which credentials the autoscaler's process gets: by what is declared for it, and by what its pod really carries."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .facts import Association, Deployment, Intent, Pod, ServiceAccount, Source

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
AUDIENCE_ANNOTATION = "eks.amazonaws.com/audience"


class Credentials(NamedTuple):
    """A source of credentials, and the role behind it as far as it is known there (empty where it is not)."""

    source: Source
    role_arn: str = ""


def declared(
    deployment: Deployment, service_account: ServiceAccount | None, associations: Iterable[Association]
) -> list[Credentials]:
    """Every source that is declared, the one that a new pod gets first; the node's role always comes last.

    Keys in the environment win over everything (AWS SDK). EKS injects the environment when a pod is made, and gives an
    association precedence over the annotation (amazon-eks-pod-identity-webhook, ``buildPodPatchConfig``).
    """
    found = []
    if deployment.static_keys:
        found.append(Credentials(Source.STATIC_KEYS))
    if by_hand := _injected(deployment.environment):
        found.append(by_hand)
    found += [Credentials(Source.POD_IDENTITY, association.role_arn) for association in associations]
    annotation = service_account.annotations.get(ROLE_ANNOTATION, "") if service_account else ""
    if annotation:
        found.append(Credentials(Source.IRSA, annotation))
    return [*found, Credentials(Source.NODE_ROLE)]


def carried(pod: Pod) -> Credentials:
    """What a pod carries, by the environment that it was made with. The AWS SDK takes the first that is there."""
    if pod.static_keys:
        return Credentials(Source.STATIC_KEYS)
    return _injected(pod.environment) or Credentials(Source.NODE_ROLE)


def annotated_elsewhere(deployment: Deployment, accounts: Iterable[ServiceAccount]) -> ServiceAccount | None:
    """Another service account of the namespace that carries a role and an autoscaler's name."""
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


def meant(
    intent: Intent | None,
    deployment: Deployment,
    accounts: Iterable[ServiceAccount],
    associations: Iterable[Association],
    pods: Iterable[Pod],
) -> Credentials:
    """What should be looked at: a source that went missing is a fault of its own, and its role may well be in order.

    The stack's word counts most, then what is declared; where nothing is, what living pods still carry, and what is
    declared for a service account that was mistaken for theirs.
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
