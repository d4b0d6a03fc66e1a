"""Auto Scaling: groups, and single tags on groups that are not the program's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pulumi_aws as aws

from sandbox.providers.aws.api_shapes import from_api, nameless, shape, to_api
from sandbox.providers.aws.function import Function
from sandbox.providers.aws.resource import AutoName, Properties, ResourceType
from sandbox.providers.aws.session import Cloud, found
from sandbox.providers.rpc import Failure, ProviderError, State

DELETE_SECONDS = 180.0
"""How long a group may take to let its instances go."""


class Tag(ResourceType):
    """``aws.autoscaling.Tag``: one tag on a group. ID: ``<group>,<key>``.

    Of the tags of a group it knows only its own: whatever EKS or others put there stays.
    """

    resource = aws.autoscaling.Tag
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
        """Takes the tag off the group."""
        group, key = self._parts(old.id)
        if self.read(cloud, old):
            cloud.autoscaling.delete_tags(Tags=[_tag_key(group, key)])

    @staticmethod
    def _parts(resource_id: str) -> tuple[str, str]:
        group, _, key = resource_id.partition(",")
        if not key:
            raise ProviderError(f"the ID {resource_id!r} is not of the form <group name>,<tag key>")
        return group, key


# Inputs that EC2 Auto Scaling takes in one request, and calls the same but for the case.
_SAME = (
    "availabilityZones",
    "capacityRebalance",
    "context",
    "defaultCooldown",
    "defaultInstanceWarmup",
    "desiredCapacity",
    "desiredCapacityType",
    "healthCheckGracePeriod",
    "healthCheckType",
    "maxInstanceLifetime",
    "maxSize",
    "minSize",
    "mixedInstancesPolicy",
    "placementGroup",
    "protectFromScaleIn",
    "serviceLinkedRoleArn",
    "terminationPolicies",
)
_SPECIFICATION = "mixedInstancesPolicy.launchTemplate.launchTemplateSpecification"
_RENAMES = {"protectFromScaleIn": "NewInstancesProtectedFromScaleIn"}


class Group(ResourceType):
    """``aws.autoscaling.Group``. ID: the group's name.

    Its tags are a list of objects, which the provider's default tags do not join (as with the official provider).
    """

    resource = aws.autoscaling.Group
    naming = AutoName("name", 255)
    defaults = MappingProxyType(
        {
            "forceDelete": False,
            "forceDeleteWarmPool": False,
            "healthCheckGracePeriod": 300,
            "ignoreFailedScalingActivities": False,
            "metricsGranularity": "1Minute",
            "protectFromScaleIn": False,
            "waitForCapacityTimeout": "10m",
        }
    )
    computed = frozenset(
        {
            "availabilityZones",
            "defaultCooldown",
            "desiredCapacity",
            "healthCheckType",
            "launchTemplate.id",
            "launchTemplate.name",
            "launchTemplate.version",
            "mixedInstancesPolicy.instancesDistribution",
            f"{_SPECIFICATION}.launchTemplateId",
            f"{_SPECIFICATION}.launchTemplateName",
            f"{_SPECIFICATION}.version",
            "serviceLinkedRoleArn",
            "vpcZoneIdentifiers",
        }
    )
    kept = frozenset(
        {
            "forceDelete",
            "forceDeleteWarmPool",
            "ignoreFailedScalingActivities",
            "metricsGranularity",
            "waitForCapacityTimeout",
        }
    )
    replaces = frozenset({"name", "namePrefix", "placementGroup"})
    ordered = frozenset({"mixedInstancesPolicy.launchTemplate.overrides", "terminationPolicies"})
    unsupported = frozenset(
        {
            "availabilityZoneDistribution",
            "capacityReservationSpecification",
            "enabledMetrics",
            "initialLifecycleHooks",
            "instanceLifecyclePolicy",
            "instanceMaintenancePolicy",
            "instanceRefresh",
            "launchConfiguration",
            "loadBalancers",
            "minElbCapacity",
            "targetGroupArns",
            "trafficSources",
            "waitForElbCapacity",
            "warmPool",
        }
    )

    def check(self, inputs: Properties) -> Iterator[Failure]:
        """One source of instances, and nothing that the stand-in would have to leave out."""
        sources = [name for name in ("launchTemplate", "mixedInstancesPolicy") if inputs.get(name) is not None]
        if len(sources) != 1:
            reason = f"a group needs exactly one of launchTemplate and mixedInstancesPolicy; it has {len(sources)}"
            yield Failure("launchTemplate", reason)
        for path in nameless(_same(inputs), shape("autoscaling", "CreateAutoScalingGroupType"), _RENAMES):
            yield Failure(path, f"the sandbox's stand-in for the aws provider does not do {path!r} of groups")

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Makes the group."""
        request = _request(inputs) | {"Tags": [_tag_request(inputs["name"], each) for each in inputs.get("tags") or ()]}
        cloud.autoscaling.create_auto_scaling_group(**request)
        return str(inputs["name"])

    def complete(self, cloud: Cloud, resource_id: str, inputs: Properties) -> None:
        """Stops the processes that shall not run, and waits for the instances."""
        if inputs.get("suspendedProcesses"):
            cloud.autoscaling.suspend_processes(
                AutoScalingGroupName=resource_id, ScalingProcesses=inputs["suspendedProcesses"]
            )
        self._wait_for_capacity(cloud, resource_id, inputs)

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The group. Its desired capacity is whatever it is now, whoever set it."""
        group = _describe(cloud, old.id)
        if group is None:
            return None
        same = {name: value for name, value in from_api(group, self.arguments(), _RENAMES).items() if name in _SAME}
        if same.get("terminationPolicies") == ["Default"] and not old.outputs.get("terminationPolicies"):
            del same["terminationPolicies"]  # What AWS sets when none are asked for.
        return {
            **same,
            "arn": group["AutoScalingGroupARN"],
            "launchTemplate": _launch_template(group.get("LaunchTemplate")),
            "name": group["AutoScalingGroupName"],
            "predictedCapacity": group.get("PredictedCapacity", 0),
            "suspendedProcesses": [each["ProcessName"] for each in group.get("SuspendedProcesses") or []],
            "tags": [_tag(each) for each in group.get("Tags") or []],
            "vpcZoneIdentifiers": [each for each in group.get("VPCZoneIdentifier", "").split(",") if each],
            "warmPoolSize": group.get("WarmPoolSize", 0),
        }

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Sets the changed properties in one request, then processes and tags."""
        api = cloud.autoscaling
        request = _request({name: value for name, value in inputs.items() if name in changed or name == "name"})
        if len(request) > 1:
            api.update_auto_scaling_group(**request)
        if "suspendedProcesses" in changed:
            before, wanted = (set(each.get("suspendedProcesses") or ()) for each in (old.outputs, inputs))
            if wanted - before:
                api.suspend_processes(AutoScalingGroupName=old.id, ScalingProcesses=sorted(wanted - before))
            if before - wanted:
                api.resume_processes(AutoScalingGroupName=old.id, ScalingProcesses=sorted(before - wanted))
        if "tags" in changed:
            keys = {each["key"] for each in inputs.get("tags") or ()}
            surplus = [each["key"] for each in old.outputs.get("tags") or () if each["key"] not in keys]
            if surplus:
                api.delete_tags(Tags=[_tag_key(old.id, key) for key in surplus])
            if keys:
                api.create_or_update_tags(Tags=[_tag_request(old.id, each) for each in inputs["tags"]])
        if changed & {"desiredCapacity", "minSize"}:
            self._wait_for_capacity(cloud, old.id, inputs)

    def delete(self, cloud: Cloud, old: State) -> None:
        """Removes the group: at once with ``forceDelete``, else when its instances are gone."""
        api, gone = cloud.autoscaling, "ValidationError"
        if _describe(cloud, old.id) is None:
            return
        if not old.outputs.get("forceDelete"):
            api.update_auto_scaling_group(AutoScalingGroupName=old.id, MinSize=0, MaxSize=0, DesiredCapacity=0)

            def empty() -> bool:
                group = _describe(cloud, old.id)
                return group is None or not group.get("Instances")

            cloud.wait(empty, f"Auto Scaling group {old.id} to be empty", DELETE_SECONDS)
        force = bool(old.outputs.get("forceDelete"))
        found(lambda: api.delete_auto_scaling_group(AutoScalingGroupName=old.id, ForceDelete=force), gone)
        cloud.wait(lambda: _describe(cloud, old.id) is None, f"Auto Scaling group {old.id} to be gone", DELETE_SECONDS)

    @staticmethod
    def _wait_for_capacity(cloud: Cloud, name: str, inputs: Properties) -> None:
        seconds = _seconds(inputs.get("waitForCapacityTimeout") or "10m")
        wanted = inputs.get("desiredCapacity") or inputs["minSize"]

        def launched() -> bool:
            group = _describe(cloud, name)
            if group is None:
                raise ProviderError(f"Auto Scaling group {name} was removed while it was waited for")
            healthy = [each for each in group.get("Instances") or [] if each["LifecycleState"] == "InService"]
            return bool(len(healthy) >= wanted)

        if seconds:
            cloud.wait(launched, f"{wanted} instances of Auto Scaling group {name} in service", seconds)


