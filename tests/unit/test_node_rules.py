"""What EKS, the kubelet or the AMI would refuse is refused at preview, and what they accept is accepted."""

import pytest
from botocore.loaders import Loader

from components.pure import ami, instances, labels, placement, sizes, startup_taints, tables, validation, volumes
from components.pure.instances import InstanceType
from components.pure.placement import Group
from components.pure.sizes import LiveGroup, Sizes


@pytest.mark.parametrize(
    "key",
    [
        "node-role.kubernetes.io/worker",
        "kubernetes.io/lifecycle",
        "kubernetes.io/os",
        "team.k8s.io/x",
        "eks.amazonaws.com/nodegroup",
        "example.com/" + "a" * 52,
    ],
)
def test_labels_that_eks_or_the_kubelet_refuses(key):
    (fault,) = labels.managed_label_faults("labels", {key: "x"})
    assert fault.path == f"labels[{key!r}]"


@pytest.mark.parametrize(
    "key",
    [
        "workload",
        "example.com/" + "a" * 51,
        "node.kubernetes.io/pool",
        "kubelet.kubernetes.io/pool",
        "topology.kubernetes.io/zone",
        "k8s.amazonaws.com/accelerator",
    ],
)
def test_labels_that_both_accept(key):
    assert labels.managed_label_faults("labels", {key: "x"}) == []


def test_an_empty_label_value_and_a_long_taint_key_are_refused():
    assert labels.managed_label_faults("labels", {"workload": ""})[0].got == "an empty value"
    taint = {"key": "example.com/" + "a" * 52, "effect": "NoSchedule"}
    assert labels.managed_taint_faults("taints", [taint])[0].path == "taints[0].key"


def test_tags_that_differ_in_case_are_refused():
    (fault,) = validation.tags("tags", {"owner": "data", "Owner": "data", "team": "x"})
    assert (fault.path, fault.got) == ("tags['Owner']", "'Owner' and 'owner'")


@pytest.mark.parametrize("cidr", ["203.0.113.5", "10.0.0.0/255.255.0.0"])
def test_only_an_address_with_a_prefix_length_is_a_network(cidr):
    assert validation.cidr("cidr", cidr)
    assert validation.cidr("cidr", "10.0.0.0/16") == []


@pytest.mark.parametrize("zone", ["us-east-1a", "us-west-2-lax-1a", "us-east-1-wl1-bos-wlz-1", "us-gov-west-1b"])
def test_zones_of_every_kind_are_zones_of_their_region(zone):
    assert validation.zone("zone", zone) == []
    region = "us-gov-west-1" if "gov" in zone else "-".join(zone.split("-")[:2]) + f"-{zone.split('-')[2][0]}"
    assert validation.zones_of(region, "zones", [zone]) == []
    assert validation.zones_of("eu-west-1", "zones", [zone])


def test_local_and_wavelength_zones_are_distinguished_from_availability_zones():
    assert validation.is_edge_zone("us-west-2-lax-1a")
    assert validation.is_edge_zone("us-east-1-wl1-bos-wlz-1")
    assert not validation.is_edge_zone("us-east-1a")


def test_a_region_is_no_zone():
    assert validation.zone("zone", "us-east-1")


@pytest.mark.parametrize(
    ("types", "ami_type"),
    [
        (["t4g.medium"], "AL2023_ARM_64_STANDARD"),
        (["c6gn.large", "im4gn.large", "x2gd.large", "a1.large"], "AL2023_ARM_64_STANDARD"),
        (["p6e-gb200.36xlarge"], "AL2023_ARM_64_STANDARD"),
        (["m6i.large"], "AL2023_x86_64_STANDARD"),
        (["g4dn.xlarge", "gr6.4xlarge", "u-6tb1.metal", "trn1.2xlarge"], "AL2023_x86_64_STANDARD"),
    ],
)
def test_the_default_ami_type_has_the_cpu_of_the_instance_types(types, ami_type):
    assert ami.default_type(types) == ami_type
    assert ami.architecture_faults("amiType", ami_type, types) == []


def test_an_image_for_another_cpu_is_refused_with_the_types_that_do_not_fit():
    (fault,) = ami.architecture_faults("amiType", "AL2023_x86_64_STANDARD", ["m6i.large", "m7g.large"])
    assert fault.got == "AL2023_x86_64_STANDARD with m7g.large"
    assert ami.architecture_faults("amiType", "BOTTLEROCKET_ARM_64_FIPS", ["m6i.large"])


def test_amazon_linux_2_ends_with_kubernetes_1_32():
    assert ami.version_faults("amiType", "AL2_x86_64", "1.32") == []
    (fault,) = ami.version_faults("amiType", "AL2_x86_64", "1.33")
    assert "up to 1.32" in fault.expected
    assert ami.version_faults("amiType", "AL2_x86_64", object()) == []
    assert ami.version_faults("amiType", "AL2023_x86_64_STANDARD", "1.40") == []


@pytest.mark.parametrize(
    ("ami_type", "smallest"),
    [("AL2023_x86_64_STANDARD", 20), ("BOTTLEROCKET_x86_64", 1), ("WINDOWS_CORE_2022_x86_64", 50)],
)
def test_a_disk_holds_the_image(ami_type, smallest):
    assert ami.disk_faults("diskSizeGib", ami_type, smallest) == []
    assert ami.disk_faults("diskSizeGib", ami_type, smallest - 1)


def test_every_ami_type_of_the_installed_eks_api_is_known():
    model = Loader().load_service_model("eks", "service-2")
    known = {row["type"] for row in tables.records("ami-types.tsv")}
    assert known == set(model["shapes"]["AMITypes"]["enum"])


