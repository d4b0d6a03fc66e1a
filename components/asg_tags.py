"""AutoscalerTags: the tags that Cluster Autoscaler reads, on any Auto Scaling Group."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict, cast

import pulumi
import pulumi_aws as aws

from .errors import checked, named, raise_if_any
from .pure import arguments, discovery, startup_taints, validation
from .pure.discovery import Taint
from .pure.faults import Fault

TOKEN = "eks-cluster-autoscaler:index:AutoscalerTags"

_Pair = tuple[pulumi.Input[str], pulumi.Input[str]]
"""Key and value of a tag."""


class AutoscalerTagsArgs(TypedDict):
    """Which group is tagged, for which cluster, and what its nodes offer."""

    asg_name: pulumi.Input[str]
    """Name of the Auto Scaling Group. It may be unknown until the group is created; the tags' keys must be known."""
    cluster_name: pulumi.Input[str]
    """Name of the EKS cluster whose autoscaler discovers the group."""
    labels: NotRequired[dict[str, pulumi.Input[str]]]
    """Labels of the group's nodes, advertised for scale-from-zero. Defaults to none."""
    taints: NotRequired[list[Taint]]
    """Taints of the group's nodes, advertised for scale-from-zero. Defaults to none."""
    resources: NotRequired[dict[str, pulumi.Input[str]]]
    """Extended resources, pods and ephemeral storage of a node, as Kubernetes quantities. Defaults to none."""
    autoscaling_options: NotRequired[dict[str, str]]
    """Autoscaling options of this group, such as `scaledownunneededtime: 5m`. Defaults to none."""
    managed_by_eks: NotRequired[bool]
    """Whether EKS made the group. EKS's tags count towards AWS's limit of 50, and the two for discovery, which EKS adds
    too, stay when this is destroyed. Defaults to false."""


def faults(args: AutoscalerTagsArgs, further_tags: int = 0) -> list[Fault]:
    """Check the arguments, as far as they are plain values.

    Args:
        args: The group and what its nodes offer.
        further_tags: Number of other tags that a self-managed group has.
    """
    resources = args.get("resources", {})
    options = discovery.autoscaling_option_faults(args.get("autoscaling_options", {}))
    node_template = _node_template_tags(args)
    by_eks = args.get("managed_by_eks", False)
    return [
        *validation.cluster_name("clusterName", args["cluster_name"]),
        *validation.labels("labels", args.get("labels", {})),
        *validation.taints("taints", args.get("taints", [])),
        *(f for key, value in resources.items() for f in validation.quantity(f"resources[{key!r}]", value)),
        *(f for key in resources for f in validation.qualified_name(f"resources[{key!r}]", key)),
        *(fault.under("autoscalingOptions") for fault in options),
        *(f for key, value in node_template.items() for f in validation.tag(_argument(key), key, value)),
        *_number_faults(node_template, discovery.EKS_OWN_TAGS if by_eks else further_tags, by_eks=by_eks),
    ]


def pairs(args: AutoscalerTagsArgs) -> list[_Pair]:
    """Return key and value of each tag, for a group that a component creates with its tags.

    Args:
        args: What `AutoscalerTags` accepts; the name of the group is not used.
    """
    return [*_discovery_pairs(args), *_node_template_tags(args).items()]