def _same(inputs: Properties) -> dict[str, Any]:
    return {name: inputs[name] for name in _SAME if inputs.get(name) is not None}


def _request(inputs: Properties) -> Any:
    request = to_api(_same(inputs), shape("autoscaling", "CreateAutoScalingGroupType"), _RENAMES)
    request["AutoScalingGroupName"] = inputs["name"]
    template = inputs.get("launchTemplate")
    if template:
        key, member = ("id", "LaunchTemplateId") if template.get("id") else ("name", "LaunchTemplateName")
        request["LaunchTemplate"] = {member: template[key], "Version": template.get("version") or "$Default"}
    if inputs.get("vpcZoneIdentifiers"):
        request["VPCZoneIdentifier"] = ",".join(inputs["vpcZoneIdentifiers"])
    return request


def _describe(cloud: Cloud, name: str) -> Any:
    """A group; one that is being deleted counts as gone once its instances are."""
    answer = cloud.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    return next(iter(answer["AutoScalingGroups"]), None)


def _launch_template(template: Any) -> dict[str, Any] | None:
    if not template:
        return None
    return {
        "id": template.get("LaunchTemplateId"),
        "name": template.get("LaunchTemplateName"),
        "version": template.get("Version"),
    }


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


def _seconds(duration: str) -> float:
    """A Go duration of one unit, such as ``10m``, in seconds."""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0}
    number, unit = duration[:-1], duration[-1:]
    if duration == "0":
        return 0.0
    if unit not in units or not number.isdigit():
        raise ProviderError(f"waitForCapacityTimeout {duration!r} is not a duration such as 10m, 90s or 0")
    return int(number) * units[unit]


