"""The Python examples, run against the recorded cloud with the package under the name that it has when installed."""

import json
import runpy
from pathlib import Path

import pytest

from tests.cloud import CLUSTER, ISSUER, PROJECT, PROVIDER_ARN, REGION, Cloud, run

ROOT = Path(__file__).parents[2]
TAG = "aws:autoscaling/tag:Tag"


OUTPUTS = {"clusterName": CLUSTER, "region": REGION, "privateSubnetIds": ["subnet-0000000a"]}


class OtherStack(Cloud):
    """A cloud in which another stack owns the cluster and exports what this project's stacks do."""

    oidc_provider_arn = PROVIDER_ARN

    def new_resource(self, args):
        if args.typ == "eks:index:Cluster":
            made, outputs = super().new_resource(args)
            provider = {"oidcProviderArn": self.oidc_provider_arn, "oidcProviderUrl": ISSUER}
            return made, {**outputs, **provider, "kubeconfigJson": "{}"}
        if args.typ == "pulumi:pulumi:StackReference":
            return args.name, {"name": args.name, "outputs": OUTPUTS}
        return super().new_resource(args)


class WithoutProvider(OtherStack):
    """A cloud in which the cluster of pulumi_eks has no OIDC provider: pulumi_eks gives an empty ARN."""

    oidc_provider_arn = ""


@pytest.fixture
def example(monkeypatch, tmp_path):
    (tmp_path / "eks_cluster_autoscaler").symlink_to(ROOT / "components")
    monkeypatch.syspath_prepend(tmp_path)

    def execute(name, cloud=None, **config):
        path = str(ROOT / "examples" / name / "__main__.py")
        settings = {f"{PROJECT}:{key}": value for key, value in config.items()}
        return run(lambda: runpy.run_path(path) and None, cloud or OtherStack(), settings)

    return execute


def test_a_node_group_is_added_to_the_cluster_of_another_stack(example):
    graph = example("add-to-cluster", clusterStack="organization/eks-cluster-autoscaler/dev")
    group = graph.one("aws:eks/nodeGroup:NodeGroup")
    assert group.inputs["clusterName"] == CLUSTER
    assert group.inputs["subnetIds"] == OUTPUTS["privateSubnetIds"], "nodes belong into private subnets"
    assert graph.tags()[f"k8s.io/cluster-autoscaler/{CLUSTER}"] == "owned"
    assert graph.tags()["k8s.io/cluster-autoscaler/node-template/label/workload"] == "extra"
    assert not graph.of("kubernetes:helm.sh/v3:Release"), "the other stack has the autoscaler"


def test_a_self_managed_group_is_tagged_and_nothing_else_is_made(example):
    graph = example("self-managed-asg", region=REGION, asgName="theirs", clusterName=CLUSTER)
    assert {found.type for found in graph.registrations if found.custom} == {"pulumi:providers:aws", TAG}
    assert {found.inputs["autoscalingGroupName"] for found in graph.of(TAG)} == {"theirs"}
    assert graph.stack_outputs()["tags"] == graph.tags()
    assert graph.tags()["k8s.io/cluster-autoscaler/node-template/taint/dedicated"] == "legacy:NoSchedule"


def test_two_clusters_get_an_autoscaler_each_that_cannot_reach_the_others_groups(example):
    graph = example("two-clusters", region=REGION, clusters=["blue", "green"])
    for cluster in ("blue", "green"):
        policy = graph.one("aws:iam/policy:Policy", cluster)
        conditions = [
            entry["Condition"] for entry in json.loads(policy.inputs["policy"])["Statement"] if "Condition" in entry
        ]
        assert conditions == [{"StringEquals": {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{cluster}": "owned"}}]
        release = graph.one("kubernetes:helm.sh/v3:Release", cluster)
        assert release.inputs["values"]["autoDiscovery"]["clusterName"] == cluster
        assert release.provider.split("::")[-2] == cluster, "each release goes to its own cluster"
    assert set(graph.stack_outputs()) == {"blueRoleArn", "greenRoleArn"}


def test_a_cluster_of_pulumi_eks_gets_an_autoscaler_that_uses_its_oidc_provider(example):
    graph = example("with-pulumi-eks", zones=[f"{REGION}a", f"{REGION}b"])
    assert graph.of("aws:iam/openIdConnectProvider:OpenIdConnectProvider") == []
    trust = json.loads(graph.one("aws:iam/role:Role", "cluster-autoscaler").inputs["assumeRolePolicy"])
    assert trust["Statement"][0]["Principal"] == {"Federated": PROVIDER_ARN}
    assert "aws:eks/getCluster:getCluster" not in [token for token, *_ in graph.invokes], "it knows all by itself"
    subnets = graph.one("aws:eks/nodeGroup:NodeGroup").inputs["subnetIds"]
    assert all("private" in subnet for subnet in subnets)


def test_a_cluster_of_pulumi_eks_without_an_oidc_provider_is_refused_with_both_ways_out(example):
    with pytest.raises(Exception, match="Set create_oidc_provider=True on the cluster"):
        example("with-pulumi-eks", WithoutProvider(), zones=[f"{REGION}a", f"{REGION}b"])


def test_the_example_of_pulumi_eks_needs_twelve_lines_or_fewer_after_the_cluster():
    text = (ROOT / "examples" / "with-pulumi-eks" / "__main__.py").read_text()
    after = text.partition("\n)\n")[2].partition("pulumi.export")[0]
    assert len([line for line in after.splitlines() if line]) <= 12
