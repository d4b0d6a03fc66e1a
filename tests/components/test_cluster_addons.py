"""VPC CNI, kube-proxy and CoreDNS as EKS add-ons."""

import pulumi
import pytest

from components import ClusterAddons, FaultsError
from tests.cloud import CLUSTER, Cloud, run
from tests.program.test_program import run_program

ADDON = "aws:eks/addon:Addon"


def addons(cloud=None, **args):
    base = {"cluster_name": CLUSTER, "kubernetes_version": "1.35"}
    return run(lambda: ClusterAddons("addons", {**base, **args}), cloud or Cloud())


def test_each_add_on_follows_the_default_version_of_the_cluster_and_takes_over_what_runs():
    found = {each.inputs["addonName"]: each.inputs for each in addons().of(ADDON)}
    assert set(found) == {"vpc-cni", "kube-proxy", "coredns"}
    for inputs in found.values():
        assert inputs["addonVersion"] == "v1.35.0-eksbuild.1"
        assert inputs["resolveConflictsOnCreate"] == "OVERWRITE"
        assert inputs["resolveConflictsOnUpdate"] == "PRESERVE"
        assert inputs["preserve"] is True, "without its CNI a node has no network"


def test_the_version_follows_an_upgrade_of_the_cluster_at_preview():
    later = pulumi.Output.from_input
    graph = run(
        lambda: ClusterAddons("addons", {"cluster_name": CLUSTER, "kubernetes_version": later("1.36")}),
        Cloud(preview=True),
    )
    assert {each.inputs["addonVersion"] for each in graph.of(ADDON)} == {"v1.36.0-eksbuild.1"}


def test_an_add_on_may_be_pinned_or_left_alone():
    graph = addons(vpc_cni="v1.20.4-eksbuild.1", kube_proxy="none", core_dns="none")
    assert graph.one(ADDON).inputs["addonVersion"] == "v1.20.4-eksbuild.1"
    with pytest.raises(FaultsError, match=r"vpc_cni: got 'latest'; expected default or none or a version such as"):
        addons(vpc_cni="latest")


def test_an_add_on_that_the_cluster_has_is_adopted():
    cloud = Cloud()
    cloud.addons = {"vpc-cni"}
    ids = {each.inputs["addonName"]: each.import_id for each in addons(cloud).of(ADDON)}
    assert ids == {"vpc-cni": f"{CLUSTER}:vpc-cni", "kube-proxy": "", "coredns": ""}


def test_the_program_makes_them_once_there_are_nodes():
    create = {"kubernetesVersion": "1.35", "network": {"zones": ["us-east-1a", "us-east-1b"]}}
    cluster = {"name": "made", "create": create}
    assert run_program("sandbox", cluster=cluster).of(ADDON) == []
    create["addons"] = {}
    graph = run_program("sandbox", cluster=cluster)
    groups = {each.urn for each in graph.of("aws:eks/nodeGroup:NodeGroup")}
    assert groups
    for found in graph.of(ADDON):
        above = graph.reached_from(found.urn)
        assert {each.rsplit("::", 1)[-1] for each in above} >= {each.rsplit("::", 1)[-1] for each in groups}
