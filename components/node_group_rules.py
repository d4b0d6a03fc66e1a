"""What EKS, EC2 or Cluster Autoscaler would refuse of a node group's arguments."""

from . import asg_tags, node_role
from .asg_tags import AutoscalerTagsArgs
from .node_group_args import (
    CAPACITY_BLOCK,
    DEFAULT_CAPACITY_TYPE,
    DEFAULT_GPU_RESOURCE,
    DEFAULT_HOP_LIMIT,
    TEMPLATE_DECIDES,
    Gpu,
    ManagedNodeGroupArgs,
    UpdateSettings,
    ami_type,
    disk_size_gib,
    instance_types,
    is_custom,
)
from .pure import ami, ip_family, labels, user_data, validation, volumes, warm_pools
from .pure.arguments import camel_case
from .pure.faults import Fault

ACCELERATOR_LABEL = "k8s.amazonaws.com/accelerator"
"""Label by which Cluster Autoscaler knows that a node's GPU is still to come (AWS provider's README)."""

LONGEST_UPDATE_MINUTES = 24 * 60


def faults(args: ManagedNodeGroupArgs, template: AutoscalerTagsArgs) -> list[Fault]:
    """Return the faults of the arguments, as far as they are plain values.

    Args:
        args: Arguments of the group.
        template: What a node of the group will offer, as its tags advertise it.
    """
    gpu = args.get("gpu")
    return [
        *validation.cluster_name("clusterName", args["cluster_name"]),
        *validation.sizes(args["min_size"], args.get("desired_size"), args["max_size"]),
        *_subnet_faults(args),
        *_capacity_faults(args),
        *_image_faults(args),
        *_template_faults(args),
        *_node_faults(args),
        *labels.managed_label_faults("labels", args.get("labels", {})),
        *labels.managed_taint_faults("taints", args.get("taints", [])),
        *(_gpu_faults(gpu) if gpu else []),
        *_update_faults(args.get("update_settings")),
        *_warm_pool_faults(args),
        *validation.bounds("updateTimeoutMinutes", args.get("update_timeout_minutes", 60), 1, LONGEST_UPDATE_MINUTES),
        *_role_faults(args),
        *validation.tags("instanceTags", args.get("instance_tags", {})),
        *(_of_gpu(fault, gpu) if gpu else fault for fault in asg_tags.faults(template)),
    ]


def version_faults(args: ManagedNodeGroupArgs, kubernetes_version: object) -> list[Fault]:
    """Return what is wrong with image and release for a Kubernetes version, which only the cluster may know."""
    return [
        *ami.version_faults("amiType", ami_type(args), kubernetes_version),
        *ami.release_faults("releaseVersion", ami_type(args), args.get("release_version"), kubernetes_version),
    ]


def name_faults(name: str, args: ManagedNodeGroupArgs) -> list[Fault]:
    """Find names that become too long for EKS: Pulumi appends a dash and seven hexadecimal digits."""
    longest = max((len(zone) + 1 for zone in args.get("subnet_ids_by_zone", {})), default=0)
    return validation.node_group_name("name", name, most=63 - 8 - longest)


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


def _capacity_faults(args: ManagedNodeGroupArgs) -> list[Fault]:
    capacity, reservation = args.get("capacity_type", DEFAULT_CAPACITY_TYPE), args.get("capacity_reservation_id")
    own = "launch_template" in args
    found = validation.choice("capacityType", capacity, validation.CAPACITY_TYPES)
    if "instance_types" in args or not own:
        found += validation.instance_types("instanceTypes", instance_types(args))
    if capacity != CAPACITY_BLOCK:
        if reservation is not None:
            found.append(
                Fault("capacityReservationId", f"one with {capacity}", f"capacityType {CAPACITY_BLOCK} with it")
            )
        return found
    if len(args.get("subnet_ids_by_zone", ())) > 1:
        expected = "one zone: a Capacity Block is in one"
        found.append(Fault("subnetIdsByZone", f"{len(args['subnet_ids_by_zone'])} zones", expected))
    if own:
        if "instance_types" in args:
            found.append(
                Fault(
                    "instanceTypes", f"types with {CAPACITY_BLOCK}", "none: EKS wants the type in the launch template"
                )
            )
        return found
    if reservation is None:
        expected = "the Capacity Block, cr-…, or a launchTemplate that names it"
        found.append(Fault("capacityReservationId", f"none with {CAPACITY_BLOCK}", expected))
    found += validation.capacity_reservation("capacityReservationId", reservation)
    if len(args.get("instance_types", ())) != 1:
        got = f"{len(args['instance_types'])} types" if "instance_types" in args else "no type"
        found.append(Fault("instanceTypes", f"{got} with {CAPACITY_BLOCK}", "the one type of the Capacity Block"))
    return found


