"""Who a pod is for AWS: what the webhooks of EKS put into it when it is created. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_ANNOTATION = "eks.amazonaws.com/"
_DEFAULT_SECONDS = 86_400
_AGENT_AUDIENCE = "pods.eks.amazonaws.com"


@dataclass(frozen=True)
class Identity:
    """A pod's way to credentials.

    Attributes:
        kind: ``irsa``, ``podIdentity``, or ``node`` when the webhooks leave the pod alone.
        role: ARN of the role, for ``irsa``.
        audience: Audience of the projected token; empty for ``node``.
        token_seconds: How long that token is valid.
    """

    kind: str
    role: str = ""
    audience: str = ""
    token_seconds: int = 0

    def variables(self, region: str, token_file: str, agent_url: str) -> dict[str, str]:
        """The injected environment; what the container sets itself wins over it.

        Args:
            region: Region of the cluster.
            token_file: Path of the projected token.
            agent_url: Where the Pod Identity agent of the pod's node answers.
        """
        common = {"AWS_STS_REGIONAL_ENDPOINTS": "regional", "AWS_DEFAULT_REGION": region, "AWS_REGION": region}
        match self.kind:
            case "irsa":
                return common | {"AWS_ROLE_ARN": self.role, "AWS_WEB_IDENTITY_TOKEN_FILE": token_file}
            case "podIdentity":
                return common | {
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI": agent_url,
                    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token_file,
                }
        return {}


def identity_of(service_account: Mapping[str, Any], *, associated: bool) -> Identity:
    """What the webhooks decide for a pod of a service account.

    A Pod Identity association wins over the annotation, and then the latter is not injected at all
    (``buildPodPatchConfig`` of amazon-eks-pod-identity-webhook: "Container credentials method takes precedence").

    Args:
        service_account: The ``v1.ServiceAccount``.
        associated: Whether the cluster has an association for it.
    """
    annotations = service_account["metadata"].get("annotations") or {}
    seconds = annotations.get(_ANNOTATION + "token-expiration", "")
    token_seconds = int(seconds) if seconds.isdigit() else _DEFAULT_SECONDS
    if associated:
        return Identity("podIdentity", audience=_AGENT_AUDIENCE, token_seconds=token_seconds)
    role = annotations.get(_ANNOTATION + "role-arn", "")
    if role:
        audience = annotations.get(_ANNOTATION + "audience", "sts.amazonaws.com")
        return Identity("irsa", role=role, audience=audience, token_seconds=token_seconds)
    return Identity("node")
