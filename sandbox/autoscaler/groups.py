"""What the decisions need to know of Auto Scaling groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_TAG = "k8s.io/cluster-autoscaler/node-template/"
_OPTIONS = _TAG + "autoscaling-options/"


class DiscoveryError(ValueError):
    """A discovery specification that Cluster Autoscaler does not start with; the message is its own."""


@dataclass(frozen=True)
class Group:
    """An Auto Scaling group.

    Attributes:
        target: Its desired capacity.
        instances: IDs of its instances but those that are terminating.
        zones: Its availability zones in the order that AWS gives.
        launch_template: ID or name of its launch template and the version (``$Default`` when none is given); empty
            for a group without one.
        instance_types: Types that its mixed-instances policy overrides the template with.
    """

    name: str
    min_size: int
    max_size: int
    target: int
    instances: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    launch_template: Mapping[str, str] = field(default_factory=dict)
    instance_types: tuple[str, ...] = ()

    @classmethod
    def of(cls, description: Mapping[str, Any]) -> Group:
        """Reads an entry of ``DescribeAutoScalingGroups``."""
        mixed = description.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {})
        template = description.get("LaunchTemplate") or mixed.get("LaunchTemplateSpecification", {})
        return cls(
            name=description["AutoScalingGroupName"],
            min_size=description["MinSize"],
            max_size=description["MaxSize"],
            target=description["DesiredCapacity"],
            instances=tuple(
                instance["InstanceId"]
                for instance in description.get("Instances", ())
                if not instance["LifecycleState"].startswith("Terminat")
            ),
            zones=tuple(description["AvailabilityZones"]),
            tags={tag["Key"]: tag.get("Value", "") for tag in description.get("Tags", ())},
            launch_template={
                name: template[name]
                for name in ("LaunchTemplateId", "LaunchTemplateName", "Version")
                if name in template
            },
            instance_types=tuple(o["InstanceType"] for o in mixed.get("Overrides", ()) if "InstanceType" in o),
        )

    @property
    def managed_by(self) -> tuple[str, str] | None:
        """EKS cluster and node group that own it, by the tags that EKS sets."""
        cluster, name = self.tags.get("eks:cluster-name"), self.tags.get("eks:nodegroup-name")
        return (cluster, name) if cluster and name else None

    def template_tags(self, kind: str) -> dict[str, str]:
        """Its node-template tags of a kind (``label``, ``taint``, ``resources``) without their prefix."""
        return tags_of_kind(self.tags, kind)

    def option(self, name: str) -> str | None:
        """The text of one of its ``autoscaling-options`` tags, which win over the flag of the same meaning."""
        return self.tags.get(_OPTIONS + name)


def tags_of_kind(tags: Mapping[str, str], kind: str) -> dict[str, str]:
    """Node-template tags of a kind, without their prefix."""
    prefix = f"{_TAG}{kind}/"
    return {key.removeprefix(prefix): value for key, value in tags.items() if key.startswith(prefix)}


def discovery_tags(specifications: Sequence[str]) -> dict[str, str]:
    """The tags that a group must carry, from every ``--node-group-auto-discovery`` together.

    Args:
        specifications: Such as ``asg:tag=key,other=value``. Nothing is trimmed: `` key`` is another tag than ``key``.

    Returns:
        Tag key to value, ``""`` for any value. All must match, whichever specification they come from.

    Raises:
        DiscoveryError: A specification is malformed.
    """
    wanted: dict[str, str] = {}
    for specification in specifications:
        discoverer, colon, parameters = specification.partition(":")
        if not colon:
            raise DiscoveryError(
                f"invalid node group auto discovery spec specified via --node-group-auto-discovery: {specification}"
            )
        if discoverer != "asg":
            raise DiscoveryError(f"unsupported discoverer specified: {discoverer}")
        key, equals, tags = parameters.partition("=")
        if not equals:
            raise DiscoveryError(f"invalid key=value pair [{parameters}]")
        if key != "tag":
            raise DiscoveryError(
                f'unsupported parameter key "{key}" is specified for discoverer "asg". The only supported key is "tag"'
            )
        if not tags:
            raise DiscoveryError("tag value not supplied")
        for tag in tags.split(","):
            name, _, value = tag.partition("=")
            wanted[name] = value
    return wanted
