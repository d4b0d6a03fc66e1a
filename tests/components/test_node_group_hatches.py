"""What a node group takes from the user instead of deciding it: template, image, disks, network, user data, updates."""

import base64
from types import MappingProxyType

import pulumi
import pytest

from components import FaultsError, ManagedNodeGroup
from tests.cloud import CLUSTER, Cloud, run

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
BASE = {"cluster_name": CLUSTER, "min_size": 0, "max_size": 3, "subnet_ids": ["subnet-0000000a"]}
OWN = {"launch_template": {"id": "lt-0123456789abcdef0", "version": "3"}}
BLOCK = {
    "capacity_type": "CAPACITY_BLOCK",
    "capacity_reservation_id": "cr-02168da1478b509e0",
    "instance_types": ["p5.48xlarge"],
}


PODS = "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec: {kubelet: {config: {maxPods: 9}}}\n"


def group(cloud=None, later=MappingProxyType({}), **args):
    """Run a program with one group; ``later`` holds arguments that are Outputs."""

    def program():
        outputs = {key: pulumi.Output.from_input(value) for key, value in later.items()}
        ManagedNodeGroup("general", {**BASE, **args, **outputs})

    return run(program, cloud)


def disk(graph):
    return graph.one(TEMPLATE).inputs["blockDeviceMappings"][0]["ebs"]


def test_speed_and_key_of_the_volumes_reach_the_template(cloud):
    key = "arn:aws:kms:us-east-1:123456789012:key/nodes"
    graph = group(cloud, iops=4000, throughput=1000, kms_key_arn=key, ami_type="BOTTLEROCKET_x86_64")
    assert (disk(graph)["iops"], disk(graph)["throughput"], disk(graph)["kmsKeyId"]) == (4000, 1000, key)
    assert graph.one(TEMPLATE).inputs["blockDeviceMappings"][1]["ebs"]["kmsKeyId"] == key


def test_network_access_and_metadata_reach_the_template(cloud):
    graph = group(
        cloud,
        later={"security_group_ids": ["sg-00000001", "sg-00000002"]},
        key_pair="ops",
        metadata_options={"ipv6_endpoint": True},
    )
    template = graph.one(TEMPLATE).inputs
    assert template["vpcSecurityGroupIds"] == ["sg-00000001", "sg-00000002"]
    assert template["keyName"] == "ops"
    assert template["metadataOptions"]["httpProtocolIpv6"] == "enabled"
    assert template["metadataOptions"]["httpTokens"] == "required"


def test_user_data_reaches_the_template_in_the_form_that_eks_merges(cloud):
    graph = group(cloud, {"user_data": "#!/bin/bash\n"}, max_pods=58)
    document = base64.b64decode(graph.one(TEMPLATE).inputs["userData"]).decode()
    assert document.startswith("MIME-Version: 1.0\n")
    assert "--max-pods=58" in document
    assert "userData" not in group(cloud).one(TEMPLATE).inputs


@pytest.mark.parametrize(
    ("args", "text", "refused"),
    [
        ({}, "echo hello", "user_data: got 'echo hello'; expected a script"),
        ({"ami_type": "BOTTLEROCKET_x86_64"}, "echo hello", "user_data: got 'echo hello'; expected TOML"),
        ({}, "MIME-Version: 1.0\n", "user_data: got 'MIME-Version: 1.0'; expected a MIME multi-part document"),
        ({}, PODS, "user_data: got 'maxPods: 9'; expected no number of pods: set max_pods, for"),
    ],
)
def test_user_data_that_is_an_output_is_refused_in_the_wrong_form(cloud, args, text, refused):
    with pytest.raises(FaultsError, match=refused):
        group(cloud, {"user_data": text}, **args)


