"""ManagedNodeGroup: nodes whose number Cluster Autoscaler owns, with all it needs to scale them, from zero too."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws
from pulumi_aws.eks.outputs import NodeGroupResource

from . import node_group_rules
from .asg_tags import AutoscalerTags, AutoscalerTagsArgs
from .errors import FaultsError, checked
from .instance_types import fitting
from .launch_template import TemplateVersion, template_of
from .live_size import DESIRED_SIZE, LiveSize
from .node_group_args import (
    CAPACITY_BLOCK,
    DEFAULT_CAPACITY_TYPE,
    DEFAULT_GPU_RESOURCE,
    ManagedNodeGroupArgs,
    UpdateSettings,
    WarmPool,
    ami_type,
    disk_size_gib,
    instance_types,
    is_custom,
)
from .node_group_rules import ACCELERATOR_LABEL
from .node_role import NodeRole
from .pure import ami, iam, instances, startup_taints, user_data, warm_pools
from .pure.discovery import TAINT_EFFECTS
from .pure.faults import Fault
from .pure.instances import InstanceType
from .pure.ip_family import IPV6

TOKEN = "eks-cluster-autoscaler:index:ManagedNodeGroup"

DEFAULT_UNAVAILABLE = 1
"""EKS's default. It is sent, because the provider keeps the last setting if a program gives none (``update_config`` is
Optional and Computed in ``internal/service/eks/node_group.go`` of hashicorp/terraform-provider-aws)."""

WINDOWS_NEEDS = (
    "Windows nodes need a prepared cluster: a Linux node, AmazonEKSVPCResourceController on the cluster's role, and "
    "enable-windows-ipam: true in the ConfigMap amazon-vpc-cni."
)
"""From "Deploy Windows nodes on EKS clusters" of the EKS user guide."""


class _Group(NamedTuple):
    """One EKS node group of this component."""

    name: str
    subnet_ids: pulumi.Input[Sequence[pulumi.Input[str]]]


def faults(args: ManagedNodeGroupArgs) -> list[Fault]:
    """Check the arguments, as far as they are plain values."""
    return node_group_rules.faults(args, _template(args, instances.UNKNOWN_PODS))


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
    startup_taints: pulumi.Output[list[str]]
    """Keys of its startup taints, for `startupTaints` of ClusterAutoscaler."""
    tags: pulumi.Output[dict[str, str]]
    """Tags put on each Auto Scaling Group, value by key."""

    def __init__(self, name: str, args: ManagedNodeGroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:

        def rules(given: ManagedNodeGroupArgs) -> list[Fault]:
            return [*node_group_rules.name_faults(name, given), *faults(given)]

        args = checked(ManagedNodeGroup, name, args, ManagedNodeGroupArgs, rules)
        super().__init__(TOKEN, name, dict(args), opts)
        role_arn, attached = self._role(name, args)
        template = template_of(name, _checked_user_data(name, args), pulumi.ResourceOptions(parent=self))
        types: pulumi.Output[list[InstanceType]] = pulumi.Output.from_input(instance_types(args)).apply(
            lambda names: fitting(self, name, args, ManagedNodeGroupArgs, names)
        )
        pods = types.apply(lambda found: _pods(args, found))
        image = _image(args, types)
        minutes = args.get("update_timeout_minutes")
        if ami.is_windows(ami_type(args)):
            pulumi.log.warn(WINDOWS_NEEDS, self)

        made: dict[str, aws.eks.NodeGroup] = {}
        tagged: list[AutoscalerTags] = []
        self.asg_name_by_group: dict[str, pulumi.Output[str]] = {}
        """Name of the Auto Scaling Group by group, its keys known at preview (Python only)."""
        for group in _groups(name, args):
            made[group.name] = _node_group(
                group,
                args,
                role_arn,
                types,
                image,
                template,
                pulumi.ResourceOptions(
                    parent=self,
                    depends_on=attached,
                    ignore_changes=[DESIRED_SIZE],
                    transforms=[LiveSize(self, group.name)],
                    custom_timeouts=pulumi.CustomTimeouts(update=f"{int(minutes)}m") if minutes else None,
                ),
            )
            asg_name = made[group.name].resources.apply(_asg_name)
            self.asg_name_by_group[group.name] = asg_name
            tagged.append(
                AutoscalerTags(
                    group.name, {**_template(args, pods), "asg_name": asg_name}, pulumi.ResourceOptions(parent=self)
                )
            )

        self.node_role_arn = role_arn
        self.node_role_name = role_arn.apply(iam.role_name)
        self.asg_names = pulumi.Output.all(**self.asg_name_by_group)
        self.node_group_names = pulumi.Output.all(**{key: group.node_group_name for key, group in made.items()})
        self.startup_taints = pulumi.Output.from_input(startup_taints.flag_keys(args.get("taints", [])))
        self.tags = tagged[0].tags
        self.register_outputs(
            {
                "asgNames": self.asg_names,
                "nodeGroupNames": self.node_group_names,
                "nodeRoleArn": self.node_role_arn,
                "nodeRoleName": self.node_role_name,
                "startupTaints": self.startup_taints,
                "tags": self.tags,
            }
        )

    def _role(self, name: str, args: ManagedNodeGroupArgs) -> tuple[pulumi.Output[str], list[pulumi.Resource]]:
        """ARN of the nodes' role, and what must exist before a node can use it."""
        if "node_role_arn" in args:
            return pulumi.Output.from_input(args["node_role_arn"]), []
        opts = pulumi.ResourceOptions(parent=self)
        ipv6 = args.get("ip_family") == IPV6
        role = NodeRole.make(name, args, args.get("node_role_policies", []), opts, ipv6=ipv6)
        return role.arn, role.attachments


