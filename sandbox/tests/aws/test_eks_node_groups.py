"""Managed node groups: what EKS makes behind them, and how they change."""

from __future__ import annotations

import base64
import re
import time
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from sandbox.tests.aws.support import ACCOUNT, SUBNETS, Aws, Cluster, Emulator, code


def described(aws: Aws, cluster: Cluster, name: str = "workers") -> dict[str, Any]:
    return dict(aws("eks").describe_nodegroup(clusterName=cluster.name, nodegroupName=name)["nodegroup"])


def scaling_group(aws: Aws, node_group: dict[str, Any]) -> dict[str, Any]:
    name = node_group["resources"]["autoScalingGroups"][0]["name"]
    (group,) = aws("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return dict(group)


def instances(aws: Aws, node_group: dict[str, Any]) -> list[dict[str, Any]]:
    ids = [one["InstanceId"] for one in scaling_group(aws, node_group)["Instances"]]
    reservations = aws("ec2").describe_instances(InstanceIds=ids)["Reservations"]
    return [one for reservation in reservations for one in reservation["Instances"]]


def template_data(aws: Aws, node_group: dict[str, Any]) -> dict[str, Any]:
    policy = scaling_group(aws, node_group)["MixedInstancesPolicy"]["LaunchTemplate"]
    template = policy["LaunchTemplateSpecification"]
    versions = aws("ec2").describe_launch_template_versions(
        LaunchTemplateId=template["LaunchTemplateId"], Versions=[template["Version"]]
    )
    return dict(versions["LaunchTemplateVersions"][0]["LaunchTemplateData"])


def create(aws: Aws, cluster: Cluster, role: str, **settings: Any) -> dict[str, Any]:
    answer = aws("eks").create_nodegroup(
        clusterName=cluster.name, **({"nodegroupName": "workers", "subnets": SUBNETS, "nodeRole": role} | settings)
    )["nodegroup"]
    assert answer["status"] == "CREATING"
    return described(aws, cluster, settings.get("nodegroupName", "workers"))


def test_the_scaling_group_carries_eks_tags_but_never_the_node_groups_own(
    aws: Aws, cluster: Cluster, node_group: dict[str, Any]
) -> None:
    tags = scaling_group(aws, node_group)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {
        "eks:cluster-name": cluster.name,
        "eks:nodegroup-name": "workers",
        f"kubernetes.io/cluster/{cluster.name}": "owned",
        "k8s.io/cluster-autoscaler/enabled": "true",
        f"k8s.io/cluster-autoscaler/{cluster.name}": "owned",
    }
    assert all(tag["PropagateAtLaunch"] for tag in tags)
    assert node_group["tags"] == {"team": "platform"}
    assert node_group["status"] == "ACTIVE"


def test_its_instances_are_real_and_know_their_cluster_and_role(
    aws: Aws, cluster: Cluster, node_group: dict[str, Any], node_role: str
) -> None:
    found = instances(aws, node_group)
    assert len(found) == 2
    assert len({one["Placement"]["AvailabilityZone"] for one in found}) == 2
    security_group = aws("eks").describe_cluster(name=cluster.name)["cluster"]["resourcesVpcConfig"][
        "clusterSecurityGroupId"
    ]
    for one in found:
        tags = {tag["Key"]: tag["Value"] for tag in one["Tags"]}
        assert (tags["eks:cluster-name"], tags["eks:nodegroup-name"]) == (cluster.name, "workers")
        assert one["SecurityGroups"][0]["GroupId"] == security_group
        profile = one["IamInstanceProfile"]["Arn"].rsplit("/", 1)[1]
        roles = aws("iam").get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"]
        assert [role["Arn"] for role in roles] == [node_role]
        assert one["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
        assert one["MetadataOptions"]["HttpTokens"] == "required"


def test_the_metadata_service_gives_an_instance_its_nodes_role(
    emulator: Emulator, aws: Aws, node_group: dict[str, Any], node_role: str
) -> None:
    (one, *_) = instances(aws, node_group)
    given = emulator.private("POST", f"instances/{one['InstanceId']}/credentials", {})
    assert given["RoleArn"] == node_role
    keys = {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["Token"],
    }
    identity = aws("sts", keys).get_caller_identity()
    role = node_role.rsplit("/", 1)[1]
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{one['InstanceId']}"
    aws("ec2", keys).describe_instances()
    with pytest.raises(ClientError) as error:
        aws("iam", keys).list_roles()
    assert code(error) == "AccessDenied"


def test_a_launch_template_is_kept_and_completed(aws: Aws, cluster: Cluster, node_role: str) -> None:
    template = aws("ec2").create_launch_template(
        LaunchTemplateName=f"{cluster.name}-user",
        LaunchTemplateData={
            "InstanceType": "t3.large",
            "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
            "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "from", "Value": "template"}]}],
        },
    )["LaunchTemplate"]
    group = create(
        aws, cluster, node_role, launchTemplate={"name": template["LaunchTemplateName"], "version": "$Latest"}
    )
    assert group["launchTemplate"] == {
        "id": template["LaunchTemplateId"],
        "name": template["LaunchTemplateName"],
        "version": "1",
    }
    assert "diskSize" not in group
    assert "instanceTypes" not in group
    data = template_data(aws, group)
    assert data["ImageId"].startswith("ami-")
    assert data["MetadataOptions"]["HttpPutResponseHopLimit"] == 2
    (one, *_) = instances(aws, group)
    assert one["InstanceType"] == "t3.large"
    assert {"Key": "from", "Value": "template"} in one["Tags"]


def test_a_template_with_its_own_image_makes_the_group_custom(aws: Aws, cluster: Cluster, node_role: str) -> None:
    aws("ec2").create_launch_template(
        LaunchTemplateName=f"{cluster.name}-own", LaunchTemplateData={"ImageId": "ami-0123456789abcdef0"}
    )
    group = create(aws, cluster, node_role, launchTemplate={"name": f"{cluster.name}-own"})
    assert group["amiType"] == "CUSTOM"
    assert instances(aws, group)[0]["ImageId"] == "ami-0123456789abcdef0"


BLOCK = {
    "InstanceType": "p4d.24xlarge",
    "InstanceMarketOptions": {"MarketType": "capacity-block"},
    "CapacityReservationSpecification": {
        "CapacityReservationTarget": {"CapacityReservationId": "cr-02168da1478b509e0"}
    },
}


@pytest.mark.parametrize(
    ("data", "request_", "message"),
    [
        ({"ImageId": "ami-0123456789abcdef0"}, {"amiType": "AL2023_x86_64_STANDARD"}, "AMI Type other than CUSTOM"),
        ({"ImageId": "ami-0123456789abcdef0"}, {"version": "1.34"}, "cannot specify a kubernetes version"),
        ({"ImageId": "ami-0123456789abcdef0"}, {"releaseVersion": "1.34.0-1"}, "cannot specify an AMI release version"),
        ({"KeyName": "ops"}, {"amiType": "CUSTOM"}, "requires an image id"),
        ({"InstanceType": "m5.large"}, {"instanceTypes": ["m5.large"]}, "cannot specify instance types"),
        ({"IamInstanceProfile": {"Name": "mine"}}, {}, "must not contain IamInstanceProfile"),
        ({"NetworkInterfaces": [{"SubnetId": "subnet-1"}]}, {}, "must not contain a subnet"),
        ({"KeyName": "ops"}, {"capacityType": "CAPACITY_BLOCK"}, "needs MarketType capacity-block"),
        (None, {"capacityType": "CAPACITY_BLOCK"}, "requires a launch template"),
    ],
)
def test_a_template_that_contradicts_the_group_is_refused(
    aws: Aws, cluster: Cluster, node_role: str, data: Any, request_: dict[str, Any], message: str
) -> None:
    named = {}
    if data is not None:
        aws("ec2").create_launch_template(LaunchTemplateName=f"{cluster.name}-wrong", LaunchTemplateData=data)
        named = {"launchTemplate": {"name": f"{cluster.name}-wrong"}}
    with pytest.raises(ClientError, match=message):
        create(aws, cluster, node_role, **named, **request_)
    assert aws("eks").list_nodegroups(clusterName=cluster.name)["nodegroups"] == []


def test_a_group_of_a_capacity_block_has_its_type_in_the_template(aws: Aws, cluster: Cluster, node_role: str) -> None:
    aws("ec2").create_launch_template(LaunchTemplateName=f"{cluster.name}-block", LaunchTemplateData=BLOCK)
    group = create(
        aws, cluster, node_role, launchTemplate={"name": f"{cluster.name}-block"}, capacityType="CAPACITY_BLOCK"
    )
    assert group["status"] == "ACTIVE"
    assert {one["InstanceType"] for one in instances(aws, group)} == {"p4d.24xlarge"}


@pytest.mark.parametrize("fits", [True, False])
def test_user_data_is_a_mime_document_or_the_group_fails(
    aws: Aws, cluster: Cluster, node_role: str, fits: bool
) -> None:
    head = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="B"\n\n--B\nContent-Type: text/x-shellscript\n\n'
    text = f"{head}#!/bin/bash\n--B--\n" if fits else "#!/bin/bash\n"
    encoded = base64.b64encode(text.encode()).decode()
    aws("ec2").create_launch_template(
        LaunchTemplateName=f"{cluster.name}-data", LaunchTemplateData={"UserData": encoded}
    )
    group = create(aws, cluster, node_role, launchTemplate={"name": f"{cluster.name}-data"})
    issues = [issue["message"] for issue in group["health"]["issues"]]
    assert issues == ([] if fits else ["User data was not in the MIME multipart format."])


@pytest.mark.parametrize(
    ("speed", "message"),
    [
        ({"Throughput": 1000}, "Throughput .MiBps. to iops ratio of 0.333333 is too high"),
        ({"Iops": 15000}, "Iops to volume size ratio of 750.000000 is too high; maximum is 500"),
    ],
)
def test_a_speed_that_no_gp3_volume_has_starts_no_node(
    aws: Aws, cluster: Cluster, node_role: str, speed: dict[str, int], message: str
) -> None:
    disk = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20, "VolumeType": "gp3", **speed}}
    aws("ec2").create_launch_template(
        LaunchTemplateName=f"{cluster.name}-fast", LaunchTemplateData={"BlockDeviceMappings": [disk]}
    )
    group = create(aws, cluster, node_role, launchTemplate={"name": f"{cluster.name}-fast"})
    assert re.search(message, group["health"]["issues"][0]["message"])