def test_further_policies_are_attached_to_a_role_made_here():
    arn = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
    graph = group(node_role_policies=[arn])
    attachments = {found.name: found for found in graph.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")}
    assert attachments["general-node-AmazonSSMManagedInstanceCore"].inputs["policyArn"] == arn
    assert len(attachments) == 4
    assert {found.urn for found in attachments.values()} <= graph.one(NODE_GROUP).depends_on


def test_release_repair_and_forced_updates_reach_the_group(cloud):
    release = "1.35.0-20261101"
    inputs = group(cloud, release_version=release, node_repair=True, force_update_version=True).one(NODE_GROUP).inputs
    assert (inputs["releaseVersion"], inputs["forceUpdateVersion"]) == (release, True)
    assert inputs["nodeRepairConfig"] == {"enabled": True}
    assert not {"releaseVersion", "forceUpdateVersion", "nodeRepairConfig"} & group(cloud).one(NODE_GROUP).inputs.keys()


def test_a_warm_pool_is_sent_whole_because_eks_keeps_what_a_request_leaves_out(cloud):
    own = {"min_size": 2, "max_group_prepared_capacity": 5, "pool_state": "RUNNING", "reuse_on_scale_in": True}
    assert group(cloud, warm_pool=own).one(NODE_GROUP).inputs["warmPoolConfig"] == {
        "minSize": 2,
        "maxGroupPreparedCapacity": 5,
        "poolState": "RUNNING",
        "reuseOnScaleIn": True,
    }
    assert group(cloud, {"max_size": 7}, warm_pool={}).one(NODE_GROUP).inputs["warmPoolConfig"] == {
        "minSize": 0,
        "maxGroupPreparedCapacity": 7,
        "poolState": "STOPPED",
        "reuseOnScaleIn": False,
    }
    assert "warmPoolConfig" not in group(cloud).one(NODE_GROUP).inputs


def test_a_release_for_another_version_than_the_cluster_s_is_refused_when_the_version_is_known():
    with pytest.raises(FaultsError, match=r"release_version: got 1\.34.*Kubernetes 1\.35"):
        group(later={"kubernetes_version": "1.35"}, release_version="1.34.0-20261101")


def test_an_update_has_the_time_that_the_user_gives():
    assert group(update_timeout_minutes=150).one(NODE_GROUP).timeouts == {"update": "150m"}
    assert group().one(NODE_GROUP).timeouts == {}


def test_without_settings_for_updates_eks_gets_its_own_default_because_the_provider_would_keep_the_last(cloud):
    assert group(cloud).one(NODE_GROUP).inputs["updateConfig"] == {"maxUnavailable": 1}
    percentage = group(cloud, update_settings={"max_unavailable_percentage": 33}).one(NODE_GROUP).inputs["updateConfig"]
    assert percentage == {"maxUnavailablePercentage": 33}


def test_a_template_of_the_user_s_decides_what_is_in_it(cloud):
    graph = group(cloud, **OWN)
    assert graph.of(TEMPLATE) == []
    inputs = graph.one(NODE_GROUP).inputs
    assert inputs["launchTemplate"] == {"id": "lt-0123456789abcdef0", "version": "3"}
    assert not {"instanceTypes", "amiType"} & inputs.keys(), "EKS refuses what is in the template too"
    assert not [key for key in graph.tags() if "/resources/" in key], "disk and type are not known"


def test_types_next_to_the_user_s_template_decide_the_number_of_pods_but_not_the_disk():
    graph = group(instance_types=["m6i.large"], **OWN)
    assert graph.one(NODE_GROUP).inputs["instanceTypes"] == ["m6i.large"]
    assert [key.rpartition("/")[2] for key in graph.tags() if "/resources/" in key] == ["pods"]


def test_a_custom_image_has_its_own_version(cloud):
    graph = group(cloud, ami_type="CUSTOM", instance_types=["m6i.large"], **OWN)
    assert not {"amiType", "version"} & graph.one(NODE_GROUP).inputs.keys()


def test_a_capacity_block_is_named_in_the_template_with_its_type(cloud):
    graph = group(cloud, **BLOCK)
    template, inputs = graph.one(TEMPLATE).inputs, graph.one(NODE_GROUP).inputs
    assert template["instanceMarketOptions"] == {"marketType": "capacity-block"}
    target = template["capacityReservationSpecification"]["capacityReservationTarget"]
    assert target == {"capacityReservationId": "cr-02168da1478b509e0"}
    assert (template["instanceType"], inputs["capacityType"]) == ("p5.48xlarge", "CAPACITY_BLOCK")
    assert "instanceTypes" not in inputs
    assert inputs["amiType"] == "AL2023_x86_64_NVIDIA"


def test_a_capacity_block_may_be_in_a_template_of_the_user_s():
    assert group(capacity_type="CAPACITY_BLOCK", **OWN).one(NODE_GROUP).inputs["capacityType"] == "CAPACITY_BLOCK"


def test_a_new_tag_does_not_reach_the_template_because_it_would_replace_every_node(cloud):
    template = group(cloud, tags={"owner": "platform"}).one(TEMPLATE)
    assert template.ignore_changes == ("tagSpecifications",)
    assert template.inputs["tagSpecifications"][0]["tags"] == {"Name": "general", "owner": "platform"}, "at creation"


def test_tags_that_are_meant_for_instances_reach_them(cloud):
    template = group(cloud, tags={"owner": "platform"}, instance_tags={"patch": "monthly"}).one(TEMPLATE)
    assert template.ignore_changes == ()
    assert [each["tags"] for each in template.inputs["tagSpecifications"]] == [
        {"Name": "general", "patch": "monthly"}
    ] * 2


def test_windows_nodes_are_made_with_a_warning_about_what_they_need():
    (warning,) = group(ami_type="WINDOWS_CORE_2022_x86_64").warnings
    assert "enable-windows-ipam" in warning


@pytest.mark.parametrize(
    ("args", "refused"),
    [
        ({"ami_type": "CUSTOM"}, "ami_type: got CUSTOM; expected a launch_template"),
        ({"ami_type": "CUSTOM", **OWN, "kubernetes_version": "1.35"}, "kubernetes_version: got one; expected none"),
        ({"ami_type": "CUSTOM", **OWN, "release_version": "1.35.0-1"}, "release_version: got one; expected none"),
        ({**OWN, "disk_size_gib": 80}, "disk_size_gib: got one; expected none with launch_template"),
        ({**OWN, "user_data": "#!/bin/sh"}, "user_data: got one; expected none with launch_template"),
        ({**OWN, "max_pods": 58}, "max_pods: got one; expected none with launch_template"),
        ({"launch_template": {"id": "lt-1", "version": "1"}}, r"launch_template.id: got 'lt-1'"),
        ({"launch_template": {"id": "lt-0123456789abcdef0", "version": "$Latest"}}, "launch_template.version: got"),
        ({**BLOCK, "capacity_reservation_id": None}, "capacity_reservation_id: got none with CAPACITY_BLOCK"),
        ({**BLOCK, "instance_types": None}, "instance_types: got no type with CAPACITY_BLOCK"),
        ({**BLOCK, "capacity_type": "SPOT"}, "capacity_reservation_id: got one with SPOT"),
        ({**OWN, "capacity_type": "CAPACITY_BLOCK", "instance_types": ["p5.48xlarge"]}, "instance_types: got types"),
        ({"node_role_arn": "arn:aws:iam::123456789012:role/n", "node_role_policies": ["x"]}, "node_role_policies"),
        (
            {"node_role_policies": ["arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"]},
            r"node_role_policies\[0\]: got 'AmazonEKS_CNI_Policy'; expected each policy once",
        ),
        ({"kms_key_arn": "alias/nodes"}, "kms_key_arn: got 'alias/nodes'; expected the ARN of a KMS key"),
        ({"security_group_ids": ["default"]}, r"security_group_ids\[0\]: got 'default'"),
        ({"update_timeout_minutes": 0}, "update_timeout_minutes: got 0; expected 1 to 1440"),
        ({"throughput": 1000}, "throughput: got 1000; expected 125 to 750 MiB/s for 3000 IOPS"),
        ({"instance_tags": {"aws:team": "x"}}, r"instance_tags\['aws:team'\]"),
        (
            {"ami_type": "CUSTOM", **OWN, "warm_pool": {}},
            "warm_pool: got a warm pool with ami_type CUSTOM; expected no warm_pool",
        ),
        (
            {"warm_pool": {}, "capacity_type": "SPOT"},
            "warm_pool: got a warm pool with capacity_type SPOT; expected capacity_type ON_DEMAND",
        ),
        (
            {"warm_pool": {}, **BLOCK},
            "warm_pool: got a warm pool with capacity_type CAPACITY_BLOCK; expected capacity_type",
        ),
        ({"warm_pool": {"pool_state": "Stopped"}}, "warm_pool.pool_state: got 'Stopped'; expected one of STOPPED, RUN"),
        ({"warm_pool": {"min_size": -1}}, "warm_pool.min_size: got -1; expected 0 to"),
        (
            {"warm_pool": {"max_group_prepared_capacity": 0}},
            "warm_pool.max_group_prepared_capacity: got 0; expected 1 to",
        ),
        (
            {"ami_type": "BOTTLEROCKET_x86_64", "warm_pool": {"pool_state": "HIBERNATED"}},
            "warm_pool.pool_state: got HIBERNATED with ami_type BOTTLEROCKET_x86_64; expected STOPPED or RUNNING",
        ),
        (
            {
                "ami_type": "BOTTLEROCKET_ARM_64",
                "instance_types": ["m7g.large"],
                "warm_pool": {"reuse_on_scale_in": True},
            },
            "warm_pool.reuse_on_scale_in: got true with ami_type BOTTLEROCKET_ARM_64; expected false",
        ),
        ({"warm_pool": {"size": 1}}, "warm_pool.size: got an unknown key"),
    ],
)
def test_what_aws_would_refuse_is_refused_at_preview(args, refused):
    with pytest.raises(FaultsError, match=refused):
        group(Cloud(preview=True), **args)
