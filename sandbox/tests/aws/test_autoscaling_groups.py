"""Auto Scaling groups: filters, limits, real instances, activities."""

from __future__ import annotations

import ipaddress
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.tests.aws.support import Aws, Emulator, code

MakeGroup = Callable[..., str]


def described(aws: Aws, name: str) -> dict[str, Any]:
    (group,) = aws("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return dict(group)


def test_describe_finds_groups_by_all_their_tag_filters(aws: Aws, scaling_group: MakeGroup, name: str) -> None:
    ours = scaling_group("-a", tags={f"{name}/enabled": "true", f"{name}/owner": "owned"})
    scaling_group("-b", tags={f"{name}/enabled": "true"})
    scaling_group("-c", tags={f"{name}/enabled": "false", f"{name}/owner": "shared"})

    def found(*filters: tuple[str, list[str]]) -> list[str]:
        wanted = [{"Name": key, "Values": values} for key, values in filters]
        groups = aws("autoscaling").describe_auto_scaling_groups(Filters=wanted)["AutoScalingGroups"]
        return [group["AutoScalingGroupName"] for group in groups]

    assert found(("tag-key", [f"{name}/enabled"]), ("tag-key", [f"{name}/owner"])) == [ours, f"{name}-c"]
    assert found((f"tag:{name}/owner", ["owned"])) == [ours]
    assert found(("tag-key", [f"{name}/enabled"]), ("tag-value", ["false"])) == [f"{name}-c"]
    with pytest.raises(ClientError) as error:
        found(("name", ["x"]))
    assert code(error) == "ValidationError"


def test_describe_pages(aws: Aws, scaling_group: MakeGroup, name: str) -> None:
    made = [scaling_group(f"-{index}", DesiredCapacity=0, tags={name: "x"}) for index in range(3)]
    pages = (
        aws("autoscaling")
        .get_paginator("describe_auto_scaling_groups")
        .paginate(Filters=[{"Name": "tag-key", "Values": [name]}], PaginationConfig={"PageSize": 2})
    )
    sizes = [[group["AutoScalingGroupName"] for group in page["AutoScalingGroups"]] for page in pages]
    assert sizes == [made[:2], made[2:]]


def test_tags_keep_every_character_and_are_filtered_and_paged(aws: Aws, scaling_group: MakeGroup, name: str) -> None:
    group = scaling_group(tags={"team": "R&D <core>"})
    assert described(aws, group)["Tags"][0]["Value"] == "R&D <core>"
    aws("autoscaling").create_or_update_tags(
        Tags=[
            {
                "ResourceId": group,
                "ResourceType": "auto-scaling-group",
                "Key": key,
                "Value": "1",
                "PropagateAtLaunch": False,
            }
            for key in ("one", "two")
        ]
    )

    def tags(*filters: tuple[str, list[str]]) -> list[str]:
        wanted = [{"Name": key, "Values": values} for key, values in filters]
        pages = (
            aws("autoscaling").get_paginator("describe_tags").paginate(Filters=wanted, PaginationConfig={"PageSize": 1})
        )
        return [tag["Key"] for page in pages for tag in page["Tags"]]

    assert tags(("auto-scaling-group", [group])) == ["team", "one", "two"]
    assert tags(("auto-scaling-group", [group]), ("propagate-at-launch", ["false"])) == ["one", "two"]
    assert tags(("auto-scaling-group", [group]), ("key", ["two", "team"]), ("value", ["1"])) == ["two"]
    aws("autoscaling").delete_tags(Tags=[{"ResourceId": group, "ResourceType": "auto-scaling-group", "Key": "one"}])
    assert tags(("auto-scaling-group", [group])) == ["team", "two"]


def test_tagging_a_missing_group_or_a_51st_tag_is_refused_as_a_whole(
    aws: Aws, scaling_group: MakeGroup, name: str
) -> None:
    group = scaling_group(DesiredCapacity=0, tags={f"tag-{index}": "x" for index in range(49)})

    def tag(*pairs: tuple[str, str]) -> None:
        aws("autoscaling").create_or_update_tags(
            Tags=[
                {"ResourceId": one, "ResourceType": "auto-scaling-group", "Key": key, "Value": ""} for one, key in pairs
            ]
        )

    with pytest.raises(ClientError) as error:
        tag((group, "fits"), (f"{name}-missing", "x"))
    assert code(error) == "ValidationError"
    with pytest.raises(ClientError) as error:
        tag((group, "fits"), (group, "too-many"))
    assert code(error) == "LimitExceeded"
    assert len(described(aws, group)["Tags"]) == 49


def test_instances_are_real_balanced_and_placed_in_their_subnets(aws: Aws, scaling_group: MakeGroup, name: str) -> None:
    group = described(aws, scaling_group(DesiredCapacity=5, tags={"role": "worker"}))
    ids = [one["InstanceId"] for one in group["Instances"]]
    instances = [
        one
        for reservation in aws("ec2").describe_instances(InstanceIds=ids)["Reservations"]
        for one in reservation["Instances"]
    ]
    subnets = {one["SubnetId"]: one for one in aws("ec2").describe_subnets()["Subnets"]}
    assert sorted(Counter(one["Placement"]["AvailabilityZone"] for one in instances).values()) == [1, 2, 2]
    assert len({one["PrivateIpAddress"] for one in instances}) == 5
    for one in instances:
        subnet = subnets[one["SubnetId"]]
        assert ipaddress.ip_address(one["PrivateIpAddress"]) in ipaddress.ip_network(subnet["CidrBlock"])
        assert one["Placement"]["AvailabilityZone"] == subnet["AvailabilityZone"]
        assert one["PrivateDnsName"] == f"ip-{one['PrivateIpAddress'].replace('.', '-')}.ec2.internal"
        assert one["InstanceType"] == "m5.large"
        tags = {tag["Key"]: tag["Value"] for tag in one["Tags"]}
        assert tags["aws:autoscaling:groupName"] == name
        assert tags["role"] == "worker"


def test_desired_capacity_stays_within_the_bounds(aws: Aws, scaling_group: MakeGroup) -> None:
    group = scaling_group(MinSize=1)
    aws("autoscaling").set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=4)
    assert len(described(aws, group)["Instances"]) == 4
    for wanted in (0, 6):
        with pytest.raises(ClientError) as error:
            aws("autoscaling").set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=wanted)
        assert code(error) == "ValidationError"
    aws("autoscaling").update_auto_scaling_group(AutoScalingGroupName=group, MaxSize=2)
    after = described(aws, group)
    assert (after["DesiredCapacity"], len(after["Instances"])) == (2, 2)


