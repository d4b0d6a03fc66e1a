"""``eks:index:ServiceRole``, as the cluster makes it: the role of the control plane with its managed policy.

Imitates pulumi-eks nodejs/eks/servicerole.ts, as of v4.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import pulumi
import pulumi_aws as aws

_POLICY: Final = ":iam::aws:policy/AmazonEKSClusterPolicy"
_TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Effect": "Allow",
            "Principal": {"Service": ["eks.amazonaws.com"]},
        }
    ],
}


class ServiceRole(pulumi.ComponentResource):
    """The role and its attachment, named as the official package names them.

    Args:
        name: Name in the program.
        tags: Tags of the role.
        parent: The component that it belongs to.
    """

    def __init__(self, name: str, tags: pulumi.Input[Mapping[str, str]] | None, parent: pulumi.Resource) -> None:
        super().__init__("eks:index:ServiceRole", name, {}, pulumi.ResourceOptions(parent=parent))
        within = pulumi.ResourceOptions(parent=self)
        self.role = aws.iam.Role(
            f"{name}-role",
            description="Allows EKS to manage clusters on your behalf.",
            assume_role_policy=json.dumps(_TRUST),
            tags=tags,
            opts=within,
        )
        partition = aws.get_partition_output(opts=pulumi.InvokeOutputOptions(parent=self)).partition
        digest = hashlib.sha1(f"arn:aws{_POLICY}".encode(), usedforsecurity=False).hexdigest()[:8]
        self.attachment = aws.iam.RolePolicyAttachment(
            f"{name}-{digest}",
            policy_arn=pulumi.Output.concat("arn:", partition, _POLICY),
            role=self.role.name,
            opts=within,
        )
        outputs: dict[str, Any] = {"directRole": self.role, "resolvedRole": self.role}
        self.register_outputs(outputs)
