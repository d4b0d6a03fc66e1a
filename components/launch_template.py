"""Launch templates of nodes: disks, metadata service, network and user data of its nodes."""

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
        metadata_options=metadata_options(
            int(args.get("hop_limit", DEFAULT_HOP_LIMIT)),
            ipv6=args.get("metadata_options", {}).get("ipv6_endpoint", False),
        ),
        block_device_mappings=disks(
            ami_type(args), disk_size_gib(args), args.get("iops"), args.get("throughput"), args.get("kms_key_arn")
        ),
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


def metadata_options(hop_limit: int, *, ipv6: bool = False) -> aws.ec2.LaunchTemplateMetadataOptionsArgsDict:
    """Return the options of the instance metadata service, with IMDSv2 required."""
    options: aws.ec2.LaunchTemplateMetadataOptionsArgsDict = {
        "http_endpoint": "enabled",
        "http_tokens": "required",
        "http_put_response_hop_limit": hop_limit,
    }
    return {**options, "http_protocol_ipv6": "enabled"} if ipv6 else options


def disks(
    ami_type: str, size_gib: int, iops: int | None, throughput: int | None, kms_key_arn: pulumi.Input[str] | None
) -> list[aws.ec2.LaunchTemplateBlockDeviceMappingArgs]:
    """Return the encrypted volumes of a node: the one with the pods' storage and, of Bottlerocket, that of the system.

    Args:
        ami_type: AMI type of the node.
        size_gib: Size of the volume with the pods' storage; that of the system has the size of the image.
        iops: IOPS of that volume.
        throughput: Throughput of that volume in MiB/s.
        kms_key_arn: KMS key of the volumes.
    """
    ebs = aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs
    data = ebs(
        volume_type="gp3",
        volume_size=size_gib,
        iops=iops,
        throughput=throughput,
        encrypted="true",
        kms_key_id=kms_key_arn,
        delete_on_termination="true",
    )
    volumes = {ami.family(ami_type).data_device: data}
    if ami.is_bottlerocket(ami_type):
        volumes[ami.BOTTLEROCKET_OS_DEVICE] = ebs(
            volume_type="gp3", encrypted="true", kms_key_id=kms_key_arn, delete_on_termination="true"
        )
    return [
        aws.ec2.LaunchTemplateBlockDeviceMappingArgs(device_name=device, ebs=volume)
        for device, volume in volumes.items()
    ]


def _user_data(args: ManagedNodeGroupArgs) -> pulumi.Input[str] | None:
    """Return the user data in base64; None if EKS's own is enough."""
    if "user_data" not in args and "max_pods" not in args:
        return None

    def encoded(text: str | None) -> str:
        whole = user_data.document(ami_type(args), text, args.get("max_pods"))
        return base64.b64encode((whole or "").encode()).decode()

    return pulumi.Output.from_input(args.get("user_data")).apply(encoded)
