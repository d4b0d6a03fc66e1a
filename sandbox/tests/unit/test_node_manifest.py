"""The node that joins for an EC2 instance: names, labels, taints, and how much it holds."""

import pytest

from sandbox.kubernetes.capacity import allocatable, capacity, max_pods
from sandbox.kubernetes.kubelet_settings import NO_SETTINGS, kubelet_settings
from sandbox.kubernetes.node_manifest import node_manifest
from sandbox.kubernetes.nodes import is_node_of

INSTANCE = {
    "InstanceId": "i-0abc",
    "InstanceType": "t3.medium",
    "PrivateDnsName": "ip-10-0-1-7.ec2.internal",
    "PrivateIpAddress": "10.0.1.7",
    "Placement": {"AvailabilityZone": "us-east-1b"},
}
GROUP = {
    "nodegroupName": "general",
    "capacityType": "SPOT",
    "diskSize": 50,
    "labels": {"team": "payments", "kubernetes.io/os": "plan9"},
    "taints": [
        {"key": "dedicated", "value": "gpu", "effect": "NO_SCHEDULE"},
        {"key": "preempt", "effect": "PREFER_NO_SCHEDULE"},
        {"key": "out", "value": "", "effect": "NO_EXECUTE"},
    ],
}


def kind(vcpus=2, memory=4096, interfaces=3, addresses=6, architecture="x86_64", gpus=()):
    info = {
        "VCpuInfo": {"DefaultVCpus": vcpus},
        "MemoryInfo": {"SizeInMiB": memory},
        "NetworkInfo": {"MaximumNetworkInterfaces": interfaces, "Ipv4AddressesPerInterface": addresses},
        "ProcessorInfo": {"SupportedArchitectures": [architecture]},
    }
    return info | ({"GpuInfo": {"Gpus": list(gpus)}} if gpus else {})


def manifest(group=GROUP, instance_type=None, registered=NO_SETTINGS, *, ipv6=False):
    kwargs = {"region": "us-east-1", "kubelet_version": "v1.36.0-kwok", "kubelet_port": 10250, "registered": registered}
    return node_manifest(INSTANCE, instance_type or kind(), group, ipv6=ipv6, **kwargs)


@pytest.mark.parametrize(
    ("interfaces", "addresses", "expected"),
    # t3.medium, m5.large, m5.xlarge and c5.4xlarge in AWS's own table eni-max-pods.txt.
    [(3, 6, 17), (3, 10, 29), (4, 15, 58), (8, 30, 234)],
)
def test_max_pods_are_those_of_aws_own_table(interfaces, addresses, expected):
    found = kind(interfaces=interfaces, addresses=addresses)
    assert max_pods(found, managed=False) == expected
    assert max_pods(found) == min(expected, 110), "EKS limits the nodes of managed groups"


@pytest.mark.parametrize(
    ("group", "vcpus", "expected"), [(GROUP, 2, 110), (GROUP, 32, 250), (None, 2, 29)], ids=["few", "many", "nodeadm"]
)
def test_eks_counts_prefixes_of_addresses_in_an_ipv6_cluster(group, vcpus, expected):
    found = manifest(group, kind(vcpus=vcpus, interfaces=3, addresses=10), ipv6=True)["status"]
    assert found["capacity"]["pods"] == found["allocatable"]["pods"] == str(expected)


@pytest.mark.parametrize(
    ("vcpus", "expected"), [(1, "940m"), (2, "1930m"), (4, "3920m"), (8, "7910m"), (16, "15890m"), (96, "95690m")]
)
def test_allocatable_cpu_leaves_kubelet_its_share(vcpus, expected):
    assert allocatable(kind(vcpus=vcpus), 20, 17)["cpu"] == expected


def test_allocatable_memory_leaves_255_mib_11_for_each_pod_and_100_for_eviction():
    assert capacity(kind(), 20, 17)["memory"] == "4096Mi"
    assert allocatable(kind(), 20, 17)["memory"] == f"{4096 - 255 - 11 * 17 - 100}Mi"


