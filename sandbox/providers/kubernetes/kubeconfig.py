"""A kubeconfig, boiled down to the one cluster and user that it selects."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import yaml
from kubernetes.config import ConfigException
from kubernetes.config.exec_provider import ExecProvider
from kubernetes.config.kube_config import ConfigNode

from sandbox.providers.rpc import ProviderError

_FILES: Final = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
"""Entries that name a file, relative to the kubeconfig that holds them."""

_RENEWAL: Final = timedelta(minutes=1)
"""How long before its end a credential is no longer used."""


class KubeconfigError(ProviderError):
    """The kubeconfig cannot be used. The text never quotes it, since it may hold keys."""


@dataclass(frozen=True)
class Kubeconfig:
    """What a client needs to reach one cluster as one user.

    Attributes:
        cluster: The selected ``clusters`` entry: ``server`` and its certificate authority.
        user: The selected ``users`` entry; its ``exec`` command is not yet run.
        namespace: The context's namespace.
    """

    cluster: Mapping[str, Any]
    user: Mapping[str, Any] = field(repr=False)
    namespace: str | None = None

    @classmethod
    def load(cls, source: str | None, context: str | None = None, cluster: str | None = None) -> Kubeconfig:
        """Reads a kubeconfig.

        Args:
            source: Its text, its path, or None for kubectl's own choice: ``$KUBECONFIG``, else ``~/.kube/config``.
            context: Name of the context to use. Default: ``current-context``.
            cluster: Name of the cluster to use instead of the context's own.

        Raises:
            KubeconfigError: It is missing, is not a kubeconfig, or lacks what was selected.
        """
        document = _document(source)
        chosen = context or document.get("current-context")
        if not chosen:
            raise KubeconfigError("the kubeconfig has no current-context; set the provider's `context`")
        selected = _entry(document, "context", chosen)
        return cls(
            cluster=_entry(document, "cluster", cluster or selected.get("cluster", "")),
            user=_entry(document, "user", selected.get("user", "")),
            namespace=selected.get("namespace"),
        )

    @property
    def server(self) -> str:
        """URL of the API server."""
        return str(self.cluster.get("server", ""))

    def resolved(self) -> dict[str, Any]:
        """A whole kubeconfig document whose user needs no command any more: ``exec`` gave its token.

        The token is kept for all sessions of this process until it expires: ``aws eks get-token`` takes over a second.

        Raises:
            KubeconfigError: The command fails, or is not there.
        """
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "cluster", "cluster": dict(self.cluster)}],
            "users": [{"name": "user", "user": self._credentials()}],
            "contexts": [{"name": "context", "context": {"cluster": "cluster", "user": "user"}}],
            "current-context": "context",
        }

    def forget_credentials(self) -> bool:
        """Drops the command's token, since the server refused it. Returns whether a new one can be had."""
        return "exec" in self.user and _tokens.drop(_key(self.user["exec"]))

    def _credentials(self) -> dict[str, Any]:
        if "exec" not in self.user:
            return dict(self.user)
        others = {key: value for key, value in self.user.items() if key != "exec"}
        return others | _tokens.get(self.user["exec"])


class _Tokens:
    """The credentials that ``exec`` commands gave, by command. One run at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[dict[str, Any], datetime]] = {}

    def get(self, command: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            user, end = self._kept.get(_key(command), ({}, datetime.min.replace(tzinfo=UTC)))
            if end < datetime.now(UTC) + _RENEWAL:
                user, end = _run(command)
                self._kept[_key(command)] = user, end
            return user

    def drop(self, key: str) -> bool:
        with self._lock:
            return self._kept.pop(key, None) is not None


_tokens = _Tokens()


def _key(command: Mapping[str, Any]) -> str:
    return json.dumps(command, sort_keys=True)


def _run(command: Mapping[str, Any]) -> tuple[dict[str, Any], datetime]:
    """Runs an ``exec`` entry; the user entry it gives, and until when that is good (nothing said: not kept)."""
    shown = " ".join([str(command.get("command", "")), *map(str, command.get("args") or [])])
    try:
        node = ConfigNode("exec", dict(command))  # type: ignore[no-untyped-call]
        status = ExecProvider(node, cwd=None).run()  # type: ignore[no-untyped-call]
    except FileNotFoundError:
        name = command.get("command")
        raise KubeconfigError(f"the kubeconfig runs `{shown}` to log in, but {name!r} is not on PATH") from None
    except ConfigException as error:
        raise KubeconfigError(f"the kubeconfig's login command failed: `{shown}`: {error}") from None
    # Commands give PEM text; kubeconfigs hold it in base64.
    user = {
        "token": status.get("token"),
        "client-certificate-data": _base64(status.get("clientCertificateData")),
        "client-key-data": _base64(status.get("clientKeyData")),
    }
    end = status.get("expirationTimestamp")
    expiry = datetime.fromisoformat(end) if end else datetime.now(UTC)
    return {key: value for key, value in user.items() if value}, expiry


def _base64(text: str | None) -> str | None:
    return base64.b64encode(text.encode()).decode() if text else None


def _document(source: str | None) -> dict[str, Any]:
    if source is None:
        paths = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
        return _read(paths)
    try:
        document = yaml.safe_load(source)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1})" if mark else ""
        raise KubeconfigError(f"the kubeconfig is neither YAML nor the path of a file{place}") from None
    if isinstance(document, dict):
        return document
    return _read(source)


def _read(paths: str) -> dict[str, Any]:
    """The files of a ``:``-separated list as one document; of entries with one name, the first is used."""
    merged: dict[str, Any] = {"clusters": [], "users": [], "contexts": []}
    found = [path for path in map(Path, paths.split(os.pathsep)) if path.is_file()]
    if not found:
        raise KubeconfigError(f"there is no kubeconfig at {paths}")
    for path in found:
        try:
            document = yaml.safe_load(path.read_text())
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise KubeconfigError(f"the kubeconfig {path} cannot be read: {type(error).__name__}") from None
        if not isinstance(document, dict):
            raise KubeconfigError(f"{path} is not a kubeconfig")
        for kind in ("cluster", "user", "context"):
            for entry in document.get(f"{kind}s") or []:
                body = entry.get(kind) or {}
                files = {key: str(path.parent / body[key]) for key in _FILES if body.get(key)}
                merged[f"{kind}s"].append({"name": entry.get("name"), kind: body | files})
        merged.setdefault("current-context", document.get("current-context"))
    return merged


def _entry(document: Mapping[str, Any], kind: str, name: str) -> Mapping[str, Any]:
    entries = {entry.get("name"): entry.get(kind) or {} for entry in reversed(document.get(f"{kind}s") or [])}
    if name not in entries:
        names = ", ".join(sorted(map(str, entries))) or "none"
        raise KubeconfigError(f"the kubeconfig has no {kind} {name!r}; it has: {names}")
    body: Mapping[str, Any] = entries[name]
    return body
