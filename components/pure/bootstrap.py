"""User data by which a self-managed node joins its cluster. EKS merges nothing into it, so it is complete.

Amazon Linux 2023: a nodeadm NodeConfig in a MIME multi-part document. nodeadm merges the NodeConfigs in order, the last
one wins, and it refuses one without each of the four facts of the cluster (awslabs/amazon-eks-ami,
``nodeadm/doc/examples.md`` and ``ValidateNodeConfig`` in ``nodeadm/internal/api/validation.go``). Bottlerocket: TOML
below ``settings.kubernetes``, with the address of the cluster's DNS: Bottlerocket itself finds that of an IPv4 cluster
only, or guesses one, and gives the node an address of the same family (``generate_cluster_dns_ip`` and
``generate_node_ip`` in ``sources/api/pluto/src/main.rs`` of bottlerocket-os/bottlerocket-core-kit).
"""

import ipaddress
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from . import ami, node_config, user_data
from .discovery import Taint
from .faults import Fault

SYSTEMS = ("AL2023_", "BOTTLEROCKET_")
"""What the AMI types begin with for which this module writes user data."""


_DNS = 10
"""Place of the cluster's DNS in the network of its services (``GetClusterDns`` in ``nodeadm/internal/api/net.go``)."""


class ClusterDetails(NamedTuple):
    """How a node reaches its cluster.

    Attributes:
        name: Name of the cluster.
        endpoint: URL of the API server.
        authority: Certificate authority of the API server, in base64.
        service_cidr: Network of the cluster's services, IPv4 or IPv6.
    """

    name: str
    endpoint: str
    authority: str
    service_cidr: str


class Kubelet(NamedTuple):
    """What the kubelet registers its node with.

    Attributes:
        labels: Labels of the node.
        taints: Taints of the node, startup taints included.
        max_pods: Number of pods; None leaves it to the image.
    """

    labels: Mapping[str, str]
    taints: Sequence[Taint]
    max_pods: int | None


def faults(path: str, ami_type: str, text: object) -> list[Fault]:
    """Find user data that cannot be joined with what the node needs.

    Args:
        path: Path of the user data.
        ami_type: AMI type of the nodes.
        text: The user data; an Output is not checked.
    """
    if not isinstance(text, str):
        return []
    if ami.is_bottlerocket(ami_type):
        return _toml_faults(path, ami_type, text)
    if user_data.content_type(text) is None:
        expected = (
            f"a script (#!/bin/bash), #cloud-config or a nodeadm NodeConfig (apiVersion: {node_config.API_VERSION}), "
            "which becomes a part of the document that joins the node"
        )
        return [Fault(path, user_data.first_line(text), expected)]
    return user_data.part_faults(path, ami_type, text)


def size_faults(path: str, document: str) -> list[Fault]:
    """Find a document that is too large for EC2."""
    size = len(document.encode())
    return [] if size <= user_data.LARGEST else [Fault(path, f"{size} bytes in all", f"{user_data.LARGEST} at most")]


def document(ami_type: str, cluster: ClusterDetails, kubelet: Kubelet, text: str | None) -> str:
    """Return the whole user data of a node.

    Args:
        ami_type: AMI type of the node.
        cluster: The cluster to join.
        kubelet: What its kubelet registers it with.
        text: User data of the caller's in addition; of two NodeConfigs the caller's wins.
    """
    if ami.is_bottlerocket(ami_type):
        # The caller's first: its keys before any table would be keys of our last table.
        return "\n".join([*([text.rstrip()] if text else []), *_toml(cluster, kubelet)]) + "\n"
    return user_data.multipart([_node_config(cluster, kubelet), *([text] if text else [])])


def _node_config(cluster: ClusterDetails, kubelet: Kubelet) -> str:
    lines = [
        "---",
        f"apiVersion: {node_config.API_VERSION}",
        f"kind: {node_config.KIND}",
        "spec:",
        "  cluster:",
        # A JSON string is a YAML string.
        f"    name: {json.dumps(cluster.name)}",
        f"    apiServerEndpoint: {json.dumps(cluster.endpoint)}",
        f"    certificateAuthority: {json.dumps(cluster.authority)}",
        f"    cidr: {json.dumps(cluster.service_cidr)}",
    ]
    flags = [*_flags(kubelet)]
    if flags or kubelet.max_pods is not None:
        lines.append("  kubelet:")
    if kubelet.max_pods is not None:
        lines += ["    config:", f"      maxPods: {kubelet.max_pods}"]
    if flags:
        lines += ["    flags:", *(f"      - {json.dumps(flag)}" for flag in flags)]
    return "\n".join(lines) + "\n"


def _flags(kubelet: Kubelet) -> Iterator[str]:
    """Yield the kubelet's flags; its file has no field for labels."""
    if kubelet.labels:
        yield "--node-labels=" + ",".join(f"{key}={value}" for key, value in sorted(kubelet.labels.items()))
    if kubelet.taints:
        # "<key>=<value>:<effect>", the value may be empty (``parseTaint`` of kubernetes/kubernetes, pkg/util/taints).
        taints = (f"{taint['key']}={taint.get('value', '')}:{taint['effect']}" for taint in kubelet.taints)
        yield "--register-with-taints=" + ",".join(taints)


def _toml(cluster: ClusterDetails, kubelet: Kubelet) -> Iterator[str]:
    # A JSON string is a TOML string.
    yield "[settings.kubernetes]"
    yield f"cluster-name = {json.dumps(cluster.name)}"
    yield f"api-server = {json.dumps(cluster.endpoint)}"
    yield f"cluster-certificate = {json.dumps(cluster.authority)}"
    yield f"cluster-dns-ip = {json.dumps(str(ipaddress.ip_network(cluster.service_cidr)[_DNS]))}"
    if kubelet.max_pods is not None:
        yield f"max-pods = {kubelet.max_pods}"
    if kubelet.labels:
        yield "[settings.kubernetes.node-labels]"
        yield from (f"{json.dumps(key)} = {json.dumps(value)}" for key, value in sorted(kubelet.labels.items()))
    if kubelet.taints:
        yield "[settings.kubernetes.node-taints]"
        # "<value>:<effect>", the value may be empty (``KUBERNETES_TAINT_VALUE`` of bottlerocket-os/bottlerocket).
        for taint in kubelet.taints:
            yield f"{json.dumps(taint['key'])} = [{json.dumps(taint.get('value', '') + ':' + taint['effect'])}]"


def _toml_faults(path: str, ami_type: str, text: str) -> list[Fault]:
    if found := user_data.toml_faults(path, text):
        return found
    nothing = ClusterDetails("", "", "", "10.0.0.0/24")
    taint: Taint = {"key": "key", "effect": "NoSchedule"}
    try:
        tomllib.loads(document(ami_type, nothing, Kubelet({"key": ""}, [taint], 1), text))
    except tomllib.TOMLDecodeError as error:
        expected = "tables other than settings.kubernetes, its node-labels and its node-taints, which join the node"
        return [Fault(path, f"{user_data.first_line(text)} ({error})", expected)]
    return []
