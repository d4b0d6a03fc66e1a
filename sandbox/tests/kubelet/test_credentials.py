"""Every way to credentials that a pod has on EKS, whole and broken."""

import contextlib

import pytest

from sandbox.tests.kubelet.installation import AGENT, NAME, NODE_GROUP_LABEL, OPEN, policy
from sandbox.tests.kubernetes.eks import eventually

ON_OPEN_NODE = {"nodeSelector": {NODE_GROUP_LABEL: OPEN}, "tolerations": [{"key": OPEN, "operator": "Exists"}]}


def crashed(installation):
    """How the container ended last, once it has."""
    return eventually(lambda: installation.container().get("lastState", {}).get("terminated"))


@pytest.fixture
def association(installation):
    """Creates Pod Identity associations for the service account, and removes them."""
    eks, cluster = installation.account.eks, installation.cluster.name
    made = []

    def create():
        answer = eks.create_pod_identity_association(
            clusterName=cluster, namespace="kube-system", serviceAccount=NAME, roleArn=installation.role_arn
        )
        made.append(answer["association"]["associationId"])

    yield create
    for identity in made:
        eks.delete_pod_identity_association(clusterName=cluster, associationId=identity)


@pytest.fixture
def agent(installation):
    """Installs the Pod Identity agent's add-on, and removes it."""
    eks, cluster = installation.account.eks, installation.cluster.name

    def install():
        eks.create_addon(clusterName=cluster, addonName=AGENT)
        eventually(lambda: eks.describe_addon(clusterName=cluster, addonName=AGENT)["addon"]["status"] == "ACTIVE")

    yield install
    with contextlib.suppress(eks.exceptions.ResourceNotFoundException):
        eks.delete_addon(clusterName=cluster, addonName=AGENT)


@pytest.fixture
def granted_node(installation):
    """Grants the nodes' role what the autoscaler needs, for the time of a test."""
    role = "nodes"
    installation.set_policy(policy(installation.cluster.name), role)
    yield
    installation.account.iam.delete_role_policy(RoleName=role, PolicyName="autoscaler")


def test_a_wrong_trust_stops_it_with_the_words_of_sts_and_a_right_one_lets_it_run(installation):
    installation.trust_web_identity(namespace="default")
    installation.install()

    assert crashed(installation)["exitCode"] == 255
    assert installation.container()["restartCount"] >= 1
    logs = eventually(lambda: installation.logged("Failed to create AWS Manager") and installation.logs())
    assert "operation error STS: AssumeRoleWithWebIdentity" in logs
    assert "AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity" in logs

    installation.trust_web_identity()
    eventually(installation.runs, 60)


def test_without_permission_to_see_the_groups_it_does_not_start(installation):
    nothing = {"Effect": "Allow", "Action": "ec2:DescribeInstanceTypes", "Resource": "*"}
    installation.set_policy({"Version": "2012-10-17", "Statement": [nothing]})
    installation.install()

    assert crashed(installation)["exitCode"] == 255
    logs = eventually(lambda: installation.logged("Failed to create AWS Manager") and installation.logs())
    assert "Failed to regenerate ASG cache: operation error Auto Scaling: DescribeAutoScalingGroups" in logs
    assert "api error AccessDenied: User: arn:aws:sts::123456789012:assumed-role/autoscaler" in logs


def test_pod_identity_needs_association_and_agent(installation, association, agent):
    installation.trust_pod_identity()
    association()
    installation.install(annotated=False)

    crashed(installation)
    eventually(lambda: installation.logged("failed to load credentials"))
    agent()
    eventually(installation.runs, 60)


def test_an_association_wins_over_the_annotation(installation, association):
    association()
    installation.install(annotated=True)

    crashed(installation)
    eventually(lambda: installation.logged("failed to load credentials"))


def test_a_pod_older_than_its_association_does_not_get_it(installation, association, agent):
    installation.trust_pod_identity()
    agent()
    installation.install(annotated=False)
    crashed(installation)
    association()
    restarts = installation.container()["restartCount"]
    eventually(lambda: installation.container()["restartCount"] > restarts)
    assert not installation.runs()

    installation.cluster.kubectl("delete", "pods", "-n", "kube-system", "--all")
    eventually(installation.runs, 60)


def test_the_nodes_role_is_out_of_reach_with_a_hop_limit_of_one(installation, granted_node):
    installation.install(annotated=False)

    crashed(installation)
    eventually(lambda: installation.logged("no EC2 IMDS role found"))


def test_the_nodes_role_can_be_used_with_a_hop_limit_of_two(installation, granted_node):
    installation.install(annotated=False, **ON_OPEN_NODE)

    eventually(installation.runs, 60)


def test_without_a_region_it_gives_up(installation, granted_node):
    installation.install(annotated=False, awsRegion="", **ON_OPEN_NODE)
    crashed(installation)
    eventually(lambda: installation.logged("an AWS region is required, but was not found"))
