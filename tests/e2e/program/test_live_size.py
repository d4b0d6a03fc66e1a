"""The live size of a node group belongs to Cluster Autoscaler, also in a program without any special option.

Real engine; the AWS provider and EKS are the sandbox's. No autoscaler runs on the cluster: the tests scale by EKS.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.tests.harness import Sandbox

ROOT = Path(__file__).parents[3]
CLUSTER = "legacy"
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


class Consumer:
    """A stack of the program above with settings of its own."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox, self.folder = sandbox, folder
        self.eks = sandbox.client("eks")
        (folder / "Pulumi.yaml").write_text("name: consumer\nruntime: python\n")
        (folder / "__main__.py").write_text(f"import sys\n\nsys.path.insert(0, {str(ROOT)!r})\n{PROGRAM}")
        self.pulumi("stack", "init", "live-size")
        self.configure(**SETTINGS)

    def pulumi(self, command: str, *arguments: str, check: bool = True) -> str:
        return self.sandbox.pulumi(command, *arguments, folder=self.folder, check=check)

    def configure(self, **settings: str) -> None:
        for key, value in settings.items():
            self.pulumi("config", "set", "--stack", "live-size", key, value)

    def preview(self, *options: str) -> str:
        return self.pulumi("preview", "--stack", "live-size", "--diff", *options)

    def up(self, *options: str) -> str:
        return self.pulumi("up", "--yes", "--skip-preview", "--stack", "live-size", *options)

    def destroy(self) -> None:
        self.pulumi("destroy", "--yes", "--skip-preview", "--stack", "live-size")

    @property
    def group(self) -> dict[str, Any]:
        """The one node group of the program, as EKS describes it."""
        names = self.eks.list_nodegroups(clusterName=CLUSTER)["nodegroups"]
        (name,) = [each for each in names if each.startswith("extra-")]
        found: dict[str, Any] = self.eks.describe_nodegroup(clusterName=CLUSTER, nodegroupName=name)["nodegroup"]
        return found

    @property
    def sizes(self) -> tuple[int, int, int]:
        scaling = self.group["scalingConfig"]
        return scaling["minSize"], scaling["maxSize"], scaling["desiredSize"]

    @property
    def instances(self) -> set[str]:
        (asg,) = self.group["resources"]["autoScalingGroups"]
        groups = self.sandbox.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[asg["name"]])
        return {each["InstanceId"] for each in groups["AutoScalingGroups"][0]["Instances"]}

    def scale(self, **sizes: int) -> None:
        """Change the sizes as Cluster Autoscaler or a colleague would, behind Pulumi's back."""
        self.eks.update_nodegroup_config(
            clusterName=CLUSTER, nodegroupName=self.group["nodegroupName"], scalingConfig=sizes
        )
        self.eks.get_waiter("nodegroup_active").wait(clusterName=CLUSTER, nodegroupName=self.group["nodegroupName"])


@pytest.fixture
def consumer(sandbox: Sandbox, legacy: object, tmp_path: Path) -> Iterator[Consumer]:
    made = Consumer(sandbox, tmp_path)
    made.up()
    yield made
    made.destroy()
    made.pulumi("stack", "rm", "--yes", "live-size")


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
    consumer.configure(min="3")
    consumer.up()
    assert consumer.sizes == (3, 4, 3)
    consumer.preview("--expect-no-changes")


def test_a_maximum_below_the_live_size_makes_the_group_shrink_and_the_preview_tells_by_how_many(
    consumer: Consumer,
) -> None:
    consumer.scale(desiredSize=4)
    consumer.configure(max="3")
    name = consumer.group["nodegroupName"]
    warning = f"Node group {name} has 4 nodes and maxSize is now 3: EKS terminates 1 of them."
    assert warning in consumer.preview()
    consumer.up()
    assert consumer.sizes == (2, 3, 3)


def test_a_replaced_group_starts_with_the_size_of_the_old_one(consumer: Consumer) -> None:
    consumer.scale(desiredSize=4)
    old = consumer.group["nodegroupName"]
    consumer.configure(type="m5.large")
    assert "replace" in consumer.preview()
    consumer.up()
    assert consumer.group["nodegroupName"] != old
    assert consumer.sizes == (2, 4, 4)
    consumer.preview("--expect-no-changes")


def test_limits_changed_behind_pulumis_back_are_put_back_and_the_size_is_kept(consumer: Consumer) -> None:
    consumer.scale(maxSize=9, desiredSize=3)
    consumer.up()
    assert consumer.sizes == (2, 4, 3)
