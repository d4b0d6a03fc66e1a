"""EKS through the provider stand-in."""

import grpc
import pytest
from botocore.exceptions import ClientError

from sandbox.providers.values import decode
from sandbox.tests.aws.support import SUBNETS, trust
from sandbox.tests.providers.aws.lifecycle import (
    answered,
    differences,
    drifted,
    imported,
    made,
    removed,
    replaced,
    unchanged,
    updated,
)
from sandbox.tests.providers.protocol_client import initialization_error

CLUSTER = "aws:eks/cluster:Cluster"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
ADDON = "aws:eks/addon:Addon"
GET_ADDON = "aws:eks/getAddon:getAddon"
GET_ADDON_VERSION = "aws:eks/getAddonVersion:getAddonVersion"
ENTRY = "aws:eks/accessEntry:AccessEntry"
POLICY = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"

VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
EDIT = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"


@pytest.fixture
def pod_role(cloud, name):
    pods = {"Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    return cloud("iam").create_role(RoleName=f"{name}-pod", AssumeRolePolicyDocument=trust(pods))["Role"]["Arn"]


def test_cluster_life(engine, cloud, control_planes, name, cluster_role):
    inputs = {
        "name": name,
        "roleArn": cluster_role,
        "version": "1.33",
        "vpcConfig": {"subnetIds": SUBNETS[:2]},
        "accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP"},
        "tags": {"team": "a"},
    }
    cluster = made(engine, CLUSTER, inputs)
    outputs = cluster.outputs
    assert cluster.id == name
    assert outputs["status"] == "ACTIVE"
    assert outputs["endpoint"] == "https://127.0.0.1:6443"
    assert outputs["certificateAuthority"] == {"data": "Q0E="}
    assert outputs["identities"][0]["oidcs"][0]["issuer"].startswith("https://oidc.eks.us-east-1.amazonaws.com/id/")
    assert outputs["vpcConfig"]["vpcId"].startswith("vpc-")
    assert outputs["vpcConfig"]["clusterSecurityGroupId"].startswith("sg-")
    assert outputs["accessConfig"]["bootstrapClusterCreatorAdminPermissions"] is True
    assert outputs["region"] == "us-east-1"

    inputs |= {"version": "1.34"}
    cluster = updated(engine, CLUSTER, cluster, inputs, {"version": "UPDATE"})
    inputs |= {"accessConfig": {"authenticationMode": "API"}}
    cluster = updated(engine, CLUSTER, cluster, inputs, {"accessConfig.authenticationMode": "UPDATE"})
    inputs |= {
        "vpcConfig": {"subnetIds": SUBNETS[:2], "endpointPrivateAccess": True, "publicAccessCidrs": ["1.2.3.4/32"]}
    }
    changes = {"vpcConfig.endpointPrivateAccess": "UPDATE", "vpcConfig.publicAccessCidrs[0]": "UPDATE"}
    cluster = updated(engine, CLUSTER, cluster, inputs, changes)
    inputs["vpcConfig"] |= {"subnetIds": SUBNETS}
    cluster = updated(engine, CLUSTER, cluster, inputs, {"vpcConfig.subnetIds[2]": "ADD"})
    inputs |= {"tags": {"team": "b"}}
    cluster = updated(engine, CLUSTER, cluster, inputs, {"tags.team": "UPDATE"})

    replaced(engine, CLUSTER, cluster, inputs | {"name": "other"}, "name")
    ipv6 = {"kubernetesNetworkConfig": {"ipFamily": "ipv6"}}
    replaced(engine, CLUSTER, cluster, inputs | ipv6, "kubernetesNetworkConfig")
    replaced(engine, CLUSTER, cluster, inputs | {"roleArn": f"{cluster_role}x"}, "roleArn")
    assert engine.diff(CLUSTER, cluster, inputs | {"roleArn": f"{cluster_role}x"}).deleteBeforeReplace
    imported(engine, CLUSTER, name, cluster, inputs)

    def tamper():
        cloud("eks").tag_resource(resourceArn=outputs["arn"], tags={"team": "z", "extra": "1"})
        access = {"endpointPublicAccess": False, "endpointPrivateAccess": True}
        cloud("eks").update_cluster_config(name=name, resourcesVpcConfig=access)

    changes = {"vpcConfig.endpointPublicAccess": "UPDATE", "tags.team": "UPDATE", "tags.extra": "DELETE"}
    cluster = drifted(engine, CLUSTER, cluster, inputs, tamper, changes)
    shown = answered(engine, "aws:eks/getCluster:getCluster", name=name)
    assert shown["id"] == shown["name"] == name
    assert shown["vpcConfig"]["subnetIds"] == SUBNETS
    assert shown["accessConfigs"][0]["authenticationMode"] == "API"
    assert shown["certificateAuthorities"] == [{"data": "Q0E="}]
    assert shown["identities"] == outputs["identities"]
    removed(engine, CLUSTER, cluster)
    with pytest.raises(grpc.RpcError, match=f"EKS Cluster \\({name}\\): couldn't find resource"):
        engine.invoke("aws:eks/getCluster:getCluster", name=name)


