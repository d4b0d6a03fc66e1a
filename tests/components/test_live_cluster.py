"""What a preview refuses of a cluster that the program created before."""

import pytest

from components import EksCluster, FaultsError
from components.pure.cluster_changes import role_faults, version_faults
from tests.cloud import ACCOUNT, CLUSTER, Cloud, run

ROLE = "aws:iam/role:Role"
LIVE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/platform/org-eks-cluster-20261129120000000000000001"
SUBNETS = {"vpc_id": "vpc-00000001", "private_subnet_ids": ["subnet-0000000a", "subnet-0000000b"]}


def created(version="1.35", cloud=None, **create):
    if cloud is None:
        cloud = Cloud(preview=True)
        cloud.has_cluster = False
    args = {"name": CLUSTER, "create": {"kubernetes_version": version, **SUBNETS, **create}}
    return run(lambda: EksCluster("cluster", args), cloud)


@pytest.mark.parametrize(
    ("live", "requested", "refused"),
    [
        ("1.34", "1.34", None),
        ("1.34", "1.35", None),
        ("1.34", "1.33", "1.34 or later: EKS never downgrades a cluster"),
        ("1.33", "1.35", "1.33, or 1.34 for an upgrade: EKS upgrades one minor at a time"),
        ("next", "1.35", None),
    ],
)
def test_a_cluster_moves_up_by_one_minor_and_never_down(live, requested, refused):
    assert [fault.expected for fault in version_faults("kubernetesVersion", live, requested)] == (
        [refused] if refused else []
    )


def test_a_lower_version_is_refused_at_preview_with_the_version_that_the_cluster_has():
    with pytest.raises(FaultsError, match=r"create.kubernetes_version: got '1.34', and the cluster has 1.35"):
        created("1.34", Cloud(preview=True, cluster_version="1.35"))


def test_a_cluster_that_does_not_exist_yet_may_have_any_version():
    assert created("1.34").one("eks:index:Cluster").inputs["version"] == "1.34"


def test_without_permission_to_describe_the_cluster_the_preview_warns_and_goes_on():
    class Denied(Cloud):
        def call(self, args):
            if args.token == "aws:eks/getCluster:getCluster":
                return {}, [("", "AccessDeniedException: not authorized to perform: eks:DescribeCluster")]
            return super().call(args)

    assert any("allow eks:DescribeCluster" in warning for warning in created(cloud=Denied(preview=True)).warnings)


def test_the_role_of_the_cluster_has_the_account_s_boundary_path_and_prefix():
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
    limits = {"permissions_boundary_arn": boundary, "path": "/platform/", "name_prefix": "org-"}
    graph = created(role=limits)
    role = graph.one(ROLE)
    assert (role.inputs["permissionsBoundary"], role.inputs["path"]) == (boundary, "/platform/")
    assert role.inputs["namePrefix"] == "org-eks-cluster-"
    attachment = graph.one("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    cluster = graph.one("eks:index:Cluster")
    assert attachment.urn in cluster.depends_on, "EKS refuses a cluster whose role has no policy"
    assert cluster.inputs["serviceRole"] == role.urn


def test_without_limits_the_cluster_keeps_the_role_of_pulumi_eks():
    graph = created()
    assert graph.of(ROLE) == []
    assert "serviceRole" not in graph.one("eks:index:Cluster").inputs


@pytest.mark.parametrize(
    ("live", "path", "prefix", "same"),
    [
        (LIVE_ROLE, "/platform/", "org-eks-cluster-", True),
        (LIVE_ROLE, "/", "org-eks-cluster-", False),
        (LIVE_ROLE, "/platform/", "eks-cluster-", False),
        (LIVE_ROLE, "/", "platform", False),
        (f"arn:aws:iam::{ACCOUNT}:role/eks-cluster-2026", "/", "eks-cluster-", True),
        (f"arn:aws:iam::{ACCOUNT}:role/cluster-eksRole-role-1a2b3c4", "/", "eks-cluster-", False),
        (f"arn:aws-cn:iam::{ACCOUNT}:role/eks-cluster-2026", "/", "eks-cluster-", True),
    ],
)
def test_another_path_or_prefix_would_replace_the_cluster(live, path, prefix, same):
    assert (role_faults("role", live, path, prefix) == []) is same


def test_a_role_for_a_cluster_that_was_created_without_one_is_refused_at_preview():
    with pytest.raises(FaultsError, match="another role replaces the cluster"):
        created(cloud=Cloud(preview=True), role={"path": "/platform/"})
    kept = Cloud(preview=True)
    kept.cluster_role = LIVE_ROLE
    assert created(cloud=kept, role={"path": "/platform/", "name_prefix": "org-"}).one(ROLE)
