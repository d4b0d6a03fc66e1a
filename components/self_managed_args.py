"""Arguments of SelfManagedNodeGroup, what follows from them alone, and what AWS would refuse of them."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict, cast

import pulumi

from . import asg_tags, node_role
from .asg_tags import AutoscalerTagsArgs
from .node_group_args import DEFAULT_DISK_SIZE_GIB, DEFAULT_HOP_LIMIT, DEFAULT_INSTANCE_TYPES
from .pure import ami, bootstrap, discovery, ip_family, labels, user_data, validation, volumes
from .pure.discovery import Taint
from .pure.faults import Fault

DEFAULT_ON_DEMAND_PERCENTAGE = 100
"""``OnDemandPercentageAboveBaseCapacity`` of the EC2 Auto Scaling API."""

DEFAULT_SPOT_STRATEGY = "price-capacity-optimized"
"""What the EC2 Auto Scaling user guide recommends; the API's own default is the lowest price."""

LOWEST_PRICE = "lowest-price"
SPOT_POOLS = 2
"""``SpotInstancePools`` of the EC2 Auto Scaling API, which only :data:`LOWEST_PRICE` has: its default."""

SPOT_STRATEGIES = ("price-capacity-optimized", "capacity-optimized", "capacity-optimized-prioritized", LOWEST_PRICE)
"""``SpotAllocationStrategy`` of the EC2 Auto Scaling API."""

MOST_TYPES = 40
"""``Overrides`` of ``LaunchTemplate`` in the EC2 Auto Scaling API."""

LONGEST_NAME = 51
"""IAM allows 64 characters for the role, ``<name>-node`` and eight that Pulumi appends."""


class InstancesDistribution(TypedDict):
    """How many of the nodes are on-demand; the others are spot."""

    on_demand_base_capacity: NotRequired[int]
    """Number of nodes that are on-demand before any is spot. Defaults to 0."""
    on_demand_percentage_above_base_capacity: NotRequired[int]
    """Percentage of the further nodes that are on-demand, 0 to 100. Defaults to 100."""
    spot_allocation_strategy: NotRequired[str]
    """`price-capacity-optimized`, `capacity-optimized`, `capacity-optimized-prioritized` or `lowest-price`.

    Defaults to `price-capacity-optimized`.
    """


