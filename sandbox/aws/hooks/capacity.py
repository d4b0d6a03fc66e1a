"""Auto Scaling's work: launch and terminate real EC2 instances until a group has its desired capacity."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import autoscaling, ec2

from sandbox.aws.errors import ApiError
from sandbox.aws.faults import FAULTS
from sandbox.aws.hooking import Hook
from sandbox.aws.hooks import images, warm_pools
from sandbox.aws.hooks.launch_templates import LaunchTemplate, resolve
from sandbox.aws.query_protocol import EC2, Params, Response, parse

Group = dict[str, Any]
"""An Auto Scaling group as DescribeAutoScalingGroups shows it, plus ``_activities``, its history."""

Activity = dict[str, Any]

_KEPT_ACTIVITIES = 100


def reconcile(group: Group, cause: str) -> None:
    """Launches or terminates instances until ``group`` has its desired capacity, or a launch fails; then its pool.

    Args:
        group: The group; suspended processes are left alone.
        cause: Why, for the activities.
    """
    while len(group["Instances"]) > group["DesiredCapacity"] and not _is_suspended(group, "Terminate"):
        chosen = _to_terminate(group)
        if chosen is None:
            break
        terminate(group, chosen["InstanceId"], cause)
    while len(group["Instances"]) < group["DesiredCapacity"] and not _is_suspended(group, "Launch"):
        if not (_start_warm(group, cause) or _launch(group, cause)):
            break
    fill_warm_pool(group, cause)


def fill_warm_pool(group: Group, cause: str, *, renew: bool = False) -> None:
    """Launches or terminates instances until the warm pool of ``group`` has its size, or a launch fails.

    Args:
        group: The group; without a pool it keeps no such instance.
        cause: Why, for the activities.
        renew: Whether the instances of the pool are replaced.
    """
    pool = warm_pools.instances(group)
    while pool and (renew or len(pool) > warm_pools.wanted(group)):
        instance_id = pool.pop()["InstanceId"]
        ec2._terminate_instances({"InstanceId.1": instance_id})
        _record(group, f"Terminating EC2 instance in warm pool: {instance_id}", cause)
    while len(pool) < warm_pools.wanted(group) and not _is_suspended(group, "Launch"):
        if not _launch(group, cause, warm=True):
            break


def retry_launches() -> bool:
    """Tries again the launches that failed, in all accounts and regions, as Auto Scaling does by itself.

    Returns:
        Whether there was anything to do.
    """
    short = [
        key
        for key, group in autoscaling._asgs.all_items()
        if len(group["Instances"]) < group["DesiredCapacity"]
        or len(warm_pools.instances(group)) < warm_pools.wanted(group)
    ]
    for account, region, name in short:
        with request_scope(account, region):
            reconcile(autoscaling._asgs[name], "a difference between desired and actual capacity")
    return bool(short)


def terminate(group: Group, instance_id: str, cause: str) -> Activity:
    """Terminates one instance and takes it out of the group; the desired capacity stays."""
    ec2._terminate_instances({"InstanceId.1": instance_id})
    return _forget(group, instance_id, cause)


def _forget(group: Group, instance_id: str, cause: str) -> Activity:
    group["Instances"] = [one for one in group["Instances"] if one["InstanceId"] != instance_id]
    return _record(group, f"Terminating EC2 instance: {instance_id}", cause)


def _is_suspended(group: Group, process: str) -> bool:
    return any(one["ProcessName"] == process for one in group["SuspendedProcesses"])


def _to_terminate(group: Group) -> Group | None:
    """The default termination policy: the oldest unprotected instance of the zone that has most of them."""
    in_zone = Counter(one["AvailabilityZone"] for one in group["Instances"])
    unprotected = [one for one in group["Instances"] if not one["ProtectedFromScaleIn"]]
    return max(unprotected, key=lambda one: in_zone[one["AvailabilityZone"]], default=None)


def _start_warm(group: Group, cause: str) -> bool:
    """Puts an instance of the warm pool into service; whether the pool had one."""
    instance = warm_pools.take(group)
    if instance is None:
        return False
    group["Instances"].append(instance)
    _record(group, f"Launching a new EC2 instance from warm pool: {instance['InstanceId']}", cause)
    return True


def _launch(group: Group, cause: str, *, warm: bool = False) -> bool:
    """Launches one instance into the emptiest zone, of the group or of its warm pool; whether it came up."""
    subnet = _emptiest_subnet(group)
    try:
        instance = _run_instance(group, subnet)
    except ApiError as error:
        _record_failed_launch(group, subnet, cause, error)
        return False
    if warm:
        warm_pools.store(group, instance)
    else:
        group["Instances"].append(instance)
    pool = " into warm pool" if warm else ""
    _record(group, f"Launching a new EC2 instance{pool}: {instance['InstanceId']}", cause, subnet)
    return True


def _emptiest_subnet(group: Group) -> Mapping[str, Any]:
    subnets = [ec2._subnets[name] for name in group["VPCZoneIdentifier"].split(",") if name in ec2._subnets]
    if not subnets:
        zones = set(group["AvailabilityZones"])
        subnets = [one for one in ec2._subnets.values() if one.get("DefaultForAz") and one["AvailabilityZone"] in zones]
    in_zone = Counter(one["AvailabilityZone"] for one in (*group["Instances"], *warm_pools.instances(group)))
    found: Mapping[str, Any] = min(subnets, key=lambda subnet: in_zone[subnet["AvailabilityZone"]], default={})
    return found


def _run_instance(group: Group, subnet: Mapping[str, Any]) -> dict[str, Any]:
    """Launches the EC2 instance and returns the group's record of it."""
    if not subnet:
        raise ApiError("InvalidSubnetID.NotFound", "The group has no subnet and no zone that exist.")
    kind = instance_type(group)
    if FAULTS.take("ec2", "RunInstances", capacity=True):
        raise ApiError(
            "InsufficientInstanceCapacity",
            f"We currently do not have sufficient {kind} capacity in the Availability Zone you requested "
            f"({subnet['AvailabilityZone']}). Our system will be working on provisioning additional capacity.",
        )
    template = launch_template(group)
    data = template.data
    _check_volumes(data)
    profile, _missing = ec2._resolve_iam_instance_profile(
        iam_arn=data.get("IamInstanceProfile", {}).get("Arn", ""),
        iam_name=data.get("IamInstanceProfile", {}).get("Name", ""),
        allow_missing=True,
    )
    (instance,) = ec2._launch_instances_internal(
        data.get("ImageId", "ami-00000000"),
        kind,
        subnet["SubnetId"],
        1,
        sg_ids=security_groups(data),
        user_data=data.get("UserData", ""),
        iam_profile=profile,
    )
    instance["MetadataOptions"] = data.get("MetadataOptions", {})
    tags = _instance_tags(group, template)
    ec2._tags[instance["InstanceId"]] = [{"Key": key, "Value": value} for key, value in tags.items()]
    return {
        "InstanceId": instance["InstanceId"],
        "InstanceType": kind,
        "AvailabilityZone": subnet["AvailabilityZone"],
        "LifecycleState": "InService",
        "HealthStatus": "Healthy",
        "LaunchTemplate": template_reference(template),
        "ProtectedFromScaleIn": group["NewInstancesProtectedFromScaleIn"],
    }