def test_a_group_may_start_at_zero_and_on_arm(aws: Aws, cluster: Cluster, node_role: str) -> None:
    group = create(
        aws,
        cluster,
        node_role,
        instanceTypes=["m7g.large"],
        scalingConfig={"minSize": 0, "maxSize": 3, "desiredSize": 0},
        labels={"tier": "batch"},
        taints=[{"key": "dedicated", "value": "batch", "effect": "NO_SCHEDULE"}],
        capacityType="SPOT",
        updateConfig={"maxUnavailablePercentage": 50},
    )
    assert scaling_group(aws, group)["Instances"] == []
    assert group["amiType"] == "AL2023_ARM_64_STANDARD"
    assert (group["labels"], group["capacityType"]) == ({"tier": "batch"}, "SPOT")
    assert group["taints"] == [{"key": "dedicated", "value": "batch", "effect": "NO_SCHEDULE"}]
    assert group["updateConfig"] == {"maxUnavailablePercentage": 50}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scalingConfig": {"minSize": 1, "maxSize": 2, "desiredSize": 3}}, "desired capacity 3"),
        ({"scalingConfig": {"minSize": 3, "maxSize": 2, "desiredSize": 3}}, "Minimum capacity 3"),
        ({"instanceTypes": ["m5.large"], "amiType": "AL2023_ARM_64_STANDARD"}, "not a valid instance type"),
        ({"instanceTypes": ["m99.large"]}, "m99.large"),
        ({"subnets": ["subnet-absent"]}, "subnet-absent"),
        ({"nodeRole": f"arn:aws:iam::{ACCOUNT}:role/absent"}, "absent"),
        ({"launchTemplate": {"name": "absent"}}, "absent"),
        ({"version": "1.35"}, "must not be above"),
        ({"amiType": "AL2_x86_64"}, "AL2_x86_64 is not available for Kubernetes 1.34"),
        ({"amiType": "AL2023_RISCV_STANDARD"}, "Unknown amiType"),
        ({"amiType": "BOTTLEROCKET_ARM_64_FIPS"}, "t3.medium. is not a valid instance type for requested amiType"),
        ({"labels": {"node-role.kubernetes.io/worker": "true"}}, "Label cannot contain reserved prefixes"),
        ({"labels": {"kubernetes.io/lifecycle": "spot"}}, "Label cannot contain reserved prefixes"),
        ({"labels": {"team.k8s.io/x": "a"}}, "Label cannot contain reserved prefixes"),
        ({"labels": {"eks.amazonaws.com/nodegroup": "a"}}, "Label cannot contain reserved prefixes"),
        ({"labels": {"tier": "v" * 64}}, "labelValue failed to satisfy constraint"),
        ({"labels": {"k" * 64: "v"}}, "labelKey failed to satisfy constraint"),
        ({"taints": [{"key": "k", "value": "v" * 64, "effect": "NO_EXECUTE"}]}, "taintValue failed to satisfy"),
        ({"warmPoolConfig": {"minSize": 1}}, "must be enabled or disabled"),
        ({"warmPoolConfig": {"enabled": True, "poolState": "COLD"}}, "Unknown state COLD"),
        ({"warmPoolConfig": {"enabled": True, "maxGroupPreparedCapacity": -2}}, "sizes of a warm pool"),
        ({"warmPoolConfig": {"enabled": True}, "capacityType": "SPOT"}, "not supported with the capacity type SPOT"),
        (
            {"warmPoolConfig": {"enabled": True, "poolState": "HIBERNATED"}, "amiType": "BOTTLEROCKET_x86_64"},
            "Bottlerocket supports neither",
        ),
        ({"warmPoolConfig": {"enabled": True, "reuseOnScaleIn": True}}, "does not know reuseOnScaleIn"),
        (
            {"warmPoolConfig": {"enabled": True, "poolState": "HIBERNATED"}, "instanceTypes": ["g5.xlarge"]},
            "g5.xlarge. cannot be hibernated",
        ),
    ],
)
def test_a_node_group_that_eks_would_refuse_is_refused(
    aws: Aws, cluster: Cluster, node_role: str, wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message):
        create(aws, cluster, node_role, **wrong)
    assert aws("eks").list_nodegroups(clusterName=cluster.name)["nodegroups"] == []


