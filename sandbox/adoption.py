"""A cluster that Pulumi did not create: the stack ``adopt`` adopts it.

``python -m sandbox.adoption make`` creates, with plain boto3 and as ``eksctl create cluster`` would, a network, roles,
the cluster ``legacy`` and its managed node group ``workers``; no IAM OIDC provider: eksctl makes none unasked.
``python -m sandbox.adoption remove`` deletes them. Both go by names and tags, so that each can be run again after an
interruption and does only what is left to do.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from sandbox.console import step
from sandbox.tools.catalog import KUBERNETES_MINOR

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_eks import EKSClient
    from mypy_boto3_eks.type_defs import WaiterConfigTypeDef
    from mypy_boto3_iam import IAMClient

CLUSTER = "legacy"
NODE_GROUP = "workers"
INSTANCE_TYPE = "m5.large"

TAGS = {"alpha.eksctl.io/cluster-name": CLUSTER}
"""What eksctl marks its resources with; here it also finds them again."""

_VPC_CIDR = "192.168.0.0/16"
_SUBNET_CIDRS = ("192.168.0.0/19", "192.168.32.0/19")
_CLUSTER_ROLE = f"eksctl-{CLUSTER}-cluster-ServiceRole"
_NODE_ROLE = f"eksctl-{CLUSTER}-nodegroup-{NODE_GROUP}-NodeInstanceRole"
_ROLES = {
    _CLUSTER_ROLE: ("eks.amazonaws.com", ("AmazonEKSClusterPolicy",)),
    _NODE_ROLE: (
        "ec2.amazonaws.com",
        ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly"),
    ),
}
"""Role -> the service that assumes it, and its AWS-managed policies."""

# Waiters' defaults are for a cloud: 30 s between two calls.
_SOON: WaiterConfigTypeDef = {"Delay": 1, "MaxAttempts": 120}


def make(ec2: EC2Client, eks: EKSClient, iam: IAMClient) -> None:
    """Create the missing parts of the cluster and wait until it is active."""
    with step(f"cluster {CLUSTER}", "creating outside Pulumi") as done:
        subnets = _make_network(ec2)
        arns = {name: _make_role(iam, name) for name in _ROLES}
        _unless_there(
            lambda: eks.create_cluster(
                name=CLUSTER,
                version=KUBERNETES_MINOR,
                roleArn=arns[_CLUSTER_ROLE],
                resourcesVpcConfig={"subnetIds": subnets},
                accessConfig={"authenticationMode": "API_AND_CONFIG_MAP"},
                tags=TAGS,
            )
        )
        eks.get_waiter("cluster_active").wait(name=CLUSTER, WaiterConfig=_SOON)
        _unless_there(
            lambda: eks.create_nodegroup(
                clusterName=CLUSTER,
                nodegroupName=NODE_GROUP,
                nodeRole=arns[_NODE_ROLE],
                subnets=subnets,
                instanceTypes=[INSTANCE_TYPE],
                scalingConfig={"minSize": 1, "maxSize": 4, "desiredSize": 1},
                labels={"alpha.eksctl.io/nodegroup-name": NODE_GROUP},
                tags=TAGS,
            )
        )
        eks.get_waiter("nodegroup_active").wait(clusterName=CLUSTER, nodegroupName=NODE_GROUP, WaiterConfig=_SOON)
        done(f"active, node group {NODE_GROUP}")


def remove(ec2: EC2Client, eks: EKSClient, iam: IAMClient) -> None:
    """Delete everything that :func:`make` created and that still exists."""
    if not _vpcs(ec2):
        return
    with step(f"cluster {CLUSTER}", "deleting") as done:
        _if_there(lambda: eks.delete_nodegroup(clusterName=CLUSTER, nodegroupName=NODE_GROUP))
        eks.get_waiter("nodegroup_deleted").wait(clusterName=CLUSTER, nodegroupName=NODE_GROUP, WaiterConfig=_SOON)
        _if_there(lambda: _remove_oidc_provider(eks, iam))
        _if_there(lambda: eks.delete_cluster(name=CLUSTER))
        eks.get_waiter("cluster_deleted").wait(name=CLUSTER, WaiterConfig=_SOON)
        for name in _ROLES:
            _remove_role(iam, name)
        _remove_autoscaler_role(iam)
        # The network last: it is how the next run would know that something is left.
        for vpc in _vpcs(ec2):
            _remove_network(ec2, vpc)
        done("deleted")


def _remove_oidc_provider(eks: EKSClient, iam: IAMClient) -> None:
    """Delete the IAM OIDC provider of the cluster, as eksctl does; a stack that adopted it leaves it."""
    issuer = eks.describe_cluster(name=CLUSTER)["cluster"]["identity"]["oidc"]["issuer"].removeprefix("https://")
    for provider in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        if provider["Arn"].endswith(f"/{issuer}"):
            iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])


def _remove_autoscaler_role(iam: IAMClient) -> None:
    """Delete the role and the policy of ``autoscaler_by_helm.sh``."""
    name = "AmazonEKSClusterAutoscaler"
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        if policy["PolicyName"] == f"{name}Policy":
            _if_there(partial(iam.detach_role_policy, RoleName=f"{name}Role", PolicyArn=policy["Arn"]))
            iam.delete_policy(PolicyArn=policy["Arn"])
    _if_there(lambda: iam.delete_role(RoleName=f"{name}Role"))


# -- network ---------------------------------------------------------------------------------------------------------


def _vpcs(ec2: EC2Client) -> list[str]:
    found = ec2.describe_vpcs(Filters=[{"Name": f"tag:{key}", "Values": [value]} for key, value in TAGS.items()])
    return [vpc["VpcId"] for vpc in found["Vpcs"]]


def _subnets(ec2: EC2Client, vpc: str) -> dict[str, str]:
    """CIDR block -> id."""
    found = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
    return {subnet["CidrBlock"]: subnet["SubnetId"] for subnet in found["Subnets"]}


def _make_network(ec2: EC2Client) -> list[str]:
    """A VPC with one subnet in each of two zones; returns the subnets' ids."""
    existing = _vpcs(ec2)
    vpc = existing[0] if existing else ec2.create_vpc(CidrBlock=_VPC_CIDR)["Vpc"]["VpcId"]
    if not existing:
        ec2.create_tags(Resources=[vpc], Tags=[{"Key": key, "Value": value} for key, value in TAGS.items()])
    zones = [zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]]
    there = _subnets(ec2, vpc)
    for cidr, zone in zip(_SUBNET_CIDRS, zones, strict=False):
        if cidr not in there:
            created = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)
            there[cidr] = created["Subnet"]["SubnetId"]
    return sorted(there.values())


