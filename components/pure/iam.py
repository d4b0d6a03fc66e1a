"""IAM documents and names: plain values in, plain documents out."""

import hashlib
import re
from collections.abc import Sequence
from typing import NamedTuple

from . import discovery
from .faults import Fault

Document = dict[str, object]
"""An IAM policy document."""

AUDIENCE = "sts.amazonaws.com"
"""Audience of the web-identity token, the same in every partition (eksctl issue 1910)."""

CHINA = "aws-cn"
"""Partition of the regions in China."""

POLICY_NAME = "AmazonEKSClusterAutoscalerPolicy"
MAX_POLICY_NAME_LENGTH = 128
MAX_ROLE_PREFIX_LENGTH = 38
"""The provider appends 26 characters to a prefix; a role's name may have 64."""
AUTOSCALER_ROLE_NAME = "cluster-autoscaler"
MAX_NAME_PREFIX_LENGTH = MAX_ROLE_PREFIX_LENGTH - len(f"{AUTOSCALER_ROLE_NAME}-")
"""What a prefix of the user's may have, so that the autoscaler's role is named in full behind it."""

CLUSTER_ROLE_NAME = "eks-cluster"
CLUSTER_MANAGED_POLICY = "AmazonEKSClusterPolicy"

NODE_MANAGED_POLICIES = (
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKS_CNI_Policy",
    "AmazonEC2ContainerRegistryPullOnly",
)
"""What a node needs to join, to give pods addresses and to pull images (EKS user guide, node IAM role)."""

IPV6_DESCRIBE_ACTIONS = (
    "ec2:DescribeInstances",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeTags",
)

READ_ACTIONS = (
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeLaunchConfigurations",
    "autoscaling:DescribeScalingActivities",
    "ec2:DescribeImages",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeLaunchTemplateVersions",
    "ec2:GetInstanceTypesFromInstanceRequirements",
)
"""Reads that Cluster Autoscaler makes and that AWS cannot narrow to a resource."""

NODE_GROUP_ACTION = "eks:DescribeNodegroup"

WRITE_ACTIONS = ("autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup")
"""The only two calls by which Cluster Autoscaler changes anything (source of 1.29 to 1.36 read)."""


class ClusterIdentity(NamedTuple):
    """Which cluster, where: what every document is narrowed to."""

    partition: str
    region: str
    account: str
    name: str

    @classmethod
    def from_arn(cls, arn: str) -> "ClusterIdentity":
        """Read ``arn:<partition>:eks:<region>:<account>:cluster/<name>``.

        Raises:
            ValueError: When it is not the ARN of an EKS cluster.
        """
        parts = arn.split(":", 5)
        name = parts[-1].partition("/")[2]
        if not is_cluster_arn(arn):
            raise ValueError(
                f"got {arn!r}; expected the ARN of an EKS cluster, arn:aws:eks:REGION:ACCOUNT:cluster/NAME"
            )
        return cls(partition=parts[1], region=parts[3], account=parts[4], name=name)


def is_cluster_arn(arn: str) -> bool:
    """Return whether this is the ARN of an EKS cluster."""
    return re.fullmatch(r"arn:[^:]+:eks:[^:]+:[^:]+:cluster/[^/]+", arn) is not None


def issuer_path(issuer: str) -> str:
    """The issuer as IAM names it: host and path without the scheme."""
    return issuer.split("://", 1)[-1].rstrip("/")


def managed_policy_arn(partition: str, name: str) -> str:
    """ARN of an AWS managed policy."""
    return f"arn:{partition}:iam::aws:policy/{name}"


def role_name(arn: str) -> str:
    """Name of a role from its ARN, whatever its path."""
    return arn.rsplit("/", 1)[-1]


def is_named(role_arn: str, path: str, prefix: str) -> bool:
    """Return whether a role has this path, and a name that begins with this prefix."""
    beginning = role_arn.partition(":role")[2]
    return beginning.startswith(f"{path}{prefix}") and "/" not in beginning.removeprefix(path)


def autoscaler_policy_name(cluster: ClusterIdentity, prefix: str = "", path: str = "/") -> str:
    """Return the name of the customer-managed policy.

    The region distinguishes clusters of the same name in one account. Another `path` is another name, because IAM
    accepts a name only once per account whatever its path, and the new policy must exist before the old one is deleted.
    A cluster's name that is too long is cut and gets a digest.
    """
    end = cluster.region if path == "/" else f"{cluster.region}-{hashlib.sha256(path.encode()).hexdigest()[:6]}"
    capacity = MAX_POLICY_NAME_LENGTH - len(f"{prefix}{POLICY_NAME}--{end}")
    name = cluster.name
    if len(name) > capacity:
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        name = f"{name[: capacity - len(digest) - 1]}-{digest}"
    return f"{prefix}{POLICY_NAME}-{name}-{end}"


def role_prefix(prefix: str, name: str) -> str:
    """Return the beginning of a role's name: a prefix, and as much of ``name`` as fits."""
    return f"{f'{prefix}{name}'[: MAX_ROLE_PREFIX_LENGTH - 1]}-"


