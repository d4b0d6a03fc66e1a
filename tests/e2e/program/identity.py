"""Credentials of the autoscaler's pod, got the way the pod gets them: real tokens, real conditions."""

from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from kubernetes import client

from sandbox.layout import REGION
from sandbox.private_api import PrivateApi
from sandbox.tests.harness import Sandbox

NAMESPACE = "kube-system"
ACCOUNT = "cluster-autoscaler"
_UNSIGNED = Config(signature_version=UNSIGNED)


def token(sandbox: Sandbox, cluster: str, audience: str, account: str = ACCOUNT) -> str:
    """A token of a service account, from the cluster's own API server; for that server itself without an audience."""
    request = client.AuthenticationV1TokenRequest(
        spec=client.V1TokenRequestSpec(audiences=[audience] if audience else [], expiration_seconds=3600)
    )
    with sandbox.kubernetes(cluster) as api:
        answer = client.CoreV1Api(api).create_namespaced_service_account_token(account, NAMESPACE, request)
    return str(answer.status.token)


def by_web_identity(sandbox: Sandbox, cluster: str, role_arn: str, account: str = ACCOUNT) -> dict[str, str]:
    """Credentials by IRSA."""
    sts = boto3.client("sts", endpoint_url=sandbox.layout.aws_endpoint, region_name=REGION, config=_UNSIGNED)
    answer = sts.assume_role_with_web_identity(
        RoleArn=role_arn, RoleSessionName="test", WebIdentityToken=token(sandbox, cluster, "sts.amazonaws.com", account)
    )
    return _keys(answer["Credentials"])


def by_pod_identity(sandbox: Sandbox, cluster: str, instance_id: str, account: str = ACCOUNT) -> dict[str, str]:
    """Credentials by EKS Pod Identity: the agent on a node asks with the node's own credentials."""
    auth = as_(sandbox, by_node(sandbox, instance_id), "eks-auth")
    answer = auth.assume_role_for_pod_identity(
        clusterName=cluster, token=token(sandbox, cluster, "pods.eks.amazonaws.com", account)
    )
    found = answer["credentials"]
    return {
        "aws_access_key_id": found["accessKeyId"],
        "aws_secret_access_key": found["secretAccessKey"],
        "aws_session_token": found["sessionToken"],
    }


def by_node(sandbox: Sandbox, instance_id: str) -> dict[str, str]:
    """Credentials of an instance's role, as its metadata service hands them out."""
    return _keys(PrivateApi(sandbox.layout.aws_endpoint).instance_credentials(instance_id))


def as_(sandbox: Sandbox, credentials: dict[str, str], service: str) -> Any:
    """A boto3 client that is what the credentials are, and nothing else."""
    return boto3.client(service, endpoint_url=sandbox.layout.aws_endpoint, region_name=REGION, **credentials)  # type: ignore[call-overload]


def _keys(found: dict[str, Any]) -> dict[str, str]:
    return {
        "aws_access_key_id": found["AccessKeyId"],
        "aws_secret_access_key": found["SecretAccessKey"],
        "aws_session_token": found.get("SessionToken") or found["Token"],
    }