def test_every_ami_type_of_the_api_is_known(aws: Aws, cluster: Cluster, node_role: str) -> None:
    model: Any = botocore.session.get_session().get_service_model("eks")
    for ami_type in model.shape_for("AMITypes").enum:
        if ami_type == "CUSTOM" or ami_type.startswith("AL2_"):
            continue  # A custom image needs a template; Amazon Linux 2 ends before the cluster's version.
        kind = "m6g.large" if "ARM" in ami_type else "m5.large"
        name = ami_type.lower().replace("_", "-")
        sizes = {"minSize": 0, "maxSize": 1, "desiredSize": 1}
        disk = 50 if ami_type.startswith("WINDOWS") else 20
        group = create(
            aws,
            cluster,
            node_role,
            nodegroupName=name,
            amiType=ami_type,
            instanceTypes=[kind],
            scalingConfig=sizes,
            diskSize=disk,
        )
        assert (group["status"], group["health"]["issues"]) == ("ACTIVE", []), ami_type


@pytest.mark.parametrize(
    ("ami_type", "size", "least"),
    [("AL2023_x86_64_STANDARD", 10, 20), ("WINDOWS_CORE_2022_x86_64", 30, 50)],
)
def test_a_disk_smaller_than_the_image_starts_no_node(
    aws: Aws, cluster: Cluster, node_role: str, ami_type: str, size: int, least: int
) -> None:
    group = create(aws, cluster, node_role, amiType=ami_type, diskSize=size)
    assert group["status"] == "CREATE_FAILED"
    (issue,) = group["health"]["issues"]
    assert issue["code"] == "AsgInstanceLaunchFailures"
    assert f"Volume of size {size}GB is smaller than snapshot" in issue["message"]
    assert f"expect size >= {least}GB" in issue["message"]


