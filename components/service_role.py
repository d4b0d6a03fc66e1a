"""Roles of AWS services, with the AWS managed policies that they need and no more: of nodes, of a control plane."""

import json
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, NotRequired, Self, TypedDict

import pulumi
import pulumi_aws as aws

from . import iam, validation
from .faults import Fault


class RoleArgs(TypedDict):
    """What an account's rules may ask of every role that is made."""

    permissions_boundary_arn: NotRequired[str]
    """Permissions boundary of the role. Defaults to none."""
    path: NotRequired[str]
    """IAM path of the role. Defaults to `/`."""
    name_prefix: NotRequired[str]
    """Prefix of the role's name. Defaults to none."""
    tags: NotRequired[dict[str, str]]
    """AWS tags of the role. Defaults to none."""


def faults(args: RoleArgs) -> list[Fault]:
    """Faults of the arguments."""
    return [
        *validation.iam_arn("permissionsBoundaryArn", args.get("permissions_boundary_arn"), "policy"),
        *validation.iam_path("path", args.get("path", "/")),
        *validation.role_prefix("namePrefix", args.get("name_prefix", "")),
    ]


class ServiceRole(NamedTuple):
    """A service's role, and the attachments without which the service cannot use it."""

    role: aws.iam.Role
    attachments: list[pulumi.Resource]

    @classmethod
    def of_nodes(cls, group: str, args: RoleArgs, opts: pulumi.ResourceOptions) -> Self:
        """Register the role of a node group's nodes under ``opts.parent``."""
        description = f"Nodes of the managed node group {group}"
        return cls._register(f"{group}-node", "ec2.amazonaws.com", description, iam.NODE_MANAGED_POLICIES, args, opts)

    @classmethod
    def of_control_plane(cls, name: str, args: RoleArgs, opts: pulumi.ResourceOptions) -> Self:
        """Register the role of a cluster's control plane under ``opts.parent``."""
        description = "Control plane of an EKS cluster"
        return cls._register(f"{name}-eks", "eks.amazonaws.com", description, iam.CLUSTER_MANAGED_POLICIES, args, opts)

    @classmethod
    def _register(
        cls,
        name: str,
        service: str,
        description: str,
        policies: Sequence[str],
        args: RoleArgs,
        opts: pulumi.ResourceOptions,
    ) -> Self:
        prefix = args.get("name_prefix")
        role = aws.iam.Role(
            name,
            name_prefix=iam.role_prefix(prefix, name) if prefix else None,
            description=description,
            path=args.get("path"),
            assume_role_policy=json.dumps(iam.service_trust(service)),
            permissions_boundary=args.get("permissions_boundary_arn"),
            tags=args.get("tags"),
            opts=opts,
        )
        partition = role.arn.apply(lambda arn: arn.split(":")[1])
        attachments: list[pulumi.Resource] = [
            aws.iam.RolePolicyAttachment(
                f"{name}-{policy}",
                role=role.name,
                policy_arn=partition.apply(partial(iam.managed_policy_arn, name=policy)),
                opts=opts,
            )
            for policy in policies
        ]
        return cls(role, attachments)
