"""The commonest real case: a cluster and a node group made outside Pulumi, adopted, in all three credential modes."""

import json
from collections.abc import Iterator

import pytest

from sandbox.tests.harness import Sandbox
from tests.e2e.program.stack import Stack, Step, inventory, remove_shared

CLUSTER = "legacy"
AGENT = "eks-pod-identity-agent"
PROVIDER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
ADDON = "aws:eks/addon:Addon"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
POD_IDENTITY_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
    ],
}


@pytest.fixture
def shared(sandbox: Sandbox, legacy: dict[str, list[str]]) -> Iterator["Shared"]:
    """What all workloads of the cluster share; removed afterwards."""
    yield Shared(sandbox)
    remove_shared(sandbox, CLUSTER)
    assert inventory(sandbox) == legacy


class Shared:
    """The OIDC provider and the Pod Identity agent of the cluster, and how another tool creates them."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.eks, self.iam = sandbox.client("eks"), sandbox.client("iam")
        cluster = self.eks.describe_cluster(name=CLUSTER)["cluster"]
        self.issuer = cluster["identity"]["oidc"]["issuer"]

    @property
    def providers(self) -> list[str]:
        """ARNs of the OIDC providers of the cluster."""
        listed = self.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
        return [each["Arn"] for each in listed if each["Arn"].endswith(self.issuer.removeprefix("https://"))]

    @property
    def addons(self) -> list[str]:
        """Names of the add-ons of the cluster."""
        return list(self.eks.list_addons(clusterName=CLUSTER)["addons"])

    def create_by_another_tool(self, role_arn: str) -> None:
        """As eksctl does, with tags, a role of the agent and, of the provider, an audience of another workload."""
        tags = {"alpha.eksctl.io/cluster-name": CLUSTER}
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        audiences = ["sts.amazonaws.com", "sigstore"]
        self.iam.create_open_id_connect_provider(Url=self.issuer, ClientIDList=audiences, Tags=pairs)
        self.eks.create_addon(clusterName=CLUSTER, addonName=AGENT, tags=tags, serviceAccountRoleArn=role_arn)


@pytest.mark.full
def test_an_adopted_cluster_keeps_what_existed_and_what_its_workloads_share(
    sandbox: Sandbox, legacy: dict[str, list[str]], shared: Shared
) -> None:
    eks, asg = sandbox.client("eks"), sandbox.client("autoscaling")
    group = eks.describe_nodegroup(clusterName=CLUSTER, nodegroupName="workers")["nodegroup"]
    name = group["resources"]["autoScalingGroups"][0]["name"]

    def tags() -> dict[str, str]:
        found = asg.describe_tags(Filters=[{"Name": "auto-scaling-group", "Values": [name]}])["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}

    tags_before = tags()
    stack = Stack(sandbox, "adopt")
    for mode in ("irsa", "podIdentity", "nodeRole"):
        stack.set("credentials", mode)
        stack.up()
        outputs = stack.outputs()
        assert outputs["releaseStatus"] == "deployed"
        assert outputs["credentialsMode"] == mode
        (adopted,) = outputs["nodeGroups"]
        assert (adopted["asgName"], adopted["managed"]) == (name, False)
        assert stack.planned() == []
        assert len(shared.providers) == 1, "other workloads may use it"
    stack.destroy()
    assert (len(shared.providers), shared.addons) == (1, [AGENT]), "other workloads may use them"
    assert inventory(sandbox) == {**legacy, "providers": sorted([*legacy["providers"], *shared.providers])}
    assert tags() == tags_before, "what EKS put there must outlive us"
    assert (
        eks.describe_nodegroup(clusterName=CLUSTER, nodegroupName="workers")["nodegroup"]["labels"] == group["labels"]
    )


def test_what_another_tool_created_is_adopted_and_stays_as_it_is(sandbox: Sandbox, shared: Shared) -> None:
    role = shared.iam.create_role(RoleName="eksctl-ca", AssumeRolePolicyDocument=json.dumps(POD_IDENTITY_TRUST))["Role"]
    shared.create_by_another_tool(role["Arn"])
    account = {"namespace": "kube-system", "serviceAccount": "cluster-autoscaler"}
    made = shared.eks.create_pod_identity_association(
        clusterName=CLUSTER, roleArn=role["Arn"], disableSessionTags=True, **account
    )
    association = made["association"]["associationId"]

    stack = Stack(sandbox, "adopt")
    stack.set("tags", {"team": "platform"})
    stack.set("credentials", "podIdentity")
    assert Step("import", ADDON, "cluster-autoscaler-agent") in stack.planned()
    refused = stack.up(check=False)
    assert "podIdentity.associationId" in refused
    assert association in refused

    stack.set("podIdentity", {"associationId": association})
    assert Step("import", ASSOCIATION, "cluster-autoscaler") in stack.planned()
    stack.up()
    assert stack.planned() == []
    adopted = shared.eks.describe_pod_identity_association(clusterName=CLUSTER, associationId=association)
    assert adopted["association"]["roleArn"] == stack.outputs()["roleArn"]
    assert adopted["association"]["disableSessionTags"] is False, "the role trusts the tags of the session"

    stack.set("credentials", "irsa")
    assert Step("import", PROVIDER, "oidc-provider") in stack.planned()
    stack.up()
    assert stack.planned() == []
    stack.destroy()

    (provider,) = shared.providers
    kept = shared.iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider)
    assert kept["ClientIDList"] == ["sts.amazonaws.com", "sigstore"]
    assert {tag["Key"] for tag in kept["Tags"]} == {"alpha.eksctl.io/cluster-name"}
    addon = shared.eks.describe_addon(clusterName=CLUSTER, addonName=AGENT)["addon"]
    assert set(addon["tags"]) == {"alpha.eksctl.io/cluster-name"}
    assert addon["serviceAccountRoleArn"] == role["Arn"]
    shared.iam.delete_role(RoleName="eksctl-ca")