def test_a_disk_of_the_users_template_is_measured_too(aws: Aws, cluster: Cluster, node_role: str) -> None:
    small = [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 12}}]
    aws("ec2").create_launch_template(LaunchTemplateName="small", LaunchTemplateData={"BlockDeviceMappings": small})
    group = create(aws, cluster, node_role, launchTemplate={"name": "small"})
    assert "expect size >= 20GB" in group["health"]["issues"][0]["message"]


@pytest.mark.parametrize(
    ("ami_type", "kind", "os_gib", "refused"),
    [
        ("BOTTLEROCKET_x86_64", "m5.large", 2, ""),
        ("BOTTLEROCKET_x86_64", "m5.large", 1, "expect size >= 2GB"),
        ("BOTTLEROCKET_x86_64_NVIDIA", "g5.xlarge", 4, ""),
        ("BOTTLEROCKET_x86_64_NVIDIA", "g5.xlarge", 3, "expect size >= 4GB"),
    ],
)
def test_bottlerocket_needs_what_its_two_snapshots_hold(
    aws: Aws, cluster: Cluster, node_role: str, ami_type: str, kind: str, os_gib: int, refused: str
) -> None:
    disks = [
        {"DeviceName": f"/dev/{name}", "Ebs": {"VolumeSize": gib}} for name, gib in (("xvda", os_gib), ("xvdb", 1))
    ]
    aws("ec2").create_launch_template(
        LaunchTemplateName=f"{ami_type}-{os_gib}", LaunchTemplateData={"BlockDeviceMappings": disks}
    )
    group = create(
        aws, cluster, node_role, launchTemplate={"name": f"{ami_type}-{os_gib}"}, amiType=ami_type, instanceTypes=[kind]
    )
    messages = [issue["message"] for issue in group["health"]["issues"]]
    assert [refused in message for message in messages] == ([True] if refused else [])


