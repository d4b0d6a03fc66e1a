"""Clusters that exist before the program."""

from collections.abc import Iterator

import pytest

from sandbox import adoption
from sandbox.tests.harness import Sandbox
from tests.e2e.program.stack import inventory, remove_shared

SECOND = "second"
"""A cluster next to the adopted one."""


@pytest.fixture(scope="module")
def legacy(sandbox: Sandbox) -> Iterator[dict[str, list[str]]]:
    """The cluster `legacy` and its node group `workers`, created by other means."""
    sandbox.start()
    clients = [sandbox.client(service) for service in ("ec2", "eks", "iam")]
    adoption.make(*clients)
    yield inventory(sandbox)
    remove_shared(sandbox, adoption.CLUSTER)
    adoption.remove(*clients)


@pytest.fixture
def two_clusters(sandbox: Sandbox, legacy: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """Names of two clusters with nodes that were made outside Pulumi: the adopted one, and one of the same shape."""
    eks = sandbox.client("eks")
    cluster = eks.describe_cluster(name=adoption.CLUSTER)["cluster"]
    nodes = eks.describe_nodegroup(clusterName=adoption.CLUSTER, nodegroupName=adoption.NODE_GROUP)["nodegroup"]
    soon = {"Delay": 1, "MaxAttempts": 120}
    eks.create_cluster(
        name=SECOND,
        version=cluster["version"],
        roleArn=cluster["roleArn"],
        resourcesVpcConfig={"subnetIds": cluster["resourcesVpcConfig"]["subnetIds"]},
        accessConfig={"authenticationMode": "API"},
    )
    eks.get_waiter("cluster_active").wait(name=SECOND, WaiterConfig=soon)
    group = {"clusterName": SECOND, "nodegroupName": adoption.NODE_GROUP}
    eks.create_nodegroup(
        **group, **{key: nodes[key] for key in ("nodeRole", "subnets", "instanceTypes", "scalingConfig")}
    )
    eks.get_waiter("nodegroup_active").wait(**group, WaiterConfig=soon)
    yield adoption.CLUSTER, SECOND
    eks.delete_nodegroup(**group)
    eks.get_waiter("nodegroup_deleted").wait(**group, WaiterConfig=soon)
    eks.delete_cluster(name=SECOND)
    eks.get_waiter("cluster_deleted").wait(name=SECOND, WaiterConfig=soon)