def test_nvidia_gpus_count_and_others_do_not():
    gpus = [{"Manufacturer": "NVIDIA", "Count": 4}, {"Manufacturer": "AMD", "Count": 1}]
    assert capacity(kind(gpus=gpus), 20, 17)["nvidia.com/gpu"] == "4"
    assert "nvidia.com/gpu" not in capacity(kind(gpus=gpus[1:]), 20, 17)


def test_a_node_has_the_name_provider_id_and_addresses_of_its_instance():
    node = manifest()
    assert node["metadata"]["name"] == "ip-10-0-1-7.ec2.internal"
    assert node["spec"]["providerID"] == "aws:///us-east-1b/i-0abc"
    assert {"type": "InternalIP", "address": "10.0.1.7"} in node["status"]["addresses"]


def test_a_node_has_the_labels_of_eks_and_of_its_group():
    labels = manifest()["metadata"]["labels"]
    assert (
        labels
        | {
            "team": "payments",
            "eks.amazonaws.com/nodegroup": "general",
            "eks.amazonaws.com/capacityType": "SPOT",
            "kubernetes.io/hostname": "ip-10-0-1-7.ec2.internal",
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/os": "linux",
            "node.kubernetes.io/instance-type": "t3.medium",
            "topology.kubernetes.io/region": "us-east-1",
            "topology.kubernetes.io/zone": "us-east-1b",
        }
        == labels
    )


def test_a_graviton_node_is_arm64():
    node = manifest(instance_type=kind(architecture="arm64"))
    assert node["metadata"]["labels"]["kubernetes.io/arch"] == node["status"]["nodeInfo"]["architecture"] == "arm64"


def test_a_node_has_the_taints_of_its_group():
    assert manifest()["spec"]["taints"] == [
        {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"},
        {"key": "preempt", "value": "", "effect": "PreferNoSchedule"},
        {"key": "out", "value": "", "effect": "NoExecute"},
    ]


def test_the_disk_is_that_of_the_group_or_20_gib():
    assert manifest()["status"]["capacity"]["ephemeral-storage"] == str(50 * 1024**3)
    assert manifest(group=None)["status"]["capacity"]["ephemeral-storage"] == str(20 * 1024**3)


def test_a_node_of_a_self_managed_group_has_no_labels_or_taints_of_a_group():
    node = manifest(group=None)
    assert not [label for label in node["metadata"]["labels"] if label.startswith("eks.amazonaws.com/")]
    assert node["spec"]["taints"] == []


@pytest.mark.parametrize(
    "user_data",
    [
        'spec:\n  kubelet:\n    flags:\n      - "--node-labels=pool=web,team=a"\n'
        '      - "--register-with-taints=pool=web:NoSchedule,spare=:NoExecute"\n',
        '[settings.kubernetes]\nmax-pods = 29\n[settings.kubernetes.node-labels]\n"pool" = "web"\n"team" = "a"\n'
        '[settings.kubernetes.node-taints]\n"pool" = ["web:NoSchedule"]\n"spare" = [":NoExecute"]\n',
    ],
    ids=["NodeConfig", "Bottlerocket"],
)
def test_a_node_of_a_self_managed_group_registers_the_settings_of_its_user_data(user_data):
    node = manifest(group=None, registered=kubelet_settings(user_data))
    assert {"pool": "web", "team": "a"}.items() <= node["metadata"]["labels"].items()
    assert node["spec"]["taints"] == [
        {"key": "pool", "value": "web", "effect": "NoSchedule"},
        {"key": "spare", "value": "", "effect": "NoExecute"},
    ]


@pytest.mark.parametrize("user_data", ["", "#!/bin/bash\necho hello\n"])
def test_other_user_data_registers_nothing(user_data):
    assert kubelet_settings(user_data) == NO_SETTINGS


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"kubernetes.io/cluster/demo": "owned"}, True),
        ({"eks:cluster-name": "demo"}, True),
        ({"kubernetes.io/cluster/demo": "shared"}, False),
        ({"kubernetes.io/cluster/demo2": "owned", "eks:cluster-name": "demo2"}, False),
        ({}, False),
    ],
)
def test_an_instance_is_a_node_of_the_cluster_that_its_tags_name(tags, expected):
    assert is_node_of("demo", tags) is expected
