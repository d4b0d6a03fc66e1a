"""The IAM role of nodes, with the three AWS managed policies a node needs and no more."""

import json
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, NotRequired, Self, TypedDict

import pulumi
import pulumi_aws as aws

from .pure import iam, validation
from .pure.faults import Fault


class RoleArgs(TypedDict):
    """What an account's rules may ask of every role that is made."""

    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """Permissions boundary of the role. Defaults to none."""
    path: NotRequired[str]
    """IAM path of the role. Defaults to `/`."""
    name_prefix: NotRequired[str]
    """Prefix of the role's name. Defaults to none."""
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """AWS tags of the role. Defaults to none."""


def faults(args: RoleArgs) -> list[Fault]:
    """Check the arguments."""
    return [
        *validation.iam_arn("permissionsBoundaryArn", args.get("permissions_boundary_arn"), "policy"),
        *validation.iam_path("path", args.get("path", "/")),
        *validation.role_prefix("namePrefix", args.get("name_prefix", "")),
        *validation.tags("tags", args.get("tags", {})),
    ]


def policy_faults(path: str, policies: Sequence[str]) -> list[Fault]:
    """Check the further policies: no ARN, or one that the role has already."""
    found = [f for i, arn in enumerate(policies) for f in validation.iam_arn(f"{path}[{i}]", arn, "policy")]
    taken = {*iam.NODE_MANAGED_POLICIES}
    for index, arn in enumerate(policies):
        if (name := _policy_name(arn)) in taken:
            found.append(
                Fault(f"{path}[{index}]", repr(name), "each policy once; the role has those that a node needs")
            )
        taken.add(name)
    return found


def _policy_name(arn: str) -> str:
    return arn.rpartition("/")[2]


class NodeRole(NamedTuple):
    """A node's role, and the attachments without which its nodes cannot join."""

    arn: pulumi.Output[str]
    name: pulumi.Output[str]
    attachments: list[pulumi.Resource]

    @classmethod
    def make(
        cls,
        name: str,
        args: RoleArgs,
        policies: Sequence[str],
        opts: pulumi.ResourceOptions,
        *,
        kind: str = "managed node group",
        ipv6: bool = False,
    ) -> Self:
        """Register the role ``<name>-node`` and its attachments under ``opts.parent``.

        Args:
            name: Name of the group.
            args: Names and limits of the role.
            policies: ARNs of policies in addition to those that a node needs.
            opts: Options of each resource.
            kind: What the group is, for the description of the role.
            ipv6: Whether the pods of the nodes have IPv6 addresses.
        """
        prefix = args.get("name_prefix")
        partition = aws.get_partition_output(opts=pulumi.InvokeOutputOptions(parent=opts.parent)).partition
        role = aws.iam.Role(
            f"{name}-node",
            name_prefix=iam.role_prefix(prefix, f"{name}-node") if prefix else None,
            description=f"Nodes of the {kind} {name}",
            path=args.get("path"),
            assume_role_policy=partition.apply(iam.node_trust).apply(json.dumps),
            permissions_boundary=args.get("permissions_boundary_arn"),
            tags=args.get("tags"),
            opts=opts,
        )
        arns: dict[str, pulumi.Input[str]] = {
            policy: partition.apply(partial(iam.managed_policy_arn, name=policy))
            for policy in iam.NODE_MANAGED_POLICIES
        }
        arns |= {_policy_name(arn): arn for arn in policies}
        attachments: list[pulumi.Resource] = [
            aws.iam.RolePolicyAttachment(
                f"{name}-node-{policy}",
                role=role.name,
                policy_arn=arn,
                # Where the role is replaced, the provider would take the policies from the nodes that still run.
                opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(delete_before_replace=False)),
            )
            for policy, arn in arns.items()
        ]
        if ipv6:
            document = partition.apply(iam.ipv6_policy).apply(json.dumps)
            attachments.append(aws.iam.RolePolicy(f"{name}-node-ipv6", role=role.name, policy=document, opts=opts))
        return cls(role.arn, role.name, attachments)
