"""The launch template of a managed node group: disks, metadata service, network and user data of its nodes."""

import base64
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from .node_group_args import (
    CAPACITY_BLOCK,
    DEFAULT_HOP_LIMIT,
    ManagedNodeGroupArgs,
    ami_type,
    disk_size_gib,
    instance_types,
)
from .pure import ami, user_data

TAGS = "tagSpecifications"
"""Path of the instances' tags for ``ignore_changes``."""


class TemplateVersion(NamedTuple):
    """A version of a launch template, as a node group names it."""

    id: pulumi.Input[str]
    version: pulumi.Input[str]


def template_of(name: str, args: ManagedNodeGroupArgs, opts: pulumi.ResourceOptions) -> TemplateVersion:
    """Return the launch template of a group: the given one, or one made under ``opts.parent``."""
    if "launch_template" in args:
        return TemplateVersion(args["launch_template"]["id"], args["launch_template"]["version"])
    made = _make(name, args, opts)
    return TemplateVersion(made.id, made.latest_version.apply(lambda version: str(int(version))))


def _make(name: str, args: ManagedNodeGroupArgs, opts: pulumi.ResourceOptions) -> aws.ec2.LaunchTemplate:
    tags = {"Name": name, **args.get("instance_tags", args.get("tags", {}))}
    if "instance_tags" not in args:
        # Another tag is another version of the template, for which EKS replaces every node.
        opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(ignore_changes=[TAGS]))
    block = args.get("capacity_type") == CAPACITY_BLOCK
    return aws.ec2.LaunchTemplate(
        name,
        description=f"Nodes of the managed node group {name}",
        metadata_options={
            "http_endpoint": "enabled",
            "http_tokens": "required",
            "http_put_response_hop_limit": int(args.get("hop_limit", DEFAULT_HOP_LIMIT)),
            **({"http_protocol_ipv6": "enabled"} if args.get("metadata_options", {}).get("ipv6_endpoint") else {}),
        },
        block_device_mappings=[_disk(args), *_system_disk(args)],
        key_name=args.get("key_pair"),
        vpc_security_group_ids=args.get("security_group_ids"),
        user_data=_user_data(args),
        # "Create a managed node group with Capacity Blocks for ML" of the EKS user guide: all three or no group.
        instance_type=instance_types(args)[0] if block else None,
        instance_market_options={"market_type": "capacity-block"} if block else None,
        capacity_reservation_specification={
            "capacity_reservation_target": {"capacity_reservation_id": args["capacity_reservation_id"]}
        }
        if block
        else None,
        tag_specifications=[{"resource_type": kind, "tags": tags} for kind in ("instance", "volume")],
        tags=args.get("tags"),
        opts=opts,
    )


def _disk(args: ManagedNodeGroupArgs) -> aws.ec2.LaunchTemplateBlockDeviceMappingArgs:
    """The volume that holds the pods' storage."""
    ebs = aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
        volume_type="gp3",
        volume_size=disk_size_gib(args),
        iops=args.get("iops"),
        throughput=args.get("throughput"),
        encrypted="true",
        kms_key_id=args.get("kms_key_arn"),
        delete_on_termination="true",
    )
    return aws.ec2.LaunchTemplateBlockDeviceMappingArgs(device_name=ami.family(ami_type(args)).data_device, ebs=ebs)


def _system_disk(args: ManagedNodeGroupArgs) -> list[aws.ec2.LaunchTemplateBlockDeviceMappingArgs]:
    """Encrypt the volume of Bottlerocket's system too; its size is that of the image."""
    if not ami.is_bottlerocket(ami_type(args)):
        return []
    ebs = aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
        volume_type="gp3", encrypted="true", kms_key_id=args.get("kms_key_arn"), delete_on_termination="true"
    )
    return [aws.ec2.LaunchTemplateBlockDeviceMappingArgs(device_name=ami.BOTTLEROCKET_OS_DEVICE, ebs=ebs)]


def _user_data(args: ManagedNodeGroupArgs) -> pulumi.Input[str] | None:
    """Return the user data in base64; None if EKS's own is enough."""
    if "user_data" not in args and "max_pods" not in args:
        return None

    def encoded(text: str | None) -> str:
        whole = user_data.document(ami_type(args), text, args.get("max_pods"))
        return base64.b64encode((whole or "").encode()).decode()

    return pulumi.Output.from_input(args.get("user_data")).apply(encoded)