def test_nodes_in_a_public_subnet_need_public_addresses(aws: Aws, cluster: Cluster, node_role: str) -> None:
    ec2, (public, private) = aws("ec2"), SUBNETS[:2]
    vpc = ec2.describe_subnets(SubnetIds=[public])["Subnets"][0]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    inner = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    links = [
        ec2.associate_route_table(RouteTableId=each, SubnetId=subnet)["AssociationId"]
        for each, subnet in ((table, public), (inner, private))
    ]
    ec2.modify_subnet_attribute(SubnetId=public, MapPublicIpOnLaunch={"Value": False})
    try:
        sizes = {"minSize": 0, "maxSize": 1, "desiredSize": 0}
        group = create(aws, cluster, node_role, subnets=[public, private], scalingConfig=sizes)
        assert group["status"] == "CREATE_FAILED"
        assert "resources" not in group
        (issue,) = group["health"]["issues"]
        assert (issue["code"], issue["resourceIds"]) == ("Ec2SubnetInvalidConfiguration", [public])
        assert "does not automatically assign public IP addresses" in issue["message"]
        with pytest.raises(ClientError, match="not in Active State"):
            aws("eks").update_nodegroup_config(
                clusterName=cluster.name, nodegroupName="workers", scalingConfig={"maxSize": 2}
            )
        aws("eks").delete_nodegroup(clusterName=cluster.name, nodegroupName="workers")
        assert create(aws, cluster, node_role, subnets=[private])["status"] == "ACTIVE"
        ec2.modify_subnet_attribute(SubnetId=public, MapPublicIpOnLaunch={"Value": True})
        assert create(aws, cluster, node_role, nodegroupName="more", subnets=[public])["status"] == "ACTIVE"
    finally:
        ec2.modify_subnet_attribute(SubnetId=public, MapPublicIpOnLaunch={"Value": True})
        for link in links:
            ec2.disassociate_route_table(AssociationId=link)


def test_a_node_group_is_busy_until_its_update_is_done(
    aws: Aws, emulator: Emulator, cluster: Cluster, node_group: dict[str, Any]
) -> None:
    eks, named = aws("eks"), {"clusterName": cluster.name, "nodegroupName": "workers"}
    emulator.private("POST", "delays", {"node-group-update": 3})
    try:
        update = eks.update_nodegroup_config(**named, labels={"addOrUpdateLabels": {"a": "b"}})["update"]
    finally:
        emulator.private("DELETE", "delays")
    asked = {"name": cluster.name, "nodegroupName": "workers", "updateId": update["id"]}
    assert eks.describe_update(**asked)["update"]["status"] == "InProgress"
    assert described(aws, cluster)["status"] == "UPDATING"
    for call in (
        lambda: eks.update_nodegroup_config(**named, scalingConfig={"maxSize": 4}),
        lambda: eks.update_nodegroup_version(**named),
        lambda: eks.delete_nodegroup(**named),
    ):
        with pytest.raises(ClientError, match=f"currently has update {update['id']} in progress") as error:
            call()
        assert code(error) == "ResourceInUseException"
    time.sleep(3)
    assert eks.describe_update(**asked)["update"]["status"] == "Successful"
    assert described(aws, cluster)["status"] == "ACTIVE"
    eks.update_nodegroup_config(**named, scalingConfig={"maxSize": 4})