def test_a_cluster_preview_leaves_unknown_what_aws_will_choose(engine, name, cluster_role):
    inputs = {"name": name, "roleArn": cluster_role, "vpcConfig": {"subnetIds": SUBNETS}}
    outputs = engine.preview_create(CLUSTER, inputs)
    assert outputs["name"] == name
    assert outputs["vpcConfig"]["subnetIds"] == SUBNETS
    unknown = [outputs[each] for each in ("arn", "endpoint", "identities", "version", "accessConfig", "status")]
    unknown += [outputs["vpcConfig"][each] for each in ("vpcId", "clusterSecurityGroupId")]
    assert {repr(each) for each in unknown} == {"UNKNOWN"}


def test_a_cluster_that_eks_refuses_is_no_resource(engine, name, cluster_role):
    inputs = {"name": name, "roleArn": cluster_role, "vpcConfig": {"subnetIds": ["subnet-0", "subnet-1"]}}
    with pytest.raises(grpc.RpcError, match="creating aws:eks/cluster:Cluster 'it': InvalidParameterException"):
        engine.create(CLUSTER, inputs)


def test_a_cluster_is_tried_again_until_eks_knows_its_role(engine, cloud, emulator, control_planes, name):
    eks = cloud("eks")  # Making a client takes longer than a call.
    emulator.private("POST", "delays", {"iam": 3})
    try:
        service = {"Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        role = cloud("iam").create_role(RoleName=f"{name}-late", AssumeRolePolicyDocument=trust(service))["Role"]["Arn"]
    finally:
        emulator.private("DELETE", "delays")
    inputs = {"name": name, "roleArn": role, "vpcConfig": {"subnetIds": SUBNETS[:2]}}
    with pytest.raises(ClientError, match="Role could not be assumed because the trusted entity is not correct"):
        eks.create_cluster(name=name, roleArn=role, resourcesVpcConfig=inputs["vpcConfig"])
    assert engine.create(CLUSTER, inputs).outputs["status"] == "ACTIVE"


def test_a_node_group_that_fails_at_once_is_recorded_without_resources(engine, cloud, cluster, node_role):
    ec2, public = cloud("ec2"), SUBNETS[0]
    vpc = ec2.describe_subnets(SubnetIds=[public])["Subnets"][0]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    link = ec2.associate_route_table(RouteTableId=table, SubnetId=public)["AssociationId"]
    ec2.modify_subnet_attribute(SubnetId=public, MapPublicIpOnLaunch={"Value": False})
    inputs = {
        "clusterName": cluster.id,
        "nodeRoleArn": node_role,
        "subnetIds": [public],
        "scalingConfig": {"minSize": 0, "maxSize": 3, "desiredSize": 0},
    }
    try:
        with pytest.raises(grpc.RpcError) as error:
            engine.create(NODE_GROUP, inputs)
    finally:
        ec2.modify_subnet_attribute(SubnetId=public, MapPublicIpOnLaunch={"Value": True})
        ec2.disassociate_route_table(AssociationId=link)
    failed = initialization_error(error.value)
    assert "CREATE_FAILED: Ec2SubnetInvalidConfiguration" in failed.reasons[0]
    assert decode(failed.properties)["resources"] == []


def test_node_group_life(engine, cloud, cluster, name, node_role):
    inputs = {
        "clusterName": cluster.id,
        "nodeGroupName": "workers",
        "nodeRoleArn": node_role,
        "subnetIds": SUBNETS[:2],
        "scalingConfig": {"minSize": 0, "maxSize": 3, "desiredSize": 1},
        "instanceTypes": ["m5.large"],
        "labels": {"pool": "a", "example.com/x": "1"},
        "taints": [{"key": "dedicated", "value": "batch", "effect": "NO_SCHEDULE"}],
        "tags": {"team": "a"},
    }
    group = made(engine, NODE_GROUP, inputs)
    assert group.id == f"{cluster.id}:workers"
    assert group.outputs["status"] == "ACTIVE"
    assert group.outputs["version"] == "1.33"
    [resources] = group.outputs["resources"]
    asg = resources["autoscalingGroups"][0]["name"]
    assert asg.startswith("eks-workers-")

    inputs |= {"scalingConfig": {"minSize": 1, "maxSize": 4, "desiredSize": 2}}
    changes = {f"scalingConfig.{each}": "UPDATE" for each in ("desiredSize", "maxSize", "minSize")}
    group = updated(engine, NODE_GROUP, group, inputs, changes)
    inputs |= {"labels": {"pool": "b", "new": "1"}}
    changes = {"labels.pool": "UPDATE", "labels.new": "ADD", 'labels["example.com/x"]': "DELETE"}
    group = updated(engine, NODE_GROUP, group, inputs, changes)
    inputs |= {"taints": [{"key": "dedicated", "effect": "NO_SCHEDULE"}]}
    group = updated(engine, NODE_GROUP, group, inputs, {"taints[0]": "UPDATE"})
    inputs |= {"taints": [{"key": "dedicated", "effect": "NO_EXECUTE"}]}
    group = updated(engine, NODE_GROUP, group, inputs, {"taints[0]": "UPDATE"})
    inputs |= {"taints": []}
    group = updated(engine, NODE_GROUP, group, inputs, {"taints[0]": "DELETE"})
    inputs |= {"updateConfig": {"maxUnavailablePercentage": 50}}
    group = updated(engine, NODE_GROUP, group, inputs, {"updateConfig.maxUnavailablePercentage": "ADD"})
    inputs |= {"nodeRepairConfig": {"enabled": True}}
    group = updated(engine, NODE_GROUP, group, inputs, {"nodeRepairConfig.enabled": "ADD"})
    members = [f"warmPoolConfig.{each}" for each in ("minSize", "maxGroupPreparedCapacity", "poolState")]
    inputs |= {"warmPoolConfig": {"minSize": 1, "maxGroupPreparedCapacity": 3}}
    group = updated(engine, NODE_GROUP, group, inputs, dict.fromkeys(members, "ADD"))
    inputs |= {"warmPoolConfig": {"minSize": 1, "maxGroupPreparedCapacity": 4, "poolState": "RUNNING"}}
    group = updated(engine, NODE_GROUP, group, inputs, dict.fromkeys(members[1:], "UPDATE"))
    shown = answered(engine, "aws:eks/getNodeGroup:getNodeGroup", clusterName=cluster.id, nodeGroupName="workers")
    assert shown["warmPoolConfigs"] == [{**inputs["warmPoolConfig"], "reuseOnScaleIn": False}]
    del inputs["warmPoolConfig"]
    group = updated(engine, NODE_GROUP, group, inputs, dict.fromkeys(members, "DELETE"))
    pool = cloud("autoscaling").describe_warm_pool(AutoScalingGroupName=asg)
    assert "WarmPoolConfiguration" not in pool
    inputs |= {"tags": {"team": "b"}}
    group = updated(engine, NODE_GROUP, group, inputs, {"tags.team": "UPDATE"})

    replaced(engine, NODE_GROUP, group, inputs | {"instanceTypes": ["m5.xlarge"]}, "instanceTypes")
    replaced(engine, NODE_GROUP, group, inputs | {"subnetIds": SUBNETS}, "subnetIds")
    replaced(engine, NODE_GROUP, group, inputs | {"capacityType": "SPOT"}, "capacityType")
    replaced(engine, NODE_GROUP, group, inputs | {"amiType": "AL2023_ARM_64_STANDARD"}, "amiType")
    replaced(engine, NODE_GROUP, group, inputs | {"nodeGroupName": "other"}, "nodeGroupName")
    assert engine.diff(NODE_GROUP, group, inputs | {"capacityType": "SPOT"}).deleteBeforeReplace
    imported(engine, NODE_GROUP, group.id, group, inputs)

    def tamper():
        cloud("eks").tag_resource(resourceArn=group.outputs["arn"], tags={"team": "z"})
        cloud("eks").update_nodegroup_config(
            clusterName=cluster.id,
            nodegroupName="workers",
            labels={"removeLabels": ["new"]},
            scalingConfig={"maxSize": 9},
        )

    changes = {"tags.team": "UPDATE", "labels.new": "ADD", "scalingConfig.maxSize": "UPDATE"}
    group = drifted(engine, NODE_GROUP, group, inputs, tamper, changes)
    shown = answered(engine, "aws:eks/getNodeGroup:getNodeGroup", clusterName=cluster.id, nodeGroupName="workers")
    assert shown["scalingConfigs"] == [{"minSize": 1, "maxSize": 4, "desiredSize": 2}]
    assert shown["resources"][0]["autoscalingGroups"][0]["name"] == asg
    assert shown["labels"] == {"pool": "b", "new": "1"}
    names = answered(engine, "aws:eks/getNodeGroups:getNodeGroups", clusterName=cluster.id)["names"]
    assert names == ["workers"]
    removed(engine, NODE_GROUP, group)
    assert cloud("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[asg])["AutoScalingGroups"] == []


def test_a_desired_size_that_the_autoscaler_moved_is_no_change_where_it_is_ignored(engine, cloud, cluster, node_role):
    inputs = {
        "clusterName": cluster.id,
        "nodeRoleArn": node_role,
        "subnetIds": SUBNETS[:2],
        "scalingConfig": {"minSize": 0, "maxSize": 3, "desiredSize": 0},
    }
    group = made(engine, NODE_GROUP, inputs)
    asg = group.outputs["resources"][0]["autoscalingGroups"][0]["name"]
    cloud("autoscaling").set_desired_capacity(AutoScalingGroupName=asg, DesiredCapacity=2)
    refreshed = engine.refresh(NODE_GROUP, group)
    assert refreshed.inputs["scalingConfig"]["desiredSize"] == 2
    assert differences(engine, NODE_GROUP, refreshed, inputs) == {"scalingConfig.desiredSize": "UPDATE"}
    # What the engine does for `ignore_changes=["scalingConfig.desiredSize"]`: the old input stands.
    ignoring = inputs | {"scalingConfig": {"minSize": 0, "maxSize": 3, "desiredSize": 2}}
    assert differences(engine, NODE_GROUP, refreshed, ignoring) == {}
    engine.delete(NODE_GROUP, refreshed)


def test_a_node_group_without_a_name_gets_one_and_keeps_it(engine, cluster, node_role):
    inputs = {
        "clusterName": cluster.id,
        "nodeRoleArn": node_role,
        "subnetIds": SUBNETS[:2],
        "scalingConfig": {"minSize": 0, "maxSize": 1, "desiredSize": 0},
    }
    group = made(engine, NODE_GROUP, inputs)
    assert group.outputs["nodeGroupName"].startswith("it-")
    assert not engine.diff(NODE_GROUP, group, inputs | {"capacityType": "SPOT"}).deleteBeforeReplace
    removed(engine, NODE_GROUP, group)


def test_a_node_group_follows_the_versions_of_its_launch_template(engine, cluster, name, node_role):
    data = {"metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1}, "instanceType": "m5.large"}
    template = made(engine, TEMPLATE, {"name": name, **data})
    inputs = {
        "clusterName": cluster.id,
        "nodeGroupName": "templated",
        "nodeRoleArn": node_role,
        "subnetIds": SUBNETS[:2],
        "scalingConfig": {"minSize": 0, "maxSize": 1, "desiredSize": 1},
        "launchTemplate": {"id": template.id, "version": "1"},
    }
    group = made(engine, NODE_GROUP, inputs)
    assert group.outputs["launchTemplate"] == {"id": template.id, "name": name, "version": "1"}
    data["metadataOptions"] = {"httpTokens": "required", "httpPutResponseHopLimit": 2}
    template = updated(
        engine, TEMPLATE, template, {"name": name, **data}, {"metadataOptions.httpPutResponseHopLimit": "UPDATE"}
    )
    assert template.outputs["latestVersion"] == 2
    inputs |= {"launchTemplate": {"id": template.id, "version": "2"}}
    group = updated(engine, NODE_GROUP, group, inputs, {"launchTemplate.version": "UPDATE"})
    other = made(engine, TEMPLATE, {"name": f"{name}-other", **data})
    replaced(engine, NODE_GROUP, group, inputs | {"launchTemplate": {"id": other.id, "version": "2"}}, "launchTemplate")
    removed(engine, NODE_GROUP, group)


def test_a_node_group_version_is_updated(engine, cluster, node_role):
    inputs = {
        "clusterName": cluster.id,
        "nodeGroupName": "old",
        "nodeRoleArn": node_role,
        "subnetIds": SUBNETS[:2],
        "scalingConfig": {"minSize": 0, "maxSize": 1, "desiredSize": 0},
        "version": "1.32",
    }
    group = made(engine, NODE_GROUP, inputs)
    inputs |= {"version": "1.33"}
    response = engine.diff(NODE_GROUP, group, inputs)
    assert list(response.replaces) == []
    group = engine.update(NODE_GROUP, group, inputs)
    assert group.outputs["version"] == "1.33"
    unchanged(engine, NODE_GROUP, group, inputs)
    removed(engine, NODE_GROUP, group)


def test_addon_life(engine, cloud, cluster, pod_role):
    inputs = {
        "clusterName": cluster.id,
        "addonName": "eks-pod-identity-agent",
        "resolveConflictsOnCreate": "OVERWRITE",
        "tags": {"team": "a"},
    }
    addon = made(engine, ADDON, inputs)
    assert addon.id == f"{cluster.id}:eks-pod-identity-agent"
    assert addon.outputs["addonVersion"].startswith("v")
    newest = answered(
        engine, GET_ADDON_VERSION, addonName="eks-pod-identity-agent", kubernetesVersion="1.33", mostRecent=True
    )
    assert newest["version"] == addon.outputs["addonVersion"]
    inputs |= {"configurationValues": '{"resources": {"requests": {"cpu": "10m"}}}'}
    addon = updated(engine, ADDON, addon, inputs, {"configurationValues": "ADD"})
    shown = answered(engine, GET_ADDON, clusterName=cluster.id, addonName="eks-pod-identity-agent")
    assert (shown["addonVersion"], shown["id"]) == (addon.outputs["addonVersion"], addon.id)
    with pytest.raises(grpc.RpcError, match=f"reading EKS Add-On .{cluster.id}:vpc-cni.: couldn't find resource"):
        engine.invoke(GET_ADDON, clusterName=cluster.id, addonName="vpc-cni")
    inputs |= {"serviceAccountRoleArn": pod_role}
    addon = updated(engine, ADDON, addon, inputs, {"serviceAccountRoleArn": "ADD"})
    inputs |= {"preserve": True, "tags": {}}
    addon = updated(engine, ADDON, addon, inputs, {"preserve": "ADD", "tags.team": "DELETE"})
    replaced(engine, ADDON, addon, inputs | {"addonName": "vpc-cni"}, "addonName")
    kept = ("preserve", "resolveConflictsOnCreate")
    imported(engine, ADDON, addon.id, addon, {key: value for key, value in inputs.items() if key not in kept})
    arn = addon.outputs["arn"]
    addon = drifted(
        engine,
        ADDON,
        addon,
        inputs,
        lambda: cloud("eks").tag_resource(resourceArn=arn, tags={"extra": "1"}),
        {"tags.extra": "DELETE"},
    )
    removed(engine, ADDON, addon)


def test_access_entry_life(engine, cloud, cluster, pod_role):
    inputs = {"clusterName": cluster.id, "principalArn": pod_role, "kubernetesGroups": ["viewers"], "tags": {"a": "1"}}
    entry = made(engine, ENTRY, inputs)
    assert entry.id == f"{cluster.id}:{pod_role}"
    assert entry.outputs["type"] == "STANDARD"
    assert entry.outputs["userName"]
    inputs |= {"kubernetesGroups": ["editors", "viewers"]}
    entry = updated(engine, ENTRY, entry, inputs, {"kubernetesGroups[0]": "ADD"})
    inputs |= {"userName": "another"}
    entry = updated(engine, ENTRY, entry, inputs, {"userName": "UPDATE"})
    inputs |= {"tags": {"a": "2"}}
    entry = updated(engine, ENTRY, entry, inputs, {"tags.a": "UPDATE"})
    replaced(engine, ENTRY, entry, inputs | {"type": "EC2_LINUX"}, "type")
    imported(engine, ENTRY, entry.id, entry, inputs)

    def tamper():
        cloud("eks").update_access_entry(clusterName=cluster.id, principalArn=pod_role, kubernetesGroups=["viewers"])

    entry = drifted(engine, ENTRY, entry, inputs, tamper, {"kubernetesGroups[0]": "ADD"})

    scope = {"type": "namespace", "namespaces": ["kube-system"]}
    policy_inputs = {
        "clusterName": cluster.id,
        "principalArn": pod_role,
        "policyArn": VIEW,
        "accessScope": scope,
    }
    policy = made(engine, POLICY, policy_inputs)
    assert policy.id == f"{cluster.id}#{pod_role}#{VIEW}"
    replaced(engine, POLICY, policy, policy_inputs | {"policyArn": EDIT}, "policyArn")
    replaced(engine, POLICY, policy, policy_inputs | {"accessScope": {"type": "cluster"}}, "accessScope")
    imported(engine, POLICY, policy.id, policy, policy_inputs)
    cloud("eks").disassociate_access_policy(clusterName=cluster.id, principalArn=pod_role, policyArn=VIEW)
    assert engine.refresh(POLICY, policy) is None
    policy = made(engine, POLICY, policy_inputs)
    removed(engine, POLICY, policy)
    removed(engine, ENTRY, entry)


def test_pod_identity_association_life(engine, cloud, cluster, name, pod_role):
    inputs = {
        "clusterName": cluster.id,
        "namespace": "kube-system",
        "serviceAccount": "cluster-autoscaler",
        "roleArn": pod_role,
        "tags": {"team": "a"},
    }
    association = made(engine, ASSOCIATION, inputs)
    assert association.id == association.outputs["associationId"]
    pods = {"Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    other = cloud("iam").create_role(RoleName=f"{name}-other", AssumeRolePolicyDocument=trust(pods))["Role"]["Arn"]
    inputs |= {"roleArn": other}
    association = updated(engine, ASSOCIATION, association, inputs, {"roleArn": "UPDATE"})
    inputs |= {"tags": {"team": "b"}}
    association = updated(engine, ASSOCIATION, association, inputs, {"tags.team": "UPDATE"})
    replaced(engine, ASSOCIATION, association, inputs | {"serviceAccount": "other"}, "serviceAccount")
    replaced(engine, ASSOCIATION, association, inputs | {"namespace": "other"}, "namespace")
    imported(engine, ASSOCIATION, f"{cluster.id},{association.id}", association, inputs)

    def tamper():
        cloud("eks").update_pod_identity_association(
            clusterName=cluster.id, associationId=association.id, roleArn=pod_role
        )

    association = drifted(engine, ASSOCIATION, association, inputs, tamper, {"roleArn": "UPDATE"})
    removed(engine, ASSOCIATION, association)


@pytest.mark.parametrize(
    ("token", "wrong", "form"),
    [
        (NODE_GROUP, "workers", "<cluster name>:<node group name>"),
        (ADDON, "vpc-cni", "<cluster name>:<add-on name>"),
        (ENTRY, "another", "<cluster name>:<principal ARN>"),
        (POLICY, "a#b", "<cluster name>#<principal ARN>#<policy ARN>"),
        (ASSOCIATION, "a-1", "<cluster name>,<association ID>"),
    ],
)
def test_an_import_with_a_wrong_id_names_the_right_form(engine, token, wrong, form):
    with pytest.raises(grpc.RpcError) as caught:
        engine.import_(token, wrong)
    assert wrong in caught.value.details()
    assert form in caught.value.details()
