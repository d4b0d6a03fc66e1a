"""What settings may be and probably are not meant to be: warnings before anything is planned."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from components.pure import capacity_buffers, flags, headroom
from components.values import IMAGE_REPOSITORY
from settings.shapes import Settings

_ACCELERATED = re.compile(r"(p|g|gr|trn|inf|dl|f|vt)\d")
"""How the types of EC2's accelerated families begin ("Instance type naming conventions" of the EC2 user guide)."""


def warnings(settings: Settings) -> list[str]:
    """What is accepted and probably not intended."""
    found = [*_device_warnings(settings), *_warm_pool_warnings(settings), *_reach_warnings(settings)]
    if settings["monitoring"].get("alerts") and "service_monitor" not in settings["autoscaler"]:
        found.append(
            "monitoring.alerts without autoscaler.serviceMonitor: unless something else scrapes the autoscaler's pods, "
            "the alert ClusterAutoscalerInactive fires."
        )
    return found


class _Group(NamedTuple):
    """A group of nodes.

    Attributes:
        key: Where the settings have its size, or that it exists.
        name: Its name.
        nodes: The settings of its nodes.
        exists: Whether another owner decides its size.
    """

    key: str
    name: str
    nodes: Mapping[str, Any]
    exists: bool


def _groups(settings: Settings) -> Iterator[_Group]:
    for index, group in enumerate(settings["node_groups"]):
        yield _Group(f"nodeGroups[{index}]", group["name"], group, exists=False)
    for index, found in enumerate(settings["existing_node_groups"]):
        yield _Group(f"existingNodeGroups[{index}]", found["name"], found, exists=True)
    for index, asg in enumerate(settings["auto_scaling_groups"]):
        key = f"autoScalingGroups[{index}]"
        if "create" in asg:
            yield _Group(f"{key}.create", asg["name"], {**asg, **asg["create"]}, exists=False)
        else:
            yield _Group(key, asg["name"], asg, exists=True)


def _device_warnings(settings: Settings) -> list[str]:
    """Name the groups that never grow from zero for a pod with a ResourceClaim.

    AwsNodeGroup.TemplateNodeInfo has no ResourceSlices (cloudprovider/aws/aws_cloud_provider.go at 1.36.1).
    """
    if settings["autoscaler"].get("flags", {}).get(flags.DRA_FLAG) not in flags.TRUE:
        return []
    found = []
    for group in _groups(settings):
        devices = _devices(group.nodes)
        if not devices or group.nodes.get("min_size"):
            continue
        size = "" if group.exists else ".minSize: 0"
        found.append(
            f"{group.key}{size} with {devices} and {flags.DRA_FLAG}: while the group {group.name} is empty, no node is "
            f"added for a pod with a ResourceClaim. Set {'its minimum to 1' if group.exists else 'minSize: 1'} if pods "
            "request its devices by DRA."
        )
    return found


def _devices(nodes: Mapping[str, Any]) -> str:
    """Return what shows that nodes have devices: a GPU, an extended resource or an instance type; empty if nothing."""
    if "gpu" in nodes:
        return "gpu"
    # The domain is what an extended resource has and CPU, memory and storage have not.
    extended = [f"resources[{key!r}]" for key in nodes.get("resources", {}) if "/" in key]
    accelerated = [name for name in nodes.get("instance_types", []) if _ACCELERATED.match(name)]
    return next(iter([*extended, *accelerated]), "")


def _warm_pool_warnings(settings: Settings) -> list[str]:
    """Name the warm pools that never have an instance (``MaxGroupPreparedCapacity`` of the EC2 Auto Scaling API)."""
    found = []
    group: Any  # Its sizes are numbers here, which may be Outputs for the component.
    for index, group in enumerate(settings["node_groups"]):
        if "warm_pool" not in group or group["warm_pool"].get("min_size"):
            continue
        fewest, prepared = group["min_size"], group["warm_pool"].get("max_group_prepared_capacity", group["max_size"])
        if prepared <= fewest:
            found.append(
                f"nodeGroups[{index}].warmPool is always empty: the group {group['name']} has minSize {fewest}, and "
                f"maxGroupPreparedCapacity is {prepared}. Raise it, or set warmPool.minSize."
            )
    return found


def _reach_warnings(settings: Settings) -> list[str]:
    """Name the images that no node can pull, for want of a way to the internet.

    The endpoints that the program creates serve the private registries of ECR in their own region, of which a
    pull-through cache is one, and only under their IPv4 names: "Making requests to Amazon ECR registries" of the ECR
    user guide, which has no PrivateLink by dual-stack endpoints (``<account>.dkr-ecr.<region>.on.aws``).
    """
    if settings["cluster"].get("create", {}).get("network", {}).get("nat", True):
        return []
    region = settings["region"]
    within = re.compile(rf"\d{{12}}\.dkr\.ecr\.{re.escape(region)}\.amazonaws\.")
    return [
        f"{key}: the network has no NAT, so its nodes cannot pull {repository}, unless the VPC has this registry. Name "
        f"a copy in ECR, such as <account>.dkr.ecr.{region}.amazonaws.com/{repository.rpartition('/')[2]}."
        for key, repository in _images(settings)
        if not within.match(repository)
    ]


def _images(settings: Settings) -> Iterator[tuple[str, str]]:
    """The repository of each image that the program runs, by its key."""
    autoscaler = settings["autoscaler"]
    yield "autoscaler.image.repository", autoscaler.get("image", {}).get("repository", IMAGE_REPOSITORY)
    yield from _images_within("autoscaler.values", autoscaler.get("values", {}))
    for index, each in enumerate(settings["headroom"]):
        if each.get("kind") != capacity_buffers.KIND:
            repository = each.get("image", {}).get("repository", headroom.PAUSE_REPOSITORY)
            yield f"headroom[{index}].image.repository", repository


def _images_within(key: str, values: object) -> Iterator[tuple[str, str]]:
    """The images of further containers, such as `initContainers` of the chart."""
    if isinstance(values, list):
        for index, item in enumerate(values):
            yield from _images_within(f"{key}[{index}]", item)
    elif isinstance(values, Mapping):
        for name, item in values.items():
            if name == "image" and isinstance(item, str):
                yield f"{key}.image", item
            else:
                yield from _images_within(f"{key}.{name}", item)