def warm_pool(aws: Aws, node_group: dict[str, Any]) -> dict[str, str]:
    """State of each instance in the pool by its ID, as Auto Scaling has it and as EC2 has it."""
    name = node_group["resources"]["autoScalingGroups"][0]["name"]
    found = aws("autoscaling").describe_warm_pool(AutoScalingGroupName=name)["Instances"]
    states = {one["InstanceId"]: one["LifecycleState"] for one in found}
    reservations = aws("ec2").describe_instances(InstanceIds=list(states))["Reservations"] if states else []
    ec2 = {one["InstanceId"]: one["State"]["Name"] for each in reservations for one in each["Instances"]}
    return {name: f"{state} {ec2[name]}" for name, state in states.items()}


def test_a_growing_group_takes_instances_of_its_warm_pool_first(aws: Aws, cluster: Cluster, node_role: str) -> None:
    sizes = {"minSize": 0, "maxSize": 4, "desiredSize": 1}
    group = create(aws, cluster, node_role, scalingConfig=sizes, warmPoolConfig={"enabled": True})
    whole = {"minSize": 0, "maxGroupPreparedCapacity": -1, "poolState": "STOPPED", "reuseOnScaleIn": False}
    assert group["warmPoolConfig"] == {"enabled": True, **whole}
    pool = warm_pool(aws, group)
    assert list(pool.values()) == ["Warmed:Stopped stopped"] * 3, "what the group may still grow by"
    scaling = scaling_group(aws, group)
    assert (len(scaling["Instances"]), scaling["WarmPoolSize"]) == (1, 3)

    asg = scaling["AutoScalingGroupName"]
    with pytest.raises(ClientError, match="No managed instance found"):
        aws("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId=next(iter(pool)), ShouldDecrementDesiredCapacity=True
        )
    aws("autoscaling").set_desired_capacity(AutoScalingGroupName=asg, DesiredCapacity=3)
    found = instances(aws, group)
    assert len(pool.keys() & {one["InstanceId"] for one in found}) == 2
    assert {one["State"]["Name"] for one in found} == {"running"}
    assert pool.keys() > warm_pool(aws, group).keys()
    aws("autoscaling").set_desired_capacity(AutoScalingGroupName=asg, DesiredCapacity=0)
    assert len(warm_pool(aws, group)) == 4, "without reuse new instances"


def test_a_warm_pool_is_changed_and_removed(aws: Aws, cluster: Cluster, node_role: str) -> None:
    named = {"clusterName": cluster.name, "nodegroupName": "workers"}
    sizes = {"minSize": 0, "maxSize": 4, "desiredSize": 1}
    group = create(aws, cluster, node_role, scalingConfig=sizes)
    assert "warmPoolConfig" not in group
    assert "WarmPoolSize" not in scaling_group(aws, group)

    own = {"enabled": True, "minSize": 1, "maxGroupPreparedCapacity": 3, "poolState": "RUNNING"}
    update = aws("eks").update_nodegroup_config(**named, warmPoolConfig=own)["update"]
    assert {each["type"] for each in update["params"]} >= {"WarmPoolEnabled", "WarmPoolState"}
    before = warm_pool(aws, group)
    assert list(before.values()) == ["Warmed:Running running"] * 2
    aws("eks").update_nodegroup_config(**named, warmPoolConfig={"maxGroupPreparedCapacity": 1})
    assert len(warm_pool(aws, group)) == 1, "its minimum"
    assert described(aws, cluster)["warmPoolConfig"]["poolState"] == "RUNNING", "what a request leaves out stays"

    aws("eks").update_nodegroup_config(**named, warmPoolConfig={"poolState": "STOPPED", "maxGroupPreparedCapacity": 3})
    states = warm_pool(aws, group)
    assert sorted(states.values()) == ["Warmed:Running running", "Warmed:Stopped stopped"], "new instances alone"

    aws("eks").update_nodegroup_version(**named)
    assert not warm_pool(aws, group).keys() & before.keys(), "an update replaces the instances of the pool"
    aws("eks").update_nodegroup_config(**named, warmPoolConfig={"enabled": False})
    assert warm_pool(aws, group) == {}
    assert "WarmPoolSize" not in scaling_group(aws, group)
    aws("eks").update_nodegroup_config(**named, warmPoolConfig=own)
    pool = list(warm_pool(aws, group))
    aws("eks").delete_nodegroup(**named)
    reservations = aws("ec2").describe_instances(InstanceIds=pool)["Reservations"]
    assert {one["State"]["Name"] for each in reservations for one in each["Instances"]} == {"terminated"}


