"""ManagedNodeGroup: nodes whose number Cluster Autoscaler owns, with all it needs to scale them, from zero too."""

from collections.abc import Sequence
from typing import NamedTuple, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pulumi_aws.eks.outputs import NodeGroupResource

from . import asg_tags, node_role
from .asg_tags import AutoscalerTags, AutoscalerTagsArgs
from .errors import FaultsError, checked
from .instance_types import look_up
from .live_size import DESIRED_SIZE, LiveSize
from .node_role import NodeRole
from .pure import ami, iam, instances, labels, validation
from .pure.discovery import TAINT_EFFECTS, Taint
from .pure.faults import Fault

TOKEN = "eks-cluster-autoscaler:index:ManagedNodeGroup"

DEFAULT_INSTANCE_TYPES = ("m6i.large",)
DEFAULT_CAPACITY_TYPE = "ON_DEMAND"
DEFAULT_DISK_SIZE_GIB = 50
DEFAULT_HOP_LIMIT = 1
DEFAULT_GPU_RESOURCE = "nvidia.com/gpu"
ACCELERATOR_LABEL = "k8s.amazonaws.com/accelerator"
"""Label by which Cluster Autoscaler knows that a node's GPU is still to come (AWS provider's README)."""


class Gpu(TypedDict):
    """GPUs of a group's nodes."""

    accelerator: str
    """Name that Cluster Autoscaler knows the model by, such as `nvidia-tesla-t4` or `nvidia-a10g`."""
    count: NotRequired[int]
    """GPUs per node. Defaults to 1."""
    resource: NotRequired[str]
    """Kubernetes resource of the GPUs. Defaults to `nvidia.com/gpu`."""


class UpdateSettings(TypedDict):
    """How many nodes an update of the group may take away at once: one of the two."""

    max_unavailable: NotRequired[int]
    """Number of nodes, 1 to 100."""
    max_unavailable_percentage: NotRequired[int]
    """Percentage of the nodes, 1 to 100."""


class ManagedNodeGroupArgs(TypedDict):
    """What the nodes are and how many there may be."""

    cluster_name: pulumi.Input[str]
    """Name of the EKS cluster."""
    min_size: pulumi.Input[int]
    """Minimum number of nodes. May be 0."""
    max_size: pulumi.Input[int]
    """Maximum number of nodes."""
    desired_size: NotRequired[pulumi.Input[int]]
    """Nodes at creation; afterwards the number belongs to Cluster Autoscaler. Defaults to `minSize`."""
    subnet_ids: NotRequired[pulumi.Input[Sequence[pulumi.Input[str]]]]
    """Subnets of the one group. Give this or `subnetIdsByZone`."""
    subnet_ids_by_zone: NotRequired[dict[str, pulumi.Input[Sequence[pulumi.Input[str]]]]]
    """Subnets by zone, for one group per zone, so that a pod bound to a volume of one zone gets its node there.

    Give this or `subnetIds`.
    """
    instance_types: NotRequired[list[str]]
    """EC2 instance types of equal CPU and memory. Defaults to `["m6i.large"]`."""
    allow_unequal_types: NotRequired[bool]
    """Whether the instance types may differ in CPU or memory; the autoscaler sizes the group by the first.

    Defaults to false.
    """
    capacity_type: NotRequired[str]
    """`ON_DEMAND` or `SPOT`. Defaults to `ON_DEMAND`."""
    ami_type: NotRequired[str]
    """AMI type of the EKS API. Defaults to Amazon Linux 2023 for the CPU of the instance types."""
    disk_size_gib: NotRequired[int]
    """Size of the encrypted gp3 root volume in GiB; announced as ephemeral storage. Defaults to 50."""
    labels: NotRequired[dict[str, pulumi.Input[str]]]
    """Kubernetes labels of the nodes. Defaults to none."""
    taints: NotRequired[list[Taint]]
    """Kubernetes taints of the nodes. Defaults to none."""
    gpu: NotRequired[Gpu]
    """GPUs of the nodes. Defaults to none."""
    resources: NotRequired[dict[str, str]]
    """Further extended resources that a node of this group will offer. Defaults to none."""
    autoscaling_options: NotRequired[dict[str, str]]
    """Autoscaling options of this group, such as `scaledownunneededtime: 5m`. Defaults to the autoscaler's own."""
    update_settings: NotRequired[UpdateSettings]
    """How many nodes an update may take away at once. Defaults to EKS's default, one."""
    kubernetes_version: NotRequired[pulumi.Input[str]]
    """Kubernetes version of the nodes. Defaults to the cluster's at creation."""
    node_role_arn: NotRequired[pulumi.Input[str]]
    """Role of the nodes. Defaults to one made here with the three AWS managed policies a node needs."""
    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """Permissions boundary of a role made here. Defaults to none."""
    path: NotRequired[str]
    """IAM path of a role made here. Defaults to `/`."""
    name_prefix: NotRequired[str]
    """Prefix of the name of a role made here. Defaults to none."""
    hop_limit: NotRequired[int]
    """IMDSv2 hop limit: 1 keeps pods from the node's role, 2 lets every pod use it. Defaults to 1."""
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """AWS tags of the group, its launch template, role, instances and volumes. Defaults to none.

    A change replaces the nodes, a few at a time: instances get their tags from the launch template.
    """


