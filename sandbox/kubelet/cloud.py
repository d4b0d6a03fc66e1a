"""What a node asks AWS on behalf of its pods."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from sandbox.aws_clients import AwsClients
from sandbox.private_api import EmulatorError, PrivateApi

_AGENT = "eks-pod-identity-agent"
_RENEWAL = timedelta(minutes=5)

CloudErrors = (BotoCoreError, ClientError, EmulatorError)
"""What may go wrong with any call."""


@dataclass(frozen=True)
class MetadataOptions:
    """How an instance's metadata service is set up.

    Attributes:
        enabled: Whether it answers at all.
        token_required: Whether it insists on IMDSv2.
        hop_limit: How many hops its answer to a token request survives: a pod is two away.
    """

    enabled: bool
    token_required: bool
    hop_limit: int


class Cloud:
    """AWS for the nodes of one cluster.

    Args:
        clients: Of the emulated AWS.
        region: The cluster's region.
        cluster: Its name.
    """

    def __init__(self, clients: AwsClients, region: str, cluster: str) -> None:
        self.region = region
        self._endpoint = clients.endpoint
        self._cluster = cluster
        self._eks = clients.client("eks", region)
        self._ec2 = clients.client("ec2", region)
        self._node_credentials: dict[str, dict[str, str]] = {}

    def agent_runs(self) -> bool:
        """Whether the Pod Identity agent's add-on is active, so that each node runs one."""
        try:
            addon = self._eks.describe_addon(clusterName=self._cluster, addonName=_AGENT)["addon"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return False
            raise
        return bool(addon["status"] == "ACTIVE")

    def metadata_options(self, instance: str) -> MetadataOptions:
        """How the instance's metadata service is set up."""
        found = self._ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
        options = found.get("MetadataOptions", {})
        return MetadataOptions(
            enabled=options.get("HttpEndpoint", "enabled") == "enabled",
            token_required=options.get("HttpTokens", "optional") == "required",
            hop_limit=options.get("HttpPutResponseHopLimit", 1),
        )

    def node_credentials(self, instance: str) -> dict[str, str]:
        """Credentials of the instance's role, as its metadata service names them, and ``RoleArn``."""
        kept = self._node_credentials.get(instance)
        if kept is None or datetime.fromisoformat(kept["Expiration"]) - _RENEWAL < datetime.now(UTC):
            kept = PrivateApi(self._endpoint).instance_credentials(instance)
            self._node_credentials[instance] = kept
        return kept

    def pod_credentials(self, instance: str, token: str) -> dict[str, Any]:
        """What the Pod Identity agent of a node gets for a pod's token; it signs with the node's role."""
        node = self.node_credentials(instance)
        session = boto3.Session(node["AccessKeyId"], node["SecretAccessKey"], node["Token"], self.region)
        client = session.client("eks-auth", endpoint_url=self._endpoint)
        answer = client.assume_role_for_pod_identity(clusterName=self._cluster, token=token)["credentials"]
        return {
            "AccessKeyId": answer["accessKeyId"],
            "SecretAccessKey": answer["secretAccessKey"],
            "Token": answer["sessionToken"],
            "Expiration": answer["expiration"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
