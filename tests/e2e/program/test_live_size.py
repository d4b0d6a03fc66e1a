"""The live size of a node group belongs to Cluster Autoscaler, also in a program without any special option.

Real engine; the AWS provider and EKS are the sandbox's. No autoscaler runs on the cluster: the tests scale by EKS.
"""

from collections.abc import Iterator

import pytest

from sandbox.tests.harness import Sandbox
from tests.e2e.program.consumer import STACK, Consumer

PROGRAM = """
import pulumi
import pulumi_aws as aws
from components import EksCluster, ManagedNodeGroup

config = pulumi.Config()
provider = aws.Provider("aws", region="us-east-1")
cluster = EksCluster("cluster", {"name": "legacy"}, pulumi.ResourceOptions(providers=[provider]))
workers = ManagedNodeGroup(
    "extra",
    {
        "cluster_name": cluster.name,
        "subnet_ids": cluster.private_subnet_ids,
        "min_size": config.require_int("min"),
        "max_size": config.require_int("max"),
        "instance_types": [config.require("type")],
        "disk_size_gib": config.require_int("disk"),
    },
    pulumi.ResourceOptions(providers=[provider]),
)
"""
SETTINGS = {"min": "2", "max": "4", "type": "m6i.large", "disk": "50"}


@pytest.fixture(scope="module")
def consumer(sandbox: Sandbox, legacy: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consumer]:
    """One group for all tests: each sets the limits and the live size that it starts from."""
    made = Consumer(sandbox, tmp_path_factory.mktemp("consumer"), PROGRAM, **SETTINGS)
    made.up()
    yield made
    made.destroy()
    made.pulumi("stack", "rm", "--yes", STACK)


def test_an_edit_of_the_limits_never_terminates_a_node_that_still_fits(consumer: Consumer) -> None:
    consumer.scale(desiredSize=4)
    before = consumer.instances
    consumer.preview("--expect-no-changes")
    consumer.preview("--expect-no-changes", "--refresh")

    consumer.configure(max="6")
    consumer.up()
    assert consumer.sizes == (2, 6, 4)
    assert consumer.instances == before

    consumer.scale(desiredSize=5)
    consumer.preview("--expect-no-changes")
    consumer.configure(disk="60", max="7")
    consumer.up()
    assert consumer.sizes == (2, 7, 5), "a preview does not know the template's next version, an update does"


def test_a_minimum_above_the_live_size_makes_the_group_grow(consumer: Consumer) -> None:
    consumer.scale(desiredSize=2)
    consumer.configure(min="3", max="4")
    consumer.up()
    assert consumer.sizes == (3, 4, 3)
    consumer.preview("--expect-no-changes")


def test_a_maximum_below_the_live_size_makes_the_group_shrink_and_the_preview_shows_by_how_many(
    consumer: Consumer,
) -> None:
    consumer.scale(desiredSize=4)
    consumer.configure(min="2", max="3")
    name = consumer.group["nodegroupName"]
    warning = f"Node group {name} has 4 nodes and maxSize is now 3: EKS terminates 1 of them."
    assert warning in consumer.preview()
    consumer.up()
    assert consumer.sizes == (2, 3, 3)


def test_a_replaced_group_starts_with_the_size_of_the_old_one(consumer: Consumer) -> None:
    consumer.scale(desiredSize=3)
    old = consumer.group["nodegroupName"]
    consumer.configure(min="2", max="4", type="m5.large")
    assert "replace" in consumer.preview()
    consumer.up()
    assert consumer.group["nodegroupName"] != old
    assert consumer.sizes == (2, 4, 3)
    consumer.preview("--expect-no-changes")


def test_limits_changed_behind_pulumis_back_are_put_back_and_the_size_is_kept(consumer: Consumer) -> None:
    consumer.configure(min="2", max="4")
    consumer.scale(maxSize=9, desiredSize=4)
    consumer.up("--refresh")
    assert consumer.sizes == (2, 4, 4)
