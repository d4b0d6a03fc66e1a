"""The node that a group would add, and the groups that are discovered."""

from decimal import Decimal

import pytest
from botocore.exceptions import ClientError, CredentialRetrievalError, NoCredentialsError, NoRegionError

from sandbox.autoscaler.aws import AwsError, Group, describe, discovery_tags
from sandbox.autoscaler.nodes import TO_BE_DELETED
from sandbox.autoscaler.templates import template
from sandbox.tests.autoscaler.making import group, node, options

TAG = "k8s.io/cluster-autoscaler/node-template/"
AGENT = "node.cilium.io/agent-not-ready"


class FakeAws:
    def __init__(self, kind="m5.large", **managed):
        self._kind, self._managed = kind, managed

    def instance_type(self, its_group):
        return self._kind

    def managed_node_group(self, cluster, name):
        return self._managed


def built(aws=None, tags=None, nodes=(), arguments=(), **fields):
    return template(group(tags=tags or {}, **fields), nodes, aws or FakeAws(), options(*arguments))


def test_a_machines_facts_become_labels_and_resources():
    found = built(FakeAws("m6g.large"), zones=("eu-west-1b", "eu-west-1a"))

    assert found.labels["node.kubernetes.io/instance-type"] == "m6g.large"
    assert found.labels["kubernetes.io/arch"] == "arm64"
    assert found.labels["topology.kubernetes.io/zone"] == "eu-west-1b"
    assert found.labels["topology.kubernetes.io/region"] == "eu-west-1"
    assert found.allocatable == {"cpu": 2, "memory": 8 * 1024**3, "pods": 110, "nvidia.com/gpu": 0}


def test_tags_add_labels_taints_and_resources():
    tags = {
        TAG + "label/pool": "batch",
        TAG + "taint/dedicated": "batch:NoSchedule",
        TAG + "taint/bare": ":NoExecute",
        TAG + "taint/wrong": "batch:NO_SCHEDULE",
        TAG + "resources/ephemeral-storage": "100G",
        "eks:nodegroup-name": "workers",
    }
    found = built(tags=tags)

    assert (found.labels["pool"], found.labels["nodegroup-name"]) == ("batch", "workers")
    assert [(t["key"], t["value"], t["effect"]) for t in found.taints] == [
        ("dedicated", "batch", "NoSchedule"),
        ("bare", "", "NoExecute"),
    ]
    assert found.allocatable["ephemeral-storage"] == Decimal("100e9")


def test_what_eks_knows_wins_over_tags_and_a_taint_without_value_is_lost():
    managed = FakeAws(
        nodegroupName="workers",
        capacityType="SPOT",
        labels={"pool": "eks"},
        taints=[{"key": "a", "value": "b", "effect": "NO_SCHEDULE"}, {"key": "c", "effect": "NO_SCHEDULE"}],
        tags={TAG + "resources/cpu": "1"},
    )
    own = {"eks:cluster-name": "red", "eks:nodegroup-name": "workers", TAG + "label/pool": "tag"}
    found = built(managed, own)

    assert found.labels["pool"] == "eks"
    assert found.labels["eks.amazonaws.com/capacityType"] == "SPOT"
    assert [taint["key"] for taint in found.taints] == ["a"]
    assert found.allocatable["cpu"] == 1


@pytest.mark.parametrize("nodes", [(), (node(taints=[{"key": AGENT, "value": "x", "effect": "NoExecute"}]),)])
@pytest.mark.parametrize(
    ("key", "arguments", "stays"),
    [
        (AGENT, (), True),
        (AGENT, (f"--startup-taint={AGENT}",), False),
        (AGENT, (f"--status-taint={AGENT}",), False),
    ],
)
def test_startup_taints_are_taken_off_living_and_empty_groups(nodes, key, arguments, stays):
    found = built(tags={TAG + f"taint/{key}": "x:NoExecute"}, nodes=nodes, arguments=arguments)
    assert [taint["key"] for taint in found.taints] == ([key] if stays else [])