def autoscaler_policy(cluster: ClusterIdentity) -> Document:
    """What Cluster Autoscaler calls, no more: reads, and two writes only on groups tagged as this cluster's."""
    where = f"{cluster.region}:{cluster.account}"
    return _document(
        {
            "Sid": "Read",
            "Effect": "Allow",
            "Action": list(READ_ACTIONS),
            "Resource": "*",
        },
        {
            "Sid": "ReadNodegroups",
            "Effect": "Allow",
            "Action": NODE_GROUP_ACTION,
            "Resource": f"arn:{cluster.partition}:eks:{where}:nodegroup/{cluster.name}/*/*",
        },
        {
            "Sid": "Scale",
            "Effect": "Allow",
            "Action": list(WRITE_ACTIONS),
            "Resource": f"arn:{cluster.partition}:autoscaling:{where}:autoScalingGroup:*:autoScalingGroupName/*",
            "Condition": {"StringEquals": {f"aws:ResourceTag/{discovery.cluster_key(cluster.name)}": "owned"}},
        },
    )


def ipv6_policy(partition: str) -> Document:
    """Return the permissions by which the VPC CNI assigns IPv6 addresses, which no AWS managed policy for nodes has.

    "IPv6 mode" in docs/iam-policy.md of aws/amazon-vpc-cni-k8s.

    Args:
        partition: Partition of the nodes.
    """
    return _document(
        {"Effect": "Allow", "Action": ["ec2:AssignIpv6Addresses", *IPV6_DESCRIBE_ACTIONS], "Resource": "*"},
        {"Effect": "Allow", "Action": ["ec2:CreateTags"], "Resource": [f"arn:{partition}:ec2:*:*:network-interface/*"]},
    )


def subject(namespace: str, service_account: str) -> str:
    """The ``sub`` claim of a service account's token."""
    return f"system:serviceaccount:{namespace}:{service_account}"


def irsa_trust(provider_arn: str, issuer: str, namespace: str, service_account: str) -> Document:
    """Trust of one service account of one issuer, for one audience, each by StringEquals."""
    path = issuer_path(issuer)
    return _document(
        {
            "Effect": "Allow",
            "Principal": {"Federated": provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {f"{path}:aud": AUDIENCE, f"{path}:sub": subject(namespace, service_account)},
            },
        }
    )


def pod_identity_trust(cluster_arn: str, namespace: str, service_account: str) -> Document:
    """Trust of EKS Pod Identity, narrowed to one service account of one cluster by the session tags EKS sends."""
    return _document(
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {
                "StringEquals": {
                    "aws:RequestTag/eks-cluster-arn": cluster_arn,
                    "aws:RequestTag/kubernetes-namespace": namespace,
                    "aws:RequestTag/kubernetes-service-account": service_account,
                },
            },
        }
    )


def cluster_trust() -> Document:
    """Trust of EKS in a cluster's role, as pulumi-eks gives it (nodejs/eks/cluster/cluster.ts, ``eksServiceRole``)."""
    actions = ["sts:AssumeRole", "sts:TagSession"]
    return _document({"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": actions})


def ec2_services(partition: str) -> list[str]:
    """Return the service principals of EC2 in a partition.

    In China EC2 has two. EKS refused node roles that trust only the first one (CreateNodegroup in pulumi/pulumi-eks 796
    and awslabs/cdk-eks-blueprints 558), and passing a role to EC2 needs both (terraform-aws-modules/terraform-aws-eks
    3057 and 3422). EKS has one name everywhere (terraform-aws-modules/terraform-aws-eks 1904).
    """
    return ["ec2.amazonaws.com", *(["ec2.amazonaws.com.cn"] if partition == CHINA else [])]


def node_trust(partition: str) -> Document:
    """Trust of EC2 in the role of a node.

    Args:
        partition: Partition of the node.
    """
    services = ec2_services(partition)
    principal = services[0] if len(services) == 1 else services
    return _document({"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"})


def _document(*statements: dict[str, object]) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def creator_faults(path: str, caller_arn: object, principal_arns: Sequence[str]) -> list[Fault]:
    """Find the caller among the administrators of a new cluster, of which EKS makes it one already.

    CreateAccessEntry ends in ResourceInUseException for it, after the cluster is made.

    Args:
        path: Where the administrators are given.
        caller_arn: What STS GetCallerIdentity answers; a session of a role has neither the role's ARN nor its path.
        principal_arns: The administrators.
    """
    expected = "no creator of the cluster: EKS makes it an administrator by itself"
    return [
        Fault(f"{path}[{index}]", repr(arn), expected)
        for index, arn in enumerate(principal_arns)
        if isinstance(caller_arn, str) and _principal(arn) == _principal(caller_arn)
    ]


def _principal(arn: str) -> tuple[str, ...]:
    """Account, kind and name of a role, of a session of it, or of a user."""
    _, _, _, _, account, rest = arn.split(":", 5)
    kind, *names = rest.split("/")
    if kind == "assumed-role":
        return account, "role", names[0]
    return account, kind, names[-1] if names else ""
