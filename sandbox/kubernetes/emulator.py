"""The emulated AWS as the controller sees it: its private API, its EC2 and EKS."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import boto3

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_eks import EKSClient

_TIMEOUT_SECONDS = 10.0

# The emulator is on loopback: a proxy that the person's environment names must not be asked for it.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class EmulatorError(Exception):
    """The emulator cannot be reached or refused; the message says what it was asked and what it answered."""


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
    """

    name: str
    region: str
    status: str
    version: str
    issuer: str
    creator_arn: str

    @property
    def key(self) -> tuple[str, str]:
        """Region and name."""
        return self.region, self.name

    @property
    def identity(self) -> str:
        """What tells this cluster from an earlier one of the same name, even if the emulator moves to another port."""
        return urllib.parse.urlsplit(self.issuer).path.rstrip("/").rpartition("/")[2]


class Emulator:
    """The emulated AWS at its endpoint.

    Args:
        endpoint: URL of the emulated AWS.
    """

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint.rstrip("/")

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
            )
            for listed in self._call("/_sandbox/clusters")["clusters"]
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
        self._call(
            f"/_sandbox/clusters/{cluster.region}/{cluster.name}",
            {
                "endpoint": endpoint,
                "certificateAuthority": base64.b64encode(ca.read_bytes()).decode(),
                "jwks": json.loads(jwks),
            },
        )

    @overload
    def client(self, service: Literal["ec2"], region: str) -> EC2Client: ...
    @overload
    def client(self, service: Literal["eks"], region: str) -> EKSClient: ...
    def client(self, service: Literal["ec2", "eks"], region: str) -> EC2Client | EKSClient:
        """A client of one of its services, with the credentials of the environment.

        Those are an administrator's in a sandbox. AWS itself would need none: it is its own service that asks here.
        """
        # A session of its own: the default one may not be shared by the threads of several clusters.
        session = boto3.Session(region_name=region)
        return session.client(service, endpoint_url=self.endpoint)

    def _call(self, path: str, body: Mapping[str, object] | None = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.endpoint + path, data=content, headers={"Content-Type": "application/json"}
        )
        return json.loads(fetch(request) or b"{}")


def fetch(request: urllib.request.Request) -> bytes:
    """The body of the emulator's answer.

    Raises:
        EmulatorError: It cannot be reached, or answered with an error.
    """
    what = f"{request.get_method()} {request.full_url.partition('?')[0]}"
    try:
        with _opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
            body: bytes = response.read()
            return body
    except urllib.error.HTTPError as error:
        answer = error.read(2000).decode(errors="replace").strip()
        raise EmulatorError(f"{what}: HTTP {error.code}: {answer}") from error
    except (OSError, http.client.HTTPException) as error:
        raise EmulatorError(f"{what}: {getattr(error, 'reason', error)}") from error
