"""Auto Scaling groups with real instances behind them; ministack's have none, and ignore filters, limits and paging."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.services import autoscaling, ec2

from sandbox.aws.errors import ApiError
from sandbox.aws.hooking import Hook
from sandbox.aws.hooks import autoscaling_tags, capacity, warm_pools
from sandbox.aws.hooks.capacity import Group
from sandbox.aws.hooks.launch_templates import resolve
from sandbox.aws.query_protocol import AUTOSCALING, Params, is_true, page

_SIZES = ("MinSize", "MaxSize", "DesiredCapacity")
_NUMBERS = ("DefaultCooldown", "HealthCheckGracePeriod", "DefaultInstanceWarmup", "MaxInstanceLifetime")
_FLAGS = ("NewInstancesProtectedFromScaleIn", "CapacityRebalance")
_TEXTS = (
    "HealthCheckType",
    "VPCZoneIdentifier",
    "ServiceLinkedRoleARN",
    "DesiredCapacityType",
)
_LISTS = ("AvailabilityZones", "TerminationPolicies")
_TEMPLATES = ("LaunchTemplate", "MixedInstancesPolicy")
_KNOWN = {
    *_SIZES,
    *_NUMBERS,
    *_FLAGS,
    *_TEXTS,
    *_LISTS,
    *_TEMPLATES,
    "AutoScalingGroupName",
    "Tags",
    "Action",
    "Version",
}

# The processes of a group; an empty list in a request stands for all of them.
_PROCESSES = (
    "Launch",
    "Terminate",
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "ReplaceUnhealthy",
    "ScheduledActions",
)


def find(name: str | None) -> Group:
    """The group of this name.

    Raises:
        ApiError: ``ValidationError``: there is none.
    """
    group: Group | None = autoscaling._asgs.get(name)
    if group is None:
        raise ApiError("ValidationError", f"AutoScalingGroup name not found - AutoScalingGroup {name} not found")
    return group


def create(params: Params) -> None:
    """CreateAutoScalingGroup: checks everything first, then launches."""
    name = params["AutoScalingGroupName"]
    if name in autoscaling._asgs:
        raise ApiError(
            "AlreadyExists",
            f"AutoScalingGroup by this name already exists - A group with the name {name} already exists",
        )
    group: Group = {
        "AutoScalingGroupName": name,
        "AutoScalingGroupARN": autoscaling._asg_arn(name),
        "MinSize": 0,
        "MaxSize": 0,
        "DefaultCooldown": 300,
        "AvailabilityZones": [],
        "HealthCheckType": "EC2",
        "HealthCheckGracePeriod": 300,
        "Instances": [],
        "CreatedTime": autoscaling.now_iso(),
        "SuspendedProcesses": [],
        "VPCZoneIdentifier": "",
        "EnabledMetrics": [],
        "Tags": [],
        "TerminationPolicies": ["Default"],
        "NewInstancesProtectedFromScaleIn": False,
        "_activities": [],
    }
    group |= _settings(params)
    group.setdefault("DesiredCapacity", group["MinSize"])
    _check(group)
    group["Tags"] = autoscaling_tags.merged([], params.get("Tags", []), name)
    autoscaling._asgs[name] = group
    capacity.reconcile(group, "a user request created an AutoScalingGroup")


def _settings(params: Params) -> Group:
    """The members of a group that a create or update request sets, of their right types."""
    unknown = sorted(set(params) - _KNOWN)
    if unknown:
        raise ApiError("ValidationError", f"The sandbox's Auto Scaling does not know the parameter {unknown[0]}")
    settings: Group = {name: params[name] for name in (*_TEXTS, *_LISTS) if name in params}
    settings |= {name: int(params[name]) for name in (*_SIZES, *_NUMBERS) if name in params}
    settings |= {name: is_true(params, name) for name in _FLAGS if name in params}
    if "VPCZoneIdentifier" in settings:
        settings["AvailabilityZones"] = _zones(settings["VPCZoneIdentifier"])
    if "LaunchTemplate" in params:
        settings |= {"LaunchTemplate": _named(params["LaunchTemplate"]), "MixedInstancesPolicy": None}
    if "MixedInstancesPolicy" in params:
        settings |= {"LaunchTemplate": None, "MixedInstancesPolicy": _named_mixed(params["MixedInstancesPolicy"])}
    return settings


def _zones(subnets: str) -> list[str]:
    names = [name for name in subnets.split(",") if name]
    missing = [name for name in names if name not in ec2._subnets]
    if missing:
        raise ApiError("ValidationError", f"The subnet ID '{missing[0]}' does not exist")
    return sorted({ec2._subnets[name]["AvailabilityZone"] for name in names})


def _named(specification: Params) -> dict[str, str]:
    """A template specification with both id and name, as Describe shows it; the version stays as asked."""
    template = resolve(specification)
    return capacity.template_reference(template, specification.get("Version") or "$Default")


def _named_mixed(policy: Params) -> Params:
    template = policy["LaunchTemplate"]
    return {
        **policy,
        "LaunchTemplate": {**template, "LaunchTemplateSpecification": _named(template["LaunchTemplateSpecification"])},
    }


def _check(group: Mapping[str, Any]) -> None:
    """Raises :class:`ApiError` unless the sizes fit together and the group can launch something."""
    least, most, desired = (group[name] for name in ("MinSize", "MaxSize", "DesiredCapacity"))
    if least > most:
        raise ApiError("ValidationError", f"Max bound, {most}, must be greater than or equal to min bound, {least}")
    if not least <= desired <= most:
        raise ApiError(
            "ValidationError",
            f"Desired capacity:{desired} must be between the specified min size:{least} and max size:{most}",
        )
    capacity.instance_type(group)
    if not group["AvailabilityZones"]:
        raise ApiError("ValidationError", "At least one Availability Zone or VPC Subnet is required.")


def update(params: Params) -> None:
    """UpdateAutoScalingGroup: a bound that passes the desired capacity takes it along."""
    group = find(params.get("AutoScalingGroupName"))
    changed = group | _settings(params)
    if "DesiredCapacity" not in params:
        changed["DesiredCapacity"] = max(changed["MinSize"], min(changed["MaxSize"], group["DesiredCapacity"]))
    _check(changed)
    group.update(changed)
    capacity.reconcile(group, "a user request updated the AutoScalingGroup")


def set_desired_capacity(params: Params) -> None:
    """SetDesiredCapacity, within the group's bounds."""
    group, desired = find(params.get("AutoScalingGroupName")), int(params["DesiredCapacity"])
    if desired > group["MaxSize"]:
        raise ApiError(
            "ValidationError",
            f"New SetDesiredCapacity value {desired} is above max value {group['MaxSize']} for the AutoScalingGroup.",
        )
    if desired < group["MinSize"]:
        raise ApiError(
            "ValidationError",
            f"New SetDesiredCapacity value {desired} is below min value {group['MinSize']} for the AutoScalingGroup.",
        )
    before, group["DesiredCapacity"] = group["DesiredCapacity"], desired
    capacity.reconcile(
        group,
        f"a user request explicitly changed the desired capacity from {before} to {desired}",
    )


