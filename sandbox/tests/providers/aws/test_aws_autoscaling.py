"""Auto Scaling through the provider stand-in."""

import grpc
import pytest

from sandbox.tests.aws.support import SUBNETS
from sandbox.tests.providers.aws.lifecycle import (
    answered,
    differences,
    drifted,
    imported,
    made,
    removed,
    replaced,
    updated,
)

GROUP = "aws:autoscaling/group:Group"
TAG = "aws:autoscaling/tag:Tag"
DISCOVERY = "k8s.io/cluster-autoscaler/enabled"


@pytest.fixture
def group(cloud, name):
    """The name of a group that is not the program's own."""
    data = {"ImageId": "ami-0c2023a1b2c3d4e5f", "InstanceType": "m5.large"}
    cloud("ec2").create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
    cloud("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=name,
        MinSize=0,
        MaxSize=2,
        VPCZoneIdentifier=",".join(SUBNETS[:2]),
        LaunchTemplate={"LaunchTemplateName": name, "Version": "$Latest"},
        Tags=[{"Key": "theirs", "Value": "1", "PropagateAtLaunch": True}],
    )
    return name


def tags(cloud, group):
    answer = cloud("autoscaling").describe_tags(Filters=[{"Name": "auto-scaling-group", "Values": [group]}])
    return {tag["Key"]: (tag["Value"], tag["PropagateAtLaunch"]) for tag in answer["Tags"]}


def test_tag_life(engine, cloud, group):
    inputs = {
        "autoscalingGroupName": group,
        "tag": {"key": DISCOVERY, "value": "true", "propagateAtLaunch": False},
    }
    tag = made(engine, TAG, inputs)
    assert tag.id == f"{group},{DISCOVERY}"
    assert tags(cloud, group) == {"theirs": ("1", True), DISCOVERY: ("true", False)}
    inputs = inputs | {"tag": {"key": DISCOVERY, "value": "<&>", "propagateAtLaunch": True}}
    changes = {"tag.value": "UPDATE", "tag.propagateAtLaunch": "UPDATE"}
    tag = updated(engine, TAG, tag, inputs, changes)
    replaced(engine, TAG, tag, inputs | {"autoscalingGroupName": "other"}, "autoscalingGroupName")
    replaced(engine, TAG, tag, {**inputs, "tag": {**inputs["tag"], "key": "other"}}, "tag")
    imported(engine, TAG, f"{group},{DISCOVERY}", tag, inputs)
    mine = {"ResourceId": group, "ResourceType": "auto-scaling-group", "Key": DISCOVERY}
    tag = drifted(
        engine,
        TAG,
        tag,
        inputs,
        lambda: cloud("autoscaling").create_or_update_tags(Tags=[{**mine, "Value": "x", "PropagateAtLaunch": True}]),
        {"tag.value": "UPDATE"},
    )
    removed(engine, TAG, tag)
    assert tags(cloud, group) == {"theirs": ("1", True)}


def test_a_tag_that_was_removed_outside_the_stack_is_gone(engine, cloud, group):
    inputs = {"autoscalingGroupName": group, "tag": {"key": "a,b", "value": "1", "propagateAtLaunch": False}}
    tag = made(engine, TAG, inputs)
    mine = {"ResourceId": group, "ResourceType": "auto-scaling-group", "Key": "a,b"}
    cloud("autoscaling").delete_tags(Tags=[mine])
    assert engine.refresh(TAG, tag) is None


def test_a_tag_of_a_group_that_is_gone_is_gone_too(engine, cloud, group):
    tag = made(
        engine, TAG, {"autoscalingGroupName": group, "tag": {"key": "a", "value": "", "propagateAtLaunch": False}}
    )
    cloud("autoscaling").delete_auto_scaling_group(AutoScalingGroupName=group)
    assert engine.refresh(TAG, tag) is None
    with pytest.raises(grpc.RpcError, match=f"AutoScalingGroup {group} not found"):
        engine.delete(TAG, tag)  # No check comes first: only a refresh takes it off the record.


def test_a_tag_on_a_group_that_does_not_exist_is_refused(engine):
    inputs = {"autoscalingGroupName": "nowhere", "tag": {"key": "a", "value": "1", "propagateAtLaunch": False}}
    with pytest.raises(grpc.RpcError, match="creating aws:autoscaling/tag:Tag 'it': ValidationError"):
        engine.create(TAG, inputs)


def test_a_tag_on_a_group_to_come_is_previewed(engine):
    inputs = {"autoscalingGroupName": "it", "tag": {"key": "a", "value": "1", "propagateAtLaunch": False}}
    assert engine.preview_create(TAG, inputs)["tag"] == inputs["tag"]


@pytest.fixture
def template(cloud, name):
    """ID of a launch template."""
    data = {"ImageId": "ami-0c2023a1b2c3d4e5f", "InstanceType": "m5.large"}
    made_here = cloud("ec2").create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
    return made_here["LaunchTemplate"]["LaunchTemplateId"]