@pytest.mark.parametrize(
    "settings",
    [
        {"MinSize": 3, "MaxSize": 2},
        {"MinSize": 0, "MaxSize": 2, "DesiredCapacity": 3},
        {"LaunchTemplate": {"LaunchTemplateId": "lt-00000000000000000"}},
        {"VPCZoneIdentifier": "subnet-absent"},
        {"PlacementGroup": "unknown-to-the-sandbox"},
        {"LaunchConfigurationName": "unknown-to-the-sandbox"},
    ],
)
def test_a_group_that_aws_would_refuse_is_refused(aws: Aws, name: str, settings: dict[str, Any]) -> None:
    aws("ec2").create_launch_template(LaunchTemplateName=name, LaunchTemplateData={"InstanceType": "t3.micro"})
    good = {
        "MinSize": 0,
        "MaxSize": 1,
        "LaunchTemplate": {"LaunchTemplateName": name},
        "VPCZoneIdentifier": "subnet-00000001",
    }
    with pytest.raises(ClientError) as error:
        aws("autoscaling").create_auto_scaling_group(AutoScalingGroupName=name, **(good | settings))
    assert code(error) == "ValidationError"
    aws("autoscaling").create_auto_scaling_group(AutoScalingGroupName=name, **good)


def test_terminating_an_instance_replaces_it_or_shrinks_the_group(aws: Aws, scaling_group: MakeGroup) -> None:
    group = scaling_group(MinSize=1)
    first, second = (one["InstanceId"] for one in described(aws, group)["Instances"])
    activity = aws("autoscaling").terminate_instance_in_auto_scaling_group(
        InstanceId=first, ShouldDecrementDesiredCapacity=True
    )["Activity"]
    assert activity["StatusCode"] == "InProgress"
    assert [one["InstanceId"] for one in described(aws, group)["Instances"]] == [second]
    aws("autoscaling").terminate_instance_in_auto_scaling_group(InstanceId=second, ShouldDecrementDesiredCapacity=False)
    (third,) = (one["InstanceId"] for one in described(aws, group)["Instances"])
    assert third not in (first, second)
    with pytest.raises(ClientError, match="desiredSize equals minSize"):
        aws("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId=third, ShouldDecrementDesiredCapacity=True
        )
    with pytest.raises(ClientError, match="Instance Id not found"):
        aws("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId=first, ShouldDecrementDesiredCapacity=True
        )
    states = aws("ec2").describe_instances(InstanceIds=[first, third])["Reservations"]
    assert [one["Instances"][0]["State"]["Name"] for one in states] == ["terminated", "running"]


def test_an_instance_terminated_behind_the_groups_back_is_replaced(aws: Aws, scaling_group: MakeGroup) -> None:
    group = scaling_group(DesiredCapacity=1)
    (lost,) = (one["InstanceId"] for one in described(aws, group)["Instances"])
    aws("ec2").terminate_instances(InstanceIds=[lost])
    (replacement,) = (one["InstanceId"] for one in described(aws, group)["Instances"])
    assert replacement != lost


def test_activities_list_launches_and_terminations_newest_first(aws: Aws, scaling_group: MakeGroup) -> None:
    group = scaling_group(DesiredCapacity=1)
    aws("autoscaling").set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=0)
    activities = aws("autoscaling").describe_scaling_activities(AutoScalingGroupName=group)["Activities"]
    assert [one["Description"].split(":")[0] for one in activities] == [
        "Terminating EC2 instance",
        "Launching a new EC2 instance",
    ]
    assert {one["StatusCode"] for one in activities} == {"Successful"}