class _Group(NamedTuple):
    """One EKS node group of this component."""

    name: str
    subnet_ids: pulumi.Input[Sequence[pulumi.Input[str]]]


def faults(args: ManagedNodeGroupArgs) -> list[Fault]:
    """Faults of the arguments, as far as they are plain values."""
    gpu = args.get("gpu")
    return [
        *validation.cluster_name("clusterName", args["cluster_name"]),
        *validation.sizes(args["min_size"], args.get("desired_size"), args["max_size"]),
        *_subnet_faults(args),
        *validation.instance_types("instanceTypes", _instance_types(args)),
        *validation.choice("capacityType", args.get("capacity_type", DEFAULT_CAPACITY_TYPE), validation.CAPACITY_TYPES),
        *validation.choice("amiType", _ami_type(args), validation.AMI_TYPES),
        *ami.architecture_faults("amiType", _ami_type(args), _instance_types(args)),
        *ami.version_faults("amiType", _ami_type(args), args.get("kubernetes_version")),
        *ami.disk_faults("diskSizeGib", _ami_type(args), int(args.get("disk_size_gib", DEFAULT_DISK_SIZE_GIB))),
        *labels.managed_label_faults("labels", args.get("labels", {})),
        *labels.managed_taint_faults("taints", args.get("taints", [])),
        *(_gpu_faults(gpu) if gpu else []),
        *_update_faults(args.get("update_settings")),
        *validation.kubernetes_version("kubernetesVersion", args.get("kubernetes_version")),
        *validation.iam_arn("nodeRoleArn", args.get("node_role_arn"), "role"),
        *node_role.faults(args),
        *validation.bounds("hopLimit", int(args.get("hop_limit", DEFAULT_HOP_LIMIT)), 1, 2),
        *(_of_gpu(fault, gpu) if gpu else fault for fault in asg_tags.faults(_template(args))),
    ]