def _image_faults(args: ManagedNodeGroupArgs) -> list[Fault]:
    image, version = ami_type(args), args.get("kubernetes_version")
    found = [
        *validation.choice("amiType", image, validation.AMI_TYPES),
        *validation.choice("ipFamily", args.get("ip_family", ip_family.IPV4), ip_family.FAMILIES),
        *validation.kubernetes_version("kubernetesVersion", version),
        *validation.kubernetes_version("clusterVersion", args.get("cluster_version")),
        *ami.newer_faults("kubernetesVersion", version, args.get("cluster_version")),
    ]
    if ami.is_windows(image) and args.get("ip_family") == ip_family.IPV6:
        found.append(Fault("amiType", f"{image} with ipFamily ipv6", "a Linux AMI type: EKS has no IPv6 for Windows"))
    if not is_custom(args):
        return [
            *found,
            *ami.architecture_faults("amiType", image, instance_types(args)),
            *version_faults(args, version),
            *ami.disk_faults("diskSizeGib", image, disk_size_gib(args)),
        ]
    if "launch_template" not in args:
        found.append(Fault("amiType", ami.CUSTOM, "a launchTemplate that names the image, or another AMI type"))
    # "Limits and conditions when specifying an AMI ID" of the EKS user guide.
    decided = "none with amiType CUSTOM: EKS takes it from the image"
    found += [
        Fault(camel_case(key), "one", decided) for key in ("kubernetes_version", "release_version") if key in args
    ]
    return found


def _template_faults(args: ManagedNodeGroupArgs) -> list[Fault]:
    if "launch_template" not in args:
        return []
    template = args["launch_template"]
    found = [
        *validation.launch_template_id("launchTemplate.id", template["id"]),
        *validation.template_version("launchTemplate.version", template["version"]),
    ]
    expected = "none with launchTemplate: set it in the template"
    return [*found, *(Fault(camel_case(key), "one", expected) for key in TEMPLATE_DECIDES if key in args)]


def _node_faults(args: ManagedNodeGroupArgs) -> list[Fault]:
    """Return the faults of what is in a launch template of the component."""
    return [
        *volumes.faults("iops", "throughput", disk_size_gib(args), args.get("iops"), args.get("throughput")),
        *validation.kms_key("kmsKeyArn", args.get("kms_key_arn")),
        *validation.security_group_ids("securityGroupIds", args.get("security_group_ids")),
        *validation.key_pair("keyPair", args.get("key_pair")),
        *validation.bounds("hopLimit", int(args.get("hop_limit", DEFAULT_HOP_LIMIT)), 1, 2),
        *user_data.faults("userData", "maxPods", ami_type(args), args.get("user_data"), args.get("max_pods")),
    ]


def _role_faults(args: ManagedNodeGroupArgs) -> list[Fault]:
    found = [
        *validation.iam_arn("nodeRoleArn", args.get("node_role_arn"), "role"),
        *node_role.faults(args),
        *node_role.policy_faults("nodeRolePolicies", args.get("node_role_policies", [])),
    ]
    if "node_role_arn" in args and args.get("node_role_policies"):
        found.append(Fault("nodeRolePolicies", "policies with nodeRoleArn", "none: attach them to that role yourself"))
    return found


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


def _warm_pool_faults(args: ManagedNodeGroupArgs) -> list[Fault]:
    if "warm_pool" not in args:
        return []
    pool = args["warm_pool"]
    found = warm_pools.faults(
        min_size=int(pool.get("min_size", 0)),
        prepared=int(pool.get("max_group_prepared_capacity", 1)),
        state=pool.get("pool_state", warm_pools.STOPPED),
        reuse=pool.get("reuse_on_scale_in", False),
        ami_type=ami_type(args),
        capacity_type=args.get("capacity_type", DEFAULT_CAPACITY_TYPE),
    )
    return [fault.under("warmPool") for fault in found]