def terminate_instance(params: Params) -> Params:
    """TerminateInstanceInAutoScalingGroup: replaced, unless the desired capacity goes down with it."""
    instance_id = params["InstanceId"]
    group = group_of(instance_id)
    if group is None:
        raise ApiError(
            "ValidationError", f"Instance Id not found - No managed instance found for instance ID: {instance_id}"
        )
    if is_true(params, "ShouldDecrementDesiredCapacity"):
        if group["DesiredCapacity"] <= group["MinSize"]:
            raise ApiError(
                "ValidationError",
                f"Currently, desiredSize equals minSize ({group['MinSize']}). Terminating instance without replacement "
                "will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or "
                "lower group's min size.",
            )
        group["DesiredCapacity"] -= 1
    activity = capacity.terminate(
        group, instance_id, f"instance {instance_id} was taken out of service in response to a user request"
    )
    capacity.reconcile(group, "an instance was terminated and is replaced")
    return {"Activity": {**activity, "StatusCode": "InProgress", "Progress": 0, "EndTime": None}}


def group_of(instance_id: str) -> Group | None:
    """The group that an instance belongs to, if any."""
    groups: list[Group] = autoscaling._asgs.values()
    return next((one for one in groups if any(i["InstanceId"] == instance_id for i in one["Instances"])), None)


def delete(params: Params) -> None:
    """DeleteAutoScalingGroup: refused while instances are left, of the group or its warm pool, unless forced."""
    group = find(params.get("AutoScalingGroupName"))
    if (group["Instances"] or warm_pools.instances(group)) and not is_true(params, "ForceDelete"):
        raise ApiError(
            "ResourceInUse",
            "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) "
            "still in the group.",
        )
    cause = "a user request force deleted the AutoScalingGroup"
    for instance in group["Instances"]:
        capacity.terminate(group, instance["InstanceId"], cause)
    set_warm_pool(group, None, cause)
    name = group["AutoScalingGroupName"]
    autoscaling._delete_group_policies(name)
    autoscaling._delete_group_hooks(name)
    del autoscaling._asgs[name]


