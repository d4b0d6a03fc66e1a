"""Tokens of a pod's service account, kept fresh in files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from sandbox.kube_api import KubeApi
from sandbox.layout import write_atomically

_SPENT = 0.8
"""Share of its life after which a token is replaced, as a kubelet does."""


class ProjectedToken:
    """A token of a pod's service account in a file, bound to the pod.

    Args:
        api: The API server.
        pod: The pod.
        file: Where the token is kept (mode 600).
        seconds: How long each one is valid.
        audience: For whom it is; empty: the API server.
    """

    def __init__(self, api: KubeApi, pod: Mapping[str, Any], file: Path, seconds: int, audience: str = "") -> None:
        metadata = pod["metadata"]
        account = pod["spec"].get("serviceAccountName", "default")
        self._api = api
        self._file = file
        self._path = f"/api/v1/namespaces/{metadata['namespace']}/serviceaccounts/{account}/token"
        self._spec = {
            "audiences": [audience] if audience else None,
            "expirationSeconds": seconds,
            "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]},
        }
        self._due = datetime.min.replace(tzinfo=UTC)

    def refresh(self) -> None:
        """Replaces the token if it is old enough.

        Raises:
            KubeApiError: No new one can be had. The old one stays.
        """
        now = datetime.now(UTC)
        if now < self._due:
            return
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": self._spec}
        status = self._api.request("POST", self._path, body)["status"]
        write_atomically(self._file, status["token"])
        life = datetime.fromisoformat(status["expirationTimestamp"]) - now
        self._due = now + timedelta(seconds=life.total_seconds() * _SPENT)


def kubeconfig(admin: Mapping[str, Any], token_file: Path) -> str:
    """A kubeconfig of the same cluster as the administrator's, for the holder of the token in a file."""
    cluster = admin["clusters"][0]["cluster"]
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "cluster", "cluster": cluster}],
            "users": [{"name": "service-account", "user": {"tokenFile": str(token_file)}}],
            "contexts": [{"name": "pod", "context": {"cluster": "cluster", "user": "service-account"}}],
            "current-context": "pod",
        }
    )