def test_a_smaller_desired_size_terminates_instances(aws: Aws, cluster: Cluster, node_group: dict[str, Any]) -> None:
    before = {one["InstanceId"] for one in scaling_group(aws, node_group)["Instances"]}
    sizes = {"minSize": 0, "desiredSize": len(before) - 1}
    aws("eks").update_nodegroup_config(clusterName=cluster.name, nodegroupName="workers", scalingConfig=sizes)
    after = {one["InstanceId"] for one in scaling_group(aws, node_group)["Instances"]}
    (gone,) = before - after
    reservations = aws("ec2").describe_instances(InstanceIds=[gone])["Reservations"]
    assert reservations[0]["Instances"][0]["State"]["Name"] in ("shutting-down", "terminated")


def test_node_groups_are_listed_page_by_page(aws: Aws, cluster: Cluster, node_role: str) -> None:
    for name in ("one", "two", "three"):
        create(aws, cluster, node_role, nodegroupName=name)
    first = aws("eks").list_nodegroups(clusterName=cluster.name, maxResults=2)
    assert first["nodegroups"] == ["one", "two"]
    last = aws("eks").list_nodegroups(clusterName=cluster.name, maxResults=2, nextToken=first["nextToken"])
    assert last["nodegroups"] == ["three"]
    assert "nextToken" not in last


def test_config_updates_reach_the_scaling_group(aws: Aws, cluster: Cluster, node_group: dict[str, Any]) -> None:
    update = aws("eks").update_nodegroup_config(
        clusterName=cluster.name,
        nodegroupName="workers",
        labels={"addOrUpdateLabels": {"a": "1", "b": "2"}},
        taints={"addOrUpdateTaints": [{"key": "k", "value": "v", "effect": "NO_EXECUTE"}]},
        scalingConfig={"minSize": 0, "maxSize": 6, "desiredSize": 3},
    )["update"]
    assert update["type"] == "ConfigUpdate"
    found = aws("eks").describe_update(name=cluster.name, updateId=update["id"], nodegroupName="workers")["update"]
    assert found["status"] == "Successful"
    group = described(aws, cluster)
    assert (group["labels"], group["taints"][0]["effect"]) == ({"a": "1", "b": "2"}, "NO_EXECUTE")
    behind = scaling_group(aws, group)
    assert (behind["MinSize"], behind["MaxSize"], len(behind["Instances"])) == (0, 6, 3)
    aws("eks").update_nodegroup_config(
        clusterName=cluster.name,
        nodegroupName="workers",
        labels={"removeLabels": ["a"]},
        taints={"removeTaints": [{"key": "k", "value": "v", "effect": "NO_EXECUTE"}]},
    )
    group = described(aws, cluster)
    assert (group["labels"], group["taints"]) == ({"b": "2"}, [])
    with pytest.raises(ClientError, match="desired capacity 9"):
        aws("eks").update_nodegroup_config(
            clusterName=cluster.name, nodegroupName="workers", scalingConfig={"desiredSize": 9}
        )


def test_sizes_are_shown_as_the_scaling_group_has_them(aws: Aws, cluster: Cluster, node_group: dict[str, Any]) -> None:
    name = node_group["resources"]["autoScalingGroups"][0]["name"]
    aws("autoscaling").update_auto_scaling_group(AutoScalingGroupName=name, MaxSize=7, DesiredCapacity=4)
    assert described(aws, cluster)["scalingConfig"] == {"minSize": 1, "maxSize": 7, "desiredSize": 4}
    aws("eks").update_nodegroup_config(
        clusterName=cluster.name, nodegroupName="workers", scalingConfig={"minSize": 1, "maxSize": 5}
    )
    assert scaling_group(aws, node_group)["DesiredCapacity"] == 4


