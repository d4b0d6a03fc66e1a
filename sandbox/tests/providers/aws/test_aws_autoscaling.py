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
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
GET_GROUP = "aws:autoscaling/getGroup:getGroup"
DISCOVERY = "k8s.io/cluster-autoscaler/enabled"


@pytest.fixture
def template(engine, name):
    return engine.create(TEMPLATE, {"name": name, "imageId": "ami-0c2023a1b2c3d4e5f", "instanceType": "m5.large"})


@pytest.fixture
def group(engine, template, name):
    inputs = {
        "name": name,
        "minSize": 0,
        "maxSize": 2,
        "vpcZoneIdentifiers": SUBNETS[:2],
        "launchTemplate": {"id": template.id, "version": "$Latest"},
        "tags": [{"key": "theirs", "value": "1", "propagateAtLaunch": True}],
    }
    return engine.create(GROUP, inputs)


def tags(cloud, group):
    answer = cloud("autoscaling").describe_tags(Filters=[{"Name": "auto-scaling-group", "Values": [group]}])
    return {tag["Key"]: (tag["Value"], tag["PropagateAtLaunch"]) for tag in answer["Tags"]}


def test_tag_life(engine, cloud, group):
    inputs = {
        "autoscalingGroupName": group.id,
        "tag": {"key": DISCOVERY, "value": "true", "propagateAtLaunch": False},
    }
    tag = made(engine, TAG, inputs)
    assert tag.id == f"{group.id},{DISCOVERY}"
    assert tags(cloud, group.id) == {"theirs": ("1", True), DISCOVERY: ("true", False)}
    inputs = inputs | {"tag": {"key": DISCOVERY, "value": "<&>", "propagateAtLaunch": True}}
    changes = {"tag.value": "UPDATE", "tag.propagateAtLaunch": "UPDATE"}
    tag = updated(engine, TAG, tag, inputs, changes)
    replaced(engine, TAG, tag, inputs | {"autoscalingGroupName": "other"}, "autoscalingGroupName")
    replaced(engine, TAG, tag, {**inputs, "tag": {**inputs["tag"], "key": "other"}}, "tag")
    imported(engine, TAG, f"{group.id},{DISCOVERY}", tag, inputs)
    mine = {"ResourceId": group.id, "ResourceType": "auto-scaling-group", "Key": DISCOVERY}
    tag = drifted(
        engine,
        TAG,
        tag,
        inputs,
        lambda: cloud("autoscaling").create_or_update_tags(Tags=[{**mine, "Value": "x", "PropagateAtLaunch": True}]),
        {"tag.value": "UPDATE"},
    )
    removed(engine, TAG, tag)
    assert tags(cloud, group.id) == {"theirs": ("1", True)}


def test_a_tag_that_somebody_removed_is_gone(engine, cloud, group):
    inputs = {"autoscalingGroupName": group.id, "tag": {"key": "a,b", "value": "1", "propagateAtLaunch": False}}
    tag = made(engine, TAG, inputs)
    mine = {"ResourceId": group.id, "ResourceType": "auto-scaling-group", "Key": "a,b"}
    cloud("autoscaling").delete_tags(Tags=[mine])
    assert engine.refresh(TAG, tag) is None


def test_a_tag_of_a_group_that_is_gone_is_gone_too(engine, group):
    tag = made(
        engine, TAG, {"autoscalingGroupName": group.id, "tag": {"key": "a", "value": "", "propagateAtLaunch": False}}
    )
    engine.delete(GROUP, group)
    removed(engine, TAG, tag)


def test_a_tag_on_a_group_that_does_not_exist_is_refused(engine):
    inputs = {"autoscalingGroupName": "nowhere", "tag": {"key": "a", "value": "1", "propagateAtLaunch": False}}
    with pytest.raises(grpc.RpcError, match="creating aws:autoscaling/tag:Tag 'it': ValidationError"):
        engine.create(TAG, inputs)


def test_a_tag_on_a_group_to_come_is_previewed(engine):
    inputs = {"autoscalingGroupName": "it", "tag": {"key": "a", "value": "1", "propagateAtLaunch": False}}
    assert engine.preview_create(TAG, inputs)["tag"] == inputs["tag"]


