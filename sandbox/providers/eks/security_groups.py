"""The security groups of the control plane and of the workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

_EVERYWHERE = {"from_port": 0, "to_port": 0, "protocol": "-1"}
_HTTPS = {"from_port": 443, "to_port": 443, "protocol": "tcp"}


@dataclass(frozen=True)
class NodeSecurityGroup:
    """The workers' group, and the rule that lets them talk to the API server."""

    group: aws.ec2.SecurityGroup
    ingress: aws.ec2.SecurityGroupRule


def cluster_security_group(
    name: str, vpc_id: pulumi.Input[str], tags: pulumi.Input[Mapping[str, str]], opts: pulumi.ResourceOptions
) -> aws.ec2.SecurityGroup:
    """The control plane's group; it may talk to everywhere."""
    group = aws.ec2.SecurityGroup(
        f"{name}-eksClusterSecurityGroup", vpc_id=vpc_id, revoke_rules_on_delete=True, tags=tags, opts=opts
    )
    _rule(
        f"{name}-eksClusterInternetEgressRule",
        "egress",
        "Allow internet access.",
        group.id,
        opts,
        cidr_blocks=["0.0.0.0/0"],
        **_EVERYWHERE,
    )
    return group


def node_security_group(
    name: str,
    vpc_id: pulumi.Input[str],
    cluster_group_id: pulumi.Input[str],
    tags: pulumi.Input[Mapping[str, str]],
    opts: pulumi.ResourceOptions,
) -> NodeSecurityGroup:
    """The workers' group: they may talk to each other, to the control plane and to everywhere."""
    group = aws.ec2.SecurityGroup(
        f"{name}-nodeSecurityGroup", vpc_id=vpc_id, revoke_rules_on_delete=True, tags=tags, opts=opts
    )
    _rule(
        f"{name}-eksNodeIngressRule",
        "ingress",
        "Allow nodes to communicate with each other",
        group.id,
        opts,
        self=True,
        **_EVERYWHERE,
    )
    _rule(
        f"{name}-eksNodeClusterIngressRule",
        "ingress",
        "Allow worker Kubelets and pods to receive communication from the cluster control plane",
        group.id,
        opts,
        from_port=1025,
        to_port=65535,
        protocol="tcp",
        source_security_group_id=cluster_group_id,
    )
    _rule(
        f"{name}-eksExtApiServerClusterIngressRule",
        "ingress",
        "Allow pods running extension API servers on port 443 to receive communication from cluster control plane",
        group.id,
        opts,
        source_security_group_id=cluster_group_id,
        **_HTTPS,
    )
    _rule(
        f"{name}-eksNodeInternetEgressRule",
        "egress",
        "Allow internet access.",
        group.id,
        opts,
        cidr_blocks=["0.0.0.0/0"],
        **_EVERYWHERE,
    )
    ingress = _rule(
        f"{name}-eksClusterIngressRule",
        "ingress",
        "Allow pods to communicate with the cluster API Server",
        cluster_group_id,
        opts,
        source_security_group_id=group.id,
        **_HTTPS,
    )
    return NodeSecurityGroup(group, ingress)


def _rule(
    name: str,
    kind: str,
    description: str,
    group_id: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
    **traffic: Any,
) -> aws.ec2.SecurityGroupRule:
    arguments = aws.ec2.SecurityGroupRuleArgs(type=kind, description=description, security_group_id=group_id, **traffic)
    return aws.ec2.SecurityGroupRule(name, arguments, opts)
