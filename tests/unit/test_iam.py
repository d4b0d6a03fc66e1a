"""The IAM documents, word by word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.pure import discovery, iam

CLUSTER = iam.ClusterIdentity("aws", "us-east-1", "123456789012", "series-api")
names = st.from_regex(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}", fullmatch=True)
identities = st.builds(
    iam.ClusterIdentity,
    partition=st.sampled_from(["aws", "aws-cn", "aws-us-gov", "aws-eusc"]),
    region=st.sampled_from(["us-east-1", "cn-north-1", "eu-central-1"]),
    account=st.from_regex(r"\d{12}", fullmatch=True),
    name=names,
)


def test_the_autoscaler_policy_is_exactly_what_the_autoscaler_calls():
    assert iam.autoscaler_policy(CLUSTER) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Read",
                "Effect": "Allow",
                "Action": [
                    "autoscaling:DescribeAutoScalingGroups",
                    "autoscaling:DescribeLaunchConfigurations",
                    "autoscaling:DescribeScalingActivities",
                    "ec2:DescribeImages",
                    "ec2:DescribeInstanceTypes",
                    "ec2:DescribeLaunchTemplateVersions",
                    "ec2:GetInstanceTypesFromInstanceRequirements",
                ],
                "Resource": "*",
            },
            {
                "Sid": "ReadNodegroups",
                "Effect": "Allow",
                "Action": "eks:DescribeNodegroup",
                "Resource": "arn:aws:eks:us-east-1:123456789012:nodegroup/series-api/*/*",
            },
            {
                "Sid": "Scale",
                "Effect": "Allow",
                "Action": ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
                "Resource": "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:*:autoScalingGroupName/*",
                "Condition": {"StringEquals": {"aws:ResourceTag/k8s.io/cluster-autoscaler/series-api": "owned"}},
            },
        ],
    }


def test_irsa_trusts_one_service_account_of_one_issuer_for_one_audience():
    arn = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE"
    trust = iam.irsa_trust(
        arn, "https://oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE", "kube-system", "cluster-autoscaler"
    )
    assert trust == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": arn},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {
                        "oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE:aud": "sts.amazonaws.com",
                        "oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE:sub": (
                            "system:serviceaccount:kube-system:cluster-autoscaler"
                        ),
                    }
                },
            }
        ],
    }


def test_pod_identity_is_narrowed_to_one_service_account_of_one_cluster():
    arn = "arn:aws:eks:us-east-1:123456789012:cluster/series-api"
    (statement,) = iam.pod_identity_trust(arn, "kube-system", "cluster-autoscaler")["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {
            "StringEquals": {
                "aws:RequestTag/eks-cluster-arn": arn,
                "aws:RequestTag/kubernetes-namespace": "kube-system",
                "aws:RequestTag/kubernetes-service-account": "cluster-autoscaler",
            }
        },
    }


@pytest.mark.parametrize(
    ("partition", "service"),
    [
        ("aws", "ec2.amazonaws.com"),
        ("aws-us-gov", "ec2.amazonaws.com"),
        ("aws-eusc", "ec2.amazonaws.com"),
        ("aws-cn", ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]),
    ],
)
def test_a_node_role_is_trusted_to_ec2_alone(partition, service):
    assert iam.node_trust(partition)["Statement"] == [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    ]


@given(identities)
def test_every_write_is_conditioned_on_the_tag_of_this_cluster(cluster):
    for statement in iam.autoscaler_policy(cluster)["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        writes = [action for action in actions if not action.split(":")[1].startswith(("Describe", "Get"))]
        if writes:
            key = f"aws:ResourceTag/{discovery.cluster_key(cluster.name)}"
            assert statement["Condition"] == {"StringEquals": {key: "owned"}}
            assert cluster.account in statement["Resource"]
            assert cluster.region in statement["Resource"]


@given(identities)
def test_no_arn_leaves_the_partition_of_its_cluster(cluster):
    resources = [statement["Resource"] for statement in iam.autoscaler_policy(cluster)["Statement"]]
    assert all(arn == "*" or arn.startswith(f"arn:{cluster.partition}:") for arn in resources)


@given(identities)
def test_a_cluster_is_read_back_from_its_arn(cluster):
    arn = f"arn:{cluster.partition}:eks:{cluster.region}:{cluster.account}:cluster/{cluster.name}"
    assert iam.ClusterIdentity.from_arn(arn) == cluster


@pytest.mark.parametrize("arn", ["", "series-api", "arn:aws:eks:us-east-1:1:nodegroup/a/b/c", "arn:aws:iam::1:role/x"])
def test_what_is_no_cluster_arn_is_refused_with_what_was_given(arn):
    with pytest.raises(ValueError, match="expected the ARN of an EKS cluster"):
        iam.ClusterIdentity.from_arn(arn)


def test_namesakes_in_two_regions_of_one_account_get_policies_of_two_names():
    other = CLUSTER._replace(region="eu-west-1")
    assert iam.autoscaler_policy_name(CLUSTER) == "AmazonEKSClusterAutoscalerPolicy-series-api-us-east-1"
    assert iam.autoscaler_policy_name(CLUSTER) != iam.autoscaler_policy_name(other)
    assert iam.autoscaler_policy_name(CLUSTER, "org-").startswith("org-AmazonEKSClusterAutoscalerPolicy")


def test_another_path_is_another_name_because_iam_does_not_distinguish_policies_by_path():
    plain, pathed = (iam.autoscaler_policy_name(CLUSTER, path=path) for path in ("/", "/platform/"))
    assert plain == iam.autoscaler_policy_name(CLUSTER)
    assert len({plain, pathed, iam.autoscaler_policy_name(CLUSTER, path="/other/")}) == 3
    longest = iam.autoscaler_policy_name(CLUSTER._replace(name="c" * 100), "p" * 19, "/platform/")
    assert len(longest) <= 128


def test_clusters_of_long_names_get_policies_of_names_that_iam_takes():
    longest = CLUSTER._replace(name="c" * 100)
    names = {iam.autoscaler_policy_name(longest, "p" * 19), iam.autoscaler_policy_name(longest)}
    names.add(iam.autoscaler_policy_name(longest._replace(name="c" * 99 + "d")))
    assert len(names) == 3
    assert all(len(name) <= 128 and name.endswith("-us-east-1") for name in names)


def test_a_role_begins_with_the_prefix_and_as_much_of_its_name_as_fits():
    assert iam.role_prefix("org-", "general-node") == "org-general-node-"
    assert len(iam.role_prefix("p" * 19, "g" * 40)) == 38


def test_an_issuer_is_named_without_its_scheme():
    assert iam.issuer_path("https://oidc.example/id/1") == iam.issuer_path("oidc.example/id/1/") == "oidc.example/id/1"


def test_a_role_is_named_by_the_last_part_of_its_arn_whatever_its_path():
    assert iam.role_name("arn:aws:iam::1:role/a/b/nodes") == iam.role_name("arn:aws:iam::1:role/nodes") == "nodes"
