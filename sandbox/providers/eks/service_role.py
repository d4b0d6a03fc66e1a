"""``eks:index:ServiceRole``: a role that an AWS service takes on, with managed policies.

Imitates pulumi-eks nodejs/eks/servicerole.ts, as of v4.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws


class ServiceRole(pulumi.ComponentResource):
    """The role and its attachments, named as the official package names them.

    Args:
        name: Name in the program.
        service: The service that takes the role on, such as ``eks.amazonaws.com``.
        description: Description of the role.
        policies: Names of managed policies.
        actions: What the service may do to take it on.
        tags: Tags of the role.
        parent: The component that it belongs to.
    """

    def __init__(
        self,
        name: str,
        *,
        service: str,
        description: str,
        policies: Sequence[str],
        actions: Sequence[str],
        tags: pulumi.Input[Mapping[str, str]] | None,
        parent: pulumi.Resource,
    ) -> None:
        super().__init__("eks:index:ServiceRole", name, {}, pulumi.ResourceOptions(parent=parent))
        within = pulumi.ResourceOptions(parent=self)
        trust = {
            "Version": "2012-10-17",
            "Statement": [{"Action": list(actions), "Effect": "Allow", "Principal": {"Service": [service]}}],
        }
        self.role = aws.iam.Role(
            f"{name}-role", description=description, assume_role_policy=json.dumps(trust), tags=tags, opts=within
        )
        partition = aws.get_partition_output(opts=pulumi.InvokeOutputOptions(parent=self)).partition
        self.attachments = [
            aws.iam.RolePolicyAttachment(
                f"{name}-{_digest(f'arn:aws:iam::aws:policy/{policy}')}",
                policy_arn=pulumi.Output.concat("arn:", partition, f":iam::aws:policy/{policy}"),
                role=self.role.name,
                opts=within,
            )
            for policy in policies
        ]
        outputs: dict[str, Any] = {"directRole": self.role, "resolvedRole": self.role}
        self.register_outputs(outputs)


def _digest(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:8]