@pytest.fixture
def inputs(name, template):
    """Of a group of the program's own."""
    return {
        "name": name,
        "minSize": 0,
        "maxSize": 4,
        "vpcZoneIdentifiers": SUBNETS[:2],
        "launchTemplate": {"id": template, "version": "1"},
        "suspendedProcesses": ["AZRebalance"],
        "waitForCapacityTimeout": "0",
        "tags": [
            {"key": "kubernetes.io/cluster/a", "value": "owned", "propagateAtLaunch": True},
            {"key": DISCOVERY, "value": "true", "propagateAtLaunch": False},
        ],
    }


def live(cloud, name):
    return cloud("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]


def test_group_life(engine, cloud, name, template, inputs):
    group = made(engine, GROUP, inputs)
    assert group.id == name
    assert group.outputs["desiredCapacity"] == 0
    assert [each["ProcessName"] for each in live(cloud, name)["SuspendedProcesses"]] == ["AZRebalance"]
    inputs = inputs | {"tags": [*inputs["tags"][:1], {"key": "team", "value": "a", "propagateAtLaunch": False}]}
    group = updated(engine, GROUP, group, inputs, {"tags[1]": "UPDATE"})
    assert tags(cloud, name) == {"kubernetes.io/cluster/a": ("owned", True), "team": ("a", False)}
    inputs = inputs | {"suspendedProcesses": ["HealthCheck"]}
    group = updated(engine, GROUP, group, inputs, {"suspendedProcesses[0]": "UPDATE"})
    assert [each["ProcessName"] for each in live(cloud, name)["SuspendedProcesses"]] == ["HealthCheck"]
    replaced(engine, GROUP, group, inputs | {"name": f"{name}-other"}, "name")
    found = answered(engine, "aws:autoscaling/getGroup:getGroup", name=name)
    assert found["launchTemplates"] == [{"id": template, "name": name, "version": "1"}]
    removed(engine, GROUP, group)


def test_a_mixed_group_is_recorded_and_shown_with_its_policy(engine, cloud, name, template, inputs):
    policy = {
        "instancesDistribution": {
            "onDemandBaseCapacity": 1,
            "onDemandPercentageAboveBaseCapacity": 25,
            "spotAllocationStrategy": "price-capacity-optimized",
            "spotInstancePools": 0,
        },
        "launchTemplate": {
            "launchTemplateSpecification": {"launchTemplateId": template, "version": "1"},
            "overrides": [{"instanceType": "m5.large"}, {"instanceType": "m6i.large"}],
        },
    }
    del inputs["launchTemplate"]
    inputs["mixedInstancesPolicy"] = policy
    group = made(engine, GROUP, inputs)
    changed = {**policy["instancesDistribution"], "onDemandBaseCapacity": 2}
    inputs = {**inputs, "mixedInstancesPolicy": {**policy, "instancesDistribution": changed}}
    path = "mixedInstancesPolicy.instancesDistribution.onDemandBaseCapacity"
    updated(engine, GROUP, group, inputs, {path: "UPDATE"})
    distribution = live(cloud, name)["MixedInstancesPolicy"]["InstancesDistribution"]
    assert (distribution["OnDemandBaseCapacity"], distribution["OnDemandPercentageAboveBaseCapacity"]) == (2, 25)
    assert "SpotInstancePools" not in distribution, "zero is not sent"
    (shown,) = answered(engine, "aws:autoscaling/getGroup:getGroup", name=name)["mixedInstancesPolicies"]
    (specification,) = shown["launchTemplates"][0]["launchTemplateSpecifications"]
    assert specification["launchTemplateId"] == template


def test_an_update_of_the_limits_sends_no_desired_capacity(engine, cloud, name, inputs):
    group = made(engine, GROUP, inputs)
    cloud("autoscaling").set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=3)
    larger = engine.update(GROUP, group, {**inputs, "maxSize": 6})
    assert larger.outputs["desiredCapacity"] == 3
    assert differences(engine, GROUP, larger, {**inputs, "maxSize": 6}) == {}
    smaller = engine.update(GROUP, larger, {**inputs, "maxSize": 2})
    assert (smaller.outputs["desiredCapacity"], len(live(cloud, name)["Instances"])) == (2, 2)
    engine.delete(GROUP, smaller)
    assert engine.refresh(GROUP, smaller) is None, "its instances were terminated first"


def test_a_group_that_the_program_waits_for_or_that_launches_nothing_is_refused(engine, inputs):
    _, failures = engine.check(GROUP, {**inputs, "waitForCapacityTimeout": None})
    assert failures.keys() == {"waitForCapacityTimeout"}
    _, failures = engine.check(GROUP, {**inputs, "launchTemplate": None})
    assert failures.keys() == {"launchTemplate"}
    _, failures = engine.check(GROUP, {**inputs, "instanceRefresh": {"strategy": "Rolling"}})
    assert failures.keys() == {"instanceRefresh"}


def test_groups_are_listed_by_their_tags(engine, name, inputs):
    engine.create(GROUP, {**inputs, "tags": [{"key": "mark", "value": name, "propagateAtLaunch": False}]})
    owned = [{"name": "tag:mark", "values": [name]}]
    assert answered(engine, "aws:autoscaling/getAmiIds:getAmiIds", filters=owned)["names"] == [name]
    nothing = [{"name": "tag:mark", "values": ["nothing"]}]
    assert answered(engine, "aws:autoscaling/getAmiIds:getAmiIds", filters=nothing)["names"] == []