def _checked_user_data(name: str, args: ManagedNodeGroupArgs) -> ManagedNodeGroupArgs:
    """Return the arguments with user data that is checked as soon as it is known, if it is an Output."""
    if isinstance(args.get("user_data", ""), str):
        return args

    def check(text: str) -> str:
        if found := user_data.faults("userData", "maxPods", ami_type(args), text, args.get("max_pods")):
            raise FaultsError.of(ManagedNodeGroup, name, ManagedNodeGroupArgs, found)
        return text

    return {**args, "user_data": pulumi.Output.from_input(args["user_data"]).apply(check)}


def _groups(name: str, args: ManagedNodeGroupArgs) -> list[_Group]:
    if "subnet_ids_by_zone" in args:
        return [_Group(f"{name}-{zone}", ids) for zone, ids in sorted(args["subnet_ids_by_zone"].items())]
    return [_Group(name, args["subnet_ids"])]


def _template(args: ManagedNodeGroupArgs, pods: pulumi.Input[str]) -> AutoscalerTagsArgs:
    """What a node of this group will offer, as its tags advertise it; the ASG's name is filled in by the caller."""
    template: AutoscalerTagsArgs = {
        "asg_name": "",
        "cluster_name": args["cluster_name"],
        "managed_by_eks": True,
        "labels": {**_system_labels(args), **_labels(args)},
        "resources": _resources(args, pods),
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
    """Return the kubelet's labels that Cluster Autoscaler cannot guess of an empty group: the operating system Windows.

    It takes any other group for Linux, and the CPU architecture from the instance type (``aws_manager.go``).
    """
    return {"kubernetes.io/os": "windows"} if ami.is_windows(ami_type(args)) else {}


def _resources(args: ManagedNodeGroupArgs, pods: pulumi.Input[str]) -> dict[str, pulumi.Input[str]]:
    """Return what a node offers. The disk of your launch template is not known, nor is an instance type in it.

    Cluster Autoscaler puts the tags over what it knows of the instance type (``buildNodeFromTemplate`` in
    ``aws_manager.go`` of kubernetes/autoscaler, by ``extractAllocatableResourcesFromAsg``).
    """
    resources: dict[str, pulumi.Input[str]] = {}
    if "launch_template" not in args:
        resources["ephemeral-storage"] = f"{disk_size_gib(args)}Gi"
    if instance_types(args):
        resources["pods"] = pods
    if gpu := args.get("gpu"):
        resources[gpu.get("resource", DEFAULT_GPU_RESOURCE)] = str(int(gpu.get("count", 1)))
    return {**resources, **args.get("resources", {})}


def _pods(args: ManagedNodeGroupArgs, types: Sequence[InstanceType]) -> str:
    """Return the number of pods that a node of the group runs."""
    pods = args.get("max_pods") or instances.max_pods(
        types,
        windows=ami.is_windows(ami_type(args)),
        prefix_delegation=args.get("prefix_delegation", False),
        # EKS calculates nothing for a custom image, and nodeadm ignores the IP family (``CalcMaxPods`` in
        # nodeadm/internal/kubelet/eni_max_pods.go of awslabs/amazon-eks-ami).
        ipv6=args.get("ip_family") == IPV6 and not is_custom(args),
    )
    return instances.advertised_pods(pods)


def _image(args: ManagedNodeGroupArgs, types: pulumi.Output[list[InstanceType]]) -> pulumi.Input[str] | None:
    """Return the AMI type to send; none if the launch template names the image or the instance type."""
    if "ami_type" in args:
        return None if is_custom(args) else args["ami_type"]
    if not instance_types(args):
        return None
    return types.apply(lambda found: instances.default_ami_type(found) if found else ami_type(args))


def _checked_version(name: str, args: ManagedNodeGroupArgs) -> pulumi.Output[str] | None:
    """Return the Kubernetes version of the nodes, once it is known that EKS has an image for it and accepts it.

    EKS refuses a version that is newer than the cluster's (eksctl-io/eksctl 3727).
    """

    def check(both: Sequence[Any]) -> str:
        version, of_cluster = both
        found = [
            *node_group_rules.version_faults(args, version),
            *ami.newer_faults("kubernetesVersion", version, of_cluster),
        ]
        if found:
            raise FaultsError.of(ManagedNodeGroup, name, ManagedNodeGroupArgs, found)
        return str(version)

    given = args.get("kubernetes_version")
    return None if given is None else pulumi.Output.all(given, args.get("cluster_version")).apply(check)


def _asg_name(resources: Sequence[NodeGroupResource]) -> str:
    """Name of the one Auto Scaling Group behind a managed node group."""
    # A group that is still being created, as after an interrupted update, has no resources yet.
    groups = resources[0].autoscaling_groups if resources else []
    if not groups or not groups[0].name:
        raise pulumi.RunError("EKS names no Auto Scaling Group for the node group: check its health issues in EKS")
    return groups[0].name


def _node_group(
    group: _Group,
    args: ManagedNodeGroupArgs,
    role_arn: pulumi.Output[str],
    types: pulumi.Output[list[InstanceType]],
    image: pulumi.Input[str] | None,
    template: TemplateVersion,
    opts: pulumi.ResourceOptions,
) -> aws.eks.NodeGroup:
    names = instance_types(args)
    # EKS refuses types in addition to the type of a launch template, where a Capacity Block must have it.
    in_template = not names or args.get("capacity_type") == CAPACITY_BLOCK
    repair = args.get("node_repair")
    return aws.eks.NodeGroup(
        group.name,
        cluster_name=args["cluster_name"],
        node_role_arn=role_arn,
        subnet_ids=group.subnet_ids,
        version=_checked_version(group.name, args),
        release_version=args.get("release_version"),
        force_update_version=args.get("force_update_version"),
        ami_type=image,
        capacity_type=args.get("capacity_type", DEFAULT_CAPACITY_TYPE),
        # Sent once they are checked.
        instance_types=None if in_template else types.apply(lambda _: names),
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
        update_config=_update_config(args.get("update_settings", {})),
        node_repair_config=None if repair is None else {"enabled": repair},
        warm_pool_config=_warm_pool_config(args["warm_pool"], args["max_size"]) if "warm_pool" in args else None,
        launch_template={"id": template.id, "version": template.version},
        tags=args.get("tags"),
        opts=opts,
    )


def _update_config(update: UpdateSettings) -> aws.eks.NodeGroupUpdateConfigArgs:
    if "max_unavailable_percentage" in update:
        return aws.eks.NodeGroupUpdateConfigArgs(max_unavailable_percentage=int(update["max_unavailable_percentage"]))
    return aws.eks.NodeGroupUpdateConfigArgs(max_unavailable=int(update.get("max_unavailable", DEFAULT_UNAVAILABLE)))


def _warm_pool_config(pool: WarmPool, max_size: pulumi.Input[int]) -> aws.eks.NodeGroupWarmPoolConfigArgs:
    """Return the whole configuration: EKS keeps the last value of a setting that a request leaves out.

    EC2's own limit of pool and group together is the group's maximum size (``PutWarmPool`` of the EC2 Auto Scaling
    API), so sending it changes nothing and takes back a limit that was removed from the settings.
    """
    prepared = pool.get("max_group_prepared_capacity")
    return aws.eks.NodeGroupWarmPoolConfigArgs(
        min_size=int(pool.get("min_size", 0)),
        max_group_prepared_capacity=max_size if prepared is None else int(prepared),
        pool_state=pool.get("pool_state", warm_pools.STOPPED),
        reuse_on_scale_in=pool.get("reuse_on_scale_in", False),
    )