def autoscaler_tags(
    cluster_name: str,
    *,
    labels: Mapping[str, str] | None = None,
    taints: Sequence[Taint] = (),
    resources: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the tags by which Cluster Autoscaler finds a group and scales it from zero.

    Give them to the resource that owns the group's tags, such as `aws.autoscaling.Group` or `pulumi_eks.NodeGroupV2`,
    on which `AutoscalerTags` must not be used.

    Args:
        cluster_name: Name of the EKS cluster. It is part of a tag's key, so it must be known.
        labels: Labels of the group's nodes.
        taints: Taints of the group's nodes.
        resources: Extended resources and ephemeral storage of a node, as Kubernetes quantities.
        options: Autoscaling options of this group, such as `scaledownunneededtime: 5m`.

    Raises:
        FaultsError: With everything that Cluster Autoscaler or AWS would not accept.
    """
    given = {"labels": labels, "taints": taints, "resources": resources, "autoscaling_options": options}
    args, found = arguments.check({"asg_name": "", "cluster_name": cluster_name, **given}, AutoscalerTagsArgs)
    if not found and not isinstance(cast(object, cluster_name), str):
        found = [Fault("cluster_name", "an Output", "the name as a string, because it is part of a tag's key")]
    tags = cast(AutoscalerTagsArgs, args)
    found = found or named(faults(tags), AutoscalerTagsArgs)
    raise_if_any(
        "autoscaler_tags",
        # The one argument whose name here is another.
        [each._replace(path=each.path.replace("autoscaling_options", "options", 1)) for each in found],
    )
    return {**discovery.discovery_tags(cluster_name), **cast(dict[str, str], _node_template_tags(tags))}


def of_group(
    args: Mapping[str, object], asg_name: pulumi.Input[str], *, managed_by_eks: bool = False
) -> AutoscalerTagsArgs:
    """Return the arguments of `AutoscalerTags` for one group.

    Args:
        args: Arguments of the component that adopts or creates the group: ``cluster_name``, and what its nodes offer
            under the names of ``AutoscalerTagsArgs``.
        asg_name: Name of its Auto Scaling group.
        managed_by_eks: Whether EKS owns the group.
    """
    advertised: dict[str, object] = {"labels": {}, "taints": [], "resources": {}, "autoscaling_options": {}}
    tags = {"asg_name": asg_name, "cluster_name": args["cluster_name"]}
    tags |= {key: args.get(key, empty) for key, empty in advertised.items()}
    return cast(AutoscalerTagsArgs, {**tags, **({"managed_by_eks": True} if managed_by_eks else {})})


class AutoscalerTags(pulumi.ComponentResource):
    """The discovery tags and node-template tags of one Auto Scaling Group, each a resource planned at preview.

    Needs an AWS provider. Changes nothing of the group but these tags. Do not use it on a group whose tags another
    resource owns (`aws.autoscaling.Group` with `tags`): the two would undo each other. Give that resource the map that
    `autoscaler_tags` returns.
    """

    asg_name: pulumi.Output[str]
    """Name of the tagged group."""
    tags: pulumi.Output[dict[str, str]]
    """All tags put on the group, value by key."""

    def __init__(self, name: str, args: AutoscalerTagsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(AutoscalerTags, name, args, AutoscalerTagsArgs, faults)
        super().__init__(TOKEN, name, dict(args), opts)
        child = pulumi.ResourceOptions(parent=self)
        kept = pulumi.ResourceOptions(parent=self, retain_on_delete=args.get("managed_by_eks", False))
        asg_name = pulumi.Output.from_input(args["asg_name"])
        enabled, owned = _discovery_pairs(args)

        applied = [
            _tag(f"{name}-enabled", asg_name, *enabled, kept),
            _tag(f"{name}-cluster", asg_name, *owned, kept),
        ]
        for key, value in _node_template_tags(args).items():
            suffix = key.removeprefix(f"{discovery.NODE_TEMPLATE_PREFIX}/")
            applied.append(_tag(f"{name}-{suffix}", asg_name, key, value, child))

        self.asg_name = asg_name
        self.tags = pulumi.Output.all(*(tag.tag for tag in applied)).apply(
            lambda tags: {tag["key"]: tag["value"] for tag in tags}
        )
        self.register_outputs({"asgName": self.asg_name, "tags": self.tags})


def _tag(
    name: str,
    asg_name: pulumi.Output[str],
    key: pulumi.Input[str],
    value: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> aws.autoscaling.Tag:
    # Instances get EKS's own tags; these describe the group only, so they are not propagated.
    return aws.autoscaling.Tag(
        name,
        autoscaling_group_name=asg_name,
        tag={"key": key, "value": value, "propagate_at_launch": False},
        opts=opts,
    )


def _discovery_pairs(args: AutoscalerTagsArgs) -> tuple[_Pair, _Pair]:
    cluster_key = pulumi.Output.from_input(args["cluster_name"]).apply(discovery.cluster_key)
    return (discovery.ENABLED_KEY, "true"), (cluster_key, "owned")


def _node_template_tags(args: AutoscalerTagsArgs) -> dict[str, pulumi.Input[str]]:
    return discovery.node_template_tags(
        args.get("labels"),
        startup_taints.lasting(args.get("taints", [])),
        args.get("resources"),
        args.get("autoscaling_options"),
    )


def _argument(key: str) -> str:
    """Return the argument from which a node-template tag is made."""
    homes = {
        discovery.label_key(""): "labels",
        discovery.taint_key(""): "taints",
        discovery.resource_key(""): "resources",
        discovery.option_key(""): "autoscalingOptions",
    }
    return next(f"{home}[{key.removeprefix(prefix)!r}]" for prefix, home in homes.items() if key.startswith(prefix))


def _number_faults(node_template: Mapping[str, object], others: int, *, by_eks: bool) -> list[Fault]:
    number, most = len(node_template) + len(discovery.discovery_tags("")), discovery.MAX_TAGS - others
    if number <= most:
        return []
    ((largest, _),) = Counter(_argument(key).partition("[")[0] for key in node_template).most_common(1)
    whose = "that EKS adds" if by_eks else "of the owning cluster and from tags"
    further = f" in addition to the {others} {whose}" if others else ""
    fewer = ("labels", "taints", "resources", *(["tags"] if others and not by_eks else []))
    expected = (
        f"{most} at most: AWS allows {discovery.MAX_TAGS} on an Auto Scaling Group; "
        f"declare fewer {', '.join(fewer)} or autoscaling options"
    )
    return [Fault(largest, f"{number} tags{further}", expected)]