def test_a_failed_launch_is_recorded_and_tried_again(emulator: Any, aws: Aws, scaling_group: MakeGroup) -> None:
    group = scaling_group(DesiredCapacity=0)
    emulator.private(
        "POST", "faults", {"service": "ec2", "action": "RunInstances", "fault": "capacity", "times": "forever"}
    )
    try:
        aws("autoscaling").set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=2)
        assert described(aws, group)["Instances"] == []
        (activity,) = aws("autoscaling").describe_scaling_activities(AutoScalingGroupName=group)["Activities"]
        assert activity["StatusCode"] == "Failed"
        assert "InsufficientInstanceCapacity" in activity["StatusMessage"]
        assert described(aws, group)["DesiredCapacity"] == 2
    finally:
        emulator.private("DELETE", "faults")
    assert len(described(aws, group)["Instances"]) == 2


def test_suspended_processes_wait_until_they_are_resumed(aws: Aws, scaling_group: MakeGroup) -> None:
    group = scaling_group(DesiredCapacity=1)
    aws("autoscaling").suspend_processes(AutoScalingGroupName=group, ScalingProcesses=["Launch"])
    aws("autoscaling").set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=3)
    suspended = described(aws, group)
    assert [one["ProcessName"] for one in suspended["SuspendedProcesses"]] == ["Launch"]
    assert len(suspended["Instances"]) == 1
    aws("autoscaling").resume_processes(AutoScalingGroupName=group)
    assert (described(aws, group)["SuspendedProcesses"], len(described(aws, group)["Instances"])) == ([], 3)
    with pytest.raises(ClientError, match="not a valid Scaling Process"):
        aws("autoscaling").suspend_processes(AutoScalingGroupName=group, ScalingProcesses=["Lunch"])


def test_scale_in_spares_protected_instances(aws: Aws, scaling_group: MakeGroup) -> None:
    group = scaling_group(NewInstancesProtectedFromScaleIn=True)
    aws("autoscaling").set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=0)
    assert len(described(aws, group)["Instances"]) == 2


def test_a_mixed_instances_policy_decides_the_type(aws: Aws, name: str) -> None:
    aws("ec2").create_launch_template(LaunchTemplateName=name, LaunchTemplateData={"ImageId": "ami-0c2023a1b2c3d4e5f"})

    def create(suffix: str, override: dict[str, Any]) -> dict[str, Any]:
        aws("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName=name + suffix,
            MinSize=1,
            MaxSize=1,
            VPCZoneIdentifier="subnet-00000001",
            MixedInstancesPolicy={
                "LaunchTemplate": {
                    "LaunchTemplateSpecification": {"LaunchTemplateName": name, "Version": "$Latest"},
                    "Overrides": [override],
                }
            },
        )
        return described(aws, name + suffix)

    named = create("-named", {"InstanceType": "c5.xlarge"})
    assert named["Instances"][0]["InstanceType"] == "c5.xlarge"
    shown = named["MixedInstancesPolicy"]["LaunchTemplate"]["LaunchTemplateSpecification"]
    assert shown["LaunchTemplateId"].startswith("lt-")
    assert shown["Version"] == "$Latest"
    assert "LaunchTemplate" not in named
    with pytest.raises(ClientError, match="names an instance type"):
        create("-required", {"InstanceRequirements": {"VCpuCount": {"Min": 8}, "MemoryMiB": {"Min": 32768}}})


def test_deleting_a_group_with_instances_needs_force(aws: Aws, scaling_group: MakeGroup) -> None:
    group = scaling_group()
    ids = [one["InstanceId"] for one in described(aws, group)["Instances"]]
    with pytest.raises(ClientError) as error:
        aws("autoscaling").delete_auto_scaling_group(AutoScalingGroupName=group)
    assert code(error) == "ResourceInUse"
    aws("autoscaling").delete_auto_scaling_group(AutoScalingGroupName=group, ForceDelete=True)
    assert aws("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"] == []
    reservations = aws("ec2").describe_instances(InstanceIds=ids)["Reservations"]
    assert {one["Instances"][0]["State"]["Name"] for one in reservations} == {"terminated"}


def test_a_group_is_busy_while_a_call_tags_it(aws: Aws, emulator: Emulator, scaling_group: MakeGroup) -> None:
    group, other = scaling_group("-a"), scaling_group("-b")

    def tag(of: str, key: str) -> None:
        wanted = {"ResourceId": of, "ResourceType": "auto-scaling-group", "Key": key, "Value": "1"}
        aws("autoscaling").create_or_update_tags(Tags=[{**wanted, "PropagateAtLaunch": False}])

    emulator.private("POST", "delays", {"tag-call": 3})
    try:
        tag(group, "first")
    finally:
        emulator.private("DELETE", "delays")
    with pytest.raises(ClientError, match="already have a pending update") as error:
        tag(group, "second")
    assert code(error) == "ResourceContention"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500  # Which makes the SDKs try again.
    tag(other, "first")
    time.sleep(3)
    tag(group, "second")
    assert {one["Key"] for one in described(aws, group)["Tags"]} == {"first", "second"}