class ManagedNodeGroup(pulumi.ComponentResource):
    """A managed node group (or one per zone): node role, launch template, group, and the tags on its ASG.

    IMDSv2 is required and the root volume is encrypted. The number of nodes belongs to Cluster Autoscaler: changes of
    the desired size are ignored, and an update of the limits or a replacement keeps the live size. Labels, taints, disk
    and GPUs are declared once: they go to the nodes and, as tags, to the ASG, so that Cluster Autoscaler knows what a
    node of an empty group would offer.

    Needs an AWS provider, with `eks:ListNodegroups` and `eks:DescribeNodegroup` at preview.
    """

    asg_names: pulumi.Output[dict[str, str]]
    """Name of the Auto Scaling Group by group: `<name>`, or `<name>-<zone>` with one group per zone."""
    node_group_names: pulumi.Output[dict[str, str]]
    """Name of the EKS node group by group."""
    node_role_arn: pulumi.Output[str]
    """ARN of the nodes' role."""
    node_role_name: pulumi.Output[str]
    """Name of the nodes' role."""
    tags: pulumi.Output[dict[str, str]]
    """Tags put on each Auto Scaling Group, value by key."""

    def __init__(self, name: str, args: ManagedNodeGroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:

        def rules(given: ManagedNodeGroupArgs) -> list[Fault]:
            return [*_name_faults(name, given), *faults(given)]

        args = checked(ManagedNodeGroup, name, args, ManagedNodeGroupArgs, rules)
        super().__init__(TOKEN, name, dict(args), opts)
        role_arn, attached = self._role(name, args)
        template = _launch_template(name, args, pulumi.ResourceOptions(parent=self))
        instance_types: pulumi.Output[list[str]] = pulumi.Output.from_input(_instance_types(args)).apply(
            lambda names: self._checked_types(name, args, names)
        )

        made: dict[str, aws.eks.NodeGroup] = {}
        tagged: list[AutoscalerTags] = []
        self.asg_name_by_group: dict[str, pulumi.Output[str]] = {}
        """Name of the Auto Scaling Group by group, its keys known at preview (Python only)."""
        for group in _groups(name, args):
            made[group.name] = _node_group(
                group,
                args,
                role_arn,
                instance_types,
                template,
                pulumi.ResourceOptions(
                    parent=self,
                    depends_on=attached,
                    ignore_changes=[DESIRED_SIZE],
                    transforms=[LiveSize(self, group.name)],
                ),
            )
            asg_name = made[group.name].resources.apply(_asg_name)
            self.asg_name_by_group[group.name] = asg_name
            tagged.append(
                AutoscalerTags(
                    group.name, {**_template(args), "asg_name": asg_name}, pulumi.ResourceOptions(parent=self)
                )
            )

        self.node_role_arn = role_arn
        self.node_role_name = role_arn.apply(iam.role_name)
        self.asg_names = pulumi.Output.all(**self.asg_name_by_group)
        self.node_group_names = pulumi.Output.all(**{key: group.node_group_name for key, group in made.items()})
        self.tags = tagged[0].tags
        self.register_outputs(
            {
                "asgNames": self.asg_names,
                "nodeGroupNames": self.node_group_names,
                "nodeRoleArn": self.node_role_arn,
                "nodeRoleName": self.node_role_name,
                "tags": self.tags,
            }
        )

    async def _checked_types(self, name: str, args: ManagedNodeGroupArgs, names: list[str]) -> list[str]:
        """Return the instance types once it is known that they exist and fit together and to the image."""
        types, found = await look_up(self, names)
        if types and not found:
            found = instances.faults(types, _ami_type(args), unequal=args.get("allow_unequal_types", False))
        if found:
            raise FaultsError.of(ManagedNodeGroup, name, ManagedNodeGroupArgs, found)
        return names

    def _role(self, name: str, args: ManagedNodeGroupArgs) -> tuple[pulumi.Output[str], list[pulumi.Resource]]:
        """ARN of the nodes' role, and what must exist before a node can use it."""
        if "node_role_arn" in args:
            return pulumi.Output.from_input(args["node_role_arn"]), []
        role = NodeRole.make(name, args, pulumi.ResourceOptions(parent=self))
        return role.arn, role.attachments


def _groups(name: str, args: ManagedNodeGroupArgs) -> list[_Group]:
    if "subnet_ids_by_zone" in args:
        return [_Group(f"{name}-{zone}", ids) for zone, ids in sorted(args["subnet_ids_by_zone"].items())]
    return [_Group(name, args["subnet_ids"])]


def _template(args: ManagedNodeGroupArgs) -> AutoscalerTagsArgs:
    """What a node of this group will offer, as its tags announce it; the ASG's name is filled in by the caller."""
    template: AutoscalerTagsArgs = {
        "asg_name": "",
        "cluster_name": args["cluster_name"],
        "managed_by_eks": True,
        "labels": {**_system_labels(args), **_labels(args)},
        "resources": _resources(args),
    }
    if "taints" in args:
        template["taints"] = args["taints"]
    if "autoscaling_options" in args:
        template["autoscaling_options"] = args["autoscaling_options"]
    return template


def _labels(args: ManagedNodeGroupArgs) -> dict[str, pulumi.Input[str]]:
    gpu = args.get("gpu")
    return {**args.get("labels", {}), **({ACCELERATOR_LABEL: gpu["accelerator"]} if gpu else {})}


def _system_labels(args: ManagedNodeGroupArgs) -> dict[str, str]:
    """What the kubelet says of a node and Cluster Autoscaler cannot guess of an empty group: that it runs Windows.

    It takes any other group for Linux, and the CPU architecture from the instance type (``aws_manager.go``).
    """
    return {"kubernetes.io/os": "windows"} if ami.is_windows(_ami_type(args)) else {}


def _resources(args: ManagedNodeGroupArgs) -> dict[str, str]:
    resources = {"ephemeral-storage": f"{int(args.get('disk_size_gib', DEFAULT_DISK_SIZE_GIB))}Gi"}
    if gpu := args.get("gpu"):
        resources[gpu.get("resource", DEFAULT_GPU_RESOURCE)] = str(int(gpu.get("count", 1)))
    return {**resources, **args.get("resources", {})}


def _instance_types(args: ManagedNodeGroupArgs) -> list[str]:
    return list(args.get("instance_types", DEFAULT_INSTANCE_TYPES))


def _ami_type(args: ManagedNodeGroupArgs) -> str:
    return args.get("ami_type", ami.default_type(_instance_types(args)))


def _checked_version(name: str, args: ManagedNodeGroupArgs) -> pulumi.Output[str] | None:
    """Return the Kubernetes version of the nodes, once it is known that their AMI type exists for it."""

    def check(version: str) -> str:
        if found := ami.version_faults("amiType", _ami_type(args), version):
            raise FaultsError.of(ManagedNodeGroup, name, ManagedNodeGroupArgs, found)
        return version

    given = args.get("kubernetes_version")
    return None if given is None else pulumi.Output.from_input(given).apply(check)


def _name_faults(name: str, args: ManagedNodeGroupArgs) -> list[Fault]:
    """Find names that become too long for EKS: Pulumi appends a dash and seven hexadecimal digits."""
    longest = max((len(zone) + 1 for zone in args.get("subnet_ids_by_zone", {})), default=0)
    return validation.node_group_name("name", name, most=63 - 8 - longest)


def _asg_name(resources: Sequence[NodeGroupResource]) -> str:
    """Name of the one Auto Scaling Group behind a managed node group."""
    # A group that is still being created, as after an interrupted update, has no resources yet.
    groups = resources[0].autoscaling_groups if resources else []
    if not groups or not groups[0].name:
        raise pulumi.RunError("EKS names no Auto Scaling Group for the node group: look at its health issues in EKS")
    return groups[0].name


def _node_group(
    group: _Group,
    args: ManagedNodeGroupArgs,
    role_arn: pulumi.Output[str],
    instance_types: pulumi.Output[list[str]],
    template: aws.ec2.LaunchTemplate,
    opts: pulumi.ResourceOptions,
) -> aws.eks.NodeGroup:
    return aws.eks.NodeGroup(
        group.name,
        cluster_name=args["cluster_name"],
        node_role_arn=role_arn,
        subnet_ids=group.subnet_ids,
        version=_checked_version(group.name, args),
        ami_type=_ami_type(args),
        capacity_type=args.get("capacity_type", DEFAULT_CAPACITY_TYPE),
        instance_types=instance_types,
        labels=_labels(args),
        taints=[
            aws.eks.NodeGroupTaintArgs(
                key=taint["key"], value=taint.get("value", ""), effect=TAINT_EFFECTS[taint["effect"]]
            )
            for taint in args.get("taints", [])
        ],
        scaling_config={
            "min_size": args["min_size"],
            "max_size": args["max_size"],
            "desired_size": args.get("desired_size", args["min_size"]),
        },
        update_config=_update_config(args.get("update_settings")),
        launch_template={
            "id": template.id,
            "version": template.latest_version.apply(lambda version: str(int(version))),
        },
        tags=args.get("tags"),
        opts=opts,
    )


def _update_config(update: UpdateSettings | None) -> aws.eks.NodeGroupUpdateConfigArgs | None:
    if update is None:
        return None
    if "max_unavailable" in update:
        return aws.eks.NodeGroupUpdateConfigArgs(max_unavailable=int(update["max_unavailable"]))
    return aws.eks.NodeGroupUpdateConfigArgs(max_unavailable_percentage=int(update["max_unavailable_percentage"]))


def _launch_template(name: str, args: ManagedNodeGroupArgs, opts: pulumi.ResourceOptions) -> aws.ec2.LaunchTemplate:
    tags = {"Name": name, **args.get("tags", {})}
    return aws.ec2.LaunchTemplate(
        name,
        description=f"Nodes of the managed node group {name}",
        metadata_options={
            "http_endpoint": "enabled",
            "http_tokens": "required",
            "http_put_response_hop_limit": int(args.get("hop_limit", DEFAULT_HOP_LIMIT)),
        },
        block_device_mappings=[
            {
                "device_name": ami.family(_ami_type(args)).data_device,
                "ebs": {
                    "volume_type": "gp3",
                    "volume_size": int(args.get("disk_size_gib", DEFAULT_DISK_SIZE_GIB)),
                    "encrypted": "true",
                    "delete_on_termination": "true",
                },
            },
            *_system_volume(args),
        ],
        tag_specifications=[{"resource_type": kind, "tags": tags} for kind in ("instance", "volume")],
        tags=args.get("tags"),
        opts=opts,
    )


def _system_volume(args: ManagedNodeGroupArgs) -> list[aws.ec2.LaunchTemplateBlockDeviceMappingArgs]:
    """Encrypt the volume of Bottlerocket's system too; its size is that of the image."""
    if not ami.is_bottlerocket(_ami_type(args)):
        return []
    ebs = aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
        volume_type="gp3", encrypted="true", delete_on_termination="true"
    )
    return [aws.ec2.LaunchTemplateBlockDeviceMappingArgs(device_name=ami.BOTTLEROCKET_OS_DEVICE, ebs=ebs)]