def _remove_network(ec2: EC2Client, vpc: str) -> None:
    for subnet in _subnets(ec2, vpc).values():
        ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)


# -- roles -----------------------------------------------------------------------------------------------------------


def _make_role(iam: IAMClient, name: str) -> str:
    """The ARN of a role, created with its policies if need be."""
    service, policies = _ROLES[name]
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    }
    _unless_there(
        lambda: iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps(trust),
            Tags=[{"Key": key, "Value": value} for key, value in TAGS.items()],
        )
    )
    for policy in policies:
        iam.attach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    return iam.get_role(RoleName=name)["Role"]["Arn"]


def _remove_role(iam: IAMClient, name: str) -> None:
    for policy in _ROLES[name][1]:
        _if_there(partial(iam.detach_role_policy, RoleName=name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}"))
    _if_there(lambda: iam.delete_role(RoleName=name))


# -- answers that are no faults when a command is run again ----------------------------------------------------------


def _unless_there(create: Callable[[], object]) -> None:
    _allowing({"ResourceInUseException", "EntityAlreadyExists"}, create)


def _if_there(delete: Callable[[], object]) -> None:
    _allowing({"ResourceNotFoundException", "NoSuchEntity"}, delete)


def _allowing(codes: set[str], call: Callable[[], object]) -> None:
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] not in codes:
            raise


def main(arguments: list[str]) -> int:
    """``make`` or ``remove``, on the AWS that the environment names."""
    actions = {"make": make, "remove": remove}
    if len(arguments) != 1 or arguments[0] not in actions:
        print(f"usage: python -m sandbox.adoption {'|'.join(actions)}", file=sys.stderr)
        return 2
    try:
        actions[arguments[0]](boto3.client("ec2"), boto3.client("eks"), boto3.client("iam"))
    except (BotoCoreError, ClientError) as error:
        print(f"{CLUSTER}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
