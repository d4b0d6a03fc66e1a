"""ExistingNodeGroup: a managed node group of another owner, tagged for Cluster Autoscaler and otherwise unchanged."""

from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from . import asg_tags
from .asg_tags import AutoscalerTags
from .errors import checked
from .invoking import described
from .pure import iam, startup_taints, validation
from .pure.discovery import Taint
from .pure.faults import Fault

TOKEN = "eks-cluster-autoscaler:index:ExistingNodeGroup"


class ExistingNodeGroupArgs(TypedDict):
    """Which group it is, and what its nodes offer."""

    cluster_name: pulumi.Input[str]
    """Name of the EKS cluster."""
    node_group_name: pulumi.Input[str]
    """Name of the EKS node group."""
    labels: NotRequired[dict[str, pulumi.Input[str]]]
    """Labels of its nodes to advertise for scale-from-zero. Defaults to none."""
    taints: NotRequired[list[Taint]]
    """Taints of its nodes to advertise for scale-from-zero. Defaults to none."""
    resources: NotRequired[dict[str, str]]
    """Ephemeral storage and extended resources of a node to advertise. Defaults to none."""
    autoscaling_options: NotRequired[dict[str, str]]
    """Autoscaling options of this group. Defaults to the autoscaler's own."""


def faults(args: ExistingNodeGroupArgs) -> list[Fault]:
    """Check the arguments, as far as they are plain values."""
    return [
        *validation.node_group_name("nodeGroupName", args["node_group_name"]),
        *asg_tags.faults(asg_tags.of_group(args, "", managed_by_eks=True)),
    ]


class ExistingNodeGroup(pulumi.ComponentResource):
    """Finds the ASG and the node role of a managed node group by its name, and tags the ASG.

    Nothing else of the group is touched, and its two discovery tags, which EKS itself put there, stay on destroy. Needs
    an AWS provider.
    """

    asg_name: pulumi.Output[str]
    """Name of its Auto Scaling Group."""
    node_role_arn: pulumi.Output[str]
    """ARN of its nodes' role."""
    node_role_name: pulumi.Output[str]
    """Name of its nodes' role."""
    min_size: pulumi.Output[int]
    """Minimum number of its nodes."""
    max_size: pulumi.Output[int]
    """Maximum number of its nodes."""
    startup_taints: pulumi.Output[list[str]]
    """Keys of its startup taints, for `startupTaints` of ClusterAutoscaler."""
    tags: pulumi.Output[dict[str, str]]
    """Tags put on its Auto Scaling Group, value by key."""

    def __init__(self, name: str, args: ExistingNodeGroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(ExistingNodeGroup, name, args, ExistingNodeGroupArgs, faults)
        super().__init__(TOKEN, name, dict(args), opts)
        answer = aws.eks.get_node_group_output(
            cluster_name=args["cluster_name"],
            node_group_name=args["node_group_name"],
            opts=pulumi.InvokeOutputOptions(parent=self),
        )
        expected = "a managed node group of the cluster: aws eks list-nodegroups"
        found = described(self, name, ExistingNodeGroupArgs, "nodeGroupName", args["node_group_name"], answer, expected)
        self.asg_name = found.apply(lambda group: group.resources[0].autoscaling_groups[0].name)
        self.node_role_arn = found.node_role_arn
        self.node_role_name = found.node_role_arn.apply(iam.role_name)
        self.min_size = found.scaling_configs.apply(lambda sizes: sizes[0].min_size)
        self.max_size = found.scaling_configs.apply(lambda sizes: sizes[0].max_size)
        self.tags = AutoscalerTags(
            name, asg_tags.of_group(args, self.asg_name, managed_by_eks=True), pulumi.ResourceOptions(parent=self)
        ).tags
        self.startup_taints = pulumi.Output.from_input(startup_taints.flag_keys(args.get("taints", [])))
        self.register_outputs(
            {
                "asgName": self.asg_name,
                "nodeRoleArn": self.node_role_arn,
                "nodeRoleName": self.node_role_name,
                "minSize": self.min_size,
                "maxSize": self.max_size,
                "startupTaints": self.startup_taints,
                "tags": self.tags,
            }
        )
