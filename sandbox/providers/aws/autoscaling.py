"""Auto Scaling groups that are not the program's own: single tags on them, and their sizes.

Imitates terraform-provider-aws internal/service/autoscaling/group_tag.go and group_data_source.go, as of v6 (the base
of pulumi-aws 7.51).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi_aws as aws

from sandbox.providers.aws.function import Function
from sandbox.providers.aws.resource import Properties, ResourceType
from sandbox.providers.aws.session import Cloud
from sandbox.providers.rpc import ProviderError, State


class Tag(ResourceType):
    """``aws.autoscaling.Tag``: one tag on a group. ID: ``<group>,<key>``.

    Of the tags of a group it knows only its own: whatever EKS or others put there stays.
    """

    resource = aws.autoscaling.Tag
    supported = frozenset({"autoscalingGroupName", "tag"})
    replaces = frozenset({"autoscalingGroupName", "tag.key"})

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Puts the tag on the group, over one with the same key."""
        group, tag = inputs["autoscalingGroupName"], inputs["tag"]
        cloud.autoscaling.create_or_update_tags(Tags=[_tag_request(group, tag)])
        return f"{group},{tag['key']}"

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The tag."""
        group, key = self._parts(old.id)
        filters: Any = [{"Name": "auto-scaling-group", "Values": [group]}, {"Name": "key", "Values": [key]}]
        for tag in cloud.autoscaling.describe_tags(Filters=filters)["Tags"]:
            return {"autoscalingGroupName": group, "tag": _tag(tag)}
        return None

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Sets its value, and whether instances get it."""
        group, _ = self._parts(old.id)
        cloud.autoscaling.create_or_update_tags(Tags=[_tag_request(group, inputs["tag"])])

    def delete(self, cloud: Cloud, old: State) -> None:
        """Take the tag off the group. Like ``resourceGroupTagDelete``, it calls without a check first."""
        group, key = self._parts(old.id)
        cloud.autoscaling.delete_tags(Tags=[_tag_key(group, key)])

    @staticmethod
    def _parts(resource_id: str) -> tuple[str, str]:
        group, _, key = resource_id.partition(",")
        if not key:
            raise ProviderError(f"the ID {resource_id!r} is not of the form <group name>,<tag key>")
        return group, key


def _tag_key(group: str, key: str) -> Any:
    return {"ResourceId": group, "ResourceType": "auto-scaling-group", "Key": key}


def _tag_request(group: str, tag: Mapping[str, Any]) -> Any:
    return {**_tag_key(group, tag["key"]), "Value": tag["value"], "PropagateAtLaunch": tag["propagateAtLaunch"]}


def _tag(tag: Any) -> dict[str, Any]:
    return {
        "key": tag["Key"],
        "propagateAtLaunch": bool(tag.get("PropagateAtLaunch")),
        "value": tag.get("Value", ""),
    }


def get_group(cloud: Cloud, args: Properties) -> Properties:
    """``aws.autoscaling.get_group``: name, sizes, zones and subnets of a group."""
    name: Any = args["name"]
    found = cloud.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    if not found:
        raise ProviderError(f"reading Auto Scaling Group ({name}): couldn't find resource")
    (group,) = found
    return {
        "arn": group["AutoScalingGroupARN"],
        "availabilityZones": group["AvailabilityZones"],
        "defaultCooldown": group["DefaultCooldown"],
        "desiredCapacity": group["DesiredCapacity"],
        "healthCheckType": group["HealthCheckType"],
        "id": name,
        "maxSize": group["MaxSize"],
        "minSize": group["MinSize"],
        "name": name,
        "region": cloud.region,
        "vpcZoneIdentifier": group.get("VPCZoneIdentifier", ""),
    }


RESOURCES: list[ResourceType] = [Tag()]
FUNCTIONS: list[Function] = [
    Function("aws:autoscaling/getGroup:getGroup", aws.autoscaling.get_group, get_group, required=frozenset({"name"}))
]
