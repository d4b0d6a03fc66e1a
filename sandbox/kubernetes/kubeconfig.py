"""Kubeconfig files that name one server and hold what is needed to trust it and log in to it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from sandbox.kubernetes.pki import Pki
from sandbox.layout import write_atomically


def write_kubeconfig(path: Path, server: str, pki: Pki, client: str | None = None) -> None:
    """Writes ``path`` (mode 600) for the server at URL ``server``.

    Args:
        path: File to replace.
        server: URL.
        pki: Where the authority's certificate and the client's come from; both are embedded.
        client: Name of the client certificate to log in with. Default: none, the server asks for no login.
    """
    user: dict[str, Any] = {}
    if client:
        user = {
            "client-certificate-data": _embedded(pki.certificate(client)),
            "client-key-data": _embedded(pki.key(client)),
        }
    _write(path, server, pki, user, "context")


def write_user_kubeconfig(path: Path, server: str, pki: Pki, cluster: str, region: str) -> None:
    """Writes the kubeconfig of the person at the keyboard, as ``aws eks update-kubeconfig`` would (mode 600).

    Args:
        path: File to replace.
        server: URL.
        pki: Where the authority's certificate comes from.
        cluster: Name of the cluster, and of the context.
        region: Its region.
    """
    login = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": ["--region", region, "eks", "get-token", "--cluster-name", cluster, "--output", "json"],
    }
    _write(path, server, pki, {"exec": login}, cluster)


def _write(path: Path, server: str, pki: Pki, user: dict[str, Any], context: str) -> None:
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "cluster", "cluster": {"server": server, "certificate-authority-data": _embedded(pki.ca)}}
        ],
        "users": [{"name": "user", "user": user}],
        "contexts": [{"name": context, "context": {"cluster": "cluster", "user": "user"}}],
        "current-context": context,
    }
    write_atomically(path, json.dumps(kubeconfig, indent=2) + "\n")


def _embedded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