def test_group_life(engine, cloud, template, name):
    inputs = {
        "name": f"{name}-group",
        "minSize": 1,
        "maxSize": 3,
        "desiredCapacity": 1,
        "vpcZoneIdentifiers": SUBNETS[:2],
        "launchTemplate": {"id": template.id, "version": "$Latest"},
        "tags": [{"key": "team", "value": "a", "propagateAtLaunch": True}],
    }
    group = made(engine, GROUP, inputs)
    assert group.id == f"{name}-group"
    assert ":autoScalingGroupName/" in group.outputs["arn"]
    inputs |= {"maxSize": 4, "desiredCapacity": 2}
    group = updated(engine, GROUP, group, inputs, {"maxSize": "UPDATE", "desiredCapacity": "UPDATE"})
    inputs |= {"tags": [{"key": "team", "value": "b", "propagateAtLaunch": True}]}
    group = updated(engine, GROUP, group, inputs, {"tags[0]": "UPDATE"})
    inputs |= {"tags": [{"key": "other", "value": "1", "propagateAtLaunch": False}]}
    group = updated(engine, GROUP, group, inputs, {"tags[0]": "UPDATE"})
    inputs |= {"suspendedProcesses": ["AZRebalance"]}
    group = updated(engine, GROUP, group, inputs, {"suspendedProcesses[0]": "ADD"})
    inputs |= {"suspendedProcesses": []}
    group = updated(engine, GROUP, group, inputs, {"suspendedProcesses[0]": "DELETE"})
    inputs |= {"vpcZoneIdentifiers": SUBNETS}
    response = engine.diff(GROUP, group, inputs)
    assert list(response.detailedDiff) == ["vpcZoneIdentifiers[2]"]
    group = engine.update(GROUP, group, inputs)
    assert differences(engine, GROUP, group, inputs) == {}
    inputs |= {"protectFromScaleIn": True}
    group = updated(engine, GROUP, group, inputs, {"protectFromScaleIn": "UPDATE"})
    inputs |= {"protectFromScaleIn": False, "forceDelete": True}
    changes = {"protectFromScaleIn": "UPDATE", "forceDelete": "UPDATE"}
    group = updated(engine, GROUP, group, inputs, changes)
    replaced(engine, GROUP, group, inputs | {"name": "other"}, "name")
    imported(engine, GROUP, group.id, group, inputs | {"forceDelete": False})
    shown = answered(engine, GET_GROUP, name=group.id)
    assert (shown["minSize"], shown["maxSize"], shown["desiredCapacity"]) == (1, 4, 2)
    assert shown["tags"] == inputs["tags"]

    def tamper():
        cloud("autoscaling").update_auto_scaling_group(AutoScalingGroupName=group.id, MaxSize=9)
        cloud("autoscaling").create_or_update_tags(
            Tags=[
                {
                    "ResourceId": group.id,
                    "ResourceType": "auto-scaling-group",
                    "Key": "stranger",
                    "Value": "1",
                    "PropagateAtLaunch": True,
                }
            ]
        )

    group = drifted(engine, GROUP, group, inputs, tamper, {"maxSize": "UPDATE", "tags[1]": "DELETE"})
    removed(engine, GROUP, group)
    with pytest.raises(grpc.RpcError, match="couldn't find resource"):
        engine.invoke(GET_GROUP, name=group.id)


def test_a_group_of_several_instance_types(engine, template, name):
    inputs = {
        "name": f"{name}-mixed",
        "minSize": 0,
        "maxSize": 2,
        "vpcZoneIdentifiers": SUBNETS[:2],
        "mixedInstancesPolicy": {
            "launchTemplate": {
                "launchTemplateSpecification": {"launchTemplateId": template.id, "version": "$Latest"},
                "overrides": [{"instanceType": "m5.large"}, {"instanceType": "m5a.large"}],
            },
            "instancesDistribution": {"onDemandPercentageAboveBaseCapacity": 50},
        },
    }
    group = made(engine, GROUP, inputs)
    overrides = group.outputs["mixedInstancesPolicy"]["launchTemplate"]["overrides"]
    assert [each["instanceType"] for each in overrides] == ["m5.large", "m5a.large"]
    removed(engine, GROUP, group)


def test_a_group_needs_one_source_of_instances(engine, name):
    inputs = {"name": name, "minSize": 0, "maxSize": 2}
    _, failures = engine.check(GROUP, inputs)
    assert "exactly one of launchTemplate and mixedInstancesPolicy" in failures["launchTemplate"]


def test_what_the_stand_in_cannot_do_with_groups_is_refused_by_name(engine, name):
    inputs = {"name": name, "minSize": 0, "maxSize": 2, "launchTemplate": {"id": "lt-1"}, "warmPool": {"minSize": 1}}
    _, failures = engine.check(GROUP, inputs)
    assert list(failures) == ["warmPool"]
    assert "stand-in for the aws provider does not do 'warmPool'" in failures["warmPool"]
