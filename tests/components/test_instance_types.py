"""What ManagedNodeGroup asks of EC2 about its instance types, and what it refuses then."""

from contextlib import nullcontext

import pytest

from components import FaultsError, ManagedNodeGroup
from tests.cloud import CLUSTER, Cloud, run, unknown_instance_type

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
BASE = {"cluster_name": CLUSTER, "min_size": 0, "max_size": 3, "subnet_ids": ["subnet-0000000a"]}


class Ec2(Cloud):
    """Knows three types, of two sizes."""

    def instance_type(self, name):
        if name not in ("m6i.large", "m6i.xlarge", "c6i.large"):
            return unknown_instance_type(name)
        big = {"defaultVcpus": 4, "maximumNetworkInterfaces": 4, "maximumIpv4AddressesPerInterface": 15}
        return {**super().instance_type(name), **(big if "xlarge" in name else {})}


def group(cloud=None, **args):
    return run(lambda: ManagedNodeGroup("general", {**BASE, **args}), cloud or Ec2(preview=True))


def test_types_of_one_size_are_asked_for_once_each_and_accepted():
    graph = group(instance_types=["m6i.large", "c6i.large"])
    assert graph.one(NODE_GROUP).inputs["instanceTypes"] == ["m6i.large", "c6i.large"]
    assert [args["instanceType"] for token, args, _ in graph.invokes if "InstanceType" in token] == [
        "m6i.large",
        "c6i.large",
    ]


def test_every_misspelt_type_is_refused_once():
    with pytest.raises(FaultsError, match="2 errors") as raised:
        group(instance_types=["m6i.large", "m6i.lareg", "c6i.lareg"])
    assert [(each.path, each.got) for each in raised.value.faults] == [
        ("instance_types[1]", "'m6i.lareg'"),
        ("instance_types[2]", "'c6i.lareg'"),
    ]


def test_a_type_that_ec2_answers_nothing_about_is_refused():
    class Empty(Cloud):
        def instance_type(self, name):
            return {}, [("", "no matching EC2 Instance Type found")]

    with pytest.raises(FaultsError, match="an instance type that the region has"):
        group(Empty(preview=True), instance_types=["m6i.large"])


def test_types_of_unequal_size_are_refused_unless_the_user_accepts_them():
    with pytest.raises(FaultsError, match=r"m6i.xlarge with 4 vCPU and 8192 MiB.*allow_unequal_types"):
        group(instance_types=["m6i.large", "m6i.xlarge"])
    graph = group(instance_types=["m6i.large", "m6i.xlarge"], allow_unequal_types=True)
    assert graph.one(NODE_GROUP).inputs["instanceTypes"] == ["m6i.large", "m6i.xlarge"]


def test_an_nvidia_image_is_refused_for_types_without_gpu():
    with pytest.raises(FaultsError, match="a type with NVIDIA GPUs"):
        group(Cloud(preview=True), instance_types=["m6i.large"], ami_type="AL2023_x86_64_NVIDIA")
    group(Cloud(preview=True), instance_types=["g4dn.xlarge"], ami_type="AL2023_x86_64_NVIDIA")


@pytest.mark.parametrize(
    ("types", "ami_type"),
    [
        (["g4dn.xlarge"], "AL2023_x86_64_NVIDIA"),
        (["g5g.xlarge"], "AL2023_ARM_64_NVIDIA"),
        (["inf2.xlarge"], "AL2023_x86_64_NEURON"),
        (["m7g.large"], "AL2023_ARM_64_STANDARD"),
        (["m6i.large"], "AL2023_x86_64_STANDARD"),
    ],
)
def test_the_default_image_has_the_drivers_of_the_instance_type(types, ami_type):
    assert group(Cloud(preview=True), instance_types=types).one(NODE_GROUP).inputs["amiType"] == ami_type


def test_a_pool_of_hibernated_instances_needs_types_and_disks_that_can_hold_them():
    class Partly(Cloud):
        def instance_type(self, name):
            return {**super().instance_type(name), "hibernationSupported": name != "r6i.large"}

    pool = {"warm_pool": {"pool_state": "HIBERNATED"}}
    types = ["m6i.large", "r6i.large"]
    with pytest.raises(FaultsError, match=r"pool_state: got HIBERNATED with r6i\.large; expected STOPPED or"):
        group(Partly(preview=True), instance_types=types, **pool)
    large = {"memorySize": 64 * 1024, "hibernationSupported": True}

    class Large(Cloud):
        def instance_type(self, name):
            return {**super().instance_type(name), **large}

    with pytest.raises(FaultsError, match="HIBERNATED with 50 GiB of disk; expected a disk_size_gib above 64"):
        group(Large(preview=True), instance_types=["m6i.large"], **pool)
    for fitting in ({"warm_pool": {"pool_state": "HIBERNATED"}, "disk_size_gib": 100}, {"warm_pool": {}}):
        assert group(Large(preview=True), instance_types=["m6i.large"], **fitting).one(NODE_GROUP)


@pytest.mark.parametrize(
    ("image", "gib", "fits"),
    [
        ("AL2023_x86_64_STANDARD", 149, True),
        ("AL2023_x86_64_STANDARD", 150, False),
        ("WINDOWS_CORE_2022_x86_64", 16, True),
        ("WINDOWS_CORE_2022_x86_64", 32, False),
    ],
)
def test_a_pool_of_hibernated_instances_has_no_more_memory_than_ec2_hibernates(image, gib, fits):
    class Sized(Cloud):
        def instance_type(self, name):
            return {**super().instance_type(name), "memorySize": gib * 1024, "hibernationSupported": True}

    given = {"warm_pool": {"pool_state": "HIBERNATED"}, "disk_size_gib": 500, "ami_type": image}
    with nullcontext() if fits else pytest.raises(FaultsError, match="GiB of memory at most"):
        group(Sized(preview=True), instance_types=["m6i.large"], **given)


@pytest.mark.parametrize(
    ("args", "refused"),
    [
        ({"ami_type": "AL2023_x86_64_NEURON"}, "a type with Inferentia or Trainium chips"),
        ({"gpu": {"accelerator": "nvidia-tesla-t4"}}, r"m6i.large with gpu; expected a type with GPUs"),
        ({"instance_types": ["m6i.large", "g4dn.large"]}, "g4dn.large with 2 vCPU and 8192 MiB and 1 GPU"),
    ],
)
def test_accelerators_that_the_types_lack_are_refused(args, refused):
    with pytest.raises(FaultsError, match=refused):
        group(Cloud(preview=True), **{"instance_types": ["m6i.large"], **args})


def pods(cloud=None, **args):
    return group(cloud, **args).tags().get("k8s.io/cluster-autoscaler/node-template/resources/pods")


def test_the_number_of_pods_is_advertised_because_the_autoscaler_assumes_110():
    assert pods(instance_types=["m6i.large"]) == "29"
    assert pods(instance_types=["m6i.xlarge", "m6i.large"], allow_unequal_types=True) == "29", "of the smallest"
    assert pods(instance_types=["m6i.large"], prefix_delegation=True) == "110"


def test_the_number_of_pods_is_left_to_the_user():
    assert pods(resources={"pods": "17"}) == "17"
    assert pods(max_pods=58) == "58"


def test_without_permission_the_number_of_pods_is_what_the_autoscaler_assumes():
    class Refusing(Cloud):
        def instance_type(self, name):
            return {}, [("", "UnauthorizedOperation")]

    assert pods(Refusing(preview=True)) == "110"


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
