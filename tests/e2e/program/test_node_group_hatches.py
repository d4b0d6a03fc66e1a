"""A node group with settings that most groups do without, and two self-managed groups, on the emulated AWS.

Real engine; the AWS provider, EKS and EC2 are the sandbox's.
"""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.tests.harness import Sandbox
from tests.e2e.program.consumer import CLUSTER, STACK, Consumer

PROGRAM = """
import json
import pulumi
import pulumi_aws as aws
from components import EksCluster, ExistingScalingGroup, ManagedNodeGroup, SelfManagedNodeGroup

config = pulumi.Config()
provider = aws.Provider("aws", region="us-east-1")
on_aws = pulumi.ResourceOptions(providers=[provider])
cluster = EksCluster("cluster", {"name": "legacy"}, on_aws)
extra = ManagedNodeGroup(
    "extra",
    {
        "cluster_name": cluster.name,
        "subnet_ids": cluster.private_subnet_ids,
        "min_size": 1,
        "max_size": 3,
        "instance_types": ["m6i.large"],
        "iops": 4000,
        "throughput": 1000,
        "kms_key_arn": "arn:aws:kms:us-east-1:123456789012:key/nodes",
        "key_pair": "ops",
        "max_pods": 58,
        "user_data": "#!/bin/bash\\necho hello\\n",
        "node_repair": True,
        "node_role_policies": ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"],
        "tags": {"owner": config.require("owner")},
        **json.loads(config.require("changes")),
    },
    on_aws,
)
mixed = ExistingScalingGroup(
    "mixed",
    {"cluster_name": cluster.name, "asg_name": "mixed", "labels": {"workload": "mixed"}, "resources": {"pods": "29"}},
    on_aws,
)
web = SelfManagedNodeGroup(
    "web",
    {
        "cluster_name": cluster.name,
        "subnet_ids": cluster.private_subnet_ids,
        "min_size": 0,
        "max_size": config.require_int("webMaximum"),
        "desired_size": 1,
        "instance_types": ["m6i.large", "m5.large"],
        "instances_distribution": {"on_demand_base_capacity": 1, "on_demand_percentage_above_base_capacity": 25},
        "labels": {"workload": "web"},
        "taints": [{"key": "workload", "value": "web", "effect": "NoSchedule"}],
    },
    on_aws,
)
pulumi.export("maxSize", mixed.max_size)
pulumi.export("web", web.asg_name)
pulumi.export("webRole", web.node_role_arn)
"""
TAGS = "k8s.io/cluster-autoscaler"


@pytest.fixture(scope="module")
def mixed(sandbox: Sandbox) -> Iterator[str]:
    """Name of an Auto Scaling group that mixes on-demand and spot, created outside Pulumi."""
    sandbox.start()
    ec2, autoscaling = sandbox.client("ec2"), sandbox.client("autoscaling")
    template = ec2.create_launch_template(
        LaunchTemplateName="mixed", LaunchTemplateData={"InstanceType": "m6i.large", "ImageId": "ami-0123456789abcdef0"}
    )["LaunchTemplate"]
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="mixed",
        MinSize=0,
        MaxSize=4,
        AvailabilityZones=["us-east-1a"],
        MixedInstancesPolicy={
            "LaunchTemplate": {
                "LaunchTemplateSpecification": {"LaunchTemplateId": template["LaunchTemplateId"], "Version": "1"}
            },
            "InstancesDistribution": {"OnDemandBaseCapacity": 1, "OnDemandPercentageAboveBaseCapacity": 0},
        },
    )
    yield "mixed"
    autoscaling.delete_auto_scaling_group(AutoScalingGroupName="mixed", ForceDelete=True)
    ec2.delete_launch_template(LaunchTemplateName="mixed")


@pytest.fixture(scope="module")
def consumer(
    sandbox: Sandbox, legacy: object, mixed: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Consumer]:
    changes = '{"update_settings": {"max_unavailable": 2}}'
    made = Consumer(
        sandbox, tmp_path_factory.mktemp("consumer"), PROGRAM, owner="platform", changes=changes, webMaximum="4"
    )
    made.up()
    yield made
    made.destroy()
    made.pulumi("stack", "rm", "--yes", STACK)


def template(consumer: Consumer) -> Any:
    """The data of the version of the launch template that the group has."""
    named = consumer.group["launchTemplate"]
    versions = consumer.sandbox.client("ec2").describe_launch_template_versions(
        LaunchTemplateId=named["id"], Versions=[named["version"]]
    )
    return versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]


def tags_of(consumer: Consumer, asg: str) -> dict[str, str]:
    groups = consumer.sandbox.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[asg])
    return {tag["Key"]: tag["Value"] for tag in groups["AutoScalingGroups"][0]["Tags"]}


def owners(consumer: Consumer) -> set[str]:
    """The tag `owner` of the instances."""
    found = consumer.sandbox.client("ec2").describe_instances(InstanceIds=sorted(consumer.instances))
    instances = [one for each in found["Reservations"] for one in each["Instances"]]
    return {tag["Value"] for one in instances for tag in one["Tags"] if tag["Key"] == "owner"}


