"""Auto Scaling groups; and of those that are not the program's own, single tags on them, their names and sizes.

Imitates terraform-provider-aws internal/service/autoscaling/group.go, group_tag.go, group_data_source.go and
groups_data_source.go, as of v6 (the base of pulumi-aws 7.51).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, cast

import pulumi_aws as aws

from sandbox.providers.aws.api_shapes import from_api, shape, to_api
from sandbox.providers.aws.function import Function
from sandbox.providers.aws.resource import AutoName, Properties, ResourceType, split_id
from sandbox.providers.aws.session import Cloud
from sandbox.providers.aws.validators import between, length, matching
from sandbox.providers.rpc import Failure, ProviderError, State
from sandbox.providers.schema import Object

DELETE_SECONDS = 60.0
"""How long the instances of a group may take to go. Upstream waits ten minutes."""

_LAUNCHES_BY = ("launchTemplate", "mixedInstancesPolicy")
_TEMPLATE = {"id": "LaunchTemplateId", "name": "LaunchTemplateName"}


class Group(ResourceType):
    """``aws.autoscaling.Group``. ID: its name.

    An update sends what changed and no more: the desired capacity goes only if that input changes
    (``resourceGroupUpdate``). It does not wait for capacity, so it refuses a program that leaves the waiting on.
    """

    resource = aws.autoscaling.Group
    supported = frozenset(
        {
            "desiredCapacity",
            "launchTemplate",
            "maxSize",
            "minSize",
            "mixedInstancesPolicy",
            "name",
            "namePrefix",
            "suspendedProcesses",
            "tags",
            "vpcZoneIdentifiers",
            "waitForCapacityTimeout",
        }
    )
    naming = AutoName("name", 255, length(0, 255))
    defaults = MappingProxyType({"forceDelete": False, "healthCheckGracePeriod": 300, "waitForCapacityTimeout": "10m"})
    computed = frozenset(
        {
            "availabilityZones",
            "defaultCooldown",
            "desiredCapacity",
            "healthCheckType",
            "launchTemplate",
            *(f"launchTemplate.{name}" for name in ("id", "name", "version")),
            "mixedInstancesPolicy",
            "mixedInstancesPolicy.instancesDistribution",
            *(
                f"mixedInstancesPolicy.instancesDistribution.{name}"
                for name in (
                    "onDemandAllocationStrategy",
                    "onDemandBaseCapacity",
                    "onDemandPercentageAboveBaseCapacity",
                    "spotAllocationStrategy",
                    "spotInstancePools",
                )
            ),
            *(
                f"mixedInstancesPolicy.launchTemplate.launchTemplateSpecification.{name}"
                for name in ("launchTemplateId", "launchTemplateName", "version")
            ),
            "mixedInstancesPolicy.launchTemplate.overrides",
        }
    )
    kept = frozenset({"forceDelete", "waitForCapacityTimeout"})
    replaces = frozenset({"name", "namePrefix"})
    # TypeList upstream.
    ordered = frozenset({"mixedInstancesPolicy.launchTemplate.overrides"})
    validators = MappingProxyType(
        {
            "launchTemplate.id": matching(r"lt-[0-9a-z]+", "must begin with lt-"),
            "launchTemplate.version": length(1, 255),
            "mixedInstancesPolicy.instancesDistribution.onDemandBaseCapacity": between(0),
            "mixedInstancesPolicy.instancesDistribution.onDemandPercentageAboveBaseCapacity": between(0, 100),
        }
    )

    def check(self, inputs: Properties) -> Iterator[Failure]:
        """``ExactlyOneOf`` of what the group launches its instances by; and no waiting."""
        if sum(inputs.get(name) is not None for name in _LAUNCHES_BY) != 1:
            yield Failure("launchTemplate", f"one of {', '.join(_LAUNCHES_BY)} must be given, and only one")
        if inputs.get("waitForCapacityTimeout") != "0":
            yield Failure(
                "waitForCapacityTimeout", 'the sandbox\'s stand-in for the aws provider does not wait: expected "0"'
            )

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Makes the group. A desired capacity of 0 is not sent, as none is."""
        request = self._request(inputs, frozenset({"desiredCapacity"} if inputs.get("desiredCapacity") else ()) | _SENT)
        request["Tags"] = [_tag_request(inputs["name"], tag) for tag in inputs.get("tags") or ()]
        cloud.autoscaling.create_auto_scaling_group(AutoScalingGroupName=inputs["name"], **request)
        return str(inputs["name"])

    def complete(self, cloud: Cloud, resource_id: str, inputs: Properties) -> None:
        """Suspends processes."""
        self._set_processes(cloud, resource_id, [], inputs.get("suspendedProcesses") or [])

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The group with all of its tags, and its live size."""
        group = _describe(cloud, old.id)
        if group is None:
            return None
        outputs: dict[str, Any] = {
            "arn": group["AutoScalingGroupARN"],
            "availabilityZones": group["AvailabilityZones"],
            "defaultCooldown": group["DefaultCooldown"],
            "desiredCapacity": group["DesiredCapacity"],
            "healthCheckGracePeriod": group["HealthCheckGracePeriod"],
            "healthCheckType": group["HealthCheckType"],
            "maxSize": group["MaxSize"],
            "minSize": group["MinSize"],
            "name": group["AutoScalingGroupName"],
            "suspendedProcesses": [each["ProcessName"] for each in group["SuspendedProcesses"]],
            "tags": [_tag(tag) for tag in group["Tags"]],
            "vpcZoneIdentifiers": [each for each in group.get("VPCZoneIdentifier", "").split(",") if each],
        }
        if group.get("LaunchTemplate"):
            outputs["launchTemplate"] = from_api(group["LaunchTemplate"], self._field("launchTemplate"), _TEMPLATE)
        if group.get("MixedInstancesPolicy"):
            outputs["mixedInstancesPolicy"] = from_api(
                group["MixedInstancesPolicy"], self._field("mixedInstancesPolicy"), {}
            )
            # No number is 0 in the state of SDKv2 (``flattenInstancesDistribution``).
            outputs["mixedInstancesPolicy"].get("instancesDistribution", {}).setdefault("spotInstancePools", 0)
        return outputs

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """The settings that changed, then tags, then processes."""
        if request := self._request(inputs, changed):
            cloud.autoscaling.update_auto_scaling_group(AutoScalingGroupName=old.id, **request)
        if "tags" in changed:
            before, wanted = _by_key(old.outputs.get("tags")), _by_key(inputs.get("tags"))
            if gone := [_tag_key(old.id, key) for key in before if key not in wanted]:
                cloud.autoscaling.delete_tags(Tags=gone)
            if new := [_tag_request(old.id, tag) for key, tag in wanted.items() if before.get(key) != tag]:
                cloud.autoscaling.create_or_update_tags(Tags=new)
        if "suspendedProcesses" in changed:
            self._set_processes(
                cloud, old.id, old.outputs.get("suspendedProcesses") or [], inputs.get("suspendedProcesses") or []
            )

    def delete(self, cloud: Cloud, old: State) -> None:
        """Drains the group (``drainGroup``), removes it, and waits until it is gone."""
        if _describe(cloud, old.id) is None:
            return
        cloud.autoscaling.update_auto_scaling_group(
            AutoScalingGroupName=old.id, MinSize=0, MaxSize=0, DesiredCapacity=0
        )

        def drained() -> bool:
            return not (_describe(cloud, old.id) or {}).get("Instances")

        cloud.wait(drained, f"Auto Scaling Group {old.id} to be drained", DELETE_SECONDS)
        cloud.autoscaling.delete_auto_scaling_group(AutoScalingGroupName=old.id, ForceDelete=False)
        cloud.wait(lambda: _describe(cloud, old.id) is None, f"Auto Scaling Group {old.id} to be gone", DELETE_SECONDS)

    @classmethod
    def _field(cls, name: str) -> Object:
        return cast(Object, cls.arguments().fields[name])

    @staticmethod
    def _request(inputs: Properties, changed: frozenset[str]) -> dict[str, Any]:
        """The members of a request that creates or updates a group, of these inputs."""
        request: dict[str, Any] = {
            member: inputs[name]
            for name, member in _MEMBERS.items()
            if name in changed and inputs.get(name) is not None
        }
        if "vpcZoneIdentifiers" in changed and inputs.get("vpcZoneIdentifiers"):
            request["VPCZoneIdentifier"] = ",".join(inputs["vpcZoneIdentifiers"])
        for name, renames, kind in (
            ("launchTemplate", _TEMPLATE, "LaunchTemplateSpecification"),
            ("mixedInstancesPolicy", {}, "MixedInstancesPolicy"),
        ):
            if name in changed and inputs.get(name):
                request[name[0].upper() + name[1:]] = to_api(inputs[name], shape("autoscaling", kind), renames)
        distribution = request.get("MixedInstancesPolicy", {}).get("InstancesDistribution", {})
        if distribution.get("SpotInstancePools") == 0:  # ``expandInstancesDistribution``
            del distribution["SpotInstancePools"]
        return request

    @staticmethod
    def _set_processes(cloud: Cloud, name: str, before: list[str], wanted: list[str]) -> None:
        if resumed := sorted({*before} - {*wanted}):
            cloud.autoscaling.resume_processes(AutoScalingGroupName=name, ScalingProcesses=resumed)
        if suspended := sorted({*wanted} - {*before}):
            cloud.autoscaling.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=suspended)


_MEMBERS = {
    "desiredCapacity": "DesiredCapacity",
    "healthCheckGracePeriod": "HealthCheckGracePeriod",
    "maxSize": "MaxSize",
    "minSize": "MinSize",
}
_SENT = frozenset({*_MEMBERS, "vpcZoneIdentifiers", *_LAUNCHES_BY}) - {"desiredCapacity"}
"""What CreateAutoScalingGroup gets whatever its value."""


def _describe(cloud: Cloud, name: str) -> Any:
    groups = cloud.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return groups[0] if groups else None


def _by_key(tags: Any) -> dict[str, Any]:
    return {tag["key"]: tag for tag in tags or ()}


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
    def _parts(resource_id: str) -> list[str]:
        return split_id(resource_id, ",", "group name", "tag key")


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
    """``aws.autoscaling.get_group``: name, sizes, zones, subnets and launch templates of a group."""
    name: Any = args["name"]
    group = _describe(cloud, name)
    if group is None:
        raise ProviderError(f"reading Auto Scaling Group ({name}): couldn't find resource")
    return {
        "arn": group["AutoScalingGroupARN"],
        "availabilityZones": group["AvailabilityZones"],
        "defaultCooldown": group["DefaultCooldown"],
        "desiredCapacity": group["DesiredCapacity"],
        "healthCheckType": group["HealthCheckType"],
        "id": name,
        "launchTemplates": [_specification(group["LaunchTemplate"])] if group.get("LaunchTemplate") else [],
        "mixedInstancesPolicies": [_policy(group["MixedInstancesPolicy"])] if group.get("MixedInstancesPolicy") else [],
        "maxSize": group["MaxSize"],
        "minSize": group["MinSize"],
        "name": name,
        "region": cloud.region,
        "vpcZoneIdentifier": group.get("VPCZoneIdentifier", ""),
    }


def _specification(template: Any) -> dict[str, Any]:
    return {"id": template["LaunchTemplateId"], "name": template["LaunchTemplateName"], "version": template["Version"]}


def _policy(policy: Any) -> dict[str, Any]:
    """A mixed instances policy as the function shows it, with blocks in the plural."""
    shown = from_api(policy, Group._field("mixedInstancesPolicy"), {})
    template = shown["launchTemplate"]
    return {
        "instancesDistributions": [shown["instancesDistribution"]] if "instancesDistribution" in shown else [],
        "launchTemplates": [
            {
                "launchTemplateSpecifications": [template["launchTemplateSpecification"]],
                "overrides": template.get("overrides", []),
            }
        ],
    }


def get_groups(cloud: Cloud, args: Properties) -> Properties:
    """``aws.autoscaling.get_ami_ids``, Pulumi's name of the data source ``aws_autoscaling_groups``."""
    filters: Any = [{"Name": each["name"], "Values": each["values"]} for each in args.get("filters") or ()]
    pages = cloud.autoscaling.get_paginator("describe_auto_scaling_groups").paginate(Filters=filters)
    groups = [group for page in pages for group in page["AutoScalingGroups"]]
    return {
        "arns": sorted(group["AutoScalingGroupARN"] for group in groups),
        "filters": args.get("filters"),
        "id": cloud.region,
        "names": sorted(group["AutoScalingGroupName"] for group in groups),
        "region": cloud.region,
    }


RESOURCES: list[ResourceType] = [Group(), Tag()]
FUNCTIONS: list[Function] = [
    Function("aws:autoscaling/getGroup:getGroup", aws.autoscaling.get_group, get_group, required=frozenset({"name"})),
    Function("aws:autoscaling/getAmiIds:getAmiIds", aws.autoscaling.get_ami_ids, get_groups, frozenset({"filters"})),
]
