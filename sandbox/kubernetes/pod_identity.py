"""What EKS puts into a pod when it is created, so that its SDK finds credentials. Pure.

Source of names and precedence: amazon-eks-pod-identity-webhook, ``pkg/handler`` (``buildPodPatchConfig``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

AGENT_AUDIENCE = "pods.eks.amazonaws.com"
AGENT_URL = "http://169.254.170.23/v1/credentials"

_ANNOTATION = "eks.amazonaws.com/"
_DEFAULT_SECONDS, _LEAST_SECONDS = 86_400, 3_600
_REGION_VARIABLES = ("AWS_DEFAULT_REGION", "AWS_REGION")
_TOGETHER = (
    {*_REGION_VARIABLES},
    {"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"},
    {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"},
)
"""Variables that are put in together or, if the container has one of them, not at all (``addEnvToContainer``)."""


@dataclass(frozen=True)
class Injection:
    """What is put in.

    Attributes:
        volume: Name of the volume with the projected token.
        mount: Where it is mounted.
        file: Name of the token's file in it.
        audience: Audience of the token.
        token_seconds: How long it is valid.
        variables: Environment of every container; what a container sets itself stays.
    """

    volume: str
    mount: str
    file: str
    audience: str
    token_seconds: int
    variables: Mapping[str, str]


def injection_for(service_account: Mapping[str, Any], *, associated: bool, region: str) -> Injection | None:
    """What a pod of a service account gets; ``None``: nothing.

    A Pod Identity association wins over the annotation, and then the latter is not injected at all ("Container
    credentials method takes precedence").

    Args:
        service_account: The ``v1.ServiceAccount``.
        associated: Whether the cluster has an association for it.
        region: Region of the cluster.
    """
    annotations = service_account["metadata"].get("annotations") or {}
    seconds = annotations.get(_ANNOTATION + "token-expiration", "")
    token_seconds = max(int(seconds), _LEAST_SECONDS) if seconds.isdecimal() else _DEFAULT_SECONDS
    common = {"AWS_STS_REGIONAL_ENDPOINTS": "regional", **dict.fromkeys(_REGION_VARIABLES, region)}
    if associated:
        mount, file = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount", "eks-pod-identity-token"
        variables = {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": AGENT_URL,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": f"{mount}/{file}",
        }
        return Injection(file, mount, file, AGENT_AUDIENCE, token_seconds, common | variables)
    role = annotations.get(_ANNOTATION + "role-arn", "")
    if not role:
        return None
    mount = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
    audience = annotations.get(_ANNOTATION + "audience", "sts.amazonaws.com")
    variables = {"AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": f"{mount}/token"}
    return Injection("aws-iam-token", mount, "token", audience, token_seconds, common | variables)


def patch(pod: Mapping[str, Any], injection: Injection) -> list[dict[str, Any]]:
    """The JSON patch that puts it into a pod, but for what the pod has, as a copy of a patched pod has everything."""
    spec = pod["spec"]
    token = {"audience": injection.audience, "expirationSeconds": injection.token_seconds, "path": injection.file}
    volume = {"name": injection.volume, "projected": {"sources": [{"serviceAccountToken": token}]}}
    changes = [_set("/spec/volumes", _with(spec.get("volumes"), volume))]
    for kind in ("initContainers", "containers"):
        for number, container in enumerate(spec.get(kind) or ()):
            own = {variable["name"] for variable in container.get("env") or ()}
            own |= {name for group in _TOGETHER if own & group for name in group}
            added = [{"name": key, "value": value} for key, value in injection.variables.items() if key not in own]
            mount = {"name": injection.volume, "mountPath": injection.mount, "readOnly": True}
            path = f"/spec/{kind}/{number}"
            changes.append(_set(f"{path}/env", [*(container.get("env") or ()), *added]))
            changes.append(_set(f"{path}/volumeMounts", _with(container.get("volumeMounts"), mount)))
    return changes


def _with(present: Sequence[Mapping[str, Any]] | None, wanted: Mapping[str, Any]) -> list[Any]:
    """The list with one more entry, unless it has one of that name."""
    entries = list(present or ())
    return entries if any(entry["name"] == wanted["name"] for entry in entries) else [*entries, wanted]


def _set(path: str, value: list[Any]) -> dict[str, Any]:
    return {"op": "add", "path": path, "value": value}
