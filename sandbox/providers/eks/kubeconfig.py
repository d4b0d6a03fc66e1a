"""The kubeconfig that the component gives out.

Imitates pulumi-eks nodejs/eks/cluster/cluster.ts, ``generateKubeconfig``, as of v4.
"""

from __future__ import annotations

from typing import Any


def kubeconfig(name: str, arn: str, endpoint: str, authority: str) -> dict[str, Any]:
    """A kubeconfig whose user comes from ``aws eks get-token``; no secret inside.

    Args:
        name: The cluster's name.
        arn: Its ARN, which names its region.
        endpoint: URL of its API server.
        authority: Its certificate authority, in base64.
    """
    region = arn.split(":")[3]
    arguments = ["--region", region, "eks", "get-token", "--cluster-name", name, "--output", "json"]
    version = "client.authentication.k8s.io/v1beta1"
    login = {
        "apiVersion": version,
        "command": "aws",
        "args": arguments,
        "env": [{"name": "KUBERNETES_EXEC_INFO", "value": f'{{"apiVersion": "{version}"}}'}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "kubernetes", "cluster": {"server": endpoint, "certificate-authority-data": authority}}],
        "contexts": [{"name": "aws", "context": {"cluster": "kubernetes", "user": "aws"}}],
        "current-context": "aws",
        "users": [{"name": "aws", "user": {"exec": login}}],
    }