def _check_volumes(data: Mapping[str, Any]) -> None:
    """Refuse volumes that are smaller than the snapshots of the image, in EC2's words (cilium/cilium#43051)."""
    needed = images.snapshots(data.get("ImageId", ""))
    for mapping in data.get("BlockDeviceMappings", []):
        _check_speed(mapping)
        size, least = mapping.get("Ebs", {}).get("VolumeSize"), needed.get(mapping.get("DeviceName"), 0)
        if size is not None and int(size) < least:
            snapshot = "snap-" + data["ImageId"].removeprefix("ami-")
            raise ApiError(
                "InvalidBlockDeviceMapping",
                f"Volume of size {size}GB is smaller than snapshot '{snapshot}', expect size >= {least}GB",
            )


def _check_speed(mapping: Mapping[str, Any]) -> None:
    """Refuse the speed of a gp3 volume, in EC2's words (runs-on/runs-on#260, rocicorp/mono#4410)."""
    ebs = mapping.get("Ebs", {})
    if ebs.get("VolumeType") != "gp3":
        return
    iops, throughput, size = int(ebs.get("Iops", 3000)), int(ebs.get("Throughput", 125)), ebs.get("VolumeSize")
    if throughput > iops * 0.25:
        ratio = f"Throughput (MiBps) to iops ratio of {throughput / iops:f}"
        raise ApiError("InvalidParameterCombination", f"{ratio} is too high; maximum is 0.250000 MiBps per iops")
    if size is not None and iops > max(3000, int(size) * 500):
        raise ApiError(
            "InvalidParameterValue",
            f"Iops to volume size ratio of {iops / int(size):f} is too high; maximum is 500",
        )


