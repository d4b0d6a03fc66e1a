"""What ManagedNodeGroup asks of EC2 about its instance types, and what it refuses then."""

import pytest

from components import FaultsError, ManagedNodeGroup
from tests.cloud import CLUSTER, Cloud, run

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
BASE = {"cluster_name": CLUSTER, "min_size": 0, "max_size": 3, "subnet_ids": ["subnet-0000000a"]}


class Ec2(Cloud):
    """Knows three types, of two sizes."""

    def instance_type(self, name):
        if name not in ("m6i.large", "m6i.xlarge", "c6i.large"):
            return {}, [("", f"reading EC2 Instance Type ({name}): no matching EC2 Instance Type found")]
        return {**super().instance_type(name), "defaultVcpus": 4 if "xlarge" in name else 2}


def group(cloud=None, **args):
    return run(lambda: ManagedNodeGroup("general", {**BASE, **args}), cloud or Ec2(preview=True))


def test_types_of_one_size_are_asked_for_once_each_and_accepted():
    graph = group(instance_types=["m6i.large", "c6i.large"])
    assert graph.one(NODE_GROUP).inputs["instanceTypes"] == ["m6i.large", "c6i.large"]
    assert [args["instanceType"] for token, args, _ in graph.invokes if "InstanceType" in token] == [
        "m6i.large",
        "c6i.large",
    ]


def test_a_misspelt_type_is_refused():
    with pytest.raises(FaultsError, match=r"instance_types\[1\]: got 'm6i.lareg'"):
        group(instance_types=["m6i.large", "m6i.lareg"])


def test_types_of_unequal_size_are_refused_unless_the_user_accepts_them():
    with pytest.raises(FaultsError, match=r"m6i.xlarge with 4 vCPU and 8192 MiB.*allow_unequal_types"):
        group(instance_types=["m6i.large", "m6i.xlarge"])
    graph = group(instance_types=["m6i.large", "m6i.xlarge"], allow_unequal_types=True)
    assert graph.one(NODE_GROUP).inputs["instanceTypes"] == ["m6i.large", "m6i.xlarge"]


def test_an_nvidia_image_is_refused_for_types_without_gpu():
    with pytest.raises(FaultsError, match="a type with NVIDIA GPUs"):
        group(Cloud(preview=True), instance_types=["m6i.large"], ami_type="AL2023_x86_64_NVIDIA")
    group(Cloud(preview=True), instance_types=["g4dn.xlarge"], ami_type="AL2023_x86_64_NVIDIA")


def test_without_permission_a_warning_names_it_and_the_group_is_made():
    class Refusing(Cloud):
        def instance_type(self, name):
            return {}, [("", "UnauthorizedOperation")]

    graph = group(Refusing(preview=True))
    assert graph.one(NODE_GROUP).inputs["instanceTypes"] == ["m6i.large"]
    (warning,) = graph.warnings
    assert "allow ec2:DescribeInstanceTypes" in warning


def test_mocks_that_know_nothing_of_the_call_change_nothing():
    class Unaware(Cloud):
        def instance_type(self, name):
            return {}

    assert group(Unaware(preview=True)).warnings == []
