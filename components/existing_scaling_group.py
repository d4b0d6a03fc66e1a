"""ExistingScalingGroup: a self-managed Auto Scaling group, tagged for Cluster Autoscaler and left alone."""

from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from . import asg_tags
from .asg_tags import AutoscalerTags
from .errors import checked
from .invoking import described
from .pure import startup_taints, validation
from .pure.discovery import Taint
from .pure.faults import Fault

TOKEN = "eks-cluster-autoscaler:index:ExistingScalingGroup"


class ExistingScalingGroupArgs(TypedDict):
    """Which group it is, and what its nodes offer."""

    cluster_name: pulumi.Input[str]
    """Name of the EKS cluster that its nodes join."""
    asg_name: pulumi.Input[str]
    """Name of the Auto Scaling group."""
    labels: NotRequired[dict[str, pulumi.Input[str]]]
    """Labels of its nodes to advertise for scale-from-zero. Defaults to none."""
    taints: NotRequired[list[Taint]]
    """Taints of its nodes to advertise for scale-from-zero. Defaults to none."""
    resources: NotRequired[dict[str, str]]
    """Ephemeral storage, pods and extended resources of a node to advertise. Defaults to none."""
    autoscaling_options: NotRequired[dict[str, str]]
    """Autoscaling options of this group. Defaults to the autoscaler's own."""


def faults(args: ExistingScalingGroupArgs) -> list[Fault]:
    """Check the arguments, as far as they are plain values."""
    return [
        *validation.asg_name("asgName", args["asg_name"]),
        *asg_tags.faults(asg_tags.of_group(args, "")),
    ]


class ExistingScalingGroup(pulumi.ComponentResource):
    """Tags a self-managed Auto Scaling group so that Cluster Autoscaler finds it and can scale it from zero.

    Nothing else of the group is touched; on destroy the tags go. Needs an AWS provider. Do not use it on a group whose
    tags another resource owns: give that resource the map that `autoscaler_tags` returns.
    """

    asg_name: pulumi.Output[str]
    """Name of the group."""
    min_size: pulumi.Output[int]
    """Its minimum number of nodes."""
    max_size: pulumi.Output[int]
    """Its maximum number of nodes."""
    startup_taints: pulumi.Output[list[str]]
    """Keys of its startup taints, for `startupTaints` of ClusterAutoscaler."""
    tags: pulumi.Output[dict[str, str]]
    """Tags put on the group, value by key."""

    def __init__(self, name: str, args: ExistingScalingGroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(ExistingScalingGroup, name, args, ExistingScalingGroupArgs, faults)
        super().__init__(TOKEN, name, dict(args), opts)
        # A group that does not exist is an error at preview, not one of the tags at `up`.
        answer = aws.autoscaling.get_group_output(name=args["asg_name"], opts=pulumi.InvokeOutputOptions(parent=self))
        expected = "an Auto Scaling group: aws autoscaling describe-auto-scaling-groups"
        found = described(self, name, ExistingScalingGroupArgs, "asgName", args["asg_name"], answer, expected)
        self.asg_name = found.name
        self.min_size = found.min_size
        self.max_size = found.max_size
        self.tags = AutoscalerTags(name, asg_tags.of_group(args, found.name), pulumi.ResourceOptions(parent=self)).tags
        self.startup_taints = pulumi.Output.from_input(startup_taints.flag_keys(args.get("taints", [])))
        self.register_outputs(
            {
                "asgName": self.asg_name,
                "minSize": self.min_size,
                "maxSize": self.max_size,
                "startupTaints": self.startup_taints,
                "tags": self.tags,
            }
        )