class SelfManagedNodeGroupArgs(TypedDict):
    """What the nodes are, how many there may be, and how many of them are on-demand."""

    cluster_name: pulumi.Input[str]
    """Name of the EKS cluster. Its authentication mode must be `API` or `API_AND_CONFIG_MAP`."""
    min_size: pulumi.Input[int]
    """Minimum number of nodes. May be 0."""
    max_size: pulumi.Input[int]
    """Maximum number of nodes."""
    desired_size: NotRequired[pulumi.Input[int]]
    """Nodes at creation; afterwards the number belongs to Cluster Autoscaler. Defaults to `minSize`."""
    subnet_ids: pulumi.Input[Sequence[pulumi.Input[str]]]
    """Subnets of the nodes."""
    instance_types: NotRequired[list[str]]
    """EC2 instance types of equal CPU, memory and GPUs, the preferred one first. Defaults to `["m6i.large"]`."""
    allow_unequal_types: NotRequired[bool]
    """Whether the instance types may differ in CPU, memory or GPUs; the autoscaler sizes the group by the first.

    Defaults to false.
    """
    instances_distribution: NotRequired[InstancesDistribution]
    """How many nodes are on-demand and how many are spot. Defaults to on-demand nodes only."""
    ami_type: NotRequired[str]
    """AMI type of Amazon Linux 2023 or Bottlerocket, as the EKS API names it.

    Defaults to Amazon Linux 2023 for the CPU, the NVIDIA GPUs or the Neuron chips of the instance types.
    """
    image_id: NotRequired[pulumi.Input[str]]
    """ID of an image of the AMI type, `ami-...`. Defaults to the newest for the Kubernetes version at each update."""
    kubernetes_version: NotRequired[pulumi.Input[str]]
    """Kubernetes version of the newest image. Defaults to the cluster's."""
    cluster_version: NotRequired[pulumi.Input[str]]
    """Kubernetes version of the cluster, to refuse newer nodes at preview. Defaults to no check, because a program may
    upgrade the cluster first."""
    disk_size_gib: NotRequired[int]
    """Size of the encrypted gp3 volume for pods in GiB; advertised as ephemeral storage. Defaults to 50."""
    iops: NotRequired[int]
    """IOPS of that volume. Defaults to 3000."""
    throughput: NotRequired[int]
    """Throughput of that volume in MiB/s. Defaults to 125."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """KMS key of the volumes. The role `AWSServiceRoleForAutoScaling` needs a grant on it.

    Defaults to the account's key for EBS.
    """
    labels: NotRequired[dict[str, pulumi.Input[str]]]
    """Kubernetes labels of the nodes. Defaults to none."""
    taints: NotRequired[list[Taint]]
    """Kubernetes taints of the nodes. Defaults to none."""
    resources: NotRequired[dict[str, str]]
    """Further resources that a node of this group will offer, such as extended resources. Defaults to none."""
    prefix_delegation: NotRequired[bool]
    """Whether the VPC CNI assigns prefixes to the nodes (`ENABLE_PREFIX_DELEGATION`), so that more pods fit.

    Defaults to false, and to true with `ipFamily: ipv6`.
    """
    max_pods: NotRequired[int]
    """Number of pods that the kubelet accepts. Defaults to what EKS calculates for a managed node group."""
    autoscaling_options: NotRequired[dict[str, str]]
    """Autoscaling options of this group, such as `scaledownunneededtime: 5m`. Defaults to the autoscaler's own."""
    ip_family: NotRequired[str]
    """IP family of the pods, that of the cluster: `ipv4` or `ipv6`. With `ipv6` the role of the nodes may assign IPv6
    addresses. Defaults to `ipv4`."""
    node_role_policies: NotRequired[list[str]]
    """ARNs of further policies of the role of the nodes, such as `AmazonSSMManagedInstanceCore`. Defaults to none."""
    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """Permissions boundary of the role of the nodes. Defaults to none."""
    path: NotRequired[str]
    """IAM path of the role and its instance profile. Defaults to `/`."""
    name_prefix: NotRequired[str]
    """Prefix of the names of the role and its instance profile. Defaults to none."""
    security_group_ids: NotRequired[pulumi.Input[Sequence[pulumi.Input[str]]]]
    """Security groups of the nodes. Defaults to the cluster's security group."""
    key_pair: NotRequired[pulumi.Input[str]]
    """EC2 key pair for SSH. Defaults to none."""
    hop_limit: NotRequired[int]
    """IMDSv2 hop limit: 1 keeps pods from the node's role, 2 lets every pod use it. Defaults to 1, in an
    environment's settings to 2 with `credentials: nodeRole`."""
    user_data: NotRequired[pulumi.Input[str]]
    """User data in addition to what joins the node: a script, `#cloud-config` or nodeadm NodeConfig for Amazon Linux,
    TOML for Bottlerocket. Defaults to none."""
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """AWS tags of the group, its launch template and role, and of new instances and volumes. Defaults to none."""


def instance_types(args: SelfManagedNodeGroupArgs) -> list[str]:
    """Return the instance types."""
    return list(args.get("instance_types", DEFAULT_INSTANCE_TYPES))


def ami_type(args: SelfManagedNodeGroupArgs) -> str:
    """Return the AMI type, judged by the arguments: accelerators are known after a look-up only."""
    return args.get("ami_type", ami.default_type(instance_types(args)))


def disk_size_gib(args: SelfManagedNodeGroupArgs) -> int:
    """Return the size of the volume that holds the pods' storage."""
    return int(args.get("disk_size_gib", DEFAULT_DISK_SIZE_GIB))


def hop_limit(args: SelfManagedNodeGroupArgs) -> int:
    """Return the hop limit of the instance metadata service."""
    return int(args.get("hop_limit", DEFAULT_HOP_LIMIT))


def template(args: SelfManagedNodeGroupArgs, pods: pulumi.Input[str]) -> AutoscalerTagsArgs:
    """Return what a node of this group will offer, as the tags of the group advertise it."""
    resources = {"ephemeral-storage": f"{disk_size_gib(args)}Gi", "pods": pods, **args.get("resources", {})}
    advertised = asg_tags.of_group(args, "")
    return cast(AutoscalerTagsArgs, {**advertised, "resources": resources})


