"""The IAM role of nodes, with the three AWS managed policies a node needs and no more."""

import json
from functools import partial
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from . import iam


class NodeRole(NamedTuple):
    """A node's role, and the attachments without which its nodes cannot join."""

    arn: pulumi.Output[str]
    attachments: list[pulumi.Resource]

    @classmethod
    def make(
        cls,
        name: str,
        permissions_boundary_arn: str | None,
        tags: dict[str, str] | None,
        opts: pulumi.ResourceOptions,
    ) -> "NodeRole":
        """Register the role ``<name>-node`` and its attachments under ``opts.parent``."""
        role = aws.iam.Role(
            f"{name}-node",
            description=f"Nodes of the managed node group {name}",
            assume_role_policy=json.dumps(iam.node_trust()),
            permissions_boundary=permissions_boundary_arn,
            tags=tags,
            opts=opts,
        )
        partition = role.arn.apply(lambda arn: arn.split(":")[1])
        attachments: list[pulumi.Resource] = [
            aws.iam.RolePolicyAttachment(
                f"{name}-node-{policy}",
                role=role.name,
                policy_arn=partition.apply(partial(iam.managed_policy_arn, name=policy)),
                opts=opts,
            )
            for policy in iam.NODE_MANAGED_POLICIES
        ]
        return cls(role.arn, attachments)
