"""Which credentials the autoscaler's process gets: by what is declared for it, and by what its pod really carries."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .facts import Association, Deployment, Pod, ServiceAccount, Source

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


def _injected(environment: Mapping[str, str]) -> Credentials | None:
    if environment.get("AWS_WEB_IDENTITY_TOKEN_FILE") and environment.get("AWS_ROLE_ARN"):
        return Credentials(Source.IRSA, environment["AWS_ROLE_ARN"])
    if environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        return Credentials(Source.POD_IDENTITY)
    return None
