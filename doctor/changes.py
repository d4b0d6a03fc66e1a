"""The Kubernetes client that can also create and delete, for ``whoami`` and ``stress`` only."""

import json
from typing import Protocol

from .clients import Json, Kubernetes, KubernetesApi
from .facts import Cluster
from .gather import Connect
from .readings import Reading, Unreadable

OWN_LABEL = "app.kubernetes.io/managed-by"
OWN_VALUE = "ca-doctor"
PURPOSE_LABEL = "ca-doctor/purpose"
"""The label of every object that the doctor creates. It deletes nothing else."""


def own_labels(purpose: str) -> dict[str, str]:
    """Return the labels of objects for a purpose, ``whoami`` or ``stress``."""
    return {OWN_LABEL: OWN_VALUE, PURPOSE_LABEL: purpose}


def own_selector(purpose: str = "") -> str:
    """Return the selector of these objects; without a purpose, of all objects that the doctor created."""
    labels = own_labels(purpose) if purpose else {OWN_LABEL: OWN_VALUE}
    return ",".join(f"{key}={value}" for key, value in labels.items())


class ChangingKubernetes(Kubernetes, Protocol):
    """Reads, creates and deletes."""

    def create(self, path: str, body: Json) -> Reading[Json]:
        """Create an object, or request a subresource such as a token."""

    def delete(self, path: str, **query: str) -> Reading[None]:
        """Delete an object, or all that a label selector selects; a missing one counts as deleted."""


class ChangingApi(KubernetesApi):
    """A real API server, through an ``ApiClient`` of the official library."""

    @classmethod
    def of(cls, reader: KubernetesApi) -> "ChangingApi":
        """Return the same connection, with the ability to change."""
        return cls(reader._api)

    def create(self, path: str, body: Json) -> Reading[Json]:
        """See ``ChangingKubernetes``."""
        answer = self._request("POST", path, {}, "application/json", body, absent=())
        if isinstance(answer, Unreadable):
            return answer
        try:
            created: Json = json.loads(answer or b"")
        except ValueError:
            # The answer is not quoted, because it may contain a token.
            return Unreadable(f"create {path}", False, "the answer is not JSON")
        return created

    def delete(self, path: str, **query: str) -> Reading[None]:
        """See ``ChangingKubernetes``."""
        answer = self._request("DELETE", path, query, "application/json")
        return answer if isinstance(answer, Unreadable) else None


class Connection:
    """Connect once, for the snapshot and for later changes."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._reader: Reading[Kubernetes] | None = None

    def __call__(self, cluster: Reading[Cluster]) -> Reading[Kubernetes]:
        """The client that reads."""
        self._reader = self._connect(cluster)
        return self._reader

    def changing(self) -> Reading[ChangingKubernetes]:
        """Return the client that changes, over the same connection."""
        match self._reader:
            case None:
                return Unreadable("your kubeconfig", False, "nothing was connected to")
            case Unreadable() as unreadable:
                return unreadable
            case KubernetesApi() as reader:
                return ChangingApi.of(reader)
            case other:
                raise TypeError(f"{type(other).__name__} only reads")