def instance_type(cpus, interfaces, addresses, **facts):
    found = {
        "maximumNetworkInterfaces": interfaces,
        "maximumIpv4AddressesPerInterface": addresses,
        "hypervisor": "nitro",
    }
    return InstanceType.read("x.large", {"defaultVcpus": cpus, **found, **facts})


CARDS = [{"index": index, "maximumInterfaces": 7} for index in range(2)]


@pytest.mark.parametrize(
    ("each", "options", "pods"),
    [
        (instance_type(2, 3, 10), {}, 29),
        (instance_type(2, 3, 10), {"prefix_delegation": True}, 110),
        (instance_type(2, 3, 10, hypervisor="xen"), {"prefix_delegation": True}, 29),
        (instance_type(2, 3, 10), {"ipv6": True}, 110),
        (instance_type(48, 8, 30), {"ipv6": True}, 250),
        (instance_type(2, 2, 4), {"ipv6": True}, 98),
        (instance_type(16, 8, 30), {}, 110),
        (instance_type(48, 8, 30), {}, 234),
        (instance_type(96, 15, 50), {}, 250),
        (instance_type(96, 14, 11, networkCards=CARDS, defaultNetworkCardIndex=1), {}, 72),
        (instance_type(2, 3, 10), {"windows": True}, 9),
    ],
    ids=[
        "m6i.large",
        "prefixes",
        "Xen",
        "IPv6",
        "IPv6, many CPUs",
        "IPv6, few interfaces",
        "limit",
        "many CPUs",
        "limit of many CPUs",
        "network card",
        "Windows",
    ],
)
def test_the_number_of_pods_follows_the_calculator_of_eks(each, options, pods):
    assert instances.max_pods([each], **options) == pods
    assert instances.max_pods([]) is None


@pytest.mark.parametrize(
    ("size", "iops", "throughput", "refused"),
    [
        (50, None, None, []),
        (50, 3000, 750, []),
        (160, 80000, 2000, []),
        (50, 2999, None, ["iops"]),
        (20, 15000, None, ["iops"]),
        (50, None, 751, ["throughput"]),
        (50, 16000, 2001, ["throughput"]),
        (50, None, 124, ["throughput"]),
    ],
)
def test_the_speed_of_a_volume_is_one_that_gp3_has(size, iops, throughput, refused):
    assert [fault.path for fault in volumes.faults("iops", "throughput", size, iops, throughput)] == refused


def test_a_release_of_amazon_linux_is_for_the_version_of_the_nodes():
    assert ami.release_faults("releaseVersion", "AL2023_x86_64_STANDARD", "1.35.0-20261101", "1.35") == []
    (fault,) = ami.release_faults("releaseVersion", "AL2023_x86_64_STANDARD", "1.34.2-20261101", "1.35")
    assert "Kubernetes 1.35" in fault.expected
    assert ami.release_faults("releaseVersion", "BOTTLEROCKET_x86_64", "1.50.0-713f44ce", "1.35") == []
    assert ami.release_faults("releaseVersion", "AL2023_x86_64_STANDARD", "the newest", "1.35")


def live(name):
    return LiveGroup(name, Sizes(0, 1, 1), "lt-1", {})


def test_groups_that_share_a_template_are_distinguished_by_their_names():
    general, gpu = live("general-0123abc"), live("general-gpu-0123abc")
    assert sizes.own("general", [gpu, general]) == [general]
    assert sizes.own("general-gpu", [gpu]) == [gpu]
    assert sizes.own("general", [live("prod-general")]) == [live("prod-general")], "named by pulumi:autonaming"


CILIUM = {"key": "node.cilium.io/agent-not-ready", "value": "true", "effect": "NoExecute"}
OWN = {"key": "startup-taint.cluster-autoscaler.kubernetes.io/cni", "effect": "NoSchedule"}
DEDICATED = {"key": "dedicated", "value": "batch", "effect": "NoSchedule"}


def test_a_taint_that_an_agent_removes_is_a_startup_taint_and_the_flag_gets_its_key():
    marked = {**DEDICATED, "key": "example.com/agent", "startup": True}
    taints = [CILIUM, OWN, DEDICATED, marked]
    assert startup_taints.lasting(taints) == [DEDICATED]
    assert startup_taints.flag_keys(taints) == ["example.com/agent", "node.cilium.io/agent-not-ready"]


def test_a_known_taint_can_be_declared_lasting():
    lasting = {**CILIUM, "startup": False}
    assert startup_taints.lasting([lasting]) == [lasting]


LINUX = Group(1, "AL2023_x86_64_STANDARD", [])


@pytest.mark.parametrize(
    "groups",
    [[], [LINUX._replace(minimum=0)], [LINUX._replace(taints=[DEDICATED])], [Group(1, "WINDOWS_CORE_2022_x86_64", [])]],
    ids=["none", "empty", "tainted", "Windows"],
)
def test_a_new_cluster_on_which_the_autoscaler_cannot_start_is_refused(groups):
    assert [fault.path for fault in placement.faults(groups, [])] == ["nodeGroups"]
    assert placement.faults([*groups, LINUX], []) == []


def test_a_toleration_or_a_startup_taint_lets_it_start():
    tainted = LINUX._replace(taints=[DEDICATED])
    assert placement.faults([tainted], [{"key": "dedicated", "value": "batch"}]) == []
    assert placement.faults([tainted], [{"operator": "Exists"}]) == []
    assert placement.faults([tainted], [{"key": "dedicated", "value": "other"}])
    assert placement.faults([LINUX._replace(taints=[CILIUM])], []) == []
    assert placement.faults([LINUX._replace(taints=[{**DEDICATED, "effect": "PreferNoSchedule"}])], []) == []
