"""Plain requests to a Kubernetes API server, for objects of any kind it knows."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote

from sandbox.kube_api import APPLY_PATCH, KubeApi, KubeApiError
from sandbox.providers.kubernetes.kubeconfig import Kubeconfig
from sandbox.providers.rpc import ProviderError


class Unreachable(ProviderError):
    """No answer from the API server, or no way to log in."""


class ApiError(ProviderError):
    """The API server refused a request.

    Attributes:
        status: HTTP status code.
        details: ``details`` of its Status object: causes with field and message.
    """

    def __init__(self, status: int, message: str, details: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.status = status
        self.details = details


class UnknownKind(ProviderError):
    """The API server has no such kind of object."""


@dataclass(frozen=True)
class Kind:
    """One kind of object, as the API server serves it.

    Attributes:
        api_version: Such as ``v1`` or ``apps/v1``.
        kind: Such as ``Deployment``.
        plural: Its name in URLs, such as ``deployments``.
        namespaced: Whether its objects live in namespaces.
    """

    api_version: str
    kind: str
    plural: str
    namespaced: bool

    def path(self, namespace: str | None, name: str) -> str:
        """URL path of one object."""
        place = f"/namespaces/{quote(namespace or 'default')}" if self.namespaced else ""
        return f"{_group_path(self.api_version)}{place}/{self.plural}/{quote(name)}"


class Api:
    """A cluster's API server, as one user. Safe to use from several threads.

    Args:
        kubeconfig: Where it is and who asks.
    """

    def __init__(self, kubeconfig: Kubeconfig) -> None:
        self.kubeconfig = kubeconfig
        self._lock = threading.Lock()
        self._connection: KubeApi | None = None
        self._kinds: dict[tuple[str, str], Kind] = {}

    def kind(self, api_version: str, kind: str) -> Kind:
        """Looks a kind up on the server.

        Raises:
            UnknownKind: It is not there; the text names what is.
            Unreachable: The server does not answer.
        """
        known = self._kinds.get((api_version, kind))
        if known:
            return known
        try:
            resources = self.request("GET", _group_path(api_version))["resources"]
        except ApiError as error:
            if error.status != 404:
                raise
            raise UnknownKind(
                f"the API server at {self.kubeconfig.server} does not serve {api_version} ({kind})"
            ) from None
        # Subresources such as deployments/scale share their parent's list.
        served = {each["kind"]: each for each in reversed(resources) if "/" not in each["name"]}
        if kind not in served:
            near = get_close_matches(kind, served, n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else f"; it has: {', '.join(sorted(served))}"
            raise UnknownKind(f"the API server at {self.kubeconfig.server} has no kind {kind} in {api_version}{hint}")
        found = Kind(api_version, kind, served[kind]["name"], served[kind]["namespaced"])
        self._kinds[api_version, kind] = found
        return found

    def get(self, kind: Kind, namespace: str | None, name: str) -> dict[str, Any] | None:
        """One object as it is now; None when it is not there."""
        try:
            return self.request("GET", kind.path(namespace, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def apply(
        self, kind: Kind, body: Mapping[str, Any], manager: str, *, force: bool = False, dry_run: bool = False
    ) -> dict[str, Any]:
        """Server-side apply; unknown fields are refused.

        Args:
            kind: Kind of ``body``.
            body: The fields that the manager wants, with ``metadata.name`` (and ``namespace``).
            manager: The field manager that will own them.
            force: Take fields from other managers instead of failing with 409.
            dry_run: Only tell what would come out.

        Returns:
            The whole object.
        """
        metadata = body["metadata"]
        query = {"fieldManager": manager, "force": str(force).lower(), "fieldValidation": "Strict"}
        query |= {"dryRun": "All"} if dry_run else {}
        path = kind.path(metadata.get("namespace"), metadata["name"])
        return self.request("PATCH", path, query, body, APPLY_PATCH)

    def delete(self, kind: Kind, namespace: str | None, name: str, propagation: str) -> None:
        """Asks for one object's deletion; no error when it is not there."""
        try:
            self.request("DELETE", kind.path(namespace, name), body={"propagationPolicy": propagation})
        except ApiError as error:
            if error.status != 404:
                raise

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        """One request; logs in anew if the server no longer takes the login.

        Raises:
            ApiError: The server refuses it.
            Unreachable: There is no server.
            KubeconfigError: There is no login.
        """
        try:
            try:
                return self._send(method, path, query, body, content_type)
            except KubeApiError as error:
                if error.status != 401 or not self.kubeconfig.forget_credentials():
                    raise
                self._connection = None
                return self._send(method, path, query, body, content_type)
        except KubeApiError as error:
            if error.status == 0:
                raise Unreachable(f"the cluster at {self.kubeconfig.server} does not answer: {error}") from None
            raise ApiError(error.status, str(error), error.details) from None

    def _send(
        self, method: str, path: str, query: Mapping[str, str] | None, body: Mapping[str, Any] | None, content_type: str
    ) -> dict[str, Any]:
        return self._connect().request(method, path, body, content_type=content_type, query=query)

    def _connect(self) -> KubeApi:
        with self._lock:
            if self._connection is None:
                self._connection = KubeApi(self.kubeconfig.resolved())
            return self._connection


def _group_path(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
