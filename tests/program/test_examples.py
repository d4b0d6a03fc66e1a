"""The Python examples, run against the recorded cloud with the package under the name that it has when installed."""

import json
import runpy
from pathlib import Path

import pytest

from tests.cloud import CLUSTER, PROJECT, REGION, Cloud, run

ROOT = Path(__file__).parents[2]
TAG = "aws:autoscaling/tag:Tag"


OUTPUTS = {"clusterName": CLUSTER, "region": REGION, "privateSubnetIds": ["subnet-0000000a"]}


class OtherStack(Cloud):
    """A cloud in which another stack owns the cluster and exports what this project's stacks do."""

    def new_resource(self, args):
        if args.typ == "pulumi:pulumi:StackReference":
            return args.name, {"name": args.name, "outputs": OUTPUTS}
        return super().new_resource(args)


@pytest.fixture
def example(monkeypatch, tmp_path):
    (tmp_path / "eks_cluster_autoscaler").symlink_to(ROOT / "components")
    monkeypatch.syspath_prepend(tmp_path)

    def execute(name, **config):
        path = str(ROOT / "examples" / name / "__main__.py")
        settings = {f"{PROJECT}:{key}": value for key, value in config.items()}
        return run(lambda: runpy.run_path(path) and None, OtherStack(), settings)

    return execute


def test_a_node_group_is_added_to_the_cluster_of_another_stack(example):
    graph = example("add-to-cluster", clusterStack="organization/eks-cluster-autoscaler/dev")
    group = graph.one("aws:eks/nodeGroup:NodeGroup")
    assert group.inputs["clusterName"] == CLUSTER
    assert group.inputs["subnetIds"] == OUTPUTS["privateSubnetIds"], "nodes belong into private subnets"
    assert graph.tags()[f"k8s.io/cluster-autoscaler/{CLUSTER}"] == "owned"
    assert graph.tags()["k8s.io/cluster-autoscaler/node-template/label/workload"] == "extra"
    assert not graph.of("kubernetes:helm.sh/v3:Release"), "the other stack has the autoscaler"


def test_a_foreign_group_is_tagged_and_nothing_else_is_made(example):
    graph = example("foreign-asg", region=REGION, asgName="theirs", clusterName=CLUSTER)
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
