"""Who a pod is for AWS: what the webhook of EKS put into it when it was created. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.kubelet.pod_spec import container_of

_TOKEN_FILES = {"irsa": "AWS_WEB_IDENTITY_TOKEN_FILE", "podIdentity": "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"}
_AGENT = "AWS_CONTAINER_CREDENTIALS_FULL_URI"


@dataclass(frozen=True)
class Identity:
    """A pod's way to credentials.

    Attributes:
        kind: ``irsa``, ``podIdentity``, or ``node`` when the webhook left the pod alone.
        audience: Audience of the projected token; empty for ``node``.
        token_seconds: How long that token is valid.
    """

    kind: str
    audience: str = ""
    token_seconds: int = 0

    def variables(self, token_file: str, agent_url: str) -> dict[str, str]:
        """What stands in the process's environment for places that only a container has.

        Args:
            token_file: Path of the projected token.
            agent_url: Where the Pod Identity agent of the pod's node answers.
        """
        if self.kind == "node":
            return {}
        agent = {_AGENT: agent_url} if self.kind == "podIdentity" else {}
        return {_TOKEN_FILES[self.kind]: token_file, **agent}


def identity_in(pod: Mapping[str, Any]) -> Identity:
    """The identity that a pod carries: by its container's variables and the token projected where they point to."""
    container = container_of(pod)
    variables = {each["name"]: str(each.get("value", "")) for each in container.get("env") or ()}
    for kind, variable in _TOKEN_FILES.items():
        mounts = container.get("volumeMounts") or ()
        names = {each["name"] for each in mounts if variables.get(variable, "").startswith(f"{each['mountPath']}/")}
        for volume in pod["spec"].get("volumes") or ():
            for source in volume.get("projected", {}).get("sources") or () if volume["name"] in names else ():
                if token := source.get("serviceAccountToken"):
                    return Identity(kind, token["audience"], token.get("expirationSeconds", 3600))
    return Identity("node")