@pytest.mark.parametrize(
    "key",
    [
        "startup-taint.cluster-autoscaler.kubernetes.io/cni",
        "ignore-taint.cluster-autoscaler.kubernetes.io/cni",
        "node.kubernetes.io/not-ready",
        "node.cloudprovider.kubernetes.io/uninitialized",
    ],
)
def test_taints_that_pass_by_themselves_need_no_flag(key):
    assert built(tags={TAG + f"taint/{key}": ":NoSchedule"}).taints == ()


def test_a_usable_node_is_the_template_without_its_own_name():
    marked = node("a", labels={"old": "x"}, taints=[{"key": TO_BE_DELETED, "value": "1", "effect": "NoSchedule"}])
    usable = node("b", labels={"disk": "ssd", "kubernetes.io/hostname": "b"})
    found = built(tags={TAG + "resources/nvidia.com/gpu": "1"}, nodes=(marked, node("c", ready="False"), usable))

    assert found.labels == {"disk": "ssd", "kubernetes.io/hostname": "template-node-for-group"}
    assert (found.instance, found.allocatable["nvidia.com/gpu"]) == ("", 1)


def test_every_tag_of_every_specification_must_be_there_as_it_is_written():
    given = ["asg:tag=k8s.io/cluster-autoscaler/enabled, spaced", "asg:tag=owner=me"]
    assert discovery_tags(given) == {"k8s.io/cluster-autoscaler/enabled": "", " spaced": "", "owner": "me"}


@pytest.mark.parametrize("specification", ["", "asg", "mig:tag=a", "asg:name=a", "asg:tag="])
def test_a_malformed_specification_is_fatal(specification):
    with pytest.raises(AwsError, match="invalid node group auto discovery spec"):
        discovery_tags([specification])


def test_instances_on_their_way_out_are_not_the_groups_any_more():
    read = Group.of(
        {
            "AutoScalingGroupName": "g",
            "MinSize": 0,
            "MaxSize": 3,
            "DesiredCapacity": 1,
            "AvailabilityZones": ["us-east-1a"],
            "Instances": [
                {"InstanceId": "i-1", "LifecycleState": "InService"},
                {"InstanceId": "i-2", "LifecycleState": "Terminating:Wait"},
            ],
            "MixedInstancesPolicy": {
                "LaunchTemplate": {
                    "LaunchTemplateSpecification": {"LaunchTemplateId": "lt-1", "Version": "1"},
                    "Overrides": [{"InstanceType": "m5.large"}],
                }
            },
        }
    )
    assert (read.instances, read.instance_types) == (("i-1",), ("m5.large",))
    assert read.launch_template["LaunchTemplateId"] == "lt-1"


def denied(operation):
    response = {
        "Error": {"Code": "AccessDenied", "Message": "no"},
        "ResponseMetadata": {"HTTPStatusCode": 403, "RequestId": "r"},
    }
    return ClientError(response, operation)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            denied("DescribeAutoScalingGroups"),
            "operation error Auto Scaling: DescribeAutoScalingGroups, "
            "https response error StatusCode: 403, RequestID: r, api error AccessDenied: no",
        ),
        (denied("AssumeRoleWithWebIdentity"), "operation error STS: AssumeRoleWithWebIdentity, https response error"),
        (NoCredentialsError(), "get identity: get credentials: failed to refresh cached credentials, no EC2 IMDS role"),
        (
            CredentialRetrievalError(provider="x", error_msg="no"),
            "failed to refresh cached credentials, failed to load",
        ),
        (NoRegionError(), "failed to resolve service endpoint, an AWS region is required, but was not found"),
    ],
)
def test_errors_have_the_form_of_the_go_sdk(error, text):
    assert text in describe(error, "Auto Scaling", "DescribeAutoScalingGroups")