def describe(params: Params) -> Params:
    """DescribeAutoScalingGroups by names and tag filters, 50 a page by default."""
    names = params.get("AutoScalingGroupNames", [])
    groups = [
        group
        for group in autoscaling._asgs.values()
        if (not names or group["AutoScalingGroupName"] in names)
        and all(autoscaling_tags.matches(group["Tags"], condition) for condition in params.get("Filters", []))
    ]
    rows, token = page(groups, params, "MaxRecords", 50)
    return {"AutoScalingGroups": [_shown(group) for group in rows], "NextToken": token}


def _shown(group: Group) -> Group:
    shown = {name: value for name, value in group.items() if not name.startswith("_") and name != "InstanceRefreshes"}
    return shown | ({"WarmPoolSize": len(warm_pools.instances(group))} if "WarmPoolConfiguration" in group else {})


def set_warm_pool(group: Group, configuration: Params | None, cause: str) -> None:
    """Gives a group a warm pool, another configuration of it, or none, and the pool its instances."""
    group.pop("WarmPoolConfiguration", None)
    if configuration is not None:
        # "Existing warm pool instances aren't immediately affected" (EKS user guide).
        group["WarmPoolConfiguration"] = configuration
    capacity.fill_warm_pool(group, cause)


def describe_warm_pool(params: Params) -> Params:
    """DescribeWarmPool, 50 instances a page by default."""
    group = find(params.get("AutoScalingGroupName"))
    rows, token = page(warm_pools.instances(group), params, "MaxRecords", 50)
    return {"WarmPoolConfiguration": group.get("WarmPoolConfiguration"), "Instances": rows, "NextToken": token}


def describe_activities(params: Params) -> Params:
    """DescribeScalingActivities of one group or all, newest first, 100 a page by default."""
    name = params.get("AutoScalingGroupName")
    groups = [find(name)] if name else list(autoscaling._asgs.values())
    wanted = params.get("ActivityIds", [])
    activities = [one for group in groups for one in group["_activities"] if not wanted or one["ActivityId"] in wanted]
    rows, token = page(activities, params, "MaxRecords", 100)
    return {"Activities": rows, "NextToken": token}


def suspend(params: Params) -> None:
    """SuspendProcesses."""
    group, named = find(params.get("AutoScalingGroupName")), _processes(params)
    kept = [one for one in group["SuspendedProcesses"] if one["ProcessName"] not in named]
    reason = f"User suspended at {autoscaling.now_iso()}"
    group["SuspendedProcesses"] = kept + [{"ProcessName": name, "SuspensionReason": reason} for name in named]


def resume(params: Params) -> None:
    """ResumeProcesses; what waited is done at once."""
    group, named = find(params.get("AutoScalingGroupName")), _processes(params)
    group["SuspendedProcesses"] = [one for one in group["SuspendedProcesses"] if one["ProcessName"] not in named]
    capacity.reconcile(group, "a user request resumed suspended processes")


def _processes(params: Params) -> list[str]:
    named: list[str] = params.get("ScalingProcesses") or list(_PROCESSES)
    unknown = [name for name in named if name not in _PROCESSES]
    if unknown:
        raise ApiError(
            "ValidationError", f"{unknown[0]} is not a valid Scaling Process: expected {', '.join(_PROCESSES)}"
        )
    return named


HOOKS: tuple[Hook, ...] = (
    AUTOSCALING.answer("CreateAutoScalingGroup", create),
    AUTOSCALING.answer("UpdateAutoScalingGroup", update),
    AUTOSCALING.answer("SetDesiredCapacity", set_desired_capacity),
    AUTOSCALING.answer("TerminateInstanceInAutoScalingGroup", terminate_instance, is_new=True),
    AUTOSCALING.answer("DeleteAutoScalingGroup", delete),
    AUTOSCALING.answer("DescribeAutoScalingGroups", describe),
    AUTOSCALING.refuse("DescribeAutoScalingInstances"),
    AUTOSCALING.answer("DescribeScalingActivities", describe_activities),
    AUTOSCALING.answer("DescribeWarmPool", describe_warm_pool, is_new=True),
    AUTOSCALING.answer("SuspendProcesses", suspend, is_new=True),
    AUTOSCALING.answer("ResumeProcesses", resume, is_new=True),
)