def get_group(cloud: Cloud, args: Properties) -> Properties:
    """``aws.autoscaling.get_group``."""
    group = _describe(cloud, args["name"])
    if group is None:
        raise ProviderError(f"reading Auto Scaling Group ({args['name']}): couldn't find resource")
    template = _launch_template(group.get("LaunchTemplate"))
    policy = from_api(group, Group.arguments(), _RENAMES).get("mixedInstancesPolicy")
    return {
        "arn": group["AutoScalingGroupARN"],
        "availabilityZones": group.get("AvailabilityZones") or [],
        "defaultCooldown": group.get("DefaultCooldown"),
        "desiredCapacity": group["DesiredCapacity"],
        "desiredCapacityType": group.get("DesiredCapacityType", ""),
        "enabledMetrics": [each["Metric"] for each in group.get("EnabledMetrics") or []],
        "healthCheckGracePeriod": group.get("HealthCheckGracePeriod"),
        "healthCheckType": group.get("HealthCheckType"),
        "id": group["AutoScalingGroupName"],
        "instanceMaintenancePolicies": [],
        "launchConfiguration": group.get("LaunchConfigurationName", ""),
        "launchTemplates": [template] if template else [],
        "loadBalancers": group.get("LoadBalancerNames") or [],
        "maxInstanceLifetime": group.get("MaxInstanceLifetime", 0),
        "maxSize": group["MaxSize"],
        "minSize": group["MinSize"],
        "mixedInstancesPolicies": [_plural_policy(policy)] if policy else [],
        "name": group["AutoScalingGroupName"],
        "newInstancesProtectedFromScaleIn": bool(group.get("NewInstancesProtectedFromScaleIn")),
        "placementGroup": group.get("PlacementGroup", ""),
        "predictedCapacity": group.get("PredictedCapacity", 0),
        "region": cloud.region,
        "serviceLinkedRoleArn": group.get("ServiceLinkedRoleARN", ""),
        "status": group.get("Status", ""),
        "suspendedProcesses": [each["ProcessName"] for each in group.get("SuspendedProcesses") or []],
        "tags": [_tag(each) for each in group.get("Tags") or []],
        "targetGroupArns": group.get("TargetGroupARNs") or [],
        "terminationPolicies": group.get("TerminationPolicies") or [],
        "trafficSources": [],
        "vpcZoneIdentifier": group.get("VPCZoneIdentifier", ""),
        "warmPoolSize": group.get("WarmPoolSize", 0),
        "warmPools": [],
    }


def _plural_policy(policy: Mapping[str, Any]) -> dict[str, Any]:
    """A mixed-instances policy as the function shows it: every object in a list."""
    template = policy.get("launchTemplate") or {}
    specification = template.get("launchTemplateSpecification")
    distribution = policy.get("instancesDistribution")
    return {
        "instancesDistributions": [distribution] if distribution else [],
        "launchTemplates": [
            {
                "launchTemplateSpecifications": [specification] if specification else [],
                "overrides": [
                    {"instanceType": each.get("instanceType"), "weightedCapacity": each.get("weightedCapacity", "")}
                    for each in template.get("overrides") or ()
                ],
            }
        ],
    }


RESOURCES: list[ResourceType] = [Group(), Tag()]
FUNCTIONS: list[Function] = [
    Function("aws:autoscaling/getGroup:getGroup", aws.autoscaling.get_group, get_group, frozenset({"name"})),
]
