"""EKS clusters, their updates, add-ons, tags and access."""

from __future__ import annotations

import json
import urllib.error
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.tests.aws.support import ACCOUNT, REGION, SUBNETS, Aws, Cluster, Emulator, code


def described(aws: Aws, name: str) -> dict[str, Any]:
    return dict(aws("eks").describe_cluster(name=name)["cluster"])


def test_the_end_of_support_of_a_version_is_a_date(aws: Aws) -> None:
    (version,) = aws("eks").describe_cluster_versions(clusterVersions=["1.34"])["clusterVersions"]
    assert version["clusterVersion"] == "1.34"
    assert str(version["endOfStandardSupportDate"].date()) == "2026-12-02"
    assert len(aws("eks").describe_cluster_versions()["clusterVersions"]) > 1


def test_a_cluster_is_creating_until_its_control_plane_reports(
    emulator: Emulator, aws: Aws, creating_cluster: Cluster
) -> None:
    before = described(aws, creating_cluster.name)
    assert before["status"] == "CREATING"
    assert "endpoint" not in before
    listed = [one for one in emulator.private("GET", "clusters")["clusters"] if one["name"] == creating_cluster.name]
    assert listed == [
        {
            "name": creating_cluster.name,
            "region": REGION,
            "status": "CREATING",
            "version": "1.34",
            "issuer": creating_cluster.issuer,
            "creatorArn": f"arn:aws:iam::{ACCOUNT}:user/sandbox",
            "ipFamily": "ipv4",
        }
    ]
    emulator.private(
        "POST",
        f"clusters/{REGION}/{creating_cluster.name}",
        {"endpoint": "https://127.0.0.1:7443", "certificateAuthority": "Q0E=", "jwks": creating_cluster.jwks},
    )
    after = described(aws, creating_cluster.name)
    assert (after["status"], after["endpoint"], after["certificateAuthority"]) == (
        "ACTIVE",
        "https://127.0.0.1:7443",
        {"data": "Q0E="},
    )
    aws("eks").get_waiter("cluster_active").wait(name=creating_cluster.name, WaiterConfig={"MaxAttempts": 1})


def test_a_report_for_no_cluster_or_without_its_parts_is_refused(emulator: Emulator, creating_cluster: Cluster) -> None:
    with pytest.raises(urllib.error.HTTPError) as error:
        emulator.private("POST", f"clusters/{REGION}/absent", {"endpoint": "", "certificateAuthority": "", "jwks": {}})
    assert error.value.code == 404
    error.value.close()
    with pytest.raises(urllib.error.HTTPError) as error:
        emulator.private("POST", f"clusters/{REGION}/{creating_cluster.name}", {"endpoint": "x"})
    assert json.load(error.value) == {"error": "missing from the body: certificateAuthority, jwks"}
    error.value.close()


def test_a_cluster_is_in_the_vpc_of_its_subnets_with_a_real_security_group(aws: Aws, cluster: Cluster) -> None:
    network = described(aws, cluster.name)["resourcesVpcConfig"]
    subnet = aws("ec2").describe_subnets(SubnetIds=SUBNETS[:1])["Subnets"][0]
    assert network["vpcId"] == subnet["VpcId"]
    groups = aws("ec2").describe_security_groups(GroupIds=[network["clusterSecurityGroupId"]])["SecurityGroups"]
    assert groups[0]["GroupName"].startswith(f"eks-cluster-sg-{cluster.name}-")
    assert groups[0]["VpcId"] == subnet["VpcId"]
    tags = {tag["Key"]: tag["Value"] for tag in groups[0]["Tags"]}
    assert tags[f"kubernetes.io/cluster/{cluster.name}"] == "owned"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"version": "1.20"}, "unsupported Kubernetes version 1.20"),
        ({"resourcesVpcConfig": {"subnetIds": ["subnet-absent", "subnet-00000001"]}}, "subnet-absent"),
        ({"resourcesVpcConfig": {"subnetIds": ["subnet-00000001"]}}, "two different AZs"),
        ({"roleArn": f"arn:aws:iam::{ACCOUNT}:role/absent"}, "absent cannot be found"),
    ],
)
def test_a_cluster_that_eks_would_refuse_is_refused(
    aws: Aws, node_role: str, name: str, wrong: dict[str, Any], message: str
) -> None:
    good = {"name": name, "roleArn": node_role, "resourcesVpcConfig": {"subnetIds": SUBNETS}}
    with pytest.raises(ClientError, match=message) as error:
        aws("eks").create_cluster(**(good | wrong))
    assert code(error) == "InvalidParameterException"


