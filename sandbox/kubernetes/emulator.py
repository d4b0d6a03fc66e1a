"""The emulated AWS as the controller sees it: its private API, its EC2 and EKS."""

from __future__ import annotations

import base64
import json
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from sandbox.aws_clients import AwsClients
from sandbox.private_api import PrivateApi

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_eks import EKSClient


@dataclass(frozen=True)
class Cluster:
    """A cluster as the emulator's private API lists it.

    Attributes:
        name: Its name, unique in the region.
        region: Its region.
        status: EKS's status: ``CREATING`` until a control plane is reported, then ``ACTIVE``; ``DELETING``.
        version: Kubernetes minor version that was asked for, such as ``1.36``.
        issuer: URL of its OIDC issuer; the last part of the path is its own, never used again.
        creator_arn: Who created it.
        ipv6: Whether its pods have IPv6 addresses.
    """

    name: str
    region: str
    status: str
    version: str
    issuer: str
    creator_arn: str
    ipv6: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Region and name."""
        return self.region, self.name

    @property
    def identity(self) -> str:
        """Differs from that of an earlier cluster of the same name, even if the emulator moves to another port."""
        return urllib.parse.urlsplit(self.issuer).path.rstrip("/").rpartition("/")[2]


class Emulator:
    """The emulated AWS at its endpoint.

    Args:
        endpoint: URL of the emulated AWS.
    """

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint.rstrip("/")
        self._private = PrivateApi(endpoint)
        self._clients = AwsClients(endpoint)

    def clusters(self) -> list[Cluster]:
        """The clusters of all regions, without those being deleted."""
        return [
            Cluster(
                name=listed["name"],
                region=listed["region"],
                status=listed["status"],
                version=listed["version"],
                issuer=listed["issuer"],
                creator_arn=listed["creatorArn"] or "",
                ipv6=listed["ipFamily"] == "ipv6",
            )
            for listed in self._private.clusters()
            if listed["status"] != "DELETING"
        ]

    def report_control_plane(self, cluster: Cluster, endpoint: str, ca: Path, jwks: bytes) -> None:
        """Makes a cluster ACTIVE.

        Args:
            cluster: The cluster.
            endpoint: URL of its API server.
            ca: Certificate that its API server is to be trusted by.
            jwks: Key set that its service-account tokens are to be trusted by, in JSON.
        """
        authority = base64.b64encode(ca.read_bytes()).decode()
        self._private.report_control_plane(cluster.region, cluster.name, endpoint, authority, json.loads(jwks))

    @overload
    def client(self, service: Literal["autoscaling"], region: str) -> AutoScalingClient: ...
    @overload
    def client(self, service: Literal["ec2"], region: str) -> EC2Client: ...
    @overload
    def client(self, service: Literal["eks"], region: str) -> EKSClient: ...
    def client(
        self, service: Literal["autoscaling", "ec2", "eks"], region: str
    ) -> AutoScalingClient | EC2Client | EKSClient:
        """A client of one of its services."""
        found: AutoScalingClient | EC2Client | EKSClient = self._clients.client(service, region)
        return found