@pytest.mark.full
def test_the_settings_of_a_node_group_reach_its_nodes_and_a_new_tag_replaces_none(consumer: Consumer) -> None:
    group, data = consumer.group, template(consumer)
    assert group["status"] == "ACTIVE"
    assert group["nodeRepairConfig"] == {"enabled": True}
    assert group["updateConfig"] == {"maxUnavailable": 2}
    ebs = data["BlockDeviceMappings"][0]["Ebs"]
    assert (ebs["Iops"], ebs["Throughput"], ebs["KmsKeyId"].rpartition("/")[2]) == (4000, 1000, "nodes")
    assert data["KeyName"] == "ops"
    assert "--max-pods=58" in base64.b64decode(data["UserData"]).decode()
    (asg,) = group["resources"]["autoScalingGroups"]
    assert tags_of(consumer, asg["name"])[f"{TAGS}/node-template/resources/pods"] == "58"
    consumer.preview("--expect-no-changes")

    instances = consumer.instances
    assert owners(consumer) == {"platform"}
    consumer.configure(owner="data", changes="{}")
    consumer.up()
    assert consumer.group["tags"]["owner"] == "data"
    assert consumer.group["updateConfig"] == {"maxUnavailable": 1}, "the default of EKS is back"
    assert consumer.instances == instances, "no node is replaced"
    consumer.preview("--expect-no-changes")

    consumer.configure(changes='{"warm_pool": {"min_size": 1, "max_group_prepared_capacity": 2}}')
    consumer.up()
    pool = {"minSize": 1, "poolState": "STOPPED", "reuseOnScaleIn": False}
    assert consumer.group["warmPoolConfig"] == {"enabled": True, "maxGroupPreparedCapacity": 2, **pool}
    consumer.preview("--expect-no-changes")
    consumer.configure(changes='{"warm_pool": {}}')
    consumer.up()
    assert consumer.group["warmPoolConfig"] == {"enabled": True, "maxGroupPreparedCapacity": 3, **pool, "minSize": 0}
    consumer.configure(changes="{}")
    consumer.up()
    assert consumer.group["warmPoolConfig"]["enabled"] is False, "what is removed reaches EKS"
    assert consumer.instances == instances, "no node is replaced"
    consumer.preview("--expect-no-changes")

    consumer.configure(changes='{"instance_tags": {"owner": "data"}}')
    consumer.up()
    assert not consumer.instances & instances
    assert owners(consumer) == {"data"}


def described(consumer: Consumer, asg: str) -> Any:
    groups = consumer.sandbox.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[asg])
    return groups["AutoScalingGroups"][0] if groups["AutoScalingGroups"] else None


def output(consumer: Consumer, name: str) -> str:
    return consumer.pulumi("stack", "output", name, "--stack", STACK).strip()


def test_a_created_group_goes_with_the_stack_and_of_one_that_exists_only_the_tags(
    consumer: Consumer, mixed: str
) -> None:
    assert tags_of(consumer, mixed) == {
        f"{TAGS}/enabled": "true",
        f"{TAGS}/{CLUSTER}": "owned",
        f"{TAGS}/node-template/label/workload": "mixed",
        f"{TAGS}/node-template/resources/pods": "29",
    }
    assert output(consumer, "maxSize") == "4"
    web = output(consumer, "web")
    assert_joins(consumer, web)
    assert_belongs_to_the_autoscaler(consumer, web)
    consumer.destroy()
    assert tags_of(consumer, mixed) == {}
    assert described(consumer, web) is None


def assert_joins(consumer: Consumer, web: str) -> None:
    """Check that the created group mixes its nodes, and that they can join."""
    group = described(consumer, web)
    distribution = group["MixedInstancesPolicy"]["InstancesDistribution"]
    assert (distribution["OnDemandBaseCapacity"], distribution["OnDemandPercentageAboveBaseCapacity"]) == (1, 25)
    assert [each["ProcessName"] for each in group["SuspendedProcesses"]] == ["AZRebalance"]
    tags = tags_of(consumer, web)
    assert tags[f"{TAGS}/{CLUSTER}"] == "owned"
    assert tags[f"{TAGS}/node-template/taint/workload"] == "web:NoSchedule"
    entry = consumer.eks.describe_access_entry(clusterName=CLUSTER, principalArn=output(consumer, "webRole"))
    assert entry["accessEntry"]["type"] == "EC2_LINUX"

    specification = group["MixedInstancesPolicy"]["LaunchTemplate"]["LaunchTemplateSpecification"]
    ec2 = consumer.sandbox.client("ec2")
    versions = ec2.describe_launch_template_versions(LaunchTemplateId=specification["LaunchTemplateId"])
    data = versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    assert ec2.describe_images(ImageIds=[data["ImageId"]])["Images"][0]["Name"].startswith("amazon-eks-node-al2023-x86")
    user_data = base64.b64decode(data["UserData"]).decode()
    assert f'name: "{CLUSTER}"' in user_data
    assert "--node-labels=workload=web" in user_data


def assert_belongs_to_the_autoscaler(consumer: Consumer, web: str) -> None:
    """Check that no update takes the size from the autoscaler, unless a new maximum leaves no choice."""
    (first,) = described(consumer, web)["Instances"]
    consumer.sandbox.client("autoscaling").set_desired_capacity(AutoScalingGroupName=web, DesiredCapacity=3)
    consumer.preview("--expect-no-changes")
    consumer.configure(webMaximum="6")
    consumer.up()
    group = described(consumer, web)
    assert (group["MaxSize"], group["DesiredCapacity"]) == (6, 3)
    assert first["InstanceId"] in {each["InstanceId"] for each in group["Instances"]}

    consumer.configure(webMaximum="2")
    assert f"Group {web} has 3 nodes and maxSize is now 2: Auto Scaling terminates 1 of them." in consumer.preview()
    consumer.up("--refresh")
    assert described(consumer, web)["DesiredCapacity"] == 2
    consumer.preview("--expect-no-changes")
