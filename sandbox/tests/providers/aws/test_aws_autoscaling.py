"""Auto Scaling through the provider stand-in."""

import grpc
import pytest

from sandbox.tests.aws.support import SUBNETS
from sandbox.tests.providers.aws.lifecycle import (
    drifted,
    imported,
    made,
    removed,
    replaced,
    updated,
)

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
