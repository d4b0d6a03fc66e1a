"""Requests to a Kubernetes API server that take and give plain JSON, for the processes that play parts of a cluster."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
import yaml
from kubernetes.config import new_client_from_config, new_client_from_config_dict

MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
_TIMEOUT = urllib3.Timeout(connect=5, read=30)


class KubeApiError(Exception):
    """The API server refused a request or did not answer.

    Attributes:
        status: HTTP status code; 0 when there was no answer.
        details: What the server adds: ``causes`` with field and message.
    """

    def __init__(self, status: int, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.details = details or {}


class KubeApi:
    """An API server as one user sees it. Safe to use from several threads.

    Args:
        kubeconfig: File, or document, of one cluster and one user. A ``tokenFile`` in it is read again for each
            request, since the kubelet renews it.
    """

    def __init__(self, kubeconfig: Path | Mapping[str, Any]) -> None:
        if isinstance(kubeconfig, Path):
            client = new_client_from_config(str(kubeconfig))  # type: ignore[no-untyped-call]
            user = yaml.safe_load(kubeconfig.read_text())["users"][0]["user"]
        else:
            client = new_client_from_config_dict(kubeconfig)  # type: ignore[no-untyped-call]
            user = kubeconfig["users"][0]["user"]
        self._configuration = client.configuration
        self._pool = client.rest_client.pool_manager
        self._token = user.get("token")
        self._token_file = Path(user["tokenFile"]) if "tokenFile" in user else None

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """One object, or a list of them."""
        return self.request("GET", path, query=query)

    def items(self, path: str, **query: str) -> list[dict[str, Any]]:
        """The objects of a list."""
        items: list[dict[str, Any]] = self.get(path, **query).get("items") or []
        return items

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        content_type: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """One request; the answer as JSON.

        Raises:
            KubeApiError: It was refused, or there was no answer.
        """
        url = f"{self._configuration.host}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": "application/json", "Content-Type": content_type}
        token = self._token_file.read_text() if self._token_file else self._token
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body)
        try:
            response = self._pool.request(method, url, body=data, headers=headers, timeout=_TIMEOUT, retries=False)
        except urllib3.exceptions.HTTPError as error:
            raise KubeApiError(0, f"{method} {url}: {error}") from None
        try:
            answer: dict[str, Any] = json.loads(response.data or b"{}")
        except ValueError:  # Such as the plain text of a filter before the API itself.
            raise KubeApiError(response.status, f"{method} {url}: {response.data[:500]!r}") from None
        if response.status >= 400:
            message = answer.get("message") or f"{method} {url}: HTTP {response.status}"
            raise KubeApiError(response.status, message, answer.get("details"))
        return answer
