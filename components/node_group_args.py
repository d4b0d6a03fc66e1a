"""Arguments of ManagedNodeGroup, and what follows from them alone."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

import pulumi

from .pure import ami
from .pure.discovery import Taint

DEFAULT_INSTANCE_TYPES = ("m6i.large",)
DEFAULT_CAPACITY_TYPE = "ON_DEMAND"
CAPACITY_BLOCK = "CAPACITY_BLOCK"
DEFAULT_DISK_SIZE_GIB = 50
DEFAULT_HOP_LIMIT = 1
DEFAULT_GPU_RESOURCE = "nvidia.com/gpu"


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


class MetadataOptions(TypedDict):
    """The instance metadata service of the nodes. IMDSv2 stays required; for the hop limit see `hopLimit`."""

    ipv6_endpoint: NotRequired[bool]
    """Whether the service has an IPv6 endpoint too. Defaults to false."""


class WarmPool(TypedDict):
    """EC2 instances that EKS prepares before the group needs them, so that nodes join sooner; `{}` for the defaults.

    Not for a custom image, spot instances, a Capacity Block or a region of China.
    """

    min_size: NotRequired[int]
    """Minimum number of instances in the pool. Defaults to 0."""
    max_group_prepared_capacity: NotRequired[int]
    """Maximum number of instances in pool and group together; the pool keeps those that the group does not use.

    Defaults to `maxSize`.
    """
    pool_state: NotRequired[str]
    """State of the instances in the pool: `STOPPED`, `RUNNING` or `HIBERNATED`. Defaults to `STOPPED`."""
    reuse_on_scale_in: NotRequired[bool]
    """Whether an instance that leaves the group returns to the pool. Defaults to false, which terminates it."""


class NodeLaunchTemplate(TypedDict):
    """Your own launch template."""

    id: pulumi.Input[str]
    """ID of the template, `lt-...`. Another ID replaces the group, and the new group starts with `desiredSize`."""
    version: pulumi.Input[str]
    """Number of the version, in quotes. Another version replaces the nodes, a few at a time."""


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
    """EC2 instance types of equal CPU, memory and GPUs.

    Defaults to `["m6i.large"]`, and to that of the template with `launchTemplate`.
    """
    allow_unequal_types: NotRequired[bool]
    """Whether the instance types may differ in CPU, memory or GPUs; the autoscaler sizes the group by the first.

    Defaults to false.
    """
    capacity_type: NotRequired[str]
    """`ON_DEMAND`, `SPOT` or `CAPACITY_BLOCK`. Defaults to `ON_DEMAND`."""
    capacity_reservation_id: NotRequired[str]
    """Capacity Block for `CAPACITY_BLOCK`, `cr-...`, of the one instance type and the zone of the subnets.

    Defaults to that of `launchTemplate`.
    """
    ami_type: NotRequired[str]
    """AMI type of the EKS API; `CUSTOM` if the image is in `launchTemplate`.

    Defaults to Amazon Linux 2023 for the CPU, the NVIDIA GPUs or the Neuron chips of the instance types.
    """
    release_version: NotRequired[str]
    """Release of the AMI, such as `1.35.0-20261101`. Defaults to the newest when the group is created or updated."""
    disk_size_gib: NotRequired[int]
    """Size of the encrypted gp3 root volume in GiB; advertised as ephemeral storage. Defaults to 50."""
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
    gpu: NotRequired[Gpu]
    """GPUs of the nodes. Defaults to none."""
    resources: NotRequired[dict[str, str]]
    """Further resources that a node of this group will offer, such as extended resources. Defaults to none."""
    prefix_delegation: NotRequired[bool]
    """Whether the VPC CNI assigns prefixes to the nodes (`ENABLE_PREFIX_DELEGATION`), so that more pods fit.

    The number of pods is advertised for scale-from-zero. Defaults to false, and to true with `ipFamily: ipv6`.
    """
    max_pods: NotRequired[int]
    """Number of pods that the kubelet accepts (AL2023 and Bottlerocket). Defaults to what EKS calculates."""
    autoscaling_options: NotRequired[dict[str, str]]
    """Autoscaling options of this group, such as `scaledownunneededtime: 5m`. Defaults to the autoscaler's own."""
    update_settings: NotRequired[UpdateSettings]
    """How many nodes an update may take away at once. Defaults to EKS's default, one."""
    update_timeout_minutes: NotRequired[int]
    """Minutes that Pulumi waits for an update of the group. Defaults to 60."""
    force_update_version: NotRequired[bool]
    """Whether an update terminates nodes whose pods a disruption budget protects. Defaults to false."""
    node_repair: NotRequired[bool]
    """Whether EKS replaces unhealthy nodes. Defaults to EKS's default; false turns it off again."""
    warm_pool: NotRequired[WarmPool]
    """Instances that EKS prepares before the group needs them. Removing the setting removes the pool.

    Defaults to none.
    """
    kubernetes_version: NotRequired[pulumi.Input[str]]
    """Kubernetes version of the nodes.

    Defaults to the cluster's: at every `pulumi up` in an environment's settings, at creation in your own program.
    """
    cluster_version: NotRequired[pulumi.Input[str]]
    """Kubernetes version of the cluster, to refuse newer nodes at preview. Defaults to leaving that to EKS."""
    ip_family: NotRequired[str]
    """IP family of the pods, that of the cluster: `ipv4` or `ipv6`. With `ipv6` a role that the component
    creates may assign IPv6 addresses. Defaults to `ipv4`."""
    node_role_arn: NotRequired[pulumi.Input[str]]
    """Role of the nodes.

    Defaults to one that the component creates, with the three AWS managed policies that a node needs.
    """
    node_role_policies: NotRequired[list[str]]
    """ARNs of further policies of the role that the component creates, such as `AmazonSSMManagedInstanceCore`.

    Defaults to none.
    """
    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """Permissions boundary of a role that the component creates. Defaults to none."""
    path: NotRequired[str]
    """IAM path of a role that the component creates. Defaults to `/`."""
    name_prefix: NotRequired[str]
    """Prefix of the name of a role that the component creates. Defaults to none."""
    security_group_ids: NotRequired[pulumi.Input[Sequence[pulumi.Input[str]]]]
    """Security groups of the nodes. EKS then leaves out the cluster's security group: name it too.

    Defaults to the cluster's security group.
    """
    key_pair: NotRequired[pulumi.Input[str]]
    """EC2 key pair for SSH. Defaults to none."""
    hop_limit: NotRequired[int]
    """IMDSv2 hop limit: 1 keeps pods from the node's role, 2 lets every pod use it. Defaults to 1, in an
    environment's settings to 2 with `credentials: nodeRole`."""
    metadata_options: NotRequired[MetadataOptions]
    """Further options of the instance metadata service. Defaults to none."""
    user_data: NotRequired[pulumi.Input[str]]
    """User data that EKS merges with its own: a script, `#cloud-config`, nodeadm NodeConfig or MIME document for Amazon
    Linux, TOML for Bottlerocket, PowerShell for Windows. Defaults to none."""
    launch_template: NotRequired[NodeLaunchTemplate]
    """Your own launch template, which decides about disks, metadata, network and user data.

    Defaults to one that the component creates.
    """
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """AWS tags of the group, its launch template and role; instances and volumes get those at creation.

    A change does not reach instances and volumes, because it would replace every node. Defaults to none.
    """
    instance_tags: NotRequired[dict[str, pulumi.Input[str]]]
    """AWS tags of instances and volumes. A change replaces the nodes, a few at a time.

    Defaults to `tags` at creation.
    """


TEMPLATE_DECIDES = (
    "capacity_reservation_id",
    "disk_size_gib",
    "hop_limit",
    "instance_tags",
    "iops",
    "key_pair",
    "kms_key_arn",
    "max_pods",
    "metadata_options",
    "security_group_ids",
    "throughput",
    "user_data",
)
"""Arguments that only a launch template of the component can follow."""


def instance_types(args: ManagedNodeGroupArgs) -> list[str]:
    """Return the instance types; none if the launch template names the type."""
    default = () if "launch_template" in args else DEFAULT_INSTANCE_TYPES
    return list(args.get("instance_types", default))


def ami_type(args: ManagedNodeGroupArgs) -> str:
    """Return the AMI type, judged by the arguments: accelerators are known after a look-up only."""
    return args.get("ami_type", ami.default_type(instance_types(args)))


def is_custom(args: ManagedNodeGroupArgs) -> bool:
    """Return whether the launch template names the image."""
    return ami_type(args) == ami.CUSTOM


def disk_size_gib(args: ManagedNodeGroupArgs) -> int:
    """Return the size of the volume that holds the pods' storage."""
    return int(args.get("disk_size_gib", DEFAULT_DISK_SIZE_GIB))
