"""The node that a group would add."""

from decimal import Decimal

import pytest

from sandbox.autoscaler.groups import DiscoveryError, Group, discovery_tags
from sandbox.autoscaler.objects import TO_BE_DELETED, Taint
from sandbox.autoscaler.releases import Release
from sandbox.autoscaler.templates import InstanceType, ManagedNodeGroup, from_group, from_node, good_example
from sandbox.tests.autoscaler.making import NEWEST, group, node, options

LARGE = InstanceType("m5.large", 2, 8192)
TEMPLATE = "k8s.io/cluster-autoscaler/node-template/"


def test_a_machines_facts_become_labels_and_resources():
    template = from_group(
        group(zones=("eu-west-1b", "eu-west-1a")), InstanceType("g5g.xlarge", 4, 8192, 1, "arm64"), None
    )

    assert template.labels["node.kubernetes.io/instance-type"] == "g5g.xlarge"
    assert template.labels["kubernetes.io/arch"] == "arm64"
    assert template.labels["kubernetes.io/os"] == "linux"
    assert template.labels["topology.kubernetes.io/zone"] == "eu-west-1b"
    assert template.labels["topology.kubernetes.io/region"] == "eu-west-1"
    assert template.allocatable == {"cpu": 4, "memory": 8 * 1024**3, "pods": 110, "nvidia.com/gpu": 1}


def test_tags_add_labels_taints_and_resources():
    tags = {
        TEMPLATE + "label/pool": "batch",
        TEMPLATE + "taint/dedicated": "batch:NoSchedule",
        TEMPLATE + "taint/bare": ":NoExecute",
        TEMPLATE + "taint/wrong": "batch:NO_SCHEDULE",
        TEMPLATE + "resources/ephemeral-storage": "100G",
        "eks:nodegroup-name": "workers",
    }
    template = from_group(group(tags=tags), LARGE, None)

    assert template.labels["pool"] == "batch"
    assert template.labels["nodegroup-name"] == "workers", "an odd label that tags with prefix eks: leave"
    assert template.taints == (Taint("dedicated", "batch", "NoSchedule"), Taint("bare", "", "NoExecute"))
    assert template.allocatable["ephemeral-storage"] == Decimal("100e9")


DESCRIBED = {
    "nodegroupName": "workers",
    "capacityType": "SPOT",
    "labels": {"pool": "eks"},
    "taints": [{"key": "a", "value": "b", "effect": "NO_SCHEDULE"}, {"key": "c", "effect": "NO_SCHEDULE"}],
    "tags": {TEMPLATE + "resources/cpu": "1"},
}


def test_what_eks_tells_wins_over_tags_and_a_taint_without_value_is_lost():
    template = from_group(group(tags={TEMPLATE + "label/pool": "tag"}), LARGE, ManagedNodeGroup.of(DESCRIBED, NEWEST))

    assert template.labels["pool"] == "eks"
    assert template.labels["eks.amazonaws.com/capacityType"] == "SPOT"
    assert template.labels["eks.amazonaws.com/nodegroup"] == "workers"
    assert template.taints == (Taint("a", "b", "NoSchedule"),)
    assert template.allocatable["cpu"] == 1


def test_releases_before_1_31_take_the_effect_as_eks_spells_it():
    assert ManagedNodeGroup.of(DESCRIBED, Release(30, 7)).taints == (Taint("a", "b", "NO_SCHEDULE"),)


def test_a_living_node_stands_for_its_group_without_its_own_name_and_passing_taints():
    taints = (
        Taint("dedicated", "x", "NoSchedule"),
        Taint("node.kubernetes.io/not-ready", "", "NoSchedule"),
        Taint("startup-taint.cluster-autoscaler.kubernetes.io/cni", "", "NoSchedule"),
        Taint("agent", "", "NoSchedule"),
    )
    living = node(taints=taints, labels={"kubernetes.io/hostname": "node", "a": "b"})
    tags = {TEMPLATE + "resources/nvidia.com/gpu": "1", TEMPLATE + "resources/cpu": "99"}
    template = from_node(group(tags=tags), living, options("--startup-taint=agent"))

    assert template.taints == (Taint("dedicated", "x", "NoSchedule"),)
    assert template.labels["a"] == "b"
    assert template.labels["kubernetes.io/hostname"] != "node"
    assert template.instance == ""
    assert template.allocatable["nvidia.com/gpu"] == 1
    assert template.allocatable["cpu"] == 2, "tags only fill gaps"


def test_only_a_sound_node_stands_for_its_group():
    doomed = node("doomed", taints=(Taint(TO_BE_DELETED, "1", "NoSchedule"),))

    assert good_example([node("a", ready=False), node("b", unschedulable=True), doomed]) is None
    assert good_example([doomed, node("good")]) == node("good")


def test_a_group_is_read_as_aws_describes_it():
    described = {
        "AutoScalingGroupName": "g",
        "MinSize": 1,
        "MaxSize": 3,
        "DesiredCapacity": 2,
        "AvailabilityZones": ["us-east-1a"],
        "Instances": [
            {"InstanceId": "i-1", "LifecycleState": "InService"},
            {"InstanceId": "i-2", "LifecycleState": "Terminating:Wait"},
        ],
        "Tags": [{"Key": "eks:cluster-name", "Value": "c"}, {"Key": "eks:nodegroup-name", "Value": "n"}],
        "MixedInstancesPolicy": {
            "LaunchTemplate": {
                "LaunchTemplateSpecification": {"LaunchTemplateId": "lt-1", "Version": "2"},
                "Overrides": [{"InstanceType": "m5.large"}, {"InstanceType": "m5a.large"}],
            }
        },
    }
    its = Group.of(described)

    assert its.instances == ("i-1",)
    assert its.launch_template == {"LaunchTemplateId": "lt-1", "Version": "2"}
    assert its.instance_types == ("m5.large", "m5a.large")
    assert its.managed_by == ("c", "n")


def test_discovery_specifications_are_one_demand_together_and_nothing_is_trimmed():
    assert discovery_tags(["asg:tag=a,b=c", "asg:tag= d"]) == {"a": "", "b": "c", " d": ""}


@pytest.mark.parametrize("wrong", ["asg", "mig:tag=a", "asg:name=a", "asg:tag", "asg:tag="])
def test_a_malformed_discovery_specification_is_refused(wrong):
    with pytest.raises(DiscoveryError):
        discovery_tags([wrong])