def test_a_version_update_replaces_every_instance(aws: Aws, cluster: Cluster, node_role: str) -> None:
    group = create(aws, cluster, node_role, version="1.33")
    before = {one["InstanceId"]: one["ImageId"] for one in instances(aws, group)}
    update = aws("eks").update_nodegroup_version(clusterName=cluster.name, nodegroupName="workers")["update"]
    assert update["type"] == "VersionUpdate"
    group = described(aws, cluster)
    after = {one["InstanceId"]: one["ImageId"] for one in instances(aws, group)}
    assert group["version"] == "1.34"
    assert group["releaseVersion"].startswith("1.34.")
    assert len(after) == len(before)
    assert not set(after) & set(before)
    assert not set(after.values()) & set(before.values())


def test_a_new_template_version_reaches_the_instances(aws: Aws, cluster: Cluster, node_role: str) -> None:
    name = f"{cluster.name}-user"
    aws("ec2").create_launch_template(LaunchTemplateName=name, LaunchTemplateData={"InstanceType": "t3.large"})
    group = create(aws, cluster, node_role, launchTemplate={"name": name, "version": "1"})
    aws("ec2").create_launch_template_version(
        LaunchTemplateName=name,
        SourceVersion="1",
        LaunchTemplateData={"MetadataOptions": {"HttpPutResponseHopLimit": 2}},
    )
    aws("eks").update_nodegroup_version(
        clusterName=cluster.name, nodegroupName="workers", launchTemplate={"name": name, "version": "2"}
    )
    group = described(aws, cluster)
    assert group["launchTemplate"]["version"] == "2"
    assert {one["MetadataOptions"]["HttpPutResponseHopLimit"] for one in instances(aws, group)} == {2}
    assert group["version"] == "1.34"


def test_the_nodes_role_may_join_the_cluster(aws: Aws, cluster: Cluster, node_group: dict[str, Any]) -> None:
    entry = aws("eks").describe_access_entry(clusterName=cluster.name, principalArn=node_group["nodeRole"])[
        "accessEntry"
    ]
    assert entry["type"] == "EC2_LINUX"
    assert entry["username"] == "system:node:{{EC2PrivateDNSName}}"
    assert entry["kubernetesGroups"] == ["system:nodes"]


def test_failing_launches_degrade_the_group(
    emulator: Emulator, aws: Aws, cluster: Cluster, node_group: dict[str, Any], node_role: str
) -> None:
    emulator.private("POST", "faults", {"service": "ec2", "action": "RunInstances", "fault": "capacity", "times": 2})
    name = node_group["resources"]["autoScalingGroups"][0]["name"]
    aws("autoscaling").set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=3)
    degraded = described(aws, cluster)
    assert degraded["status"] == "DEGRADED"
    assert degraded["health"]["issues"][0]["code"] == "AsgInstanceLaunchFailures"
    failed = create(aws, cluster, node_role, nodegroupName="more")
    assert failed["status"] == "CREATE_FAILED"
    emulator.private("DELETE", "faults")
    assert described(aws, cluster)["status"] == "ACTIVE"


def test_deleting_a_node_group_leaves_nothing_behind(
    aws: Aws, cluster: Cluster, node_group: dict[str, Any], node_role: str
) -> None:
    behind = scaling_group(aws, node_group)
    template = behind["MixedInstancesPolicy"]["LaunchTemplate"]["LaunchTemplateSpecification"]["LaunchTemplateId"]
    assert aws("eks").delete_nodegroup(clusterName=cluster.name, nodegroupName="workers")["nodegroup"]["status"] == (
        "DELETING"
    )
    with pytest.raises(ClientError) as error:
        described(aws, cluster)
    assert code(error) == "ResourceNotFoundException"
    names = [behind["AutoScalingGroupName"]]
    assert aws("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=names)["AutoScalingGroups"] == []
    assert aws("ec2").describe_launch_templates(LaunchTemplateIds=[template])["LaunchTemplates"] == []
    role = node_role.rsplit("/", 1)[1]
    assert aws("iam").list_instance_profiles_for_role(RoleName=role)["InstanceProfiles"] == []
    running = aws("ec2").describe_instances(
        Filters=[
            {"Name": "tag:eks:cluster-name", "Values": [cluster.name]},
            {"Name": "instance-state-name", "Values": ["running"]},
        ]
    )
    assert running["Reservations"] == []