def _subnet_faults(args: ManagedNodeGroupArgs) -> list[Fault]:
    by_zone = args.get("subnet_ids_by_zone")
    if (by_zone is None) == ("subnet_ids" not in args):
        given = "neither" if by_zone is None else "both"
        return [Fault("subnetIds", f"{given} of subnetIds and subnetIdsByZone", "one of the two")]
    if by_zone is None:
        return validation.subnet_ids("subnetIds", args["subnet_ids"])
    found = [f for zone, ids in by_zone.items() for f in validation.subnet_ids(f"subnetIdsByZone[{zone!r}]", ids)]
    found += [f for zone in by_zone for f in validation.zone(f"subnetIdsByZone[{zone!r}]", zone)]
    return found or ([] if by_zone else [Fault("subnetIdsByZone", "no zone", "one zone at least")])


def _gpu_faults(gpu: Gpu) -> list[Fault]:
    found = validation.bounds("gpu.count", int(gpu.get("count", 1)), 1, 16)
    if not gpu["accelerator"]:
        found.append(Fault("gpu.accelerator", "''", "the GPU's name, such as nvidia-tesla-t4"))
    return found


def _of_gpu(fault: Fault, gpu: Gpu) -> Fault:
    """The same fault where the user wrote it, if it is of what was made from the GPU."""
    homes = {
        f"labels[{ACCELERATOR_LABEL!r}]": "gpu.accelerator",
        f"resources[{gpu.get('resource', DEFAULT_GPU_RESOURCE)!r}]": "gpu.resource",
    }
    return fault._replace(path=homes.get(fault.path, fault.path))


def _update_faults(update: UpdateSettings | None) -> list[Fault]:
    if update is None:
        return []
    if len(update) != 1:
        return [
            Fault("updateSettings", f"{len(update)} settings", "one of maxUnavailable and maxUnavailablePercentage")
        ]
    return [
        *validation.bounds("updateSettings.maxUnavailable", int(update.get("max_unavailable", 1)), 1, 100),
        *validation.bounds(
            "updateSettings.maxUnavailablePercentage", int(update.get("max_unavailable_percentage", 1)), 1, 100
        ),
    ]