def security_groups(data: Mapping[str, Any]) -> list[str] | None:
    """The security groups that launch template data name, in any of the three places; falsy: none."""
    interfaces = data.get("NetworkInterfaces") or [{}]
    groups: list[str] | None = data.get("SecurityGroupIds") or data.get("SecurityGroups") or interfaces[0].get("Groups")
    return groups


def _instance_tags(group: Group, template: LaunchTemplate) -> dict[str, str]:
    """The template's own instance tags, the group's that propagate, and those that AWS sets."""
    tags = {"aws:ec2launchtemplate:id": template.id, "aws:ec2launchtemplate:version": str(template.version)}
    for specification in template.data.get("TagSpecifications", []):
        if specification["ResourceType"] == "instance":
            tags |= {tag["Key"]: tag["Value"] for tag in specification["Tags"]}
    tags |= {tag["Key"]: tag["Value"] for tag in group["Tags"] if tag["PropagateAtLaunch"]}
    return tags | {"aws:autoscaling:groupName": group["AutoScalingGroupName"]}


def launch_template(group: Mapping[str, Any]) -> LaunchTemplate:
    """The launch template that the group names, directly or in its mixed instances policy.

    Raises:
        ApiError: It names none, or one that does not exist.
    """
    mixed = group.get("MixedInstancesPolicy") or {}
    specification = mixed.get("LaunchTemplate", {}).get("LaunchTemplateSpecification") or group.get("LaunchTemplate")
    return resolve(specification or {})


def template_reference(template: LaunchTemplate, version: str | None = None) -> dict[str, str]:
    """How Auto Scaling and EKS refer to a template: id, name and version."""
    return {
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.name,
        "Version": version or str(template.version),
    }


def instance_type(group: Mapping[str, Any]) -> str:
    """The type that the group launches: its first override, else its template's.

    Raises:
        ApiError: None is named; the sandbox does not choose one by attributes.
    """
    overrides = (group.get("MixedInstancesPolicy") or {}).get("LaunchTemplate", {}).get("Overrides") or [{}]
    if overrides[0].get("InstanceType"):
        return str(overrides[0]["InstanceType"])
    data = launch_template(group).data
    if "InstanceRequirements" in overrides[0] or "InstanceType" not in data:
        raise ApiError("ValidationError", "Neither the launch template nor its first override names an instance type.")
    return str(data["InstanceType"])


def _record_failed_launch(group: Group, subnet: Mapping[str, Any], cause: str, error: ApiError) -> None:
    reason = f"Could not launch On-Demand Instances. {error.code} - {error.message} Launching EC2 instance failed."
    description = f"Launching a new EC2 instance.  Status Reason: {reason}"
    activity = _record(group, description, cause, subnet)
    activity |= {"StatusCode": "Failed", "StatusMessage": reason}


def _record(group: Group, description: str, cause: str, subnet: Mapping[str, Any] | None = None) -> Activity:
    now = autoscaling.now_iso()
    details = {"Subnet ID": subnet["SubnetId"], "Availability Zone": subnet["AvailabilityZone"]} if subnet else {}
    activity = {
        "ActivityId": autoscaling.new_uuid(),
        "AutoScalingGroupName": group["AutoScalingGroupName"],
        "Description": description,
        "Cause": f"At {now} {cause}.",
        "StartTime": now,
        "EndTime": now,
        "StatusCode": "Successful",
        "Progress": 100,
        "Details": json.dumps(details),
        "AutoScalingGroupARN": group["AutoScalingGroupARN"],
    }
    group["_activities"] = [activity, *group["_activities"]][:_KEPT_ACTIVITIES]
    return activity


def terminate_instances(_original: Any, raw: Params) -> Response:
    """EC2 TerminateInstances: a group notices that its instance is gone, and replaces it."""
    response: Response = ec2._terminate_instances(raw)
    gone = set(parse(raw).get("InstanceId", []))
    for group in autoscaling._asgs.values():
        members = (*group["Instances"], *warm_pools.instances(group))
        lost = [one["InstanceId"] for one in members if one["InstanceId"] in gone]
        if not lost or response[0] != 200:
            continue
        cause = "an instance was taken out of service in response to an EC2 health check"
        for instance_id in lost:
            _forget(group, instance_id, cause)
        group["_warm"] = [one for one in warm_pools.instances(group) if one["InstanceId"] not in gone]
        reconcile(group, cause)
    return response


HOOKS: tuple[Hook, ...] = (EC2.wrap("TerminateInstances", terminate_instances),)