def test_the_creator_is_an_administrator_by_an_access_entry(aws: Aws, cluster: Cluster) -> None:
    creator = f"arn:aws:iam::{ACCOUNT}:user/sandbox"
    assert creator in aws("eks").list_access_entries(clusterName=cluster.name)["accessEntries"]
    policies = aws("eks").list_associated_access_policies(clusterName=cluster.name, principalArn=creator)
    assert [one["policyArn"].rsplit("/", 1)[1] for one in policies["associatedAccessPolicies"]] == [
        "AmazonEKSClusterAdminPolicy"
    ]


def test_without_bootstrap_permissions_the_creator_has_no_entry(aws: Aws, node_role: str, name: str) -> None:
    aws("eks").create_cluster(
        name=name,
        roleArn=node_role,
        resourcesVpcConfig={"subnetIds": SUBNETS},
        accessConfig={"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
    )
    assert aws("eks").list_access_entries(clusterName=name)["accessEntries"] == []
    assert described(aws, name)["accessConfig"]["bootstrapClusterCreatorAdminPermissions"] is False


def test_access_entries_are_for_existing_principals_and_known_policies(
    aws: Aws, cluster: Cluster, node_role: str
) -> None:
    eks = aws("eks")
    entry = eks.create_access_entry(clusterName=cluster.name, principalArn=node_role)["accessEntry"]
    role = node_role.rsplit("/", 1)[1]
    assert entry["username"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{{{{SessionName}}}}"
    eks.associate_access_policy(
        clusterName=cluster.name,
        principalArn=node_role,
        policyArn="arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
        accessScope={"type": "namespace", "namespaces": ["default"]},
    )
    with pytest.raises(ClientError, match="policyArn parameter format is not valid"):
        eks.associate_access_policy(
            clusterName=cluster.name,
            principalArn=node_role,
            policyArn="arn:aws:eks::aws:cluster-access-policy/Absent",
            accessScope={"type": "cluster"},
        )
    with pytest.raises(ClientError, match="principalArn is invalid"):
        eks.create_access_entry(clusterName=cluster.name, principalArn=f"{node_role}-absent")


def test_without_an_access_api_entries_are_refused_until_it_is_switched_on(
    emulator: Emulator, aws: Aws, node_role: str, name: str
) -> None:
    aws("eks").create_cluster(name=name, roleArn=node_role, resourcesVpcConfig={"subnetIds": SUBNETS})
    emulator.private(
        "POST", f"clusters/{REGION}/{name}", {"endpoint": "https://x", "certificateAuthority": "", "jwks": {"keys": []}}
    )
    with pytest.raises(ClientError, match="authentication mode must be set"):
        aws("eks").list_access_entries(clusterName=name)
    update = aws("eks").update_cluster_config(name=name, accessConfig={"authenticationMode": "API"})["update"]
    assert (update["type"], update["status"]) == ("AccessConfigUpdate", "InProgress")
    assert len(aws("eks").list_access_entries(clusterName=name)["accessEntries"]) == 1
    with pytest.raises(ClientError, match="Unsupported authentication mode update from API to CONFIG_MAP"):
        aws("eks").update_cluster_config(name=name, accessConfig={"authenticationMode": "CONFIG_MAP"})


def test_updates_change_the_cluster_and_can_be_looked_up(aws: Aws, cluster: Cluster) -> None:
    eks = aws("eks")
    endpoints = eks.update_cluster_config(
        name=cluster.name, resourcesVpcConfig={"endpointPrivateAccess": True, "publicAccessCidrs": ["192.0.2.0/24"]}
    )["update"]
    version = eks.update_cluster_version(name=cluster.name, version="1.35")["update"]
    logging = eks.update_cluster_config(
        name=cluster.name, logging={"clusterLogging": [{"types": ["api"], "enabled": True}]}
    )["update"]
    assert [one["type"] for one in (endpoints, version, logging)] == [
        "EndpointAccessUpdate",
        "VersionUpdate",
        "LoggingUpdate",
    ]
    after = described(aws, cluster.name)
    assert after["version"] == "1.35"
    assert after["resourcesVpcConfig"]["endpointPrivateAccess"] is True
    assert after["resourcesVpcConfig"]["subnetIds"] == SUBNETS
    assert after["logging"]["clusterLogging"][0]["types"] == ["api"]
    found = eks.describe_update(name=cluster.name, updateId=version["id"])["update"]
    assert (found["status"], found["params"][0]) == ("Successful", {"type": "Version", "value": "1.35"})
    with pytest.raises(ClientError) as error:
        eks.describe_update(name=cluster.name, updateId="absent")
    assert code(error) == "ResourceNotFoundException"


def test_a_version_may_only_rise_by_one_minor(aws: Aws, cluster: Cluster) -> None:
    for wanted in ("1.33", "1.34", "1.36"):
        with pytest.raises(ClientError, match=f"update from 1.34 to {wanted}"):
            aws("eks").update_cluster_version(name=cluster.name, version=wanted)


def test_a_cluster_that_is_not_active_takes_no_updates_and_no_node_groups(
    aws: Aws, creating_cluster: Cluster, node_role: str
) -> None:
    with pytest.raises(ClientError, match="not in ACTIVE status"):
        aws("eks").update_cluster_version(name=creating_cluster.name, version="1.35")
    with pytest.raises(ClientError, match="not in ACTIVE status"):
        aws("eks").create_nodegroup(
            clusterName=creating_cluster.name, nodegroupName="workers", subnets=SUBNETS, nodeRole=node_role
        )


def test_tags_are_shown_as_they_are_now(aws: Aws, cluster: Cluster, node_group: dict[str, Any]) -> None:
    eks = aws("eks")
    addon = eks.create_addon(clusterName=cluster.name, addonName="coredns", tags={"a": "1"})["addon"]["addonArn"]
    for arn in (cluster.arn, node_group["nodegroupArn"], addon):
        eks.tag_resource(resourceArn=arn, tags={"x": "1", "y": "2", "z": "3"})
        eks.untag_resource(resourceArn=arn, tagKeys=["x", "z"])
    assert described(aws, cluster.name)["tags"] == {"y": "2"}
    group = eks.describe_nodegroup(clusterName=cluster.name, nodegroupName="workers")["nodegroup"]
    assert group["tags"] == {"team": "platform", "y": "2"}
    assert eks.describe_addon(clusterName=cluster.name, addonName="coredns")["addon"]["tags"] == {"a": "1", "y": "2"}


def test_addons_have_versions_and_unknown_ones_are_refused(aws: Aws, cluster: Cluster) -> None:
    eks = aws("eks")
    addons = eks.describe_addon_versions(kubernetesVersion="1.34")["addons"]
    offered = {one["addonName"]: one["addonVersions"][0]["addonVersion"] for one in addons}
    assert set(offered) == {"eks-pod-identity-agent", "vpc-cni", "coredns", "kube-proxy"}
    (agent,) = eks.describe_addon_versions(addonName="eks-pod-identity-agent")["addons"]
    assert {one["clusterVersion"] for one in agent["addonVersions"][0]["compatibilities"]} >= {"1.29", "1.36"}
    made = eks.create_addon(clusterName=cluster.name, addonName="kube-proxy")["addon"]
    assert made["addonVersion"] == offered["kube-proxy"]
    update = eks.update_addon(clusterName=cluster.name, addonName="kube-proxy", resolveConflicts="OVERWRITE")["update"]
    found = eks.describe_update(name=cluster.name, updateId=update["id"], addonName="kube-proxy")["update"]
    assert found["status"] == "Successful"
    with pytest.raises(ClientError, match="absent specified is not supported"):
        eks.create_addon(clusterName=cluster.name, addonName="absent")
    with pytest.raises(ClientError, match="Addon version specified is not supported"):
        eks.create_addon(clusterName=cluster.name, addonName="coredns", addonVersion="v0.0.1")


def test_coredns_is_degraded_until_there_is_a_node(aws: Aws, cluster: Cluster, node_role: str) -> None:
    eks = aws("eks")
    for name in ("coredns", "kube-proxy"):
        eks.create_addon(clusterName=cluster.name, addonName=name)

    def status(name: str) -> str:
        return str(eks.describe_addon(clusterName=cluster.name, addonName=name)["addon"]["status"])

    assert (status("coredns"), status("kube-proxy")) == ("DEGRADED", "ACTIVE")
    scaling = {"minSize": 1, "maxSize": 1, "desiredSize": 1}
    eks.create_nodegroup(
        clusterName=cluster.name, nodegroupName="some", subnets=SUBNETS, nodeRole=node_role, scalingConfig=scaling
    )
    assert status("coredns") == "ACTIVE"


def test_deleting_a_cluster_waits_for_its_node_groups_and_leaves_nothing(
    aws: Aws, cluster: Cluster, node_group: dict[str, Any]
) -> None:
    eks = aws("eks")
    eks.create_addon(clusterName=cluster.name, addonName="coredns")
    with pytest.raises(ClientError) as error:
        eks.delete_cluster(name=cluster.name)
    assert code(error) == "ResourceInUseException"
    security_group = described(aws, cluster.name)["resourcesVpcConfig"]["clusterSecurityGroupId"]
    eks.delete_nodegroup(clusterName=cluster.name, nodegroupName="workers")
    assert eks.delete_cluster(name=cluster.name)["cluster"]["status"] == "DELETING"
    with pytest.raises(ClientError) as error:
        described(aws, cluster.name)
    assert code(error) == "ResourceNotFoundException"
    with pytest.raises(ClientError):
        aws("ec2").describe_security_groups(GroupIds=[security_group])
