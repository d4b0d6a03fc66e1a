"""Startup taints of node groups reach `--startup-taint` in programs that import the components."""

import pulumi
import pytest

from components import AutoscalerRelease, ExistingNodeGroup, ExistingScalingGroup, FaultsError, ManagedNodeGroup
from tests.cloud import CLUSTER, Cloud, run

RELEASE = "kubernetes:helm.sh/v3:Release"
BASE = {
    "cluster_name": CLUSTER,
    "region": "us-east-1",
    "kubernetes_version": "1.35",
    "role_arn": "arn:aws:iam::123456789012:role/autoscaler",
}
CILIUM, EBS = "node.cilium.io/agent-not-ready", "ebs.csi.aws.com/agent-not-ready"


def flags(cloud=None, **args):
    graph = run(lambda: AutoscalerRelease("r", {**BASE, **args}), cloud or Cloud())
    arguments = graph.one(RELEASE).inputs["values"]["extraArgs"]
    return {name: value for name, value in arguments.items() if name.startswith("startup-taint")}


def test_each_key_becomes_a_flag_also_when_only_a_node_group_knows_it():
    expected = {"startup-taint_1": CILIUM, "startup-taint_2": EBS}
    assert flags(startup_taints=[CILIUM, EBS]) == expected

    def later():
        keys = pulumi.Output.from_input([CILIUM, EBS])
        AutoscalerRelease("r", {**BASE, "startup_taints": keys})

    arguments = run(later).one(RELEASE).inputs["values"]["extraArgs"]
    assert {name: arguments[name] for name in expected} == expected
    assert arguments["cluster-name"] == CLUSTER


def test_keys_in_the_flags_stay_and_none_is_repeated():
    given = flags(startup_taints=[CILIUM], settings={"flags": {"startup-taint": f"{CILIUM},{EBS}"}})
    assert given == {"startup-taint_1": CILIUM, "startup-taint_2": EBS}


def test_without_startup_taints_there_is_no_flag():
    assert flags() == flags(startup_taints=[]) == {}


def test_a_key_that_is_no_key_and_an_image_without_the_flag_are_refused():
    with pytest.raises(FaultsError, match=r"startup_taints\[0\]: got 'not a key'"):
        flags(startup_taints=["not a key"])
    with pytest.raises(FaultsError, match="startup-taint"):
        flags(startup_taints=[CILIUM], image={"tag": "v1.28.2"}, kubernetes_version="1.29")


GROUPS = {
    ManagedNodeGroup: {"min_size": 1, "max_size": 3, "subnet_ids": ["subnet-0000000a"]},
    ExistingNodeGroup: {"node_group_name": "workers"},
    ExistingScalingGroup: {"asg_name": "mixed"},
}


@pytest.mark.parametrize("kind", GROUPS, ids=lambda kind: kind.__name__)
def test_each_kind_of_group_gives_the_keys_of_its_startup_taints(kind):
    taints = [{"key": CILIUM, "effect": "NoExecute"}, {"key": "dedicated", "effect": "NoSchedule"}]

    def build():
        group = kind("general", {"cluster_name": CLUSTER, "taints": taints, **GROUPS[kind]})
        AutoscalerRelease("r", {**BASE, "startup_taints": group.startup_taints})

    graph = run(build)
    arguments = graph.one(RELEASE).inputs["values"]["extraArgs"]
    assert [value for name, value in arguments.items() if name.startswith("startup-taint")] == [CILIUM]
    assert [outputs["startupTaints"] for outputs in graph.outputs.values() if "startupTaints" in outputs] == [[CILIUM]]


@pytest.mark.parametrize("kind", GROUPS, ids=lambda kind: kind.__name__)
def test_a_group_without_startup_taints_gives_an_empty_list(kind):
    graph = run(lambda: kind("general", {"cluster_name": CLUSTER, **GROUPS[kind]}))
    assert [outputs["startupTaints"] for outputs in graph.outputs.values() if "startupTaints" in outputs] == [[]]