def faults(args: SelfManagedNodeGroupArgs) -> list[Fault]:
    """Check the arguments, as far as they are plain values."""
    image, names = ami_type(args), instance_types(args)
    return [
        *validation.sizes(args["min_size"], args.get("desired_size"), args["max_size"]),
        *validation.subnet_ids("subnetIds", args["subnet_ids"]),
        *validation.instance_types("instanceTypes", names, most=MOST_TYPES, of="an Auto Scaling group"),
        *validation.choice("ipFamily", args.get("ip_family", ip_family.IPV4), ip_family.FAMILIES),
        *_distribution_faults(args),
        *_image_faults(args, image),
        *ami.architecture_faults("amiType", image, names),
        *ami.disk_faults("diskSizeGib", image, disk_size_gib(args)),
        *volumes.faults("iops", "throughput", disk_size_gib(args), args.get("iops"), args.get("throughput")),
        *validation.kms_key("kmsKeyArn", args.get("kms_key_arn")),
        *validation.bounds("maxPods", args.get("max_pods", 1), 1, user_data.MOST_PODS),
        *validation.security_group_ids("securityGroupIds", args.get("security_group_ids")),
        *validation.key_pair("keyPair", args.get("key_pair")),
        *validation.bounds("hopLimit", hop_limit(args), 1, 2),
        *bootstrap.faults("userData", image, args.get("user_data")),
        *labels.kubelet_label_faults("labels", args.get("labels", {})),
        *node_role.faults(args),
        *_tag_faults("tags", args.get("tags", {})),
        *node_role.policy_faults("nodeRolePolicies", args.get("node_role_policies", [])),
        *_resource_faults(args.get("resources", {})),
        *asg_tags.faults(template(args, "1"), further_tags=1 + len(args.get("tags", {}))),
    ]


def _distribution_faults(args: SelfManagedNodeGroupArgs) -> list[Fault]:
    given = args.get("instances_distribution", {})
    base, percentage = given.get("on_demand_base_capacity", 0), given.get("on_demand_percentage_above_base_capacity", 0)
    strategy = given.get("spot_allocation_strategy", DEFAULT_SPOT_STRATEGY)
    found = [
        *([Fault("onDemandBaseCapacity", str(base), "0 or more")] if base < 0 else []),
        *validation.bounds("onDemandPercentageAboveBaseCapacity", percentage, 0, 100),
        *validation.choice("spotAllocationStrategy", strategy, SPOT_STRATEGIES),
    ]
    return [fault.under("instancesDistribution") for fault in found]


def _image_faults(args: SelfManagedNodeGroupArgs, image: str) -> list[Fault]:
    usable = [each for each in validation.AMI_TYPES if each.startswith(bootstrap.SYSTEMS)]
    found = [
        *validation.choice("amiType", image, usable),
        *validation.image_id("imageId", args.get("image_id")),
        *validation.kubernetes_version("kubernetesVersion", args.get("kubernetes_version")),
        *validation.kubernetes_version("clusterVersion", args.get("cluster_version")),
        *ami.newer_faults("kubernetesVersion", args.get("kubernetes_version"), args.get("cluster_version")),
    ]
    if "image_id" in args and "kubernetes_version" in args:
        found.append(Fault("kubernetesVersion", "one with imageId", "none: the image has its own"))
    return found


def _resource_faults(resources: Mapping[str, object]) -> list[Fault]:
    """Find a number of pods that only the tags would have: the autoscaler would add nodes for pods that do not fit."""
    if "pods" not in resources:
        return []
    return [Fault("resources['pods']", repr(resources["pods"]), "none: set maxPods, for the kubelet and the tags")]


def _tag_faults(path: str, tags: Mapping[str, object]) -> list[Fault]:
    """Find tags that the group gets already: a second value of a key could hide it from the autoscaler."""
    reserved = (f"{discovery.PREFIX}/", discovery.owner_key(""))
    expected = f"a key that does not begin with {' or '.join(reserved)}: the group gets these tags by itself"
    return [Fault(f"{path}[{key!r}]", repr(key), expected) for key in tags if key.startswith(reserved)]


def name_faults(name: str) -> list[Fault]:
    """Find names that become too long for IAM."""
    return validation.node_group_name("name", name, most=LONGEST_NAME)
